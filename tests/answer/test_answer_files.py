"""`answer` gives the same file whichever way the programs take."""

from __future__ import annotations

import json
import random
import shutil

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import Programs, make_database

from ehrxqa.dataset import answer as answer_module
from ehrxqa.dataset.answer import answer
from ehrxqa.dataset.records import write_records
from ehrxqa.errors import RecordError
from ehrxqa.sql.gold import indexed as indexed_module
from ehrxqa.sql.gold.indexed import make_indexed, schema_of
from ehrxqa.sql.gold.runner import jobs_of


def questions_file(path, programs):
    records = [
        {"db_id": "mimic_iv_cxr", "split": "test", "id": number, "question": "é", "_gold_program": program}
        for number, program in enumerate(programs)
    ]
    path.write_text(json.dumps(records), "utf-8")
    return path


def at_once(monkeypatch):
    """Make the copy, and start workers, after the first program."""
    monkeypatch.setattr(answer_module, "COPY_SECONDS", 0.0)
    monkeypatch.setattr(answer_module, "ALONE_SECONDS", 1e-9)


@pytest.fixture
def hospital(tmp_path):
    make_database(tmp_path / "plain.db", random.Random(7))
    return tmp_path / "plain.db"


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_reference_questions_on_the_indexed_copy(shared, reference_out, tmp_path, split, workers, monkeypatch):
    at_once(monkeypatch)
    folder = shared / "parity" / "answers" / split
    database = reference_out / "database" / split / "mimic_iv_cxr.db"
    answer(database, folder / "_questions.json", tmp_path / "out.json", workers=workers)
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    for record, expected in zip(found, json.loads((folder / "expected.json").read_text("utf-8")), strict=True):
        # a null first means that floats are not rounded, and our databases hold the correctly rounded ones
        rounded = [round(value, 9) if isinstance(value, float) else value for value in record["answer"]]
        assert rounded == [round(value, 9) if isinstance(value, float) else value for value in expected["answer"]]
        assert {**record, "answer": 0} == {**expected, "answer": 0}


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
def test_most_reference_programs_take_the_fast_way(shared, reference_out, split):
    records = json.loads((shared / "parity" / "answers" / split / "_questions.json").read_text("utf-8"))
    schema = schema_of(reference_out / "database" / split / "mimic_iv_cxr.db")
    assert len(schema) == 19
    jobs = jobs_of([record["_gold_program"] for record in records], schema)
    slow = [job.text for job in jobs if job.indexed is None]
    assert len(slow) < len(jobs) / 10
    assert not any(" in ( select" in text or "subject_id =" in text or " join " in text for text in slow)


@pytest.mark.parametrize("workers", [1, 2])
def test_same_file_with_and_without_the_copy(hospital, tmp_path, monkeypatch, workers):
    make = Programs(random.Random(3))
    questions = questions_file(
        tmp_path / "_test.json", [make.program() for _ in range(400)] + ["select 1 from nowhere"]
    )
    before = hospital.read_bytes()
    monkeypatch.setattr(answer_module, "COPY_SECONDS", 1e9)
    plain = answer(hospital, questions, tmp_path / "plain.json", workers=1)
    at_once(monkeypatch)
    fast = answer(hospital, questions, tmp_path / "fast.json", workers=workers)
    assert (tmp_path / "fast.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
    assert fast == plain
    assert plain.failed[-1].reason == "no such table: nowhere"
    assert hospital.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_test.json", "fast.json", "plain.db", "plain.json"]


def test_no_room_for_the_copy(hospital, tmp_path, monkeypatch):
    """The answers come all the same."""
    make = Programs(random.Random(4))
    questions = questions_file(tmp_path / "_test.json", [make.program() for _ in range(50)])
    answer(hospital, questions, tmp_path / "plain.json", workers=1)
    at_once(monkeypatch)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(indexed_module, "make_indexed", full)
    answer(hospital, questions, tmp_path / "fast.json", workers=1)
    assert (tmp_path / "fast.json").read_bytes() == (tmp_path / "plain.json").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE INDEX by_age ON ADMISSIONS (age)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE t (a INTEGER PRIMARY KEY)",
        'CREATE TABLE "t" ("a" TEXT COLLATE NOCASE)',
        'CREATE TABLE "INDEXED_ADMISSIONS" ("a" TEXT)',
        "ANALYZE",
    ],
)
def test_databases_of_another_form_are_left_alone(hospital, change):
    assert schema_of(hospital)
    db = apsw.Connection(str(hospital))
    db.execute(change).fetchall()
    db.close()
    assert schema_of(hospital) == {}


