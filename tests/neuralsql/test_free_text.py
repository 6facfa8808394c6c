"""Questions that are none of the known kinds reach models that look at images; and what a query waits for is told."""

from __future__ import annotations

import pytest

from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.sql.errors import CallError, SqlError

HEART = '"Does the heart seem a bit too large to you?"'
LINES = '"How many lines can be seen?"'
P = '"is there pneumonia?"'
O = '"is there lung opacity in the left lung?"'  # noqa: E741


class Looking:
    """Says yes, or one element, and keeps what it was asked."""

    name, version, batch_size = "looking", "1", 4

    def __init__(self):
        self.requests = []

    def answer(self, requests):
        self.requests += requests
        return [True if request.answer_type == "truth" else ("two",) for request in requests]


def asked(database, query, **more):
    model = Looking()
    with Engine(database, model, **more) as engine:
        result = engine.run(query)
    return result, {(request.text, request.answer_type) for request in model.requests}


@pytest.mark.parametrize(
    ("query", "text", "expects"),
    [
        # as the sentence sounds
        (f"select func_vqa({HEART}, study_id) from tb_cxr", HEART, "truth"),
        (f"select func_vqa({LINES}, study_id) from tb_cxr", LINES, "list"),
        # as the place demands
        (f"select study_id from tb_cxr where func_vqa({LINES}, study_id)", LINES, "truth"),
        (f"select study_id from tb_cxr where 'two' in (func_vqa({HEART}, study_id))", HEART, "list"),
        (f"select func_vqa({LINES}, study_id) = true from tb_cxr", LINES, "truth"),
        (f"select func_vqa({HEART}, study_id) = 'two' from tb_cxr", HEART, "list"),
        (f"select case when func_vqa({LINES}, study_id) then 1 else 0 end from tb_cxr", LINES, "truth"),
        (f"select (func_vqa({LINES}, study_id)) and subject_id > 0 from tb_cxr", LINES, "truth"),
    ],
)
def test_yes_or_no_or_a_list(small_database, query, text, expects):
    result, found = asked(small_database, query)
    assert found == {(text.strip('"'), expects)}
    assert result.questions[0].kind is None
    assert result.questions[0].answer_type == expects


def test_wordings_that_differ_in_case_and_marks_are_asked_once(small_database):
    model = Looking()
    query = (
        'select func_vqa("DOES the heart seem odd", study_id) from tb_cxr where func_vqa("does the heart seem odd?", '
    )
    with Engine(small_database, model) as engine:
        studies = len(engine.run(query + "study_id)").rows)
    assert studies > 1
    assert len(model.requests) == studies


def test_free_text_is_kept_in_the_cache(small_database, tmp_path):
    query = f"select count(*) from tb_cxr where func_vqa({HEART}, study_id)"
    with AnswerCache(tmp_path / "cache") as cache:
        first, found = asked(small_database, query, cache=cache)
        assert found
        second, found = asked(small_database, query, cache=cache)
        assert not found
    assert first.rows == second.rows
    assert second.counters.cached == first.counters.asked


def test_models_that_answer_from_labels_refuse_it_with_its_place(engine):
    with pytest.raises(CallError, match=r"line 1, column 8: question not understood"):
        engine.run(f"select func_vqa({HEART}, study_id) from tb_cxr")


def test_without_a_model_the_text_is_refused_too(small_database):
    with Engine(small_database) as engine, pytest.raises(CallError, match="question not understood"):
        engine.run(f"select func_vqa({HEART}, study_id) from tb_cxr")


def test_what_a_query_waits_for(small_database, oracle, tmp_path):
    query = f"select study_id from tb_cxr where func_vqa({P}, study_id) and func_vqa({O}, study_id) = false"
    expected = Engine(small_database, oracle).run(query)
    rounds, wanted = 0, set()
    with AnswerCache(tmp_path / "cache") as cache, Engine(small_database, Silent(oracle), cache=cache) as engine:
        while requests := engine.needs(query):
            rounds += 1
            assert len({(request.image_id, request.text) for request in requests}) == len(requests)
            wanted |= {(request.image_id, request.text) for request in requests}
            engine.remember(zip(requests, oracle.answer(requests), strict=True))
        assert engine.run(query).rows == expected.rows
    assert rounds == 2
    assert len(wanted) == expected.counters.asked


def test_a_query_that_asks_nothing_waits_for_nothing(engine):
    assert engine.needs("select count(*) from tb_cxr") == ()
    with pytest.raises(SqlError):
        engine.needs("select nothing from tb_cxr")


class Silent:
    """Stands for a model by its name and is never asked."""

    answers_from_labels = True
    batch_size = 1

    def __init__(self, model):
        self.name, self.version = model.name, model.version

    def answer(self, requests):
        raise AssertionError("asked")
