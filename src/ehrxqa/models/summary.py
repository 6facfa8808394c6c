"""The summary of a run: scores with intervals and faults, over all questions and per modality, scope and family."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Final

import numpy as np

from ehrxqa.dataset.placement import Placement
from ehrxqa.evaluation.comparing import Verdict
from ehrxqa.models.run_records import FAULTS, Fault
from ehrxqa.spec.scopes import MODALITIES, SCOPES

__all__ = ["GROUPINGS", "Judged", "pass_k", "summarise"]

#: Ways in which questions are grouped.
GROUPINGS: Final = ("modality", "scope", "family")
#: Penalty of a wrong answer per score; None: the number of questions. EX is RS0.
_PENALTIES: Final[dict[str, float | None]] = {"EX": 0.0, "RS5": 5.0, "RS10": 10.0, "RSN": None}
_RESAMPLES: Final = 1000
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Judged:
    """One question in one trial.

    Attributes:
        id: Of the question.
        trial: From 0.
        verdict: Under the profile of the run.
        unheld: The verdict had the parser never abstained.
        fault: Whose; None where it was not looked into.
        measures: By name, from 0 to 1.
    """

    id: str
    trial: int
    verdict: Verdict
    unheld: Verdict
    fault: Fault | None
    measures: Mapping[str, float]


def summarise(judged: Sequence[Judged], facts: Mapping[str, Placement], seed: int) -> dict[str, Any]:
    """Scores over all trials.

    Each entry holds `questions`, the counts `right`, `abstained`, `wrong` (over all trials), `scores` (in percent, the
    mean over trials, with a 95 % bootstrap interval over questions), `faults` and the means of `measures`.

    Args:
        judged: Every question in every trial.
        facts: What the questions are about.
        seed: Of the intervals.
    """
    trials = 1 + max((each.trial for each in judged), default=0)
    groups: dict[str, dict[str, list[Judged]]] = {name: {} for name in GROUPINGS}
    for each in judged:
        for name in GROUPINGS:
            groups[name].setdefault(getattr(facts[each.id], name), []).append(each)
    summary: dict[str, Any] = {"trials": trials, "overall": _group("all", judged, seed)}
    summary["never_abstaining"] = _scores("all", judged, seed, lambda each: each.unheld)
    if trials > 1:
        summary["per_trial"] = [
            {"EX": 100.0 * np.mean([each.verdict == "right" for each in judged if each.trial == trial]).item()}
            for trial in range(trials)
        ]
        summary["pass_k"] = {str(k): value for k, value in pass_k(judged, trials).items()}
    for name, found in groups.items():
        known: tuple[str, ...] = {"modality": MODALITIES, "scope": tuple(SCOPES)}.get(name, ())
        order = [each for each in known if each in found] + sorted(each for each in found if each not in known)
        summary[name] = {each: _group(f"{name}/{each}", found[each], seed) for each in order}
    return summary


def pass_k(judged: Sequence[Judged], trials: int) -> dict[int, float]:
    """Pass^k in percent: how likely k trials of a question, drawn from all, are all right; the mean over questions."""
    right = Counter(each.id for each in judged if each.verdict == "right")
    ids = dict.fromkeys(each.id for each in judged)
    return {
        k: 100.0 * sum(comb(right[identifier], k) for identifier in ids) / (comb(trials, k) * len(ids))
        for k in range(1, trials + 1)
    }


def _group(name: str, judged: Sequence[Judged], seed: int) -> dict[str, Any]:
    verdicts = Counter(each.verdict for each in judged)
    faults = Counter(each.fault for each in judged)
    measures = sorted({measure for each in judged for measure in each.measures})
    return {
        "questions": len({each.id for each in judged}),
        **{verdict: verdicts[verdict] for verdict in ("right", "abstained", "wrong")},
        "scores": _scores(name, judged, seed, lambda each: each.verdict),
        "faults": {fault: faults[fault] for fault in FAULTS},
        "measures": {
            measure: 100.0 * float(np.mean([each.measures[measure] for each in judged if measure in each.measures]))
            for measure in measures
        },
    }


def _scores(
    name: str, judged: Sequence[Judged], seed: int, verdict: Callable[[Judged], Verdict]
) -> dict[str, dict[str, float | None]]:
    """Scores by name, each with the ends of its interval; None where all verdicts are alike."""
    places = {identifier: place for place, identifier in enumerate(dict.fromkeys(each.id for each in judged))}
    right, wrong, times = (np.zeros(len(places)) for _ in range(3))  # (questions,)
    for each in judged:
        place = places[each.id]
        times[place] += 1
        right[place] += verdict(each) == "right"
        wrong[place] += verdict(each) == "wrong"
    right, wrong = right / times, wrong / times
    total = len(places)
    all_equal = bool((right == right[0]).all() and (wrong == wrong[0]).all())
    drawn = None
    if not all_equal:
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        drawn = rng.multinomial(total, np.full(total, 1.0 / total), size=_RESAMPLES)  # (resamples, questions)
    scores: dict[str, dict[str, float | None]] = {}
    for metric, fixed in _PENALTIES.items():
        penalty = float(total) if fixed is None else fixed
        values = 100.0 * (right - penalty * wrong)
        low = high = None
        if drawn is not None:
            tail = 50.0 * (1.0 - _CONFIDENCE)
            low, high = (float(end) for end in np.percentile(drawn @ values / total, (tail, 100.0 - tail)))
        scores[metric] = {"value": float(values.mean()), "low": low, "high": high}
    return scores
