"""Which parts of a query are looked at only if an earlier one does not decide, and what a query asked about."""

from __future__ import annotations

import pytest

from ehrxqa.neuralsql.booleans import choices
from ehrxqa.neuralsql.engine import Outcome
from ehrxqa.neuralsql.workers import _outcome_of
from ehrxqa.sql.structure import read


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("iif( f(a), f(b), c )", [("f(a)", True), ("f(b)", False), ("c", False)]),
        ("if( f(a), f(b) )", [("f(a)", True), ("f(b)", False)]),
        ("coalesce( f(a), b, f(c) )", [("f(a)", True), ("b", True), ("f(c)", True)]),
        ("ifnull( f(a), f(b) )", [("f(a)", True), ("f(b)", True)]),
        ("iif( f(a), b, c )", None),  # one question alone: nothing to choose
        ("iif( a, b, c )", None),
        ("max( f(a), f(b) )", None),
        ("coalesce + f(a) + f(b)", None),  # a column of that name
        ("case when f(a) then f(b) else c end", [("", True), ("f(a)", True), ("f(b)", False), ("c", False)]),
        (
            "case a when f(b) then 1 when f(c) then 2 end",
            [("a", True), ("f(b)", True), ("1", False), ("f(c)", True), ("2", False)],
        ),
    ],
)
def test_parts_of_what_chooses(expression, parts):
    structure = read(f"select {expression} from t")
    calls = [number for number, token in enumerate(structure.tokens) if token.text == "f"]
    found = list(choices(structure, lambda first, last: any(first <= call < last for call in calls)))
    told = [[(structure.text(first, last), decides) for first, last, decides in each] for each in found]
    assert told == ([] if parts is None else [parts])


def test_studies_that_a_query_asked_about(engine, slow):
    wanted = {row[0] for row in slow.run("select study_id from tb_cxr where viewposition = 'ap'")}
    engine.run("select func_vqa(\"is there pneumonia?\", study_id) from tb_cxr where viewposition = 'ap'")
    assert engine.studies == wanted != set()
    engine.run("select 1")
    assert engine.studies == set()


def test_no_query_abstains_and_takes_no_time():
    assert _outcome_of([], None) == Outcome("abstained", None, "the query is null", 0, 0.0)
