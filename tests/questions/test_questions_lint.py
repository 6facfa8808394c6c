"""Rules against answers that rest on chance: programs that break each, and near misses that do not."""

from __future__ import annotations

import apsw
import pytest

from ehrxqa.sql.lint import RULES, Lint

_TABLES = {
    "labevents": "row_id, t, u, valuenum",
    "chartevents": "valuenum",
    "inputevents": "amount",
    "outputevents": "value",
    "prescriptions": "drug, dose_val_rx",
    "cost": "cost",
    "admissions": "hadm_id, age",
    "tb_cxr_plus": "study_id, t, ct_ratio, mt_ratio",
}
_ROWS = """
insert into labevents values (1, '2100', 1, 7), (2, '2100', 2, 8), (3, '2101', 1, 9), (4, '2102', 1, 5),
    (5, '2102', 2, 5), (6, '2103', 1, 6), (7, null, 1, 10);
insert into tb_cxr_plus values (50, '2100', 0.4, 0.2), (50, '2100', 0.4, 0.2), (51, '2101', 0.6, 0.4),
    (52, '2101', 0.6, 0.4), (53, null, null, null);
insert into admissions values (1, 44), (2, 55);
"""


@pytest.fixture
def db():
    connection = apsw.Connection(":memory:")
    for table, columns in _TABLES.items():
        connection.execute(f"create table {table}({columns})")
    connection.execute(_ROWS)
    return connection


def lint_of(db):
    return Lint(lambda sql: list(db.execute(sql)))


FIRST = "select labevents.valuenum from labevents where t is not null"
BROKEN = {
    "limit-without-order": (
        "select valuenum from labevents limit 1",
        "select count(*) from labevents where row_id in ( select row_id from labevents limit 1 )",
        "select t1.t from ( select t from labevents limit 1 ) as t1 order by t1.t asc limit 1",
    ),
    "tie": (
        f"{FIRST} order by t asc limit 1",
        f"{FIRST} and t >= '2101' order by u asc limit 1",
        f"{FIRST} order by t asc limit 1 offset 1",
        # however it is written
        f"{FIRST} order by t limit 1",
        f"{FIRST} ORDER BY T LIMIT 1, 1",
        "SELECT row_id AS v, t FROM labevents WHERE t IS NOT NULL ORDER BY 2 LIMIT 4",
        "select t as w, row_id from labevents where t >= '2101' and t < '2103' order by w desc limit 1",
        "select u, t from labevents union all select 1, '2103' order by t desc limit 2 offset 1",
        "with a as ( select * from labevents where t is not null ) select valuenum from a order by t limit 1",
        f"select count(*) from labevents where valuenum in ( {FIRST} order by t asc limit 1 )",
        "select distinct row_id from labevents where t is not null order by t asc limit 1",
        "select study_id from tb_cxr_plus where t is not null order by t desc limit 1",
        # ')' in a text is no bracket
        "select count(*) from labevents where t <> ') (' and row_id in ( select row_id from labevents where t > '2' "
        "order by t asc limit 1 )",
        f"{FIRST} order by t asc, length(t) asc limit 1",
    ),
    "null-first": (
        "select valuenum from labevents order by t asc limit 1",
        "select count(*) from labevents where row_id in ( select row_id from labevents order by t asc limit 1 )",
        "select valuenum from labevents where row_id in ( 6, 7 ) order by u asc, t asc limit 1",
        "select distinct study_id from tb_cxr_plus order by ct_ratio asc limit 1",
    ),
    "several-values": (
        "select count(*) from labevents where row_id = ( select row_id from labevents where t = '2100' )",
        "select ( select valuenum from labevents where t = '2100' ) - ( select 1 )",
        "select ( select 1 ) > ( select valuenum from labevents where t = '2100' )",
        "select count(*) from labevents where t < ( select t from labevents )",
        # NULL is a value too
        "select count(*) from labevents where t = ( select t from labevents where row_id in ( 6, 7 ) )",
        "select ( select distinct ct_ratio > 1.0/2 from tb_cxr_plus where study_id <> 53 )",
    ),
    "unsafe-text": (
        "select 1 where 'a' = 'b''c'",
        "select 1 where 'a' = 'it’s'",
        "select 1 where 'a' = '“b”'",
        "select 1 where 'a' = '20%yeast'",
        "select 1 where 'a' = 'p < = 0.5'",
        "select 1 where 'a' = 'the current_time'",
    ),
}  # fmt: skip
NEAR_MISSES = (
    f"{FIRST} order by t desc limit 1",
    # equal rows may be cut between: they give the same
    f"{FIRST} and t = '2102' order by t asc limit 1",
    f"{FIRST} and t = '2102' order by t asc limit 1 offset 1",
    # the tie lies behind, or before, the row that is kept
    f"{FIRST} and t >= '2101' order by t asc limit 1",
    f"{FIRST} and t < '2102' order by t asc limit 1 offset 2",
    # a limit that cuts between blocks, or cuts nothing
    f"{FIRST} order by t asc limit 2",
    f"{FIRST} order by t asc limit 100",
    "select valuenum from labevents where t is null order by t limit 1",
    # the second order decides
    f"{FIRST} order by t asc, u limit 1",
    f"{FIRST} order by t asc, u asc limit 1",
    "select t from labevents where t is not null order by t asc limit 1",
    "select distinct study_id from tb_cxr_plus where t = '2100' order by t asc limit 1",
    # NULL comes last, or is not there
    "select valuenum from labevents order by t desc limit 1",
    f"{FIRST} and t > '3' order by t asc limit 1",
    # a select behind IN, FROM, a set operation or EXISTS may give many rows
    "select count(*) from labevents where row_id in ( select row_id from labevents where t = '2100' )",
    "select count(*) from ( select row_id from labevents ) as t1 join ( select t from labevents ) as t2",
    "select t from labevents union select t from labevents",
    "select count(*) from labevents where exists ( select row_id from labevents )",
    # one value, if often
    "select ( select valuenum from labevents where t = '2102' ) - ( select 1 )",
    "select ( select distinct ct_ratio > 1.0/2 from tb_cxr_plus where study_id in ( 51, 52 ) )",
    "select ( select valuenum from labevents where t = '3000' )",
    # formats are what the official normalisation is for
    "select strftime('%y-%m-%d',t) from labevents where strftime('%j','now') > current_time",
    "select 1 where 'a' = '5% dextrose'",
    # LIMIT in a text
    "select count(*) from prescriptions where drug = 'no limit 1 here'",
)


