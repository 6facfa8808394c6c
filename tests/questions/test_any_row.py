"""A count that is compared with 0 stops at the first row, and gives the same."""

from __future__ import annotations

import sqlite3

import pytest

from ehrxqa.sql.any_row import stop_at_first_row

_COUNTS = (
    "select count(*) > 0 from t",
    "select count(*) > 0 from t where t.a in ( select s.b from s where s.b = 'x) limit 1' )",
    "select count(*) >= 0 from t where t.a = 9",
    "select count(*) > 0 from ( select t.a from t ) as t1 join ( select distinct s.b from s ) as t2 on t1.a = t2.b",
    "select ( select count(*) > 0 from t where t.a = 1 ) and ( select count(*) > 0 from s where s.b in ( 3, 4 ) )",
    "select count(*) > 0 from t where t.a in ( select count(*) > 0 from s where s.b = 2 )",
)
_OTHERS = (
    "select count(*) > 0 from t group by t.a",
    "select count(*) > 0 from t order by 1 limit 1",
    "select count(*) > 0 from t intersect select 1",
    "select count(*) > 1 from t",
    "select count(*) from t",
    "select count( distinct t.a ) > 0 from t",
)


@pytest.fixture(scope="module")
def databases():
    found = []
    for rows in ((), (1, 2, 2, 3)):
        db = sqlite3.connect(":memory:")
        db.execute("create table t(a)")
        db.execute("create table s(b)")
        db.executemany("insert into t values (?)", [(row,) for row in rows])
        db.executemany("insert into s values (?)", [(row + 1,) for row in rows])
        found.append(db)
    return found


@pytest.mark.parametrize("sql", [*_COUNTS, *_OTHERS])
def test_it_gives_the_same(databases, sql):
    for db in databases:
        assert db.execute(stop_at_first_row(sql)).fetchall() == db.execute(sql).fetchall()


@pytest.mark.parametrize("sql", _COUNTS)
def test_every_count_of_that_kind_stops(sql):
    assert stop_at_first_row(sql).count("limit 1 )") - sql.count("limit 1 )") == sql.count("count(*) >")


@pytest.mark.parametrize("sql", _OTHERS)
def test_others_stay_as_they_are(sql):
    assert stop_at_first_row(sql) == sql


def test_it_looks_at_one_row(databases):
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    db = sqlite3.connect(":memory:")
    db.execute("create table t(a)")
    db.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    sql = "select count(*) > 0 from t as one join t as two where one.a <= two.a"
    db.set_progress_handler(count, 100)
    assert db.execute(stop_at_first_row(sql)).fetchall() == [(1,)]
    assert steps < 10
