"""What a repository holds, held and ignores."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from leak_values import SUBJECT, TABLE, write

from ehrxqa.errors import SourceError
from ehrxqa.leakscan import leak_scan


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    top.mkdir()
    _git(top, "init", "-q", "-b", "main")
    write(top, "README.md", "harmless\n")
    _commit(top, "Begin")
    return top


def _git(top: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(top), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def _commit(top: Path, message: str) -> str:
    _git(top, "add", "-A", "-f")
    _git(top, "commit", "-q", "--allow-empty", "-m", message)
    return _git(top, "rev-parse", "HEAD").strip()


def test_history_finds_what_was_removed_and_names_the_commit(repository: Path) -> None:
    write(repository, "data/rows.csv", TABLE)
    planted = _commit(repository, "Add data")
    (repository / "data/rows.csv").unlink()
    _commit(repository, "Remove data")
    assert leak_scan(repository).clean
    report = leak_scan(repository, history=True)
    assert [finding.path for finding in report.findings] == ["data/rows.csv"]
    assert report.findings[0].commit is not None
    assert planted.startswith(report.findings[0].commit)
    assert SUBJECT not in report.as_text()


@pytest.mark.parametrize("where", ["branch", "tag", "stash", "amended"])
def test_history_looks_into_every_corner(where: str, repository: Path) -> None:
    write(repository, "rows.csv", TABLE)
    match where:
        case "branch" | "tag":
            _git(repository, "checkout", "-q", "-b", "side")
            _commit(repository, "Side")
            if where == "tag":
                _git(repository, "tag", "v1")
            _git(repository, "checkout", "-q", "main")
            if where == "tag":
                _git(repository, "branch", "-q", "-D", "side")
        case "stash":
            _git(repository, "stash", "-q", "-u")
        case _:
            _commit(repository, "Oops")
            _git(repository, "rm", "-q", "rows.csv")
            _git(repository, "commit", "-q", "--amend", "--allow-empty", "-m", "Nothing")
    assert leak_scan(repository).clean
    assert [finding.rule for finding in leak_scan(repository, history=True).findings] == ["mimic-rows"]


def test_commit_messages_are_read(repository: Path) -> None:
    _commit(repository, f"Fix patient {SUBJECT}")
    report = leak_scan(repository, history=True)
    assert [(finding.path, finding.rule) for finding in report.findings] == [("commit message", "mimic-id")]
    assert SUBJECT not in report.as_text()


def test_large_histories_do_not_block(repository: Path) -> None:
    """More bytes than a pipe holds, in both directions."""
    for i in range(300):
        write(repository, f"many/{i}.txt", f"{i} " * 3000)
    _commit(repository, "Many")
    report = leak_scan(repository, history=True)
    assert report.clean
    assert report.blobs == 301


def test_a_synthetic_tree_in_the_history_is_recognised(repository: Path) -> None:
    write(repository, "demo/SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    write(repository, "demo/rows.csv", TABLE)
    write(repository, "rows/rows.csv", TABLE.replace("I10", "I11"))
    _commit(repository, "Both")
    report = leak_scan(repository, history=True)
    assert {finding.path for finding in report.findings} == {"rows/rows.csv"}


def test_ignored_files_are_left_out_unless_asked_for(repository: Path) -> None:
    write(repository, ".gitignore", "out/\n")
    write(repository, "out/rows.csv", TABLE)
    write(repository, "new.csv", "a,b\n")
    assert leak_scan(repository).clean
    assert not leak_scan(repository, everything=True).clean
    assert not leak_scan(repository / "out").clean  # who names it means it
    assert not leak_scan(repository / "out/rows.csv").clean
    _git(repository, "add", "-f", "out/rows.csv")
    assert not leak_scan(repository).clean


def test_history_needs_a_repository(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no git repository"):
        leak_scan(tmp_path, history=True)


def test_another_repository_in_the_environment_is_not_meant(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook runs with GIT_DIR set; the path decides all the same."""
    write(repository, "rows.csv", TABLE)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert not leak_scan(repository).clean


# -- allow list and command --------------------------------------------------------------------------------
