"""Execution accuracy, reliability scores and their bootstrap intervals, from counts of verdicts.

A right answer scores 1, an abstention 0, a wrong answer -c: a sum of three counts. The scores of a resampled
data set depend only on how often each verdict was drawn, and drawing n ids with replacement draws these counts
from a multinomial distribution; so the bootstrap needs no loop over ids.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ehrxqa.evaluation.comparing import Verdict

__all__ = ["METRICS", "Bootstrap", "GroupScores", "Score", "Tally", "group_scores", "penalty_of"]

#: Reported scores. EX is the execution accuracy; it equals RS0, because both count right answers.
METRICS: Final = ("EX", "RS0", "RS5", "RS10", "RSN")


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
class Score:
    """A score in percent, with the ends of its interval; None if none was made, or if all verdicts are alike."""

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
        scores: By metric.
    """

    name: str
    tally: Tally
    scores: dict[str, Score]


def penalty_of(metric: str | float, total: int) -> float:
    """What a wrong answer costs: c of RS(c), as number or text; `N` is the number of distinct gold ids.

    >>> penalty_of("RS10", 5), penalty_of("N", 5), penalty_of("EX", 5), penalty_of(2.5, 5)
    (10.0, 5.0, 0.0, 2.5)

    Raises:
        ValueError: It is neither a number nor N.
    """
    text = str(metric).removeprefix("RS")
    if text == "EX":
        return 0.0
    return float(total) if text == "N" else float(text)


def reliability(tally: Tally, penalty: float) -> float:
    """RS(c) in percent.

    >>> reliability(Tally(right=2, abstained=1, wrong=2), 5)
    -160.0
    """
    return 100.0 * (tally.right - penalty * tally.wrong) / tally.total


def group_scores(name: str, tally: Tally, bootstrap: Bootstrap, stream: str = "", n: int | None = None) -> GroupScores:
    """The scores of a group that is not empty.

    Args:
        name: Of the group.
        tally: Its verdicts.
        bootstrap: How intervals are made.
        stream: What names the random stream, with the seed.
        n: N of RSN (default: the number of ids of the group).
    """
    total = tally.total
    drawn = None
    # where all verdicts are alike every resample is the same: an interval without width would look like certainty
    if bootstrap.resamples and total not in (tally.right, tally.abstained, tally.wrong):
        rng = np.random.default_rng([bootstrap.seed, zlib.crc32(f"{stream}/{name}".encode())])
        shares = np.array([tally.right, tally.abstained, tally.wrong]) / total
        drawn = rng.multinomial(total, shares, size=bootstrap.resamples)  # (resamples, 3)
    scores = {}
    for metric in METRICS:
        penalty = penalty_of(metric, n or total)
        low = high = None
        if drawn is not None:
            values = 100.0 * (drawn[:, 0] - penalty * drawn[:, 2]) / total
            tail = 50.0 * (1.0 - bootstrap.confidence)
            low, high = (float(end) for end in np.percentile(values, (tail, 100.0 - tail)))
        scores[metric] = Score(reliability(tally, penalty), low, high)
    return GroupScores(name, tally, scores)
