"""Single-fault mutants: what is changed, what is left out because it changes nothing, and that each can be read."""

from __future__ import annotations

import pytest

from ehrxqa.sql.mutants import mutants
from ehrxqa.sql.structure import read


def changed(sql):
    return {(each.fault, " ".join(each.sql.split())) for each in mutants(read(sql))}


@pytest.mark.parametrize(
    ("sql", "fault", "mutant"),
    [
        ("SELECT a FROM t ORDER BY b ASC LIMIT 1", "order", "SELECT a FROM t ORDER BY b desc LIMIT 1"),
        ("select a from t order by b limit 1", "limit", "select a from t order by b limit 1 offset 1"),
        ("select a from t order by b limit 1 offset 1", "limit", "select a from t order by b limit 1 offset 2"),
        ("select a from t where b >= 1", "bound", "select a from t where b > 1"),
        ("select a from t where b = 1 and c = 2", "filter", "select a from t where c = 2"),
        ("select a from t where b = 1 and c = 2", "filter", "select a from t where b = 1"),
        ("select a from t where b = 1", "filter", "select a from t"),
        ("select a from t where b between 1 and 2 and c = 2", "filter", "select a from t where b between 1 and 2"),
        ("select count( distinct a ) from t", "distinct", "select count( a ) from t"),
        ("select distinct a from t", "distinct", "select a from t"),
        ("select max(a) from t", "extreme", "select min(a) from t"),
        ("select a from t where b not in ( 1 )", "negation", "select a from t where b in ( 1 )"),
        ("select a from t except select a from u", "set", "select a from t intersect select a from u"),
    ],
)
def test_a_fault(sql, fault, mutant):
    assert (fault, mutant) in changed(sql)


@pytest.mark.parametrize(
    ("sql", "faults"),
    [
        # the order of what no LIMIT cuts, and DISTINCT where it is only asked whether there is something
        ("select a from t order by a asc", set()),
        ("select a from t where b in ( select distinct c from u )", {"filter"}),
        ("select count(*) > 0 from ( select distinct c from u ) as v", {"bound"}),
        ("select distinct a from t union select a from u", {"set"}),
        ("select distinct a from t order by a asc limit 1", {"order", "limit"}),
        ("select a from t where b = 1 or c = 2", set()),
        ("select 'max(a) >= 1 order by asc' from t", set()),
    ],
)
def test_what_changes_nothing_is_left_out(sql, faults):
    assert {fault for fault, _ in changed(sql)} == faults


def test_the_rank_of_a_window_has_an_order_that_matters():
    sql = "select a from ( select a, rank() over ( order by b desc ) as r from t ) where r <= 3"
    assert {"order", "bound", "filter"} == {fault for fault, _ in changed(sql)}


def test_mutants_are_other_programs_that_can_be_read():
    sql = (
        "select count( distinct t1.s ) from ( select a as s from t where b not in ( select distinct c from u "
        "where d >= 2 order by e desc limit 1 ) and x is not null ) as t1 join v on t1.s = v.s where t1.s < v.e"
    )
    first = mutants(read(sql))
    assert len(first) == len({" ".join(each.sql.split()) for each in first}) > 8
    for each in first:
        assert each.sql != sql
        for second in mutants(read(each.sql)):
            read(second.sql)
