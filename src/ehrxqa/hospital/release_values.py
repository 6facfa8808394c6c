"""What differs in the tables of a hospital between releases of MIMIC-IV: languages, insurances, groups of years.

2.2 writes ENGLISH, or ? for any other language, and three insurances. 3.1 names the languages, six insurances, and has
admissions of 2020 to 2022.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

__all__ = ["RELEASE_VALUES", "ReleaseValues"]


@dataclass(frozen=True)
class ReleaseValues:
    """Values of one release. Shares are cumulative: a value holds up to the next one's share.

    Attributes:
        languages: (from which share on, language).
        insurances: The same for the insurance of those who are younger than 65.
        groups: `anchor_year_group`, all of one share.
    """

    languages: tuple[tuple[float, str], ...]
    insurances: tuple[tuple[float, str], ...]
    groups: tuple[str, ...]

    def language(self, share: float) -> str:
        """The language of a share, 0 to 1."""
        return _at(self.languages, share)

    def insurance(self, share: float) -> str:
        """The insurance of a share, 0 to 1, below the age of 65."""
        return _at(self.insurances, share)


def _at(values: tuple[tuple[float, str], ...], share: float) -> str:
    return values[bisect_right(values, share, key=lambda value: value[0]) - 1][1]


_GROUPS: Final = ("2008 - 2010", "2011 - 2013", "2014 - 2016", "2017 - 2019")

#: By release of MIMIC-IV.
RELEASE_VALUES: Final = {
    "2.2": ReleaseValues(
        languages=((0.0, "ENGLISH"), (0.9, "?")),
        insurances=((0.0, "Medicaid"), (0.15, "Other")),
        groups=_GROUPS,
    ),
    "3.1": ReleaseValues(
        languages=(
            (0.0, "English"),
            (0.9, "Spanish"),
            (0.93, "Russian"),
            (0.95, "Chinese"),
            (0.97, "Portuguese"),
            (0.985, "Haitian"),
            (0.995, "Other"),
        ),
        insurances=(
            (0.0, "Medicaid"),
            (0.25, "Private"),
            (0.88, "Other"),
            (0.94, "Self-pay"),
            (0.98, "No charge"),
        ),
        groups=(*_GROUPS, "2020 - 2022"),
    ),
}
