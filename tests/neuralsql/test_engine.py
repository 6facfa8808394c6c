"""Any SQLite query with func_vqa: the same rows as asking row by row, and far fewer questions."""

from __future__ import annotations

import re

import pytest

from ehrxqa.neuralsql.engine import Engine
from ehrxqa.sql.errors import Abstained, CallError, Denied, MemoryLimit, QuerySyntaxError, QuestionLimit, SqlError
from ehrxqa.sql.sandbox import Limits
from ehrxqa.vqa.models import ABSTAIN

P = '"is there pneumonia?"'
O = '"is there lung opacity in the left lung?"'  # noqa: E741
R = '"are there any disease in the right lung?"'
L = '"list all abnormality."'
D = '"list all anatomical locations related to lung opacity."'

TRUTH_QUERIES = [
    f"select count(*) from tb_cxr where func_vqa({P}, study_id)",
    f"select study_id from tb_cxr where FUNC_VQA({P}, study_id) = true and func_vqa({O}, tb_cxr.study_id) = false",
    f"select study_id from tb_cxr where func_vqa({P}, study_id) or func_vqa({O}, study_id) or viewposition = 'ap'",
    f"select t.subject_id, sum(func_vqa({P}, t.study_id)) from tb_cxr t group by t.subject_id",
    f"select func_vqa({P}, t.study_id), count(*) from tb_cxr t group by func_vqa({P}, t.study_id)",
    f"with s as (select * from tb_cxr where func_vqa({P}, study_id) = true), u as (select * from s where "
    f"func_vqa({O}, s.study_id)) select (select count(*) from s), (select count(*) from u)",
    f"select case when viewposition = 'ap' then func_vqa({P}, study_id) when func_vqa({O}, study_id) then 7 else 9 end "
    "from tb_cxr",
    f"select p.subject_id from patients p where exists (select 1 from tb_cxr c where c.subject_id = p.subject_id and "
    f"func_vqa({P}, c.study_id) = true)",
    f"select p.subject_id, (select max(func_vqa({P}, c.study_id)) from tb_cxr c where c.subject_id = p.subject_id) "
    "from patients p",
    f"select p.subject_id from patients p where not exists (select 1 from tb_cxr c where c.subject_id = p.subject_id "
    f"and func_vqa({P}, c.study_id) = true)",
    "select a.study_id, b.study_id from tb_cxr a join tb_cxr b on a.subject_id = b.subject_id and "
    f"a.study_id < b.study_id where func_vqa({P}, a.study_id) = true and func_vqa({P}, b.study_id) = false",
    f"select a.study_id, b.study_id from tb_cxr a left join tb_cxr b on a.subject_id = b.subject_id and "
    f"func_vqa({P}, b.study_id) = true and a.study_id <> b.study_id",
    f"select a.study_id, func_vqa({P}, b.study_id) from tb_cxr a left join tb_cxr b on a.subject_id = b.subject_id "
    "and a.study_id < b.study_id",
    f"select study_id from tb_cxr order by func_vqa({P}, study_id) desc, study_id limit 3",
    f"select func_vqa({P}, study_id) from tb_cxr order by studydatetime limit 2",
    f"select study_id, func_vqa({P}, study_id) as p from tb_cxr where viewposition = 'pa' order by 1 desc limit 2",
    f"select study_id, func_vqa({P}, study_id) as p from tb_cxr order by p, study_id limit 4",
    f"select study_id, func_vqa({P}, study_id) from tb_cxr order by 2, 1 limit 4",
    f"select func_vqa({P}, study_id) from tb_cxr where func_vqa({P}, study_id) order by study_id limit 2",
    f"select study_id, func_vqa({P}, study_id) from tb_cxr order by func_vqa({P}, study_id), study_id limit 9",
    f"select study_id as s from tb_cxr where func_vqa({P}, s)",
    f"select(func_vqa({P},study_id))as x from tb_cxr where(func_vqa({P},study_id))or(viewposition)='ap'and(study_id)>0",
    f"select func_vqa({P},study_id)as p from(tb_cxr)order by studydatetime limit(2)",
    f"select func_vqa({P},study_id)from tb_cxr limit 2",
    f"select subject_id from tb_cxr group by subject_id having max(func_vqa({P}, study_id)) = 1 and "
    f"func_vqa({O}, min(study_id)) = 0",
    f"select func_vqa({P}, max(study_id)) from tb_cxr group by subject_id",
    f"select func_vqa({P}, (select study_id from tb_cxr c where c.subject_id = p.subject_id order by studydatetime "
    "limit 1)) from patients p",
    f"select func_vqa({P}, case when func_vqa({O}, a.study_id) then a.study_id else null end) from tb_cxr a",
    f"select study_id from tb_cxr where func_vqa({P}, study_id) intersect select study_id from tb_cxr where "
    f"func_vqa({O}, study_id) union select study_id from tb_cxr where func_vqa({R}, study_id) except select 5",
    f"select (select func_vqa({P}, t1.study_id) from (select study_id from tb_cxr order by studydatetime limit 1) t1) "
    f"and (select func_vqa({O}, t2.study_id) from (select study_id from tb_cxr order by 1 desc limit 1) t2)",
    f"select (select func_vqa({P}, t1.study_id) from (select study_id from tb_cxr limit 1) t1) = true or "
    f"(select func_vqa({O}, t2.study_id) from (select study_id from tb_cxr order by 1 desc limit 1) t2) = false",
    f"select func_vqa({P}, study_id) from tb_cxr union all select 5 order by 1",
    f"select func_vqa({P}, study_id) from tb_cxr union select 5 order by func_vqa({P}, study_id)",
    f"select distinct func_vqa({P}, study_id) from tb_cxr",
    f"select count(distinct t.subject_id) filter (where func_vqa({P}, t.study_id)) from tb_cxr t",
    f"select rank() over (partition by func_vqa({P}, study_id) order by study_id) from tb_cxr",
    f"select study_id in (select study_id from tb_cxr where func_vqa({P}, study_id)) from tb_cxr",
    f"select x from (select func_vqa({P}, study_id) as x, study_id from tb_cxr) where x = 1 order by study_id",
    f"select not func_vqa({P}, study_id) from tb_cxr where study_id between 50000001 and 50000100 and "
    f"not func_vqa({O}, study_id)",
    "with recursive r(i, s) as (select 0, (select min(study_id) from tb_cxr) union all select i + 1, (select "
    f"min(study_id) from tb_cxr where study_id > s and func_vqa({P}, study_id) = true) from r where s is not null) "
    "select * from r",
    f"values (func_vqa({P}, (select min(study_id) from tb_cxr)), 2)",
    "select * from tb_cxr, (select subject_id as z from patients where gender = 'm') where subject_id = z and "
    f"func_vqa({P}, study_id)",
    f"select count(*) from tb_cxr c natural join patients p where func_vqa({P}, c.study_id) and p.gender = 'f'",
    f"select count(*) from tb_cxr c join patients p using (subject_id) where (func_vqa({P}, c.study_id) or "
    f"p.gender = 'f') and not (func_vqa({O}, c.study_id) and p.gender = 'm')",
    f"select iif(func_vqa({P}, study_id), 'y', 'n') from tb_cxr limit 3",
    "select c.study_id, p.gender from patients p right join tb_cxr c on p.subject_id = c.subject_id and "
    f"p.gender = 'm' where func_vqa({P}, c.study_id)",
    "select 1 * (strftime('%J', '2105-12-31') - strftime('%J', t1.studydatetime)) from (select study_id, studydatetime "
    f"from tb_cxr) as t1 where func_vqa({P}, t1.study_id) = true order by t1.studydatetime limit 1",
    f"select a.study_id is not distinct from b.study_id from tb_cxr a, tb_cxr b where func_vqa({P}, a.study_id) and "
    f"func_vqa({O}, b.study_id)",
    f"select /* where */ 1 -- from nothing\n from tb_cxr where func_vqa({P}, study_id) = 1 and 'where' <> 'from (' ",
    f'select [study_id], `study_id` from "tb_cxr" as [t 1] where "func_vqa"({P}, [t 1].study_id)',
    f"select func_vqa({P}, study_id) + func_vqa({O}, study_id) * 2 from tb_cxr where +func_vqa({R}, study_id) > 0",
    f"select sum(x) from (select func_vqa({P}, study_id) x from tb_cxr union all select func_vqa({O}, study_id) "
    "from tb_cxr where viewposition = 'ap')",
    f"select study_id from tb_cxr where viewposition = 'ap' and (1 = 2 or func_vqa({P}, study_id)) and case when "
    f"func_vqa({O}, study_id) then 1 else func_vqa({R}, study_id) end",
]


