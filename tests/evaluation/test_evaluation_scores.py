from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa import evaluate
from ehrxqa.evaluation.answer_files import Outcome
from ehrxqa.evaluation.comparing import compared_form, judge
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.evaluation.scores import METRICS, Bootstrap, Tally, group_scores, penalty_of

ALL = tuple(PROFILES)


def scores(tmp_path: Path, gold: Any, predicted: Any, profile: str = "paper") -> dict[str, float]:
    (tmp_path / "gold.json").write_text(json.dumps([{"id": k, "answer": v} for k, v in gold.items()]))
    (tmp_path / "predicted.json").write_text(json.dumps(predicted))
    result = evaluate(tmp_path / "gold.json", tmp_path / "predicted.json", profile=profile, resamples=0)
    return {metric: score.value for metric, score in result.overall.scores.items()}


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("form", [lambda value: [value], lambda value: value])
def test_stated_example(tmp_path: Path, profile: str, form: Any) -> None:
    gold = {number: form(letter) for number, letter in enumerate("abcd")} | {4: []}
    predicted = {number: form(letter) for number, letter in enumerate("abaa")} | {4: "null"}
    found = scores(tmp_path, gold, predicted, profile)
    assert found == {"EX": 40, "RS0": 40, "RS5": -160, "RS10": -360, "RSN": -160}


@pytest.mark.parametrize("profile", ALL)
def test_edge_cases(tmp_path: Path, profile: str) -> None:
    gold = {number: [number] for number in range(8)}
    abstaining = scores(tmp_path, gold, dict.fromkeys(gold, "null"), profile)
    assert abstaining == dict.fromkeys(METRICS, 0.0)
    one_wrong = scores(tmp_path, gold, gold | {3: [99]}, profile)
    assert one_wrong["RSN"] == -100 / 8
    all_wrong = scores(tmp_path, gold, {key: ["no"] for key in gold}, profile)
    assert (all_wrong["RS0"], all_wrong["RS5"], all_wrong["RS10"], all_wrong["RSN"]) == (0, -500, -1000, -800)
    assert scores(tmp_path, gold, gold, profile) == dict.fromkeys(METRICS, 100.0)
    # the five rows of the table of scores
    assert scores(tmp_path, {0: []}, {0: []}, profile)["RS5"] == 100
    assert scores(tmp_path, {0: []}, {0: "null"}, profile)["RS5"] == 0
    assert scores(tmp_path, {0: "null"}, {0: "null"}, profile)["RS5"] == 100
    assert scores(tmp_path, {0: "null"}, {0: []}, profile)["RS5"] == -500
    # JSON null is no abstention
    assert scores(tmp_path, {0: [1]}, {0: None}, profile)["RS5"] == -500
    assert scores(tmp_path, {0: "null"}, {0: None}, profile)["RS5"] == -500


# gold, prediction, and the profiles under which they are equal
EQUALITIES: list[tuple[Any, Any, set[str]]] = [
    (["a", "b"], ["b", "a"], {"ehrsql"}),
    (["a", "a"], ["a"], set()),
    (["a", "a", "b"], ["a", "b", "b"], set()),
    ([1], [1.0], {"paper", "strict", "challenge"}),
    ([1], [True], {"paper", "challenge"}),
    ([True], [True], set(ALL)),
    ([1], ["1"], {"ehrsql"}),
    ([None], [None], set(ALL)),
    ([None], [], set()),
    ([], [], set(ALL)),
    ([0.1234564], [0.12345641], {"paper", "strict", "ehrsql"}),
    ([0.123456], [0.123457], {"ehrsql"}),
    # the first value decides whether floats are rounded
    ([1, 0.12345641], [1, 0.12345642], {"ehrsql"}),
    ([0.5, 3, 0.12345641], [0.5, 3, 0.12345642], {"paper", "strict", "ehrsql"}),
    # half-even of the binary value at the last kept place
    ([0.0078125], [0.007812], {"paper", "strict", "ehrsql"}),
    ([0.14], [0.1], {"ehrsql"}),
    ([["a"]], [["a"]], set(ALL)),
    ([f"{n:03}" for n in range(200)], [f"{n:03}" for n in range(100)], {"ehrsql"}),
]


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize(("gold", "predicted", "equal"), EQUALITIES)
def test_equality_by_profile(gold: Any, predicted: Any, equal: set[str], profile: str) -> None:
    rules = PROFILES[profile]
    verdict = judge(compared_form(gold, rules), Outcome("answered", predicted), rules)
    assert verdict == ("right" if profile in equal else "wrong")


