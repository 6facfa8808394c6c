"""Plans that were filled in are those that would have been made."""

import itertools

import pytest

from ehrxqa.errors import NeuralSqlError
from ehrxqa.neuralsql import plan_cache
from ehrxqa.neuralsql.plan_cache import PlanCache
from ehrxqa.neuralsql.planner import make_plan
from ehrxqa.sql.sandbox import ANSWER_KEY
from ehrxqa.vqa.parse import parse

X = (
    "( select tb_cxr.study_id from tb_cxr where tb_cxr.subject_id = {id} and "
    "strftime('%y',tb_cxr.studydatetime) >= '{year}' )"
)
T = f"( select tb_cxr.study_id from tb_cxr where tb_cxr.study_id in {X} ) as t1"
FORMS = (
    f'select func_vqa("{{q}}", t1.study_id) from {T}',
    f'select func_vqa("{{l}}", t1.study_id) from {T}',
    f'select ( func_vqa("{{q}}", t1.study_id) = true ) or ( func_vqa("{{r}}", t1.study_id) = true ) from {T}',
    f'select ( func_vqa("{{q}}", t1.study_id) = true ) and ( func_vqa("{{q}}", t1.study_id) = true ) from {T}',
    f'select func_vqa("{{l}}", t1.study_id) from {T} union select func_vqa("{{m}}", t1.study_id) from {T}',
    f'select count( distinct t1.study_id ) from {T} where func_vqa("{{q}}", t1.study_id) = true',
    f'select t1.study_id from {T} where func_vqa("{{q}}", t1.study_id) = true order by t1.study_id limit 1',
    f'select t1.study_id, func_vqa("{{l}}", t1.study_id), func_vqa("{{q}}", t1.study_id) from {T} limit 2',
    "select ( select count(*) > 0 from prescriptions where prescriptions.hadm_id = {id} and drug = '{drug}' ) and "
    '( select count(*) > 0 from tb_cxr where func_vqa("{q}", study_id) = true )',
    "select count(*) from prescriptions where starttime > current_time and drug = '{drug}'",
    "select func_vqa(“{q}”, study_id) from tb_cxr where hadm_id = ''{id}''",
    'select "study_id" from tb_cxr where func_vqa("{q}", "study_id") = false -- said {id}',
    "select 'it''s {drug}' where '{drug}' = 'it''s'",
    'with t as ( select study_id from tb_cxr where subject_id = {id} ) select func_vqa("{q}", study_id) from t',
)
FAULTS = (
    'select func_vqa("how old is it?", study_id) from tb_cxr where subject_id = {id}',
    'select func_vqa("{q}", study_id) + 1 from tb_cxr_plus where subject_id = {id}',
    "select func_vqa('{q}') from tb_cxr",
    "select func_vqa(\"{q}\", study_id) = '{drug}' from tb_cxr where (subject_id = {id}",
    "select 'ehrxqa mark 0', 900000000000001 from tb_cxr where subject_id = {id}",
)
VALUES = (
    {"id": 10000001, "year": 2103, "q": "is there picc?", "r": "is there pneumonia in the left lung?",
     "drug": "aspirin", "l": "list all diseases.", "m": "list all anatomical locations related to pleural effusion."},
    {"id": 987654, "year": 2104, "q": "is there pleural effusion in the right lung?", "r": "is there any disease?",
     "drug": "d'or", "l": "list all devices in the neck.", "m": "list all abnormality."},
    {"id": 7, "year": 99, "q": "are there any abnormality?", "r": "are there any abnormality?", "drug": "5% x {y}",
     "l": "list all abnormality.", "m": "list all abnormality."},
)  # fmt: skip


def _outcome(make, query):
    try:
        return make(query)
    except NeuralSqlError as error:
        return type(error), str(error)


@pytest.mark.parametrize("form", FORMS + FAULTS)
def test_filled_plans_are_those_that_are_made(form):
    for order in itertools.permutations(VALUES):
        cache = PlanCache(parse, ANSWER_KEY)
        for values in (*order, *order):
            query = form.format(**values)
            made = _outcome(lambda text: make_plan(text, parse, deny_tables=ANSWER_KEY), query)
            assert _outcome(cache.plan, query) == made, query


def test_queries_that_differ_in_values_and_questions_are_read_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        plan_cache, "make_plan", lambda *given, **more: asked.append(given) or make_plan(*given, **more)
    )
    cache = PlanCache(parse, ANSWER_KEY)
    for values in VALUES[:2]:
        cache.plan(FORMS[2].format(**values))
    assert len(asked) == 1
    cache.plan(FORMS[2].format(**{**VALUES[0], "r": VALUES[0]["q"]}))
    assert len(asked) == 2  # two equal questions are another thing than two that differ


def test_few_plans_are_kept(monkeypatch):
    monkeypatch.setattr(plan_cache, "MOST_PLANS", 3)
    cache = PlanCache(parse, ANSWER_KEY)
    for form in FORMS:
        cache.plan(form.format(**VALUES[0]))
    assert len(cache._plans) == 3
