"""The benchmark's calendar: one offset per subject moves that subject's history into 2100–2105.

Offsets are whole minutes. A subject's intervals are kept; years have 365 days here, so calendar days drift by
the leap days passed. What would lie after the current time has not happened yet and becomes null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.database.frame import NAT, ColumnKind, FrameColumn, seconds_of
from ehrxqa.layout import CURRENT_TIME, START_YEAR

__all__ = ["CURRENT_TIME_SECONDS", "START_SECONDS", "YEAR_SPAN", "TimeShift", "year_of"]

#: Years after the first that a history may start in.
YEAR_SPAN: Final = 5
CURRENT_TIME_SECONDS: Final = seconds_of(CURRENT_TIME)
START_SECONDS: Final = seconds_of(f"{START_YEAR}-01-01 00:00:00")

Seconds = npt.NDArray[np.int64]


def year_of(seconds: Seconds) -> npt.NDArray[np.int64]:
    """Calendar year of times in seconds since 1970."""
    years: npt.NDArray[np.int64] = seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years


@dataclass(frozen=True)
class TimeShift:
    """Offsets of one database.

    Attributes:
        subjects: Subjects that have an offset, ascending.
        minutes: Offset of each in minutes.
    """

    subjects: npt.NDArray[np.int64]
    minutes: npt.NDArray[np.int64]

    @classmethod
    def from_mapping(cls, minutes: dict[int, int]) -> TimeShift:
        """Offsets given by subject."""
        subjects = np.array(sorted(minutes), dtype=np.int64)
        return cls(subjects, np.array([minutes[subject] for subject in subjects.tolist()], dtype=np.int64))

    def shift(self, subject: npt.NDArray[np.int64], time: FrameColumn, *, floor: bool = False) -> FrameColumn:
        """Times of subjects, moved.

        Null stays null; a subject without offset, or a time after the current time, gives null; with `floor`,
        so does a time before 2100.
        """
        seconds = time.data
        if len(self.subjects):
            place = np.minimum(np.searchsorted(self.subjects, subject), len(self.subjects) - 1)
            known = self.subjects[place] == subject
            moved = seconds + self.minutes[place] * 60
        else:
            known, moved = np.zeros(len(seconds), dtype=bool), seconds
        good = known & (seconds != NAT) & (moved <= CURRENT_TIME_SECONDS)
        if floor:
            good &= moved >= START_SECONDS
        return FrameColumn(ColumnKind.TIME, np.where(good, moved, NAT))
