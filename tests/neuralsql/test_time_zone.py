"""Queries have the same answer on every machine, in whatever time zone it stands."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ehrxqa.sql.sandbox import open_database
from ehrxqa.sql.time_zone import may_ask_for_time_zone

OURS = """
import json, sys
from ehrxqa.neuralsql.engine import Engine
with Engine(sys.argv[1]) as engine:
    print(json.dumps([engine.run(query).rows for query in json.load(sys.stdin)]))
"""
#: SQLite itself, with the clock of the database.
PLAIN = """
import apsw, json, sys
from ehrxqa.sql.clock import file_system_at
db = apsw.Connection(sys.argv[1], vfs=file_system_at("2105-12-31 23:59:00"))
print(json.dumps([db.execute(query).fetchall() for query in json.load(sys.stdin)]))
"""
VALUES = (
    "'now'",
    "'2100-07-01 12:34:56.789'",
    "'2100-03-31'",
    "4118000000, 'unixepoch'",
    "2451545.25",
    "'23:59:59'",
    "'no time'",
    "t",
)
MODIFIERS = (
    "'localtime'",
    "'utc'",
    "'LocalTime', '-1 month', 'floor'",
    "'start of month', 'utc'",
    "'unixepoch', 'localtime', 'subsec'",
    "'localtime', 'unixepoch'",
    "'local' || 'time'",
    "lower('UTC'), '+1 day'",
    "x'6c6f63616c74696d65'",
    "m",
    "'weekday 0'",
    "(select m)",
    "null",
)
CALLS = ("date(", "datetime(", "julianday(", "unixepoch(", "time(", "strftime('%Y-%m-%d %H:%M:%f', ")
QUERIES = [
    f"select {call}{value}, {more}) from one" for call, value, more in itertools.product(CALLS, VALUES, MODIFIERS)
]
QUERIES += [
    "select * from seen",
    "select date /* a comment */ ('2100-01-01 22:00', 'localtime') from one",
    'select "datetime"(\'2100-01-01 22:00\', "localtime") from one',
    "select datetime(date('2100-01-01 22:00', 'localtime'), '-1 day') from one",
]


@pytest.fixture
def one_row(tmp_path: Path) -> Path:
    path = tmp_path / "one.db"
    db = sqlite3.connect(path)
    db.execute("create table one(t text, m text)")
    db.execute("insert into one values('2105-12-31 20:00:00', 'localtime')")
    db.execute("create view seen as select datetime(t, 'localtime') as a, median(1) as b from one")
    db.commit()
    db.close()
    return path


def answers(program: str, database: Path, zone: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", program, str(database)],
        input=json.dumps(QUERIES),
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_a_query_is_answered_as_sqlite_does_in_utc(one_row: Path) -> None:
    in_utc = answers(PLAIN, one_row, "UTC")
    assert answers(PLAIN, one_row, "Asia/Tokyo") != in_utc
    for zone in ("Asia/Tokyo", "America/St_Johns"):
        for query, found, expected in zip(QUERIES, answers(OURS, one_row, zone), in_utc, strict=True):
            assert found == expected, (zone, query)


def test_functions_that_were_added_are_there_for_such_queries_too(one_row: Path) -> None:
    with open_database(one_row) as sandbox:
        sandbox.add_function("twice", lambda value: 2 * value)
        assert list(sandbox.run("select twice(4), date('2100-01-01', 'utc')")) == [(8, "2100-01-01")]
        sandbox.add_function("thrice", lambda value: 3 * value)
        assert list(sandbox.run("select thrice(4), date('2100-01-01', 'utc')")) == [(12, "2100-01-01")]
        assert sandbox.steps == 0
        numbers = "with recursive r(n) as (select 1 union all select n + 1 from r limit 9999)"
        asking = f"{numbers} select count(datetime(n, 'utc')) from r"
        assert list(sandbox.run(asking)) == [(9999,)]
        assert sandbox.steps > 0


@pytest.mark.parametrize(
    "query",
    [
        "select 1",
        "select datetime(admittime), strftime('%Y', 'now') from a where max(charttime) > date('now', '-1 year')",
        "select strftime('%Y', datetime(t, '-1 day', 'start of month'), '+1 day') from x where a = 'date(localtime)'",
        "select date(coalesce(a, 'utc', b))",
    ],
)
def test_usual_queries_run_as_fast_as_before(query: str) -> None:
    assert not may_ask_for_time_zone(query)