@pytest.mark.parametrize("sql", TRUTH_QUERIES)
def test_rows_are_those_of_asking_row_by_row(engine, slow, sql):
    expected = slow.run(sql)
    result = engine.run(sql)
    assert result.rows == expected
    if "exists" not in sql:  # there, row by row stops at the first study found; we ask about a subject's at once
        assert result.counters.asked <= len(set(slow.asked))


def studies(slow, where="1"):
    return [row[0] for row in slow.run(f"select study_id from tb_cxr where {where}")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            f"select func_vqa({L}, study_id) from tb_cxr",
            lambda s: [(e,) for i in studies(s) for e in s.list_answer(L, i)],
        ),
        (
            f"select study_id, func_vqa({L}, t.study_id) as x from tb_cxr as t where t.viewposition = 'ap'",
            lambda s: [(i, e) for i in studies(s, "viewposition = 'ap'") for e in s.list_answer(L, i)],
        ),
        (
            f"select func_vqa({L}, study_id), func_vqa({D}, study_id) from tb_cxr",
            lambda s: [(a, b) for i in studies(s) for a in s.list_answer(L, i) for b in s.list_answer(D, i)],
        ),
        (
            f"select func_vqa({L}, study_id), func_vqa({P}, study_id) from tb_cxr where func_vqa({O}, study_id)",
            lambda s: [
                (a, *s.run(f"select func_vqa({P}, {i})")[0])
                for i in studies(s, f"func_vqa({O}, study_id)")
                for a in s.list_answer(L, i)
            ],
        ),
        (
            f"select study_id from tb_cxr where 'pneumonia' in (func_vqa({L}, study_id)) and viewposition = 'ap'",
            lambda s: [(i,) for i in studies(s, "viewposition = 'ap'") if "pneumonia" in s.list_answer(L, i)],
        ),
        (
            f"select study_id from tb_cxr where 'pneumonia' not in (func_vqa({L}, study_id))",
            lambda s: [(i,) for i in studies(s) if "pneumonia" not in s.list_answer(L, i)],
        ),
        (
            f"select func_vqa({L},study_id)from(tb_cxr)where(viewposition)='ap'group by(study_id),"
            f"func_vqa({L},study_id)",
            lambda s: [(e,) for i in studies(s, "viewposition = 'ap'") for e in s.list_answer(L, i)],
        ),
        (
            f"select count(distinct func_vqa({L}, study_id)) from tb_cxr",
            lambda s: [(len({e for i in studies(s) for e in s.list_answer(L, i)}),)],
        ),
        (
            f"select func_vqa({L}, study_id), count(*) from tb_cxr group by func_vqa({L}, study_id) order by 1",
            lambda s: (lambda found: [(e, found.count(e)) for e in sorted(set(found))])(
                [e for i in studies(s) for e in s.list_answer(L, i)]
            ),
        ),
        (
            f"select func_vqa({L}, a.study_id) from tb_cxr a where a.study_id = (select min(study_id) from tb_cxr) "
            f"except select func_vqa({L}, study_id) from tb_cxr where study_id = (select max(study_id) from tb_cxr)",
            lambda s: [
                (e,) for e in s.list_answer(L, min(studies(s))) if e not in s.list_answer(L, max(studies(s)))
            ],
        ),
        (
            f"select exists (select func_vqa({D}, c.study_id)) from tb_cxr c",
            lambda s: [(int(bool(s.list_answer(D, i))),) for i in studies(s)],
        ),
        (
            f"select *, func_vqa({L}, study_id) from (select study_id, 7 as value from tb_cxr) where value = 7",
            lambda s: [(i, 7, e) for i in studies(s) for e in s.list_answer(L, i)],
        ),
        (
            f"with x as (select func_vqa({D}, study_id) as p from tb_cxr) select p from x group by p order by 1",
            lambda s: [(e,) for e in sorted({e for i in studies(s) for e in s.list_answer(D, i)})],
        ),
        (
            f"select upper(func_vqa({L}, c.study_id)) from patients p left join tb_cxr c on "
            f"p.subject_id = c.subject_id and c.viewposition = 'none' order by func_vqa({L}, c.study_id)",
            lambda s: [],
        ),
    ],
)  # fmt: skip
def test_list_questions_give_one_row_per_element(engine, slow, sql, expected):
    assert sorted(engine.run(sql).rows) == sorted(expected(slow))


