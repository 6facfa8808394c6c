"""What a report of scores shows: columns, cut names, intervals, notes; and what evaluate takes as an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ehrxqa.errors import RecordError
from ehrxqa.evaluation.evaluate import evaluate
from ehrxqa.evaluation.given import given
from ehrxqa.evaluation.metrics import Score
from ehrxqa.evaluation.report import as_table, profiles_table
from ehrxqa.evaluation.scores import Bootstrap, Estimate, group_scores


def half_right(count: int) -> list[Score]:
    return [Score(float(n % 2), "right" if n % 2 else "wrong", None, None) for n in range(count)]


def a_table(width: int) -> str:
    result = evaluate({"1": [1], "2": [2]}, {"1": [1], "2": [3]}, resamples=100)
    return as_table(replace(result, groups={"family": [replace(result.overall, name="x" * width)]}), families=True)


@pytest.mark.parametrize("width", [1, 57, 58])
def test_a_name_that_fits_is_shown_whole(width: int) -> None:
    assert f"  {'x' * width}  " in a_table(width)
    assert "…" not in a_table(width).split("\n\n")[1]


@pytest.mark.parametrize("width", [59, 60, 79])
def test_a_longer_name_is_cut_to_sixty_characters(width: int) -> None:
    assert f"  {'x' * 57}…  " in a_table(width)


def test_an_interval_is_shown_only_if_it_has_both_ends() -> None:
    result = evaluate({"1": [1], "2": [2]}, {"1": [1], "2": [3]}, resamples=0)

    def row(low: float | None, high: float | None) -> str:
        scores = {"EX": Estimate(50.0, low, high)}
        shown = as_table(replace(result, groups={}, overall=replace(result.overall, scores=scores)))
        return next(line for line in shown.splitlines() if "50.0" in line)

    assert row(25.0, 75.0).endswith("50.0 [25.0, 75.0]")
    for low, high in ((None, None), (25.0, None), (None, 75.0)):
        assert row(low, high).endswith(" 50.0")


def test_the_table_of_profiles_has_every_score_once() -> None:
    result = evaluate({"1": [1], "2": [2]}, {"1": [1], "2": [3]}, resamples=0)
    header, paper, other = profiles_table({"paper": result, "other": "ids differ"}).splitlines()[:3]
    assert header.split() == ["profile", "n", "right", "abst.", "wrong", "EX", "=", "RS0", "RS5", "RS10", "RSN"]
    assert paper.split() == ["paper", "2", "1", "0", "1", "50.0", "-200.0", "-450.0", "-50.0"]
    assert other.split() == ["other", *"--------"]


def test_both_ends_of_an_interval_leave_out_as_much() -> None:
    """At no confidence both are the median; at full confidence the least and the most of what was drawn."""
    middle = group_scores("all", half_right(40_001), Bootstrap(confidence=1e-12)).scores["EX"]
    assert middle.low == pytest.approx(middle.high, abs=1e-9)
    scores = half_right(41)
    middle = group_scores("all", scores, Bootstrap(confidence=1e-12)).scores["EX"]
    assert middle.low == pytest.approx(middle.high)
    assert middle.low == pytest.approx(middle.value, abs=2.5)
    wide = group_scores("all", scores, Bootstrap(confidence=1.0)).scores["EX"]
    usual = group_scores("all", scores, Bootstrap()).scores["EX"]
    assert wide.low is not None and wide.high is not None
    assert usual.low is not None and usual.high is not None
    assert middle.low is not None
    assert wide.low < usual.low < middle.low < usual.high < wide.high
    # of 2,000 binomial draws the ends lie within four standard deviations
    assert 100 * (0.5 - 4.5 * 0.5 / 41**0.5) < wide.low < wide.high < 100 * (0.5 + 4.5 * 0.5 / 41**0.5)


@pytest.mark.parametrize(("profile", "gold", "same", "other"), [("paper", 1.234567, 1.2345674, 1.234566)])
def test_paper_compares_six_places(profile: str, gold: float, same: float, other: float) -> None:
    found = evaluate({"1": [gold], "2": [gold]}, {"1": [same], "2": [other]}, profile=profile, resamples=0)
    assert found.verdicts == {"1": "right", "2": "wrong"}


def test_the_shared_task_compares_the_first_hundred_rows() -> None:
    gold = [f"a{n:03}" for n in range(120)]
    at_99, at_100 = ["a099x" if n == 99 else text for n, text in enumerate(gold)], [*gold[:100], *["zzz"] * 20]
    found = evaluate({"a": gold, "b": gold}, {"a": at_99, "b": at_100}, profile="ehrsql", resamples=0)
    assert found.verdicts == {"a": "wrong", "b": "right"}


def test_a_question_without_an_answer_asks_for_no_order() -> None:
    gold = [
        {"id": 1, "answer": "null", "query": "null", "is_impossible": True},
        {"id": 2, "answer": "null", "query": "null"},
        {"id": 3, "answer": [1, 2], "query": "select a from t order by a", "is_impossible": False},
    ]
    found = evaluate(gold, {"1": "null", "2": [5], "3": [2, 1]}, profile="asked-order", resamples=0)
    assert found.verdicts == {"1": "right", "2": "wrong", "3": "wrong"}
    found = evaluate(gold, {"1": "null", "2": "null", "3": [1, 2]}, profile="asked-order", resamples=0)
    assert found.overall.tally.right == 3


class Reply:
    def __init__(self, answer: object) -> None:
        self.answer = answer


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        ("null", "null"),
        ((1, 2.5, "a", None), [1, 2.5, "a", None]),
        ([[1, "a"], (2, "b")], [[1, "a"], [2, "b"]]),
        ({1: ("x",)}, {"1": ["x"]}),
        (np.array([[1.5], [2.5]]), [[1.5], [2.5]]),
        ([np.int64(3)], [3]),
        (Reply((1,)), [1]),
    ],
)
def test_objects_are_taken_as_json_would_hold_them(value: object, plain: object) -> None:
    found = given({"1": value}, "predictions")
    assert not isinstance(found, Path)
    assert json.dumps(found.content["1"]) == json.dumps(plain)


def nested(wrap: object, times: int) -> object:
    value: object = 1
    for _ in range(times):
        value = wrap(value)  # type: ignore[operator]
    return value


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"a": x}, Reply])
def test_what_holds_itself_or_is_too_deep_is_no_answer(wrap: object) -> None:
    given({"1": nested(wrap, 20)}, "predictions")
    given({"1": [nested(wrap, 19), nested(wrap, 19)]}, "predictions")
    for value in (nested(wrap, 22), [nested(wrap, 21)]):
        with pytest.raises(RecordError, match="predictions: id 1: lists are nested more than 20 times"):
            given({"1": value}, "predictions")
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(RecordError, match="nested more than"):
        given({"1": endless}, "predictions")


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x"])
def test_what_json_cannot_hold_is_named(value: object) -> None:
    with pytest.raises(RecordError, match='predictions: id 7: an answer is a list or the text "null"'):
        given({7: [value]}, "predictions")
