"""Planted leaks are found, clean trees stay clean, and no report shows what it found.

The planted numbers are drawn at random at run time, so that this file itself holds none.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.leakscan import RULES, leak_scan
from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id, made_up_number, masked
from ehrxqa.leakscan.rules import TEXT_RULES, text_hits

RNG = random.Random(20260101)


def number(first: int) -> str:
    """An eight-digit number as MIMIC's, with seven different digits."""
    rest = [digit for digit in "0123456789" if digit != str(first)]
    return str(first) + "".join(RNG.sample(rest, 7))


def image_id() -> str:
    return "-".join(f"{RNG.getrandbits(32):08x}" for _ in range(5))


SUBJECT, ADMISSION, STAY, STUDY, IMAGE = number(1), number(2), number(3), number(5), image_id()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
TOKEN = "".join(RNG.sample(LETTERS, 60))
VALUES = (SUBJECT, ADMISSION, STAY, STUDY, IMAGE, TOKEN[:36])

TABLE = f"subject_id,hadm_id,icd_code\n{SUBJECT},{ADMISSION},I10\n"
RECORD = {"db_id": "mimic_iv_cxr", "question": "what is the gender?", "template": "t", "answer": ["f"]}


def _zip(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def _tar(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _weights(synthetic: str) -> bytes:
    header = json.dumps({"__metadata__": {"ehrxqa.synthetic": synthetic}}).encode()
    return len(header).to_bytes(8, "little") + header


def _database(*tables: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    for table in tables:
        connection.execute(f"CREATE TABLE {table} (subject_id INTEGER)")
    data = connection.serialize()
    connection.close()
    return data


def _parquet(columns: dict[str, list[object]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


LEAKS: list[tuple[str, str, bytes | str]] = [
    ("mimic-rows", "diagnoses.csv", TABLE),
    ("mimic-rows", "notes.txt", TABLE.replace(",", "\t")),
    ("mimic-rows", "diagnoses.csv.gz", gzip.compress(TABLE.encode())),
    ("mimic-rows", "d.bz2", bz2.compress(TABLE.encode())),
    ("mimic-rows", "d.xz", lzma.compress(TABLE.encode())),
    ("mimic-rows", "d.zip", _zip("inner/d.csv", TABLE.encode())),
    ("mimic-rows", "d.tar", _tar("inner/d.csv", TABLE.encode())),
    ("mimic-rows", "d.tar.gz", gzip.compress(_tar("inner/d.csv", TABLE.encode()))),
    ("mimic-rows", "utf16.csv", TABLE.encode("utf-16")),
    ("mimic-rows", "bom.csv", b"\xef\xbb\xbf" + TABLE.encode()),
    ("mimic-rows", "late.csv", "subject_id,x\n" + "\n" * 5 + "".join(f"{i},\n" for i in range(500)) + f"{SUBJECT},1\n"),
    ("mimic-rows", "stays.csv", f'"stay_id","x"\n"{STAY}","1"\n'),
    ("mimic-rows", "floats.csv", f"hadm_id,x\n{ADMISSION}.0,1\n"),
    ("mimic-rows", "images.tsv", f"image_id\tx\n{IMAGE}.dcm\t1\n"),
    ("mimic-rows", "rows.parquet", _parquet({"subject_id": [1, int(SUBJECT)], "x": [1, 2]})),
    ("mimic-rows", "images.parquet", _parquet({"image_id": [IMAGE], "x": [1]})),
    ("mimic-rows", "printed.log", "".join(f"  {number(1)}   {number(2)}  4.5\n" for _ in range(4))),
    ("mimic-id", "query.sql", f"select gender from patients where subject_id = {SUBJECT}\n"),
    ("mimic-id", "query2.sql", f"SELECT 1 FROM admissions WHERE admissions.HADM_ID IN ({ADMISSION})\n"),
    ("mimic-id", "code.py", f"row = df[df['study_id'] == {STUDY}]\n"),
    ("mimic-id", "record.json", json.dumps({"value": {"patient_id": int(SUBJECT)}})),
    ("mimic-id", "list.json", json.dumps({"stay_id": [int(STAY)]})),
    ("mimic-id", "question.md", f"What is the gender of patient {SUBJECT}?\n"),
    ("mimic-id", "study.md", f"given the study {STUDY}, is there an effusion?\n"),
    ("mimic-id", "nb.ipynb", json.dumps({"cells": [{"source": [f"get(subject_id={SUBJECT})\n"]}]})),
    ("image-id", "list.txt", f"see {IMAGE}\n"),
    ("image-id", "upper.txt", f"see {IMAGE.upper()}\n"),
    ("image-id", f"{IMAGE}_SceneGraph.json", "{}"),
    ("mimic-path", "paths.txt", f"files/p{SUBJECT[:2]}/p{SUBJECT}/s{STUDY}/x.jpg\n"),
    ("answers", "_train.json", json.dumps([RECORD])),
    ("answers", "test.json", json.dumps([{**RECORD, "db_id": "other"}], indent=4)),
    ("answers", "valid.jsonl", json.dumps({"question": "q", "q_tag": "x"}) + "\n" + json.dumps(RECORD) + "\n"),
    ("answers", "nested.json", json.dumps({"data": [RECORD]})),
    ("database", "some.bin", _database("TB_CXR", "TB_CXR_PLUS")),
    ("database", "clinical.db", _database("patients", "admissions", "labevents")),
    ("image", f"{IMAGE}.jpg", b"\xff\xd8\xff\xe0\0\0"),
    ("image", f"figures/{IMAGE}.png", b"\x89PNG\r\n\x1a\n\0"),
    ("image", "scan", b"\0" * 128 + b"DICM" + b"\0" * 50),
    ("trained-model", "weights.safetensors", _weights("false")),
    ("report", f"s{STUDY}.txt", "FINAL REPORT\n"),
    ("credential-netrc", ".netrc", "machine physionet.org login reader password " + TOKEN[:12] + "\n"),
    ("credential-netrc", "netrc.txt", "machine physionet.org\n  login reader\n  password " + TOKEN[:12] + "\n"),
    ("credential-physionet", "run.sh", "export PHYSIONET_PASSWORD=" + TOKEN[:12] + "\n"),
    ("credential-physionet", "run.py", "os.environ['PHYSIONET_PASSWORD'] = '" + TOKEN[:12] + "'\n"),
    ("credential-physionet", "get.sh", "wget -r --user reader --password " + TOKEN[:12] + " https://physionet.org/\n"),
    ("credential-key", "id", "-----BEGIN " + "OPENSSH PRIVATE KEY-----\n" + TOKEN + "\n"),
    ("credential-token", "env", "GH=ghp_" + TOKEN[:36] + "\n"),
    ("credential-token", "hf", "token: hf_" + TOKEN[:34] + "\n"),
    (
        "credential-token",
        "aws",
        "AKIA" + "".join(random.Random(3).sample("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)) + "\n",
    ),
    ("credential-login", "fetch.sh", "curl -s -u reader:" + TOKEN[:12] + " https://physionet.org/files/\n"),
    ("credential-env", "deploy/.env", "DB_PASSWORD=" + TOKEN[:12] + "\n"),
    ("credential-url", "remote", "https://reader:" + TOKEN[:12] + "@physionet.org/files/\n"),
]

CLEAN: list[tuple[str, bytes | str]] = [
    ("empty", b""),
    ("readme.md", "Set PHYSIONET_USERNAME and PHYSIONET_PASSWORD, or add to ~/.netrc:\n"),
    (
        "netrc.md",
        "machine physionet.org login NAME password …\nmachine physionet.org login me password <your password>\n",
    ),
    ("shell.md", 'export PHYSIONET_PASSWORD="$(pass physionet)"\nPHYSIONET_PASSWORD=...\nwget --password $PASS x\n'),
    ("code.py", 'password = os.environ["PHYSIONET_PASSWORD"]\nurl = "http://user:secret@127.0.0.1:1/"\n'),
    ("schema.sql", "CREATE TABLE PATIENTS (subject_id INTEGER, hadm_id INTEGER)\n"),
    ("header.csv", "subject_id,hadm_id,stay_id\n"),
    ("examples.csv", "subject_id,hadm_id\n10000001,20000002\n12345678,22222222\n"),
    ("other.csv", f"order_id,customer\n{SUBJECT},{ADMISSION}\n"),
    ("small.csv", "subject_id,x\n1,2\n3,4\n"),
    ("shuffled.csv", f"subject_id,x\n{number(4)},2\n{number(9)},2\n"),
    ("dates.log", "".join(f"run 1{i}345678 of 202601{10 + i} ended\n" for i in range(9))),
    ("examples.sql", "select 1 from tb_cxr where study_id = 50000008 and subject_id = 11111111\n"),
    ("uuid.txt", "550e8400-e29b-41d4-a716-446655440000\n"),
    ("example-id.txt", "0a0a0a0a-1b1b1b1b-2c2c2c2c-3d3d3d3d-4e4e4e4e\n01234567-89abcdef-01234567-89abcdef-01234567\n"),
    ("_train.json", json.dumps([{**{k: v for k, v in RECORD.items() if k != "answer"}, "_gold_program": "select 1"}])),
    ("quiz.json", json.dumps([{"question": "capital of France?", "answer": "Paris"}])),
    ("weights.safetensors", _weights("true")),
    ("other.db", _database("customers", "patients")),
    ("photo.jpg", b"\xff\xd8\xff\xe0\0\0"),
    ("s12.txt", "FINAL REPORT of a sports club\n"),
    ("lock", "sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"),
    ("torn.zip", _zip("a", b"b")[:-30]),
    ("torn.gz", gzip.compress(b"nothing to see here, move on" * 50)[:-10]),
    ("torn.parquet", b"PAR1" + b"\0" * 50),
    ("deep.json", "[" * 100_000),
]


@pytest.mark.parametrize(("rule", "name", "data"), LEAKS, ids=[f"{i}-{leak[0]}" for i, leak in enumerate(LEAKS)])
def test_planted_leaks_are_found_and_not_repeated(rule: str, name: str, data: bytes | str, tmp_path: Path) -> None:
    _write(tmp_path / "tree", name, data)
    _write(tmp_path / "tree", "README.md", "harmless\n")
    report = leak_scan(tmp_path / "tree")
    assert rule in {finding.rule for finding in report.findings}
    assert not report.clean
    shown = report.as_text() + json.dumps(report.as_json(), ensure_ascii=False)
    for value in VALUES:
        assert value not in shown
        assert value.upper() not in shown
    assert TOKEN[:12] not in shown


@pytest.mark.parametrize(("name", "data"), CLEAN, ids=[name for name, _ in CLEAN])
def test_what_only_looks_like_a_leak_is_clean(name: str, data: bytes | str, tmp_path: Path) -> None:
    _write(tmp_path, name, data)
    report = leak_scan(tmp_path)
    assert report.findings == []
    assert report.files == 1


def test_every_rule_is_planted_at_least_once() -> None:
    assert {rule for rule, _, _ in LEAKS} == set(RULES)
    assert {rule.rule for rule in TEXT_RULES} <= set(RULES)


def _write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_lines_are_the_right_ones(tmp_path: Path) -> None:
    _write(tmp_path, "a.py", f"\n\nx = 1\ndf[df.subject_id == {SUBJECT}]\n# İstanbul {IMAGE}\n")
    found = {(finding.rule, finding.line) for finding in leak_scan(tmp_path).findings}
    assert found == {("mimic-id", 4), ("image-id", 5)}


def test_paths_of_patients_are_masked(tmp_path: Path) -> None:
    _write(tmp_path, f"files/p{SUBJECT[:2]}/p{SUBJECT}/s{STUDY}/{IMAGE}.jpg", b"\xff\xd8\xff")
    text = leak_scan(tmp_path).as_text()
    assert text.startswith(f"files/p{SUBJECT[:2]}/p{SUBJECT[:2]}••••••/s{STUDY[:2]}••••••/••••••••-….jpg: image: ")


def test_findings_that_look_alike_when_masked_are_counted(tmp_path: Path) -> None:
    for _ in range(3):
        _write(tmp_path, f"{image_id()}.jpg", b"\xff\xd8\xff")
    findings = leak_scan(tmp_path).findings
    assert len(findings) == 1
    assert findings[0].what.endswith("(3 files)")


@given(st.text(max_size=300))
def test_any_text_can_be_scanned_and_masking_ends(text: str) -> None:
    hits = list(text_hits(text))
    assert all(hit.line is not None and 1 <= hit.line <= text.count("\n") + 1 for hit in hits)
    assert masked(masked(text)) == masked(text)


@given(st.integers(10_000_000, 59_999_999), st.lists(st.integers(0, 2**32 - 1), min_size=5, max_size=5))
def test_masked_text_holds_no_number_and_no_image_id(value: int, groups: list[int]) -> None:
    image = "-".join(f"{group:08x}" for group in groups)
    hidden = masked(f"p{value}/{image}.jpg")
    assert not IMAGE_ID.search(hidden)
    assert str(value) not in hidden or str(value)[0] == "4"


def test_examples_are_rare_among_random_numbers() -> None:
    rng = random.Random(1)
    assert sum(made_up_number(str(rng.randrange(10_000_032, 20_000_000))) for _ in range(20_000)) < 40
    assert not any(made_up_image_id("-".join(f"{rng.getrandbits(32):08x}" for _ in range(5))) for _ in range(20_000))


# -- synthetic ---------------------------------------------------------------------------------------------


def test_the_synthetic_hospital_is_recognised_and_only_by_its_marker(tmp_path: Path) -> None:
    from ehrxqa.hospital import synth

    tree = tmp_path / "hospital"
    synth(tree, subjects=60, images=False, workers=1)
    report = leak_scan(tree)
    assert report.clean, report.as_text()
    assert report.synthetic > 10
    assert leak_scan(tree / "mimiciv/2.2/hosp/patients.csv.gz").clean  # the marker is above
    (tree / "SYNTHETIC.json").unlink()
    assert {finding.rule for finding in leak_scan(tree).findings} >= {"mimic-rows", "image-id"}


@pytest.mark.parametrize(
    ("name", "marker", "clean"),
    [
        ("SYNTHETIC.json", {"synthetic": True, "generator": "g 1"}, True),
        ("manifest.json", {"synthetic": True, "stages": {}}, True),
        ("SYNTHETIC.json", {"synthetic": True}, False),
        ("SYNTHETIC.json", {"synthetic": "yes", "generator": "g"}, False),
        ("SYNTHETIC.json", [], False),
        ("manifest.json", {"synthetic": False, "stages": {}}, False),
        ("manifest.json", {"synthetic": True}, False),
        ("synthetic.txt", {"synthetic": True, "generator": "g"}, False),
    ],
)
def test_a_marker_must_be_one(name: str, marker: object, clean: bool, tmp_path: Path) -> None:
    _write(tmp_path, name, json.dumps(marker))
    _write(tmp_path, "database/train/mimic_iv_cxr.db", _database("TB_CXR"))
    assert leak_scan(tmp_path).clean is clean


def test_the_nearest_marker_decides(tmp_path: Path) -> None:
    _write(tmp_path, "SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    _write(tmp_path, "real/manifest.json", json.dumps({"synthetic": False, "stages": {}}))
    _write(tmp_path, "real/rows.csv", TABLE)
    _write(tmp_path, "made_up/rows.csv", TABLE)
    assert [finding.path for finding in leak_scan(tmp_path).findings] == ["real/rows.csv"]


def test_credentials_count_in_a_synthetic_tree_too(tmp_path: Path) -> None:
    _write(tmp_path, "SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    _write(tmp_path, ".env", "PHYSIONET_PASSWORD=" + TOKEN[:12])
    assert [finding.rule for finding in leak_scan(tmp_path).findings] == ["credential-physionet"]


# -- git ---------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    top.mkdir()
    _git(top, "init", "-q", "-b", "main")
    _write(top, "README.md", "harmless\n")
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
    _write(repository, "data/rows.csv", TABLE)
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
    _write(repository, "rows.csv", TABLE)
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
        _write(repository, f"many/{i}.txt", f"{i} " * 3000)
    _commit(repository, "Many")
    report = leak_scan(repository, history=True)
    assert report.clean
    assert report.blobs == 301


def test_a_synthetic_tree_in_the_history_is_recognised(repository: Path) -> None:
    _write(repository, "demo/SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    _write(repository, "demo/rows.csv", TABLE)
    _write(repository, "rows/rows.csv", TABLE.replace("I10", "I11"))
    _commit(repository, "Both")
    report = leak_scan(repository, history=True)
    assert {finding.path for finding in report.findings} == {"rows/rows.csv"}


def test_ignored_files_are_left_out_unless_asked_for(repository: Path) -> None:
    _write(repository, ".gitignore", "out/\n")
    _write(repository, "out/rows.csv", TABLE)
    _write(repository, "new.csv", "a,b\n")
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
    _write(repository, "rows.csv", TABLE)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert not leak_scan(repository).clean


# -- allow list and command --------------------------------------------------------------------------------


def test_an_allow_list_names_paths_and_rules(tmp_path: Path) -> None:
    _write(tmp_path, "fixtures/rows.csv", TABLE)
    _write(tmp_path, "fixtures/.env", "PHYSIONET_PASSWORD=" + TOKEN[:12])
    _write(tmp_path, ".leakscan-allow", "# reasons\nfixtures/*  mimic-rows,mimic-id  # made by hand\n")
    report = leak_scan(tmp_path)
    assert [finding.rule for finding in report.findings] == ["credential-physionet"]
    assert report.allowed == 1
    _write(tmp_path, "all", "fixtures/*\nnowhere/*\n")
    report = leak_scan(tmp_path, allow=tmp_path / "all")
    assert report.clean
    assert report.allowed == 2
    assert report.notes == ["allow list: nowhere/* meets nothing and may be taken out"]


@pytest.mark.parametrize("text", ["* no-such-rule\n", "*.csv mimic-rows,mimicid\n"])
def test_an_unknown_rule_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    _write(tmp_path, ".leakscan-allow", "# one\n" + text)
    with pytest.raises(SettingsError, match=r"\.leakscan-allow, line 2: no rule"):
        leak_scan(_write(tmp_path, "a", TABLE))


def test_what_is_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ehrxqa.leakscan.MOST_BYTES", 1000)
    _write(tmp_path, "long.txt", "x" * 2000)
    _write(tmp_path, "torn.zip", b"PK\x03\x04 and then nothing")
    report = leak_scan(tmp_path)
    assert report.verdict == "not read"
    assert [(one.path, one.why) for one in report.not_read] == [
        ("long.txt", "only the first 0 MiB were read"),
        ("torn.zip", "cannot be read as a zip file"),
    ]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    _write(tmp_path, "bomb.zip", _zip("zeros", b"\0" * (80 << 20)))
    report = leak_scan(tmp_path)
    assert report.verdict == "not read"
    assert ("bomb.zip", "only a part of member 1 of 1 was read") in [(one.path, one.why) for one in report.not_read]


def test_links_are_not_followed(tmp_path: Path) -> None:
    _write(tmp_path, "elsewhere/rows.csv", TABLE)
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
    clean = _write(tmp_path, "clean/a.txt", "harmless")
    dirty = _write(tmp_path, "dirty/a.csv", TABLE)
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
    result = CliRunner().invoke(main, [*arguments, str(_write(tmp_path, "a.csv", TABLE))], standalone_mode=False)
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