@pytest.mark.parametrize(
    ("sql", "asked", "runs"),
    [
        # other conditions first, wherever they stand
        (f"select 1 from tb_cxr where func_vqa({P}, study_id) and study_id = 50000008", 1, 2),
        (f"select 1 from tb_cxr where study_id = 50000008 and func_vqa({P}, study_id)", 1, 2),
        (f"select 1 from tb_cxr where func_vqa({P}, study_id) or 1", 0, 1),
        (f"select 1 from tb_cxr c join patients p on p.subject_id = c.subject_id where func_vqa({P}, c.study_id) and "
         "p.subject_id = 10000000 and c.study_id = 50000008", 1, 2),
        # a join that leaves nothing
        (f"select 1 from tb_cxr c, patients p where func_vqa({P}, c.study_id) and p.gender = c.viewposition", 0, 1),
        # the second question only where the first one leaves room
        (f"select 1 from tb_cxr where study_id = 50000008 and func_vqa({P}, study_id) = false and "
         f"func_vqa({O}, study_id)", 1, 2),
        (f"select 1 from tb_cxr where study_id = 50000008 and (func_vqa({P}, study_id) or func_vqa({O}, study_id))",
         1, 2),
        (f"select case when func_vqa({P}, 50000008) then 1 else func_vqa({O}, 50000008) end", 1, 2),
        (f"select iif(not func_vqa({P}, 50000008), func_vqa({O}, 50000008), 'x'), coalesce(func_vqa({P}, 50000008), "
         f"func_vqa({O}, 50000008))", 1, 2),
        # only the rows within a LIMIT
        (f"select func_vqa({P}, study_id) from tb_cxr order by studydatetime desc limit 1", 1, 2),
        # the same question in other words, the same study in other types
        ("select func_vqa('is there pneumonia', 50000008), func_vqa('is there pneumonia?', '50000008'), "
         "func_vqa('Does the chest x-ray show pneumonia?', 50000008.0)", 1, 2),
        # a study that is NULL is not asked about
        (f"select func_vqa({P}, null), 'x' in (func_vqa({L}, null))", 0, 1),
        # no row, no question
        (f"select func_vqa({P}, study_id) from tb_cxr where 0", 0, 1),
    ],
)  # fmt: skip
def test_only_studies_that_matter_are_asked(engine, sql, asked, runs):
    counters = engine.run(sql).counters
    assert (counters.asked, counters.runs) == (asked, runs)


