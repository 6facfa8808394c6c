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


@pytest.mark.parametrize(
    ("sql", "faults"),
    [
        # a select that stands for one value gives its first row
        ("select a from t where b = ( select distinct c from u where d = 1 )", {"filter"}),
        # ids in the table whose rows they number
        ("select count( distinct admissions.hadm_id ) from admissions where admissions.subject_id = 1", {"filter"}),
        ("select distinct icustays.stay_id from icustays where icustays.hadm_id = 1", {"filter"}),
        ("select count( distinct admissions.subject_id ) from admissions where a = 1", {"filter", "distinct"}),
        # one row for a finding at a place on a study
        (
            "select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in ( 1 ) "
            "and tb_cxr_plus.object = 'neck'",
            {"filter"},
        ),
        (
            "select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in ( 1 , 2 ) "
            "and tb_cxr_plus.object = 'neck'",
            {"filter", "distinct"},
        ),
        (
            "select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in ( 1 )",
            {"filter", "distinct"},
        ),
        (
            "select count( distinct tb_cxr_plus.study_id ) from tb_cxr_plus where tb_cxr_plus.object = 'neck' "
            "and tb_cxr_plus.attribute = 'picc'",
            {"filter"},
        ),
        (
            "select count( distinct tb_cxr_plus.study_id ) from tb_cxr_plus where tb_cxr_plus.object = 'neck'",
            {"filter", "distinct"},
        ),
        # an instant of the clock: whether that second counts is not said; a year is said, and so are events
        ("select a from t where datetime(t.b) >= datetime('2105-12-31 23:59:00','-2 year')", {"filter"}),
        ("select a from t where datetime(t.b) >= datetime('2105-12-31','start of year')", {"filter", "bound"}),
        ("select a from t where strftime('%Y',t.b) >= '2105'", {"filter", "bound"}),
        ("select a from t where datetime(t.b) >= datetime()", {"filter", "bound"}),
        ("select a from t where t.b < t.c", {"filter", "bound"}),
    ],
)
def test_what_changes_nothing_by_the_schema_is_left_out(sql, faults):
    assert {fault for fault, _ in changed(sql)} == faults


@pytest.mark.parametrize(
    ("sql", "filters"),
    [
        ("select a from t where t.b is not null and t.b between 1 and 2", ["select a from t where t.b is not null"]),
        (
            "select a from t where t.b is not null and t.c = 1",
            ["select a from t where t.b is not null", "select a from t where t.c = 1"],
        ),
        (
            "select a from labevents where labevents.itemid in ( select d_items.itemid from d_items where "
            "d_items.linksto = 'labevents' )",
            ["select a from labevents"],
        ),
        (
            "select a from labevents where labevents.itemid in ( select d_items.itemid from d_items where "
            "d_items.linksto = 'chartevents' )",
            ["select a from labevents"],
        ),
        # said by the bound: x < y left out beside `y between x and …` is x <= y
        (
            "select a from t where t.b < t.c and datetime(t.c) between datetime(t.b) and datetime(t.b,'+2 month')",
            ["select a from t where t.b < t.c"],
        ),
        (
            "select a from t where t.d < t.c and datetime(t.c) between datetime(t.b) and datetime(t.b,'+2 month')",
            [
                "select a from t where t.d < t.c",
                "select a from t where datetime(t.c) between datetime(t.b) and datetime(t.b,'+2 month')",
            ],
        ),
        # the only condition of a select behind IN, but not behind NOT IN
        ("select a from t where b in ( select c from u where d = 1 )", ["select a from t"]),
        (
            "select a from t where b not in ( select c from u where d = 1 )",
            ["select a from t", "select a from t where b not in ( select c from u )"],
        ),
        (
            "select a from t where b in ( select c from u where d = 1 order by e limit 1 )",
            ["select a from t", "select a from t where b in ( select c from u order by e limit 1 )"],
        ),
    ],
)  # fmt: skip
def test_a_condition_is_left_out_once_and_only_where_it_says_something(sql, filters):
    assert sorted(sql for fault, sql in changed(sql) if fault == "filter") == sorted(filters)


SIDE = "select distinct tb_cxr_plus.{} from tb_cxr_plus where tb_cxr_plus.study_id in ( {} )"


@pytest.mark.parametrize(
    ("lists", "operator", "categories", "left_out"),
    [
        # a finding has one category: the other side lets no other one through
        ("attribute", "except", ("device", "device"), [True, False]),
        ("attribute", "intersect", ("device", "device"), [False, False]),
        # of places there are many findings, another category lets others through, and a union everything
        ("object", "except", ("device", "device"), [True, True]),
        ("attribute", "except", ("device", "disease"), [True, True]),
        ("attribute", "union", ("device", "device"), [True, True]),
    ],
)
def test_the_category_of_one_side_is_said_by_the_other(lists, operator, categories, left_out):
    sides = [
        f"{SIDE.format(lists, study)} and tb_cxr_plus.category = '{category}'"
        for study, category in enumerate(categories, 1)
    ]
    without = [side[: side.rindex(" and ")] for side in sides]
    found = {sql for fault, sql in changed(f" {operator} ".join(sides)) if fault == "filter"}
    assert [
        f"{without[0]} {operator} {sides[1]}" in found,
        f"{sides[0]} {operator} {without[1]}" in found,
    ] == left_out


def test_what_is_said_twice_is_misread_at_both_places():
    last = "( select s from v where p = 1 order by t desc limit 1 )"
    sql = f"select count(*) > 0 from a where a.s in {last} and a.u in ( select u from w where w.s in {last} )"
    found = {(fault, mutant.count("asc"), mutant.count("offset")) for fault, mutant in changed(sql)}
    assert {("order", 2, 0), ("limit", 0, 2)} <= found
    assert not {("order", 1, 0), ("limit", 0, 1)} & found
    assert sum(mutant.count("p = 1") == 1 for _, mutant in changed(sql)) == 2  # where a whole condition is left out


def test_a_misreading_is_the_same_whatever_the_values():
    first, second = (
        {each.reading for each in mutants(read(f"select a from t where b in ( {ids} ) and c = '{name}' and d in "
                                               f"( select e from u where f = '{name}' limit 1 )"))}
        for ids, name in (("1", "x"), ("2 , 3", "y"))
    )  # fmt: skip
    assert first == second
    assert {"b in ( ? ) and → nothing", "and d in ( … ) → nothing"} <= first


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