@pytest.mark.parametrize(("rule", "program"), [(rule, each) for rule, held in BROKEN.items() for each in held])
def test_a_program_that_breaks_a_rule(db, rule, program):
    assert lint_of(db).check(program) == rule


@pytest.mark.parametrize("program", NEAR_MISSES)
def test_a_near_miss(db, program):
    assert lint_of(db).check(program) is None


def test_ties_are_seen_however_many_rows_are_alike(db):
    """The row that is kept may be any of the first hundred: the hundredth differs."""
    db.executemany("insert into labevents values (?, '2099', 1, 1)", [(n,) for n in range(100, 199)])
    assert lint_of(db).check(f"{FIRST} order by t asc limit 1") is None
    db.execute("insert into labevents values (199, '2099', 1, 2)")
    assert lint_of(db).check(f"{FIRST} order by t asc limit 1") == "tie"


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("prescriptions", "dose_val_rx", "('heparin', '1-2')"), ("labevents", "valuenum", "(8, '2104', 1, '>50')"),
        ("cost", "cost", "('much')"), ("chartevents", "valuenum", "(x'00')"), ("admissions", "age", "(3, 'old')"),
        ("tb_cxr_plus", "mt_ratio", "(54, '2104', 0.4, 'wide')"), ("inputevents", "amount", "('1 ml')"),
        ("outputevents", "value", "('1/2')"),
    ],
)  # fmt: skip
def test_a_column_of_numbers_that_holds_text(db, table, column, row):
    program = f"select sum({table}.{column}) from {table}"
    assert lint_of(db).check(program) is None
    db.execute(f"insert into {table} values {row}")
    assert lint_of(db).check(program) == "text-number"
    assert lint_of(db).check("select count(*) from labevents") is None


def test_what_runs_may_be_given_and_the_program_is_still_what_is_looked_at(db):
    """The official normalisation takes out what is unsafe: it must be looked for before."""
    assert lint_of(db).check("select 1 where 'a' = 'b''c'", "select 1 where 'a' = 'bc'") == "unsafe-text"
    assert lint_of(db).check("select 1", f"{FIRST} order by t asc limit 1") == "tie"


def test_every_rule_is_tested_and_every_result_is_a_rule():
    assert {*BROKEN, "text-number"} == set(RULES)


def test_a_part_is_looked_at_once(db):
    ran = []

    def run(sql):
        ran.append(sql)
        return list(db.execute(sql))

    lint = Lint(run)
    program = f"select count(*) from labevents where valuenum in ( {FIRST} and t = '2101' order by t asc limit 1 )"
    assert lint.check(program) is None
    before = len(ran)
    assert lint.check(program) is None
    assert len(ran) == before