@pytest.mark.parametrize(
    ("sql", "kind", "said"),
    [
        (f"select 1 from tb_cxr where func_vqa({L}, study_id) = 'x'", CallError, "column 28: a list question in"),
        (f"select 1 from tb_cxr join patients on func_vqa({L}, study_id)", CallError, "in a join"),
        (f"values (func_vqa({L}, 50000008))", CallError, "in VALUES"),
        (f"select func_vqa({L}, study_id) = true from tb_cxr", CallError, "cannot be compared with true"),
        (f"select func_vqa({L}, study_id) is null from tb_cxr", CallError, "cannot be compared with null"),
        (f"select 1 from tb_cxr limit func_vqa({L}, 1)", CallError, "in a LIMIT"),
        (f"select 1 from tb_cxr where func_vqa({P}, study_id) = 'yes'", CallError, "compare it with true or false"),
        (f"select 1 from tb_cxr where 'yes' = func_vqa({P}, study_id)", CallError, "compare it with true or false"),
        (f"select func_vqa({P}, 5)", CallError, "study 5 has no image"),
        (f"select func_vqa({P}, image_id) from tb_cxr", CallError, "is not a study id"),
        ("select func_vqa(image_id, study_id) from tb_cxr", CallError, "expects a question in quotes"),
        ("select func_vqa('a' || 'b', study_id) from tb_cxr", CallError, "expects a question in quotes"),
        ("select func_vqa() from tb_cxr", CallError, "found nothing"),
        (f"select func_vqa({P}) from tb_cxr", CallError, "expects a question in quotes and a study"),
        (f"select func_vqa({P}, study_id, 3) from tb_cxr", CallError, "expects two arguments, found 3"),
        ("select func_vqa('is there a unicorn?', study_id) from tb_cxr", CallError, "unicorn"),
        (f"select func_vqa({P}, nowhere) from tb_cxr", SqlError, "no such column"),
        ("select 1 from tb_cxr where (", QuerySyntaxError, "column 28: a bracket is never closed"),
        ("select 1) from tb_cxr", QuerySyntaxError, "closing bracket"),
        (f"with a as (select func_vqa({L}, 1))", QuerySyntaxError, "no SELECT after WITH"),
        (f"select func_vqa({L}, 1) select 2", QuerySyntaxError, "unexpected SELECT"),
        ("select 'x", QuerySyntaxError, "column 8: the quote ' is never closed"),
        ("", QuerySyntaxError, "no query"),
        ("insert into x values (1)", QuerySyntaxError, "begins with SELECT"),
        ("select 1; select 2", QuerySyntaxError, "more than one statement"),
        ("select ehrxqa_truth(0, 50000008)", Denied, "engine's own"),
        ("select * from [Tb_Cxr_Plus]", Denied, "answer key"),
        (" NULL ", Abstained, "says null"),
        ("select " + "1," * 20_000 + "1", MemoryLimit, "characters"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_with_its_place(engine, sql, kind, said):
    with pytest.raises(kind, match=re.escape(said)) as caught:
        engine.run(sql)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_fault_counts_only_where_the_result_needs_it(engine):
    assert engine.run(f"select 1 where 1 or func_vqa({P}, 5)").rows == [(1,)]
    with pytest.raises(CallError):
        engine.run(f"select 1 where 0 or func_vqa({P}, 5)")


@pytest.mark.parametrize("order", ["", "order by studydatetime ", "order by 1 "])
def test_a_fault_within_a_limit_is_not_lost(engine, order):
    with pytest.raises(CallError, match="no image"):
        engine.run(f"select func_vqa({P}, subject_id) from tb_cxr {order}limit 1")
    rows = engine.run(
        f"select func_vqa({P}, iif(row_id < 3, study_id, row_id)) from tb_cxr order by row_id limit 3"
    ).rows
    assert len(rows) == 3


def test_an_abstention_within_a_limit_is_not_lost(small_database):
    with Engine(small_database, Scripted(lambda request: ABSTAIN)) as engine, pytest.raises(Abstained):
        engine.run(f"select func_vqa({P}, study_id) from tb_cxr limit 1")


def test_text_that_only_looks_like_a_call_or_a_table_is_text(engine):
    rows = engine.run("select 'func_vqa(\"x\", 1)', 'tb_cxr_plus', 'a;b', 'it''s', '%y'").rows
    assert rows == [('func_vqa("x", 1)', "tb_cxr_plus", "a;b", "it's", "%y")]


def test_columns_carry_the_author_s_words(engine):
    assert engine.run(f"select t.*, func_vqa({L}, study_id), func_vqa({P}, study_id) as p from tb_cxr as t").columns[
        -2:
    ] == (
        f"func_vqa({L}, study_id)",
        "p",
    )


class Scripted:
    """A model that answers as told and notes what it was asked."""

    name, version = "scripted", "1"

    def __init__(self, answer, batch_size=4):
        self._answer, self.batch_size, self.batches = answer, batch_size, []

    def answer(self, requests):
        self.batches.append([request.study_id for request in requests])
        return [self._answer(request) for request in requests]


def test_batches_are_as_large_as_the_model_wants_and_no_pair_is_asked_twice(small_database):
    model = Scripted(lambda request: True)
    with Engine(small_database, model) as engine:
        result = engine.run(f"select sum(func_vqa({P}, study_id)), max(func_vqa({P}, study_id)) from tb_cxr")
        total = result.counters.asked
        assert result.rows == [(total, 1)]
        assert sum(map(len, model.batches)) == total == len({study for batch in model.batches for study in batch})
        assert {len(batch) for batch in model.batches[:-1]} == {4}
        again = engine.run(f"select sum(func_vqa({P}, study_id)) from tb_cxr")
        assert (again.counters.asked, again.counters.cached) == (0, total)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (lambda request: ABSTAIN, "abstained", "the model abstains on study"),
        (lambda request: ("a",), "error", "a list to a yes/no question"),
        (lambda request: None, "answered", None),
    ],
)
def test_outcomes_of_odd_answers(small_database, answer, status, said):
    with Engine(small_database, Scripted(answer)) as engine:
        outcome = engine.outcome(f"select sum(func_vqa({P}, study_id)) from tb_cxr")
    assert outcome.status == status
    assert outcome.error is said if said is None else said in outcome.error
    assert outcome.answer == ([0] if said is None else None)


def test_a_truth_value_for_a_list_question_is_an_error(small_database):
    with Engine(small_database, Scripted(lambda request: True)) as engine:
        assert "a truth value where a list" in engine.outcome(f"select func_vqa({L}, study_id) from tb_cxr").error


def test_outcomes_of_limits_and_errors(small_database, oracle):
    with Engine(small_database, oracle, limits=Limits(questions=3, rows=5, seconds=0.2)) as engine:
        assert engine.outcome(f"select sum(func_vqa({P}, study_id)) from tb_cxr").status == "timeout"
        assert engine.outcome("select study_id from tb_cxr").status == "timeout"
        assert (
            engine.outcome(
                "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
            ).status
            == "timeout"
        )
        assert engine.outcome("select no from tb_cxr").status == "error"
        assert engine.outcome("null").status == "abstained"
        assert engine.outcome("select 1, 'a', 0.12345678").answer == [[1, "a", 0.123457]]
        assert engine.outcome("select x'00'").error == "the answer holds a blob, which JSON cannot write"
        assert engine.outcome("select 9e999").status == "error"
        good = engine.outcome("select 0.12345678 union all select 2")
    assert (good.status, good.answer, good.error, good.questions) == ("answered", [0.123457, 2], None, 0)


def test_too_many_questions(small_database, oracle):
    with Engine(small_database, oracle, limits=Limits(questions=3)) as engine, pytest.raises(QuestionLimit):
        engine.run(f"select sum(func_vqa({P}, study_id)) from tb_cxr")


def test_without_a_model_plain_sql_still_runs(small_database):
    with Engine(small_database) as engine:
        assert engine.run("select count(*) from patients").rows == [(6,)]
        with pytest.raises(CallError, match="no model"):
            engine.run(f"select func_vqa({P}, study_id) from tb_cxr")
