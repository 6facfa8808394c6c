"""Questions are not answered on a database that is not theirs, unless that is asked for."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehrxqa import answer
from ehrxqa.cli.main import main
from ehrxqa.dataset.belonging import check_belongs, subjects_of
from ehrxqa.errors import RecordError
from ehrxqa.files import sha256_of
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.neuralsql.execute import execute
from ehrxqa.runs.manifest import FileRecord, Manifest, StageRecord

COUNT = "select count(*) from patients"


def a_build(out: Path, patients: dict[str, list[int]]) -> Path:
    """Two databases of a few patients, their manifest, and questions about each."""
    outputs = {}
    for base, subjects in patients.items():
        path = out / DATABASE_PATHS[base]
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as db:
            db.execute("create table patients(row_id integer, subject_id integer)")
            db.executemany("insert into patients values(?, ?)", list(enumerate(subjects)))
            db.commit()
        outputs[DATABASE_PATHS[base]] = FileRecord(sha256_of(path), path.stat().st_size)
    Manifest(True, {}, stages={"database": StageRecord("k", outputs, {})}).write(out)
    (out / "dataset").mkdir()
    for split, base in (("train", "train"), ("test", "test")):
        record = {"db_id": "mimic_iv_cxr", "split": split, "id": 1, "_gold_program": COUNT}
        named = {**record, "id": 2, "value": {"patient_id": patients[base][0]}}
        (out / f"dataset/_{split}.json").write_text(json.dumps([record, named]))
    (out / "dataset/queries.json").write_text(json.dumps({"1": COUNT}))
    return out


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return a_build(tmp_path / "mine", {"train": [1, 2, 3], "test": [4, 5]})


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return a_build(tmp_path / "theirs", {"train": [1, 2, 3, 6], "test": [7]})


def test_questions_of_a_build_are_answered_on_its_database(build: Path, tmp_path: Path) -> None:
    for database in (build, build / DATABASE_PATHS["test"]):
        assert answer(database, build / "dataset/_test.json", tmp_path / "out.json", workers=1).answered == 2
    assert (
        execute(build / DATABASE_PATHS["train"], build / "dataset/queries.json", out=tmp_path / "x.json").answered == 1
    )


def test_a_database_of_another_build_is_named_with_the_right_one(build: Path, other: Path, tmp_path: Path) -> None:
    questions, wrong, right = (
        build / "dataset/_test.json",
        other / DATABASE_PATHS["test"],
        build / DATABASE_PATHS["test"],
    )
    with pytest.raises(RecordError) as caught:
        answer(wrong, questions, tmp_path / "out.json", workers=1)
    assert all(str(path) in str(caught.value) for path in (wrong, questions, right))
    assert all(sha256_of(path)[:12] in str(caught.value) for path in (wrong, right))
    assert not (tmp_path / "out.json").exists()
    answer(wrong, questions, tmp_path / "out.json", workers=1, other_database=True)
    assert [record["answer"] for record in json.loads((tmp_path / "out.json").read_text())] == [[1], [1]]


def test_the_database_of_another_split_is_another_database(build: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"_test\.json belongs to .*database/test/"):
        answer(build / DATABASE_PATHS["train"], build / "dataset/_test.json", tmp_path / "out.json", workers=1)


def test_queries_that_lie_in_a_build_are_run_on_its_databases(build: Path, other: Path, tmp_path: Path) -> None:
    queries, out = build / "dataset/queries.json", tmp_path / "outcomes.json"
    arguments = ["execute", "--database", str(other / DATABASE_PATHS["test"]), "--predictions", str(queries)]
    refused = CliRunner().invoke(main, [*arguments, "--out", str(out)])
    assert isinstance(refused.exception, RecordError)
    assert "--other-database" in str(refused.exception)
    assert not out.exists()
    assert CliRunner().invoke(main, [*arguments, "--out", str(out), "--other-database"]).exit_code == 0
    assert json.loads(out.read_text())[0]["answer"] == [1]


def test_a_database_that_was_changed_is_not_that_of_its_manifest(build: Path, tmp_path: Path) -> None:
    database = build / DATABASE_PATHS["test"]
    with closing(sqlite3.connect(database)) as db:
        db.execute("delete from patients where subject_id = 5")
        db.commit()
    queries = tmp_path / "queries.json"  # of no build
    queries.write_text(json.dumps({"1": COUNT}))
    with pytest.raises(RecordError, match=r"manifest\.json names another"):
        execute(database, queries, out=tmp_path / "out.json")
    with pytest.raises(RecordError, match=r"manifest\.json names another"):
        answer(build, build / "dataset/_test.json", tmp_path / "out.json")


def test_subjects_that_a_database_lacks(build: Path, tmp_path: Path) -> None:
    questions = tmp_path / "_test.json"  # of no build
    records = json.loads((build / "dataset/_test.json").read_text())
    questions.write_text(json.dumps([*records, {**records[1], "id": 3, "value": {"patient_id": 6}}]))
    with pytest.raises(RecordError, match="lacks 1 of the 2 subjects that"):
        answer(build / DATABASE_PATHS["test"], questions, tmp_path / "out.json", workers=1)
    impossible = [{"value": {"patient_id": 6}, "is_impossible": True}, {"value": None}, {"value": {"patient_id": "x"}}]
    assert subjects_of([*impossible, records[1]]) == {4}
    database = build / DATABASE_PATHS["test"]
    check_belongs(database, sha256_of(database), questions, impossible)
    plain = tmp_path / "plain.db"  # a database with other tables has its own subjects
    with closing(sqlite3.connect(plain)) as db:
        db.execute("create table people(id)")
        db.commit()
    check_belongs(plain, sha256_of(plain), questions, records)
