"""Kinds of image questions that other packages declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.neuralsql.plan import Question
from ehrxqa.neuralsql.planner import make_plan
from ehrxqa.sql.errors import CallError
from ehrxqa.vqa import other_kinds
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.other_kinds import OtherKind, other_question
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.perturbed import PerturbedModel
from made_labels import from_triples

LABELS = from_triples(
    [("image-1", 1, 1), ("image-2", 2, 2)],
    {"image-1": [("left lung", "pneumonia", "disease"), ("right lung", "pneumonia", "disease")]},
)
HOW_MANY = OtherKind("how many places show (?P<what>.+)", "list", lambda found, asked: (str(len(found)), asked["what"]))
BOTH = OtherKind(r"(?:is|are) there bilateral (?P<what>.+)", "truth", lambda found, asked: len(found) > 1)
FAILS = OtherKind("is there luck", "truth", lambda found, asked: found[0].object == asked["place"])


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    kinds: dict[str, object] = {"how-many": HOW_MANY, "both": BOTH, "fails": FAILS}
    monkeypatch.setattr(other_kinds, "load_all", lambda group: dict(kinds))
    other_kinds._kinds.cache_clear()
    other_question.cache_clear()
    yield kinds
    other_kinds._kinds.cache_clear()
    other_question.cache_clear()


def asked(text: str, *studies: int) -> list[VqaRequest]:
    return [VqaRequest(study, f"image-{study}", None, text) for study in studies]


def test_the_oracle_answers_by_the_rule_of_the_kind(declared: dict[str, object]) -> None:
    oracle = OracleModel(LABELS)
    assert oracle.answer(asked("Is there  bilateral pneumonia?", 1, 2, 3)) == [True, False, False]
    assert oracle.answer(asked("how many places show pneumonia", 1, 2)) == [("2", "pneumonia"), ("0", "pneumonia")]
    always = PerturbedModel(LABELS, 1.0)
    assert always.answer(asked("is there bilateral pneumonia?", 1, 2)) == [False, True]
    assert all(len(answer) in (1, 3) for answer in always.answer(asked("how many places show pneumonia", 1)))
    with pytest.raises(VqaError, match="image questions of fails: IndexError"):
        oracle.answer(asked("is there luck?", 2))
    with pytest.raises(VqaError, match="is no question of the known kinds"):
        oracle.answer(asked("is there rain?", 1))


def test_a_query_may_ask_it_and_is_planned_by_its_type(declared: dict[str, object]) -> None:
    query = 'select func_vqa("how many places show pneumonia", t.study_id) from tb_cxr as t where ' + (
        'func_vqa("is there bilateral pneumonia?", t.study_id) = true'
    )
    assert {question.answer_type for question in make_plan(query, parse).questions} == {"truth", "list"}
    kept = Question("Is there bilateral pneumonia?", None, "truth").canonical
    assert kept == "(truth, both 1) is there bilateral pneumonia"
    with pytest.raises(CallError, match="question not understood"):
        make_plan('select func_vqa("is there rain?", study_id) from tb_cxr', parse)


def test_what_is_declared_wrongly_is_said(declared: dict[str, object]) -> None:
    declared["again"] = OtherKind("is there bilateral .+", "truth", lambda found, asked: True)
    with pytest.raises(VqaError, match=r"is of several kinds that packages declare \(both, again\)"):
        other_question("is there bilateral pneumonia")
    declared["again"] = OtherKind("is there (", "truth", lambda found, asked: True)
    other_kinds._kinds.cache_clear()
    with pytest.raises(SettingsError, match=r'the sentence of "again" is no pattern'):
        other_question("is there bilateral effusion")
    declared["again"] = "a text"
    other_kinds._kinds.cache_clear()
    with pytest.raises(SettingsError, match=r'"again" must be an ehrxqa\.vqa\.other_kinds\.OtherKind'):
        other_question("is there bilateral edema")