@pytest.mark.parametrize(
    ("profile", "failure"),
    [("paper", "abstained"), ("challenge", "abstained"), ("ehrsql", "wrong"), ("strict", "wrong")],
)
def test_a_failure_is_an_abstention_only_where_the_profile_says_so(profile: str, failure: str) -> None:
    rules = PROFILES[profile]
    assert judge([1], Outcome("failed"), rules) == failure
    assert judge("null", Outcome("failed"), rules) == ("right" if failure == "abstained" else "wrong")
    assert judge([1], Outcome("abstained"), rules) == "abstained"
    # floats with a null among them have no official form
    if rules.rounding == "first value":
        assert judge([1], Outcome("answered", [0.5, None]), rules) == failure


values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.25, 1.0, 0.1234567]), st.text("ab"))


@given(st.lists(values, max_size=5), st.lists(values, max_size=5), st.sampled_from(ALL))
def test_equality_is_that_of_the_spelled_out_rules(gold: list[Any], predicted: list[Any], profile: str) -> None:
    def rounded(answer: list[Any]) -> list[Any] | None:
        if profile in ("paper", "strict") and answer and type(answer[0]) is float:
            if not all(isinstance(value, int | float) for value in answer):
                return None
            return [round(value, 6) for value in answer]
        return answer

    left, right = rounded(gold), rounded(predicted)
    if left is None:
        return
    rules = PROFILES[profile]
    if right is None:
        expected = rules.failure
    elif profile == "ehrsql":
        texts = [sorted(str(round(v, 1) if type(v) is float else v) for v in side) for side in (left, right)]
        expected = "right" if texts[0] == texts[1] else "wrong"
    else:
        same = left == right
        if profile == "strict":
            same = same and [type(v) is bool for v in left] == [type(v) is bool for v in right]
        expected = "right" if same else "wrong"
    assert judge(compared_form(gold, rules), Outcome("answered", predicted), rules) == expected


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_scores_are_means_over_ids(right: int, abstained: int, wrong: int) -> None:
    total = right + abstained + wrong
    if not total:
        return
    found = group_scores("g", Tally(right, abstained, wrong), Bootstrap(resamples=50))
    for metric, c in (("EX", 0), ("RS0", 0), ("RS5", 5), ("RS10", 10), ("RSN", total)):
        per_id = [1.0] * right + [0.0] * abstained + [-float(c)] * wrong
        score = found.scores[metric]
        assert score.value == pytest.approx(100 * sum(per_id) / total)
        assert -100 * c <= score.value <= 100
        if total in (right, abstained, wrong):  # nothing to resample
            assert (score.low, score.high) == (None, None)
            continue
        assert score.low is not None
        assert score.high is not None
        assert -100 * c - 1e-9 <= score.low <= score.high <= 100


def test_bootstrap_agrees_with_resampling_ids() -> None:
    tally = Tally(60, 15, 25)
    quick = group_scores("all", tally, Bootstrap(resamples=20_000, confidence=0.9)).scores["RS5"]
    per_id = np.repeat([1.0, 0.0, -5.0], [60, 15, 25])
    rng = np.random.default_rng(7)
    slow = 100 * per_id[rng.integers(0, 100, size=(20_000, 100))].mean(axis=1)
    low, high = np.percentile(slow, (5, 95))
    assert quick.low == pytest.approx(low, abs=4)
    assert quick.high == pytest.approx(high, abs=4)


def test_bootstrap_is_seeded() -> None:
    tally = Tally(60, 15, 25)
    assert group_scores("a", tally, Bootstrap()) == group_scores("a", tally, Bootstrap())
    assert group_scores("a", tally, Bootstrap()) != group_scores("a", tally, Bootstrap(seed=1))


def test_penalty_as_text_or_number() -> None:
    assert [penalty_of(c, 7) for c in ("5", 5, "N", "RSN", "RS10")] == [5, 5, 7, 7, 10]
    with pytest.raises(ValueError, match="x"):
        penalty_of("x", 7)


def test_n_of_the_last_score_is_that_of_the_group_or_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = ["what is the gender of patient {patient_id}?", "given the study {study_id}, are there any abnormality?"]
    gold = [{"id": number, "answer": [1], "q_tag": tags[number == 0]} for number in range(4)]
    (tmp_path / "gold.json").write_text(json.dumps(gold))
    (tmp_path / "predicted.json").write_text(json.dumps({0: [2], 1: [1], 2: [1], 3: [1]}))

    def of_image() -> float:
        result = evaluate(tmp_path / "gold.json", tmp_path / "predicted.json")
        assert result.overall.scores["RSN"].value == 100 * (3 - 4) / 4
        (found,) = (group for group in result.groups["modality"] if group.name == "Image")
        return found.scores["RSN"].value

    assert {profile.n for profile in PROFILES.values()} == {"group"}
    assert of_image() == -100  # one wrong answer of one, N = 1
    monkeypatch.setitem(PROFILES, "paper", replace(PROFILES["paper"], n="file"))
    assert of_image() == -400  # N = 4
