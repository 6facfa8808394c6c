"""Planted leaks are found, clean trees stay clean, and no report shows what it found.

The planted numbers are drawn at random at run time, so that this file itself holds none.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leak_values import (
    ADMISSION,
    IMAGE,
    RECORD,
    STAY,
    STUDY,
    SUBJECT,
    TABLE,
    TOKEN,
    VALUES,
    database_of,
    image_id,
    number,
    parquet_of,
    tar_of,
    weights_of,
    write,
    zip_of,
)

from ehrxqa.leakscan import RULES, leak_scan
from ehrxqa.leakscan.masking import IMAGE_ID, masked
from ehrxqa.leakscan.rules import TEXT_RULES, text_hits

LEAKS: list[tuple[str, str, bytes | str]] = [
    ("mimic-rows", "diagnoses.csv", TABLE),
    ("mimic-rows", "notes.txt", TABLE.replace(",", "\t")),
    ("mimic-rows", "diagnoses.csv.gz", gzip.compress(TABLE.encode())),
    ("mimic-rows", "d.bz2", bz2.compress(TABLE.encode())),
    ("mimic-rows", "d.xz", lzma.compress(TABLE.encode())),
    ("mimic-rows", "d.zip", zip_of("inner/d.csv", TABLE.encode())),
    ("mimic-rows", "d.tar", tar_of("inner/d.csv", TABLE.encode())),
    ("mimic-rows", "d.tar.gz", gzip.compress(tar_of("inner/d.csv", TABLE.encode()))),
    ("mimic-rows", "utf16.csv", TABLE.encode("utf-16")),
    ("mimic-rows", "bom.csv", b"\xef\xbb\xbf" + TABLE.encode()),
    ("mimic-rows", "late.csv", "subject_id,x\n" + "\n" * 5 + "".join(f"{i},\n" for i in range(500)) + f"{SUBJECT},1\n"),
    ("mimic-rows", "stays.csv", f'"stay_id","x"\n"{STAY}","1"\n'),
    ("mimic-rows", "floats.csv", f"hadm_id,x\n{ADMISSION}.0,1\n"),
    ("mimic-rows", "images.tsv", f"image_id\tx\n{IMAGE}.dcm\t1\n"),
    ("mimic-rows", "rows.parquet", parquet_of({"subject_id": [1, int(SUBJECT)], "x": [1, 2]})),
    ("mimic-rows", "images.parquet", parquet_of({"image_id": [IMAGE], "x": [1]})),
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
    ("database", "some.bin", database_of("TB_CXR", "TB_CXR_PLUS")),
    ("database", "clinical.db", database_of("patients", "admissions", "labevents")),
    ("image", f"{IMAGE}.jpg", b"\xff\xd8\xff\xe0\0\0"),
    ("image", f"figures/{IMAGE}.png", b"\x89PNG\r\n\x1a\n\0"),
    ("image", "scan", b"\0" * 128 + b"DICM" + b"\0" * 50),
    ("trained-model", "weights.safetensors", weights_of("false")),
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
    ("weights.safetensors", weights_of("true")),
    ("other.db", database_of("customers", "patients")),
    ("photo.jpg", b"\xff\xd8\xff\xe0\0\0"),
    ("s12.txt", "FINAL REPORT of a sports club\n"),
    ("lock", "sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"),
    ("torn.zip", zip_of("a", b"b")[:-30]),
    ("torn.gz", gzip.compress(b"nothing to see here, move on" * 50)[:-10]),
    ("torn.parquet", b"PAR1" + b"\0" * 50),
    ("deep.json", "[" * 100_000),
]


@pytest.mark.parametrize(("rule", "name", "data"), LEAKS, ids=[f"{i}-{leak[0]}" for i, leak in enumerate(LEAKS)])
def test_planted_leaks_are_found_and_not_repeated(rule: str, name: str, data: bytes | str, tmp_path: Path) -> None:
    write(tmp_path / "tree", name, data)
    write(tmp_path / "tree", "README.md", "harmless\n")
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
    write(tmp_path, name, data)
    report = leak_scan(tmp_path)
    assert report.findings == []
    assert report.files == 1


def test_every_rule_is_planted_at_least_once() -> None:
    assert {rule for rule, _, _ in LEAKS} == set(RULES)
    assert {rule.rule for rule in TEXT_RULES} <= set(RULES)


def test_lines_are_the_right_ones(tmp_path: Path) -> None:
    write(tmp_path, "a.py", f"\n\nx = 1\ndf[df.subject_id == {SUBJECT}]\n# İstanbul {IMAGE}\n")
    found = {(finding.rule, finding.line) for finding in leak_scan(tmp_path).findings}
    assert found == {("mimic-id", 4), ("image-id", 5)}


def test_paths_of_patients_are_masked(tmp_path: Path) -> None:
    write(tmp_path, f"files/p{SUBJECT[:2]}/p{SUBJECT}/s{STUDY}/{IMAGE}.jpg", b"\xff\xd8\xff")
    text = leak_scan(tmp_path).as_text()
    assert text.startswith(f"files/p{SUBJECT[:2]}/p{SUBJECT[:2]}••••••/s{STUDY[:2]}••••••/••••••••-….jpg: image: ")


def test_findings_that_look_alike_when_masked_are_counted(tmp_path: Path) -> None:
    for _ in range(3):
        write(tmp_path, f"{image_id()}.jpg", b"\xff\xd8\xff")
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