def test_twins_are_the_tables(hospital, tmp_path):
    copy = tmp_path / "copy.db"
    schema = schema_of(hospital)
    make_indexed(hospital, copy, schema)
    assert copy.stat().st_mode & 0o077 == 0
    db = apsw.Connection(str(copy))
    for table, columns in schema.items():
        names = ", ".join(columns)
        plain = db.execute(f"SELECT rowid, {names} FROM {table} ORDER BY rowid").fetchall()
        assert db.execute(f"SELECT rowid, {names} FROM indexed_{table} ORDER BY rowid").fetchall() == plain
        assert list(map(repr, plain)) == list(
            map(repr, db.execute(f"SELECT rowid, {names} FROM indexed_{table} NOT INDEXED").fetchall())
        )


def test_the_plan_of_a_plain_join_is_that_of_the_database(hospital, tmp_path):
    """Twins and their statistics change nothing for the tables themselves."""
    copy = tmp_path / "copy.db"
    make_indexed(hospital, copy, schema_of(hospital))
    plain, changed = (apsw.Connection(str(path)) for path in (hospital, shutil.copy(copy, tmp_path / "again.db")))
    make = Programs(random.Random(5))
    compared = 0
    while compared < 200:
        program = make.join(make.rng.random())
        try:
            expected = plain.execute(f"EXPLAIN QUERY PLAN {program}").fetchall()
        except apsw.SQLError:
            continue
        assert changed.execute(f"EXPLAIN QUERY PLAN {program}").fetchall() == expected
        compared += 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=3))
def test_records_are_written_as_json_dump_writes_them(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "out.json"
    write_records(path, records)
    assert path.read_text("utf-8") == json.dumps(records, indent=4, default=str)


def test_the_copy_of_a_build_is_kept_and_belongs_to_one_database(hospital, tmp_path, monkeypatch):
    at_once(monkeypatch)
    out = tmp_path / "out"
    database = out / "database" / "test" / "mimic_iv_cxr.db"
    database.parent.mkdir(parents=True)
    (out / ".work").mkdir()
    shutil.copy(hospital, database)
    make = Programs(random.Random(3))
    questions = questions_file(tmp_path / "_test.json", [make.program() for _ in range(60)])
    answer(hospital, questions, tmp_path / "plain.json", workers=1)
    made = []
    original = indexed_module.make_indexed

    def counted(database, copy, schema):
        made.extend([1] * (copy.parent.name == ".work"))
        original(database, copy, schema)

    monkeypatch.setattr(indexed_module, "make_indexed", counted)
    for _ in range(2):
        answer(out, questions, tmp_path / "found.json", workers=1)
        assert (tmp_path / "found.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
    assert len(made) == 1
    (kept,) = (out / ".work").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    db = apsw.Connection(str(database))
    db.execute("delete from prescriptions")
    db.close()
    answer(out, questions, tmp_path / "found.json", workers=1)
    answer(shutil.copy(database, tmp_path / "changed.db"), questions, tmp_path / "plain.json", workers=1)
    assert (tmp_path / "found.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
    assert len(made) == 2
    assert [path != kept for path in (out / ".work").iterdir()] == [True]


def test_questions_without_an_answer_and_those_about_databases_of_others(hospital, tmp_path):
    records = [
        {"db_id": "elsewhere", "split": "test", "id": 0, "_gold_program": "null"},
        {"db_id": "elsewhere", "split": "test", "id": 1, "_gold_program": "select date(current_time), date('now')"},
        {"db_id": "elsewhere", "split": "test", "id": 2, "_gold_program": "select 1, 2"},
    ]
    (tmp_path / "_test.json").write_text(json.dumps(records))
    answer(hospital, tmp_path / "_test.json", tmp_path / "out.json", workers=1, now="2100-12-31 23:59:00")
    found = json.loads((tmp_path / "out.json").read_text())
    assert [record["answer"] for record in found] == ["null", [["2100-12-31", "2100-12-31"]], [[1, 2]]]
    with pytest.raises(RecordError, match="give the database file itself"):
        answer(tmp_path, tmp_path / "_test.json", tmp_path / "out.json")
