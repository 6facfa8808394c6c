"""What a program does with its columns: which are used as numbers, and which shall equal which values."""

from __future__ import annotations

import apsw
import pytest

from ehrxqa.sql.comparisons import Comparison, comparisons
from ehrxqa.sql.number_columns import holds_text
from ehrxqa.sql.structure import read

#: `mixed` holds numbers and a text; `digits` texts of numbers, whose order as texts is another; `n` numbers.
ROWS = [(1, "1-2", "9"), (2, 5, "10"), (3, 7, "11")]
SCHEMA = {"t": frozenset({"n", "mixed", "digits"}), "u": frozenset({"m"})}


@pytest.fixture(scope="module")
def run():
    database = apsw.Connection(":memory:")
    database.execute("create table t (n, mixed, digits)")
    database.executemany("insert into t values (?, ?, ?)", ROWS)
    yield lambda sql: list(database.execute(sql))
    database.close()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("select avg(mixed) from t", "mixed"),
        ("select sum( distinct mixed ) from t", "mixed"),
        ("select count(mixed) from t", None),
        ("select sum(digits) from t", None),  # SQLite reckons with them as with the numbers
        ("select mixed + 1 from t", "mixed"),
        ("select 1 - mixed from t", "mixed"),
        ("select n from t where digits > 5", "digits"),
        ("select n from t where digits > n", None),
        ("select n from t where digits < 5", "digits"),  # leaves all out
        ("select n from t where n = 1 and digits <= 10", "digits"),
        ("select n from t where n > 7 and digits <= 10", None),  # of no row that is read
        ("select n from t where mixed < 6", None),  # what is no number is left out, as it should be
        ("select n from t where mixed > 6", "mixed"),
        ("select n from t where 5 < digits", "digits"),
        ("select n from t where 20 > t.digits", "t.digits"),
        ("select n from t where digits > -5", "digits"),
        ("select n from t where digits between -5 and +12", "digits"),
        ("select n from t where n < 5 and digits between n and 12", None),
        ("select -mixed from t", "mixed"),
        ("select n from t where n > -mixed", "mixed"),
        ("select n from t where n not in ( 5, -mixed )", "mixed"),
        ("select +mixed from t", None),  # does nothing
        ("select n from t where n > +mixed", None),
        ("select n + mixed from t", "mixed"),
        ("select digits between 5 and 12 from t", "digits"),
        ("select digits between '5' and '7' from t", None),
        ("select digits not in ( 5, 7 ) from t", None),
        ("select n from t where digits = 5", None),
        ("select n from t where digits in ( 5 )", None),
        ("select n from t order by digits", "digits"),
        ("select n from t order by mixed desc", "mixed"),
        ("select n from t order by n, mixed", None),  # only the first decides what comes first
        ("select max(digits) from t", "digits"),
        ("select max(t.mixed) from t", "t.mixed"),
        ("select max(digits, n) from t", None),
        ("select lower(digits) from t", None),
        ("select min(digits || 'a') from t", None),
        ("select digits from t", None),
        ("select dense_rank() over ( order by mixed ) from t", "mixed"),
        ("select row_number() over ( partition by n order by digits ) from t", "digits"),
        ("select sum(mixed) from t where n > 1", None),  # the row with the text is not read
        ("select count(*) as digits from t order by digits", None),  # a result by its name
        ("select n from t where n = ( select max(digits) from t )", None),  # not this query's
        ("select n from t group by digits", None),
    ],
)
def test_columns_used_as_numbers_that_hold_text(run, query, wanted):
    structure = read(query)
    assert holds_text(structure, structure.root, run) == wanted


def test_texts_of_numbers_that_stand_in_one_order_are_fine(run):
    structure = read("select max(digits) from t where digits in ( '10', '11' )")
    assert holds_text(structure, structure.root, run) is None


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("t.n = 1", [("t", "n", ("1",), False)]),
        ("digits = 'a'", [("t", "digits", ("'a'",), True)]),
        ("digits == 'a' and m is 3", [("t", "digits", ("'a'",), True), ("u", "m", ("3",), False)]),
        ("n in ( 1, 2, 3 )", [("t", "n", ("1", "2", "3"), False)]),
        ("n in ( 1 ) or m = 2", [("t", "n", ("1",), False), ("u", "m", ("2",), False)]),
        ("digits in ( 'a', 'b' )", [("t", "digits", ("'a'", "'b'"), True)]),
        ("n in ( select m from u )", []),
        ("n not in ( 1, 2 )", []),
        ("n in ( 1, m )", []),
        ("n = 1 + 1", []),
        ("n > 1", []),
        ("n = m", []),
        ("n in ()", []),
        ("other = 1", []),
    ],
)
def test_columns_that_shall_equal_a_value(condition, wanted):
    found = comparisons(read(f"select t.n from t, u where {condition}"), SCHEMA)
    assert list(found) == [Comparison(*parts) for parts in wanted]
