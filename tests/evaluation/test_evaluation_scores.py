from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa import evaluate
from ehrxqa.cli.main import main
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.evaluation.answer_files import Predicted
from ehrxqa.evaluation.comparing import compared_form, judge
from ehrxqa.evaluation.metrics import METRICS, Reliability, Score, metric_named
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.evaluation.scores import Bootstrap, group_scores

#: `asked-order` needs the gold queries; see its own tests.
ALL = tuple(name for name in PROFILES if name != "asked-order")
NAMES = tuple(metric.name for metric in METRICS)


def verdicts(right: int, abstained: int, wrong: int) -> list[Score]:
    return [Score(1.0, "right")] * right + [Score(0.0, "abstained")] * abstained + [Score(0.0, "wrong")] * wrong


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
    assert abstaining == dict.fromkeys(NAMES, 0.0)
    one_wrong = scores(tmp_path, gold, gold | {3: [99]}, profile)
    assert one_wrong["RSN"] == -100 / 8
    all_wrong = scores(tmp_path, gold, {key: ["no"] for key in gold}, profile)
    assert (all_wrong["RS0"], all_wrong["RS5"], all_wrong["RS10"], all_wrong["RSN"]) == (0, -500, -1000, -800)
    assert scores(tmp_path, gold, gold, profile) == dict.fromkeys(NAMES, 100.0)
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
    ([1], [1.0], set(ALL)),
    ([1], [True], {"paper", "challenge", "ehrsql"}),
    ([True], [True], set(ALL)),
    ([1], ["1"], {"ehrsql"}),
    ([None], [None], set(ALL)),
    ([None], [], set()),
    ([], [], set(ALL)),
    ([0.1234564], [0.12345641], {"paper", "strict", "ehrsql"}),
    ([0.123456], [0.123457], {"ehrsql"}),
    ([0.02], [0.04], set()),
    (["1.50"], [1.5], {"ehrsql"}),
    # the first value decides whether floats are rounded
    ([1, 0.12345641], [1, 0.12345642], {"ehrsql"}),
    ([0.5, 3, 0.12345641], [0.5, 3, 0.12345642], {"paper", "strict", "ehrsql"}),
    # half-even of the binary value at the last kept place
    ([0.0078125], [0.007812], {"paper", "strict", "ehrsql"}),
    ([0.14], [0.1], set()),
    ([0.1404], [0.14], {"ehrsql"}),
    ([["a"]], ["a"], {"ehrsql"}),
    ([["a", 1]], [["a", 1.0]], set(ALL)),
    ([["a"]], [["a"]], set(ALL)),
    ([f"r{n:03}" for n in range(200)], [f"r{n:03}" for n in range(100)], {"ehrsql"}),
]


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize(("gold", "predicted", "equal"), EQUALITIES)
def test_equality_by_profile(gold: Any, predicted: Any, equal: set[str], profile: str) -> None:
    rules = PROFILES[profile]
    verdict = judge(compared_form(gold, rules), Predicted("answered", predicted), rules)
    assert verdict == ("right" if profile in equal else "wrong")


@pytest.mark.parametrize(
    ("profile", "failure"),
    [("paper", "abstained"), ("challenge", "abstained"), ("ehrsql", "wrong"), ("strict", "wrong")],
)
def test_a_failure_is_an_abstention_only_where_the_profile_says_so(profile: str, failure: str) -> None:
    rules = PROFILES[profile]
    assert judge([1], Predicted("failed"), rules) == failure
    assert judge("null", Predicted("failed"), rules) == ("right" if failure == "abstained" else "wrong")
    assert judge([1], Predicted("abstained"), rules) == "abstained"
    # what the official program cannot process was answered all the same
    assert judge([1], Predicted("answered", [0.5, None]), rules) == "wrong"
    assert judge("null", Predicted("answered", [0.5, None]), rules) == "wrong"


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
        expected = "wrong"
    elif profile == "ehrsql":
        expected = "right" if shared_task_form(left) == shared_task_form(right) else "wrong"
    else:
        same = left == right
        if profile == "strict":
            same = same and [type(v) is bool for v in left] == [type(v) is bool for v in right]
        expected = "right" if same else "wrong"
    assert judge(compared_form(gold, rules), Predicted("answered", predicted), rules) == expected


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_scores_are_means_over_ids(right: int, abstained: int, wrong: int) -> None:
    total = right + abstained + wrong
    if not total:
        return
    found = group_scores("g", verdicts(right, abstained, wrong), Bootstrap(resamples=50))
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
    tally = verdicts(60, 15, 25)
    quick = group_scores("all", tally, Bootstrap(resamples=20_000, confidence=0.9)).scores["RS5"]
    per_id = np.repeat([1.0, 0.0, -5.0], [60, 15, 25])
    rng = np.random.default_rng(7)
    slow = 100 * per_id[rng.integers(0, 100, size=(20_000, 100))].mean(axis=1)
    low, high = np.percentile(slow, (5, 95))
    assert quick.low == pytest.approx(low, abs=4)
    assert quick.high == pytest.approx(high, abs=4)


