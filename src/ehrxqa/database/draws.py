"""Every random draw of a database build, in the official order.

Three streams: G, a numpy generator with seed 0 that one build shares; R, Python's own generator, seeded with 0
at two places; and F, a fresh generator for each shuffle (`shuffle.py`). The methods must be called in the order
in which they stand here.
"""

from __future__ import annotations

import random
from calendar import isleap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.database.calendar import YEAR_SPAN
from ehrxqa.layout import CURRENT_TIME, START_YEAR

__all__ = ["CURRENT_SHARE", "OFFICIAL_SEED", "TARGET_SUBJECTS", "Draws", "target_count"]

#: Seed of every stream of the official build.
OFFICIAL_SEED: Final = 0
#: Subjects whose last admission is made to contain the current time: a tenth of the official cohort sizes.
TARGET_SUBJECTS: Final = {"train": 80, "test": 40}
#: Share of the cohort that is in hospital at the current time.
CURRENT_SHARE: Final = 0.1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def target_count(split: str, available: int) -> int:
    """How many subjects are made current: 80 (train) or 40 (test), or a tenth where there are not as many.

    The official builder stops when there are fewer subjects; a small hospital takes a tenth, at least one.

    >>> target_count("test", 500), target_count("test", 40), target_count("test", 39), target_count("test", 0)
    (40, 40, 3, 0)
    """
    official = TARGET_SUBJECTS[split]
    return official if available >= official else min(available, max(1, available // 10))


class Draws:
    """The draws of one database.

    Args:
        seed: Seed of all streams; the official one is 0.
    """

    def __init__(self, seed: int = OFFICIAL_SEED) -> None:
        self.seed = seed
        self._generator = np.random.default_rng(seed)

    @staticmethod
    def birth_days(years: Sequence[int], seed: int = OFFICIAL_SEED) -> list[int]:
        """R: for each subject of MIMIC-IV, days from 1 January of the birth year (the next 1 January included)."""
        stream = random.Random(seed)
        return [stream.randint(0, 366 if isleap(year) else 365) for year in years]

    def start_years(self, count: int) -> npt.NDArray[np.int64]:
        """G: for each subject, the year its history starts in; later years are likelier (1:2:…:6)."""
        weights = np.arange(1, YEAR_SPAN + 2)
        years: npt.NDArray[np.int64] = self._generator.choice(
            np.arange(START_YEAR, START_YEAR + YEAR_SPAN + 1), size=count, p=weights / weights.sum()
        )
        return years

    def current_offsets(
        self, subjects: Sequence[int], last_stays: dict[int, tuple[int, int]], count: int
    ) -> list[tuple[int, int]]:
        """R: subjects made current, with the offset in minutes that puts an instant of their last stay at "now".

        Args:
            subjects: Candidates, in order of first admission.
            last_stays: Admission and discharge time of each one's last admission, seconds since 1970.
            count: How many are drawn.
        """
        stream = random.Random(self.seed)
        now = datetime.strptime(CURRENT_TIME, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        offsets = []
        for subject in stream.sample(list(subjects), count):
            admitted, discharged = last_stays[subject]
            instant = datetime.fromtimestamp(stream.uniform(float(admitted), float(discharged)), UTC)
            offsets.append((subject, int((now - instant).total_seconds() / 60)))
        return offsets

    def choose(self, candidates: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        """G: `count` of the candidates; all of them, without a draw, if there are fewer."""
        if count > len(candidates):
            return candidates
        chosen: npt.NDArray[np.int64] = self._generator.choice(candidates, count, replace=False)
        return chosen

    def mean_costs(self) -> list[int]:
        """G: mean cost of a diagnosis, lab test, procedure and drug."""
        return [int(mean) for mean in self._generator.poisson(lam=10, size=4)]

    def prices(self, mean: int, count: int) -> list[float]:
        """G: prices of `count` items, two decimals."""
        return [round(price, 2) for price in self._generator.normal(loc=mean, scale=1.0, size=count).tolist()]
