"""What is let pass, what is not read, and what the command says; this repository is clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from leak_values import ADMISSION, IMAGE, STAY, STUDY, SUBJECT, TABLE, TOKEN, write, zip_of

from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError
from ehrxqa.leakscan import leak_scan
from ehrxqa.leakscan.masking import made_up_image_id, made_up_number


def test_an_allow_list_names_paths_and_rules(tmp_path: Path) -> None:
    write(tmp_path, "fixtures/rows.csv", TABLE)
    write(tmp_path, "fixtures/.env", "PHYSIONET_PASSWORD=" + TOKEN[:12])
    write(tmp_path, ".leakscan-allow", "# reasons\nfixtures/*  mimic-rows,mimic-id  # made by hand\n")
    report = leak_scan(tmp_path)
    assert [finding.rule for finding in report.findings] == ["credential-physionet"]
    assert report.allowed == 1
    write(tmp_path, "all", "fixtures/*\nnowhere/*\n")
    report = leak_scan(tmp_path, allow=tmp_path / "all")
    assert report.clean
    assert report.allowed == 2
    assert report.notes == ["allow list: nowhere/* meets nothing and may be taken out"]


@pytest.mark.parametrize("text", ["* no-such-rule\n", "*.csv mimic-rows,mimicid\n"])
def test_an_unknown_rule_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    write(tmp_path, ".leakscan-allow", "# one\n" + text)
    with pytest.raises(SettingsError, match=r"\.leakscan-allow, line 2: no rule"):
        leak_scan(write(tmp_path, "a", TABLE))


def test_what_is_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ehrxqa.leakscan.MOST_BYTES", 1000)
    write(tmp_path, "long.txt", "x" * 2000)
    write(tmp_path, "torn.zip", b"PK\x03\x04 and then nothing")
    report = leak_scan(tmp_path)
    assert report.verdict == "not read"
    assert [(one.path, one.why) for one in report.not_read] == [
        ("long.txt", "only the first 0 MiB were read"),
        ("torn.zip", "cannot be read as a zip file"),
    ]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    write(tmp_path, "bomb.zip", zip_of("zeros", b"\0" * (80 << 20)))
    report = leak_scan(tmp_path)
    assert report.verdict == "not read"
    assert ("bomb.zip", "only a part of member 1 of 1 was read") in [(one.path, one.why) for one in report.not_read]


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/rows.csv", TABLE)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link.csv").symlink_to(tmp_path / "elsewhere/rows.csv")
    (tree / "folder").symlink_to(tmp_path / "elsewhere")
    assert leak_scan(tree).files == 0


def _command(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from ehrxqa.cli.main import run; run()", "leak-scan", "-q", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == "" or done.returncode == 2
    return done.returncode, done.stdout


def test_the_exit_code_is_for_ci(tmp_path: Path) -> None:
    clean = write(tmp_path, "clean/a.txt", "harmless")
    dirty = write(tmp_path, "dirty/a.csv", TABLE)
    assert _command(str(clean.parent)) == (0, "clean: 1 files read\n")
    code, out = _command(str(clean), str(dirty), "--format", "json")
    assert code == 1
    report = json.loads(out)
    assert report["clean"] is False
    assert [(finding["path"], finding["line"], finding["rule"]) for finding in report["findings"]] == [
        ("a.csv", 2, "mimic-rows")
    ]
    assert _command(str(tmp_path / "missing"))[0] == 2


def test_the_hook_runs_the_command(tmp_path: Path) -> None:
    hook = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    (entry,) = [line.removeprefix("  entry: ") for line in hook.splitlines() if line.startswith("  entry: ")]
    assert entry.startswith("ehrxqa leak-scan")
    _, *arguments = entry.split()
    result = CliRunner().invoke(main, [*arguments, str(write(tmp_path, "a.csv", TABLE))], standalone_mode=False)
    assert result.return_value == 1


@pytest.fixture
def top() -> Path:
    path = Path(__file__).parents[2]
    if not (path / ".git").exists():
        pytest.skip("needs the git repository of the project (this is an unpacked archive)")
    return path


def test_this_repository_is_clean(top: Path) -> None:
    report = leak_scan(top)
    assert report.clean, report.as_text()
    assert report.files > 50


def test_these_tests_plant_real_looking_values() -> None:
    numbers = (SUBJECT, ADMISSION, STAY, STUDY)
    assert [value[0] for value in numbers] == ["1", "2", "3", "5"]
    assert not any(made_up_number(value) for value in numbers)
    assert not made_up_image_id(IMAGE)