def test_bootstrap_is_seeded() -> None:
    tally = verdicts(60, 15, 25)
    assert group_scores("a", tally, Bootstrap()) == group_scores("a", tally, Bootstrap())
    assert group_scores("a", tally, Bootstrap()) != group_scores("a", tally, Bootstrap(seed=1))


def test_a_penalty_is_named_or_the_number_of_scores() -> None:
    scores = verdicts(3, 1, 2)
    assert metric_named("RS7.5")(scores) == pytest.approx(100 * (3 - 15) / 6)
    assert Reliability(None)(scores) == pytest.approx(100 * (3 - 12) / 6)
    for text in ("RS", "RSx", "EX2", "RS-1", "nothing"):
        with pytest.raises(SettingsError, match="python:MODULE:NAME"):
            metric_named(text)


def test_a_metric_of_ones_own_stands_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_metrics.py").write_text(
        "def answered(scores):\n"
        "    return sum(score.verdict != 'abstained' for score in scores) / len(scores)\n"
        "def nonsense(scores):\n"
        "    return 'many'\n"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gold.json").write_text(json.dumps({n: [n] for n in range(4)}))
    (tmp_path / "predicted.json").write_text(json.dumps({0: [0], 1: [2], 2: "null", 3: [3]}))
    paths = (tmp_path / "gold.json", tmp_path / "predicted.json")
    result = evaluate(*paths, metrics=["python:my_metrics:answered", "RS2"])
    assert result.overall.scores["answered"].value == 0.75
    assert result.overall.scores["RS2"].value == 0
    low = result.overall.scores["answered"].low
    assert low is not None
    assert 0 <= low < 0.75
    ran = CliRunner().invoke(
        main, ["evaluate", "--gold", str(paths[0]), "--predictions", str(paths[1]), "--metric", "RS2"]
    )
    assert "RS2" in ran.output
    with pytest.raises(SettingsError, match="not a number"):
        evaluate(*paths, metrics=["python:my_metrics:nonsense"])


def shared_task_form(answer: Any) -> Any:
    """The rule of EHRSQL 2024, stated again: rows of texts, in order, the first hundred."""

    def cell(value: Any) -> str:
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                return value
            return str(round(number, 3))
        if value is None or isinstance(value, list):
            return str(value)
        return str(round(float(value), 3)) if abs(value) < 1e300 else str(value)

    rows = [value if isinstance(value, list) else [value] for value in answer]
    return str(sorted([cell(value) for value in row] for row in rows)[:100])


#: Ways to alter an answer, as people and programs do.
ALTERED: list[Any] = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a + a,
    lambda a: a[:-1],
    lambda a: [],
    lambda a: [*a, None],
    lambda a: [str(v) for v in a],
    lambda a: [[v] for v in a],
    lambda a: [[v, v] for v in a],
    lambda a: [v + 0.02 if isinstance(v, float) else v for v in a],
    lambda a: [v + 0.0002 if isinstance(v, float) else v for v in a],
    lambda a: [round(v, 1) if isinstance(v, float) else v for v in a],
    lambda a: [float(v) if type(v) is int else v for v in a],
    lambda a: [bool(v) if v in (0, 1) else v for v in a],
    lambda a: [int(v) if isinstance(v, float) else v for v in a],
    lambda a: [f"{v:.2f}" if isinstance(v, float) else v for v in a],
    lambda a: [v.upper() if isinstance(v, str) else v for v in a],
    lambda a: [f" {v} " if isinstance(v, str) else v for v in a],
    lambda a: [f"{v}0" if isinstance(v, str) else v for v in a],
    lambda a: [0 if v is None else v for v in a],
    lambda a: ["None" if v is None else v for v in a],
    lambda a: ["nan" for _ in a],
    lambda a: [10**400 if type(v) is int else v for v in a],
    lambda a: a * 60,
]


