"""Execution accuracy, reliability scores and their bootstrap intervals, from counts of verdicts.

Reliability scores are sums of three counts: right, abstained, wrong. Those of a resampled data set depend only on how
often each verdict was drawn, and drawing n ids with replacement draws these counts from a multinomial distribution; so
their bootstrap needs no loop over ids. Other metrics are resampled question by question.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ehrxqa.evaluation.comparing import Verdict
from ehrxqa.evaluation.metrics import METRICS, Metric, Reliability, Score

__all__ = ["Bootstrap", "Estimate", "GroupScores", "Tally", "group_scores"]


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        resamples: Data sets drawn; 0 makes no intervals.
        confidence: Share of them that an interval holds, between 0 and 1.
        seed: Of the random numbers; each group has its own stream, so groups do not change each other.
    """

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its interval; None if none was made, or if all verdicts are alike."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Tally:
    """How many ids are right, abstained and wrong."""

    right: int
    abstained: int
    wrong: int

    @property
    def total(self) -> int:
        """Number of distinct gold ids."""
        return self.right + self.abstained + self.wrong

    @staticmethod
    def of(verdicts: Iterable[Verdict]) -> Tally:
        """Count verdicts."""
        found = list(verdicts)
        return Tally(found.count("right"), found.count("abstained"), found.count("wrong"))


@dataclass(frozen=True)
class GroupScores:
    """Scores of a group of gold ids.

    Attributes:
        name: Of the group.
        tally: Its verdicts.
        scores: By name of the metric.
    """

    name: str
    tally: Tally
    scores: dict[str, Estimate]


def group_scores(
    name: str,
    scores: Sequence[Score],
    bootstrap: Bootstrap,
    stream: str = "",
    metrics: Sequence[Metric] = METRICS,
) -> GroupScores:
    """What metrics make of the scores of a group that is not empty.

    Args:
        name: Of the group.
        scores: Of its questions.
        bootstrap: How intervals are made.
        stream: What names the random stream, with the seed.
        metrics: Functions over scores.
    """
    tally = Tally.of(score.verdict for score in scores)
    total = tally.total
    # where all verdicts are alike every resample is the same: an interval without width would look like certainty
    resampled = bool(bootstrap.resamples) and total not in (tally.right, tally.abstained, tally.wrong)
    drawn = _drawn_counts(tally, bootstrap, f"{stream}/{name}") if resampled else None
    found = {}
    for metric in metrics:
        low = high = None
        if drawn is not None:
            values = (
                _of_counts(metric, drawn, total)
                if isinstance(metric, Reliability)
                else _of_resamples(metric, scores, bootstrap, f"{stream}/{name}/{metric.name}")
            )
            tail = 50.0 * (1.0 - bootstrap.confidence)
            low, high = (float(end) for end in np.percentile(values, (tail, 100.0 - tail)))
        found[metric.name] = Estimate(metric(scores), low, high)
    return GroupScores(name, tally, found)


def _drawn_counts(tally: Tally, bootstrap: Bootstrap, stream: str) -> np.ndarray:
    """Counts of right, abstained and wrong in each resample; (resamples, 3)."""
    rng = np.random.default_rng([bootstrap.seed, zlib.crc32(stream.encode())])
    shares = np.array([tally.right, tally.abstained, tally.wrong]) / tally.total
    return rng.multinomial(tally.total, shares, size=bootstrap.resamples)


def _of_counts(metric: Reliability, drawn: np.ndarray, total: int) -> np.ndarray:
    penalty = float(total) if metric.penalty is None else metric.penalty
    return np.asarray(100.0 * (drawn[:, 0] - penalty * drawn[:, 2]) / total)


def _of_resamples(metric: Metric, scores: Sequence[Score], bootstrap: Bootstrap, stream: str) -> np.ndarray:
    """A metric that is more than a sum of verdicts: question by question."""
    rng = np.random.default_rng([bootstrap.seed, zlib.crc32(stream.encode())])
    places = rng.integers(0, len(scores), size=(bootstrap.resamples, len(scores)))
    return np.array([metric([scores[place] for place in row]) for row in places.tolist()])
