"""The indexed copy answers as the plain database does, in value, type and order."""

from __future__ import annotations

import random

import apsw
import pytest
from programs import TABLES, Programs, make_database

from ehrxqa.sql.gold import indexed, proof
from ehrxqa.sql.gold.indexed import make_indexed, schema_of
from ehrxqa.sql.gold.runner import Job, Runner, jobs_of

DATABASES = 12
PROGRAMS = 500


def answers_both_ways(path, tmp_path, programs, *, forced):
    """[(program, plain outcome, outcome on the copy, the statement for it)]."""
    schema = schema_of(path)
    jobs = jobs_of(programs, schema)
    file = tmp_path / "indexed.db"
    make_indexed(path, file, schema)
    if forced:  # statistics that make SQLite use indexes on a handful of rows
        db = apsw.Connection(str(file))
        for number, stat in db.execute("SELECT rowid, stat FROM sqlite_stat1 WHERE idx IS NOT NULL").fetchall():
            counts = ["1000000", *("2" for _ in stat.split()[1:-1]), "unordered"]
            db.execute("UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?", (" ".join(counts), number))
        db.close()
    runner = Runner.sandboxed(path, file, 60.0)
    found = []
    for job in jobs:
        plain = runner.run(Job(job.number, job.text))
        found.append((job.text, plain, runner.run(job), job.indexed))
    runner.close()
    file.unlink()
    return found


@pytest.fixture
def indexes_everywhere(monkeypatch):
    """Every column has an index, and a twin is read whether an index helps or not."""
    every = {table: (*indexed.INDEXES[table], *columns) for table, columns in TABLES.items()}
    monkeypatch.setattr(indexed, "INDEXES", every)
    monkeypatch.setattr(proof._Tree, "_index_helps", lambda *_: True)


@pytest.mark.usefixtures("indexes_everywhere")
@pytest.mark.parametrize("seed", range(DATABASES))
def test_random_programs_give_the_plain_answer(seed, tmp_path):
    rng = random.Random(seed)
    path = tmp_path / "plain.db"
    make_database(path, rng)
    make = Programs(rng)
    outcomes = answers_both_ways(path, tmp_path, [make.program() for _ in range(PROGRAMS)], forced=seed % 2 == 0)
    assert len(outcomes) == PROGRAMS
    for text, plain, fast, statements in outcomes:
        assert repr(fast) == repr(plain), (text, statements)
    failed = sum(reason is not None for _, (_, reason), _, _ in outcomes)
    assert failed < PROGRAMS / 4  # most are programs at all
    assert sum(bool(statements) for *_, statements in outcomes) > PROGRAMS / 2  # and most take the fast way


def test_random_programs_give_the_plain_answer_as_it_is_run(tmp_path):
    rng = random.Random(99)
    path = tmp_path / "plain.db"
    make_database(path, rng)
    make = Programs(rng)
    outcomes = answers_both_ways(path, tmp_path, [make.program() for _ in range(PROGRAMS)], forced=False)
    for text, plain, fast, statements in outcomes:
        assert repr(fast) == repr(plain), (text, statements)
    assert any(statements for *_, statements in outcomes)


@pytest.mark.usefixtures("indexes_everywhere")
def test_ties_in_tables_larger_than_a_sorter_page(tmp_path):
    path = tmp_path / "plain.db"
    make_database(path, random.Random(1))
    rng = random.Random(2)
    db = apsw.Connection(str(path))
    db.execute("PRAGMA synchronous = OFF").fetchall()
    rows = [
        (number, rng.randint(1, 50), rng.randint(1, 9), 60 * f"{rng.randint(1, 5)}",
         f"drug {rng.randint(1, 300)}", rng.random())
        for number in range(30_000)
    ]  # fmt: skip
    with db:
        db.executemany("INSERT INTO PRESCRIPTIONS VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.close()
    source = "from prescriptions where prescriptions.hadm_id in ( 1, 2, 3, 4, 5, 6, 7 )"
    programs = [
        f"select {item} {source}{tail}"
        for item in ("prescriptions.drug", "distinct prescriptions.drug", "prescriptions.dose_val_rx")
        for tail in (
            "", " limit 50", " order by prescriptions.starttime", " order by prescriptions.starttime desc limit 40",
            " order by prescriptions.starttime, prescriptions.subject_id limit 3000",
            " group by prescriptions.subject_id",
        )
    ]  # fmt: skip
    programs += [
        f"select sum(prescriptions.dose_val_rx) {source}",
        f"select avg(prescriptions.dose_val_rx) {source} group by prescriptions.drug",
        f"select dense_rank() over ( order by count(*) desc ) {source} group by prescriptions.drug",
    ]
    for text, plain, fast, statements in answers_both_ways(path, tmp_path, programs, forced=False):
        assert statements, text
        assert plain[1] is None, text
        assert repr(fast) == repr(plain), text