@pytest.mark.parametrize("number", range(len(ALTERED)))
def test_the_shared_tasks_rule_holds_for_altered_answers(number: int) -> None:
    rules = PROFILES["ehrsql"]
    for gold in (["iv", "po"], [1, 0, 2], [0.5, 1.2345, -3.0], [None, "x"], ["1", "2.50"], [7], []):
        predicted = ALTERED[number](list(gold))
        expected = "right" if shared_task_form(gold) == shared_task_form(predicted) else "wrong"
        assert judge(compared_form(gold, rules), Predicted("answered", predicted), rules) == expected, (gold, predicted)


def test_official_gold_of_the_shared_task_is_read_as_rows(tmp_path: Path) -> None:
    gold, predicted = tmp_path / "answer.json", tmp_path / "predicted.json"
    gold.write_text(json.dumps({"a": "[['iv'], ['po']]", "b": "[['x', 1], ['y', 2.0]]", "c": "null", "d": "[]"}))
    predicted.write_text(json.dumps({"a": "[['po'], ['iv']]", "b": [["y", 2], ["x", "1.0"]], "c": "null", "d": []}))
    assert scores_of(gold, predicted, "ehrsql") == 100
    predicted.write_text(json.dumps({"a": ["po", "iv"], "b": "null", "c": [], "d": "null"}))
    assert scores_of(gold, predicted, "ehrsql") == 25
    gold.write_text(json.dumps({"a": "SELECT 1"}))
    predicted.write_text(json.dumps({"a": [1]}))
    with pytest.raises(RecordError, match="is SQL"):
        evaluate(gold, predicted, profile="ehrsql")


def scores_of(gold: Path, predicted: Path, profile: str) -> float:
    return evaluate(gold, predicted, profile=profile, resamples=0).overall.scores["EX"].value


def test_order_counts_only_where_the_gold_query_asks_for_it(tmp_path: Path) -> None:
    gold, predicted = tmp_path / "gold.json", tmp_path / "predicted.json"
    queries = [
        "select a from b",
        "select a from b order by a",
        "select a from ( select a from b order by a limit 2 )",
        "select a from b union select a from c order by 1",
    ]
    gold.write_text(json.dumps([{"id": n, "answer": [1, 2, "x"], "query": query} for n, query in enumerate(queries)]))
    predicted.write_text(json.dumps({n: ["x", 2.0, 1] for n in range(4)}))
    result = evaluate(gold, predicted, profile="asked-order", resamples=0)
    assert list(result.verdicts.values()) == ["right", "wrong", "right", "wrong"]
    predicted.write_text(json.dumps({n: ["x", 2, 2] for n in range(4)}))
    assert scores_of(gold, predicted, "asked-order") == 0
    gold.write_text(json.dumps({0: [1]}))
    predicted.write_text(json.dumps({0: [1]}))
    with pytest.raises(SettingsError, match="--questions"):
        evaluate(gold, predicted, profile="asked-order")


def test_all_profiles_stand_in_one_table(tmp_path: Path) -> None:
    gold, predicted = tmp_path / "gold.json", tmp_path / "predicted.json"
    gold.write_text(json.dumps({0: [1], 1: [2]}))
    predicted.write_text(json.dumps({0: [1]}))  # one is missing: only strict has a rule for that
    words = ["evaluate", "--gold", str(gold), "--predictions", str(predicted), "--profile", "all"]
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == 0, ran.output
    first = ran.output.split("\n\n")[0]
    rows = {line.split()[0]: line.split()[1:5] for line in first.splitlines()}
    assert rows["strict"][:4] == ["2", "1", "0", "1"]
    assert rows["paper"][:2] == ["-", "-"]
    assert set(json.loads(CliRunner().invoke(main, [*words, "--format", "json"]).output)) == set(PROFILES)
    predicted.write_text(json.dumps({5: [1]}))
    with pytest.raises(RecordError, match="have no prediction"):
        CliRunner().invoke(main, words, catch_exceptions=False)


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

    assert {name for name, profile in PROFILES.items() if profile.n == "file"} == {"ehrsql"}
    assert of_image() == -100  # one wrong answer of one, N = 1
    monkeypatch.setitem(PROFILES, "paper", replace(PROFILES["paper"], n="file"))
    assert of_image() == -400  # N = 4
