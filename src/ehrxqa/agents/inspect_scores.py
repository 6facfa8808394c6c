"""Scores of the Inspect tasks: the same verdicts and measures as everywhere else, in Inspect's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from inspect_ai.scorer import (
    Metric,
    SampleScore,
    Score,
    Scorer,
    ScoreReducer,
    Target,
    grouped,
    metric,
    score_reducer,
    scorer,
)
from inspect_ai.solver import TaskState

from ehrxqa.agents.questions import Question, verdict_of
from ehrxqa.agents.trace import Trace

__all__ = ["TRACE_KEY", "abstained", "ex", "execution", "image_questions", "pass_hat", "rs5", "rs10"]

#: Where an episode's trace is kept in a sample.
TRACE_KEY: Final = "ehrxqa:trace"
#: How Inspect writes our verdicts.
_LETTERS: Final = {"right": "C", "abstained": "N", "wrong": "I"}


@metric
def ex() -> Metric:
    """Execution accuracy, in percent."""
    return _mean({"C": 100.0})


@metric
def rs5() -> Metric:
    """Reliability score with a penalty of 5 for a wrong answer, in percent."""
    return _mean({"C": 100.0, "I": -500.0})


@metric
def rs10() -> Metric:
    """Reliability score with a penalty of 10 for a wrong answer, in percent."""
    return _mean({"C": 100.0, "I": -1000.0})


@metric
def abstained() -> Metric:
    """Share of questions without an answer though there is one, in percent."""
    return _mean({"N": 100.0})


@metric
def image_questions() -> Metric:
    """(image, question) pairs, the mean over questions."""

    def mean(scores: list[SampleScore]) -> float:
        counted = [float((each.score.metadata or {}).get("image_questions", 0)) for each in scores]
        return sum(counted) / max(1, len(counted))

    return mean


def _mean(points: dict[str, float]) -> Metric:
    def mean(scores: list[SampleScore]) -> float:
        return sum(points.get(str(each.score.value), 0.0) for each in scores) / max(1, len(scores))

    return mean


@score_reducer(name="pass_hat")
def pass_hat() -> ScoreReducer:
    """Pass^k over all trials of a question: right if every one is, wrong if any is, else abstained."""

    def reduce(scores: list[Score]) -> Score:
        letters = {str(score.value) for score in scores}
        letter = "C" if letters == {"C"} else "I" if "I" in letters else "N"
        asked = [float((score.metadata or {}).get("image_questions", 0)) for score in scores]
        return Score(value=letter, metadata={"image_questions": sum(asked) / len(asked)})

    return reduce


_METRICS: Sequence[Any] = (ex(), rs5(), rs10(), abstained(), image_questions(), grouped(ex(), "modality", all=False))


@scorer(metrics=list(_METRICS))
def execution(question_of: Callable[[str], Question], profile: str = "paper") -> Scorer:
    """Whether what was handed in gives the gold answer, by the rules of a profile."""

    async def score(state: TaskState, target: Target) -> Score:
        trace = Trace.of(state.store.get(TRACE_KEY))
        submission = trace.submission
        verdict = verdict_of(question_of(str(state.sample_id)), submission, profile)
        handed_in = None if submission is None else submission.query or json.dumps(submission.answer)
        why = "nothing was handed in" if submission is None else submission.reason
        spent = {"image_questions": trace.spent.image_questions, "calls": trace.spent.calls}
        return Score(value=_LETTERS[verdict], answer=handed_in, explanation=why or verdict, metadata=spent)

    return score
