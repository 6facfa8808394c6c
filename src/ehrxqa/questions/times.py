"""A time filter with its date or number: its wordings, its SQL, and which times it lets through."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ehrxqa.questions.clock import back, current_moment, current_time, start_back
from ehrxqa.questions.time_options import TIME_OPTIONS, TimeOption

__all__ = ["NO_TIME", "QUARTERS", "TimeChoice"]

#: Unit → length of a time that is cut off behind it.
_WIDTHS: Final = {"year": 4, "month": 7, "day": 10}
_FIELD: Final = re.compile(r"\{(\w+)\}")
QUARTERS: Final = ("first", "second", "third", "fourth")


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """A filter with its date or number; `NO_TIME` is the empty one."""

    name: str = ""
    year: int = 0
    month: int = 0
    day: int = 0
    n: int = 0

    @property
    def option(self) -> TimeOption | None:
        """The kind of filter."""
        return TIME_OPTIONS.get(self.name)

    @property
    def visit(self) -> str:
        """`hosp` or `icu` if it names a visit, else nothing."""
        option = self.option
        return option.grain if option is not None and option.grain in ("hosp", "icu") else ""

    @property
    def nlq(self) -> str:
        """The official wording."""
        return "" if self.option is None else _filled(self.option.nlq, self._values())

    def said(self) -> tuple[str, ...]:
        """All wordings of our own."""
        return ("",) if self.option is None else self._fitting(self.option.said)

    def noted(self) -> tuple[str, ...]:
        """All wordings of our own for notes."""
        return ("",) if self.option is None else self._fitting(self.option.noted or self.option.said)

    def _fitting(self, wordings: tuple[str, ...]) -> tuple[str, ...]:
        values = self._values()
        return tuple(
            _filled(text, values) for text in wordings if all(values.get(name) for name in _FIELD.findall(text))
        )

    def sql(self, column: str) -> str:
        """The condition on `column`; nothing for visits and the empty filter."""
        if self.option is None or self.visit:
            return ""
        return _filled(self.option.sql, {**self._values(), "column": column})

    def visit_sql(self, visit: str) -> str:
        """The condition inside the select of admissions (`hosp`) or ICU stays (`icu`)."""
        return self.option.sql if self.option is not None and self.visit == visit else ""

    @property
    def past(self) -> bool:
        """Whether official verbs stand in the past."""
        if self.option is None:
            return False
        return self.year < current_moment().year if self.option.past is None else self.option.past

    @property
    def over(self) -> bool:
        """Whether our own verbs stand in the past."""
        return self.option is not None and self.option.over

    @property
    def meaning(self) -> str:
        """Equal for filters that let the same times through, however they are said."""
        option = self.option
        if option is None or self.visit:
            return self.name
        kind, unit, which = self.name.split("-")
        width = _WIDTHS[unit]
        if kind == "rel" and which in ("since", "until"):
            return f"{which} {back(unit, self.n)}"
        if kind == "rel":
            return f"in {(current_time() if which == 'this' else start_back(unit))[:width]}"
        if kind == "mix":
            period = which.removeprefix("this_").removeprefix("last_")
            start = current_time() if which.startswith("this") else start_back(period)
            parts = [start[: _WIDTHS[period]], *([f"{self.month:02}"] if period == "year" else [])]
            return "in " + "-".join([*parts, *([f"{self.day:02}"] if unit == "day" else [])])
        value = f"{self.year:04}-{self.month:02}-{self.day:02}"[:width]
        # nothing in the databases is later than now
        return f"in {value}" if which == "since" and current_time().startswith(value) else f"{which} {value}"

    def lets_through(self, time: str) -> bool:
        """Whether a time of the database passes a calendar filter (visits are not decided here)."""
        name = self.name
        if name.startswith("abs"):
            width = _WIDTHS[self.option.grain] if self.option else 0
            value, bound = time[:width], f"{self.year:04}-{self.month:02}-{self.day:02}"[:width]
            return (
                value >= bound
                if name.endswith("since")
                else value <= bound
                if name.endswith("until")
                else (value == bound)
            )
        if name.startswith("mix"):
            if "year" in name:
                if (
                    time[:4] != str(current_moment().year - name.endswith("last_year"))
                    or time[5:7] != f"{self.month:02}"
                ):
                    return False
                return not self.day or time[8:10] == f"{self.day:02}"
            return time[:7] == (start_back("month") if "last" in name else current_time()[:7]) and (
                time[8:10] == f"{self.day:02}"
            )
        if name.startswith("rel") and not self.visit:
            unit, which = name.split("-")[1:]
            width = _WIDTHS[unit]
            if which == "this":
                return time[:width] == current_time()[:width]
            if which == "last":
                return time[:width] == start_back(unit)[:width]
            bound = back(unit, self.n)
            return time >= bound if which == "since" else time <= bound
        return True

    def _values(self) -> dict[str, str]:
        """Field → its words; a wording with a field that has none does not fit this date or number."""
        return _values_of(self, current_moment().year)


@lru_cache(maxsize=4096)
def _values_of(choice: TimeChoice, this_year: int) -> dict[str, str]:
    day, month, n = str(choice.day), choice.month, choice.n
    ending = "th" if 10 < choice.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(choice.day % 10, "th")
    values = {
        "y": f"{choice.year:04}",
        "m": f"{month:02}",
        "d": f"{choice.day:02}",
        "n": str(n),
        "month": calendar.month_name[month].lower() if month else "",
        "day": day,
        "day_th": day + ending,
        "this_year": "this year" if choice.year == this_year else "",
        "mon": calendar.month_abbr[month].lower() if month else "",
        "q_begun": str(month // 3 + 1) if month % 3 == 1 else "",
        "q_ended": str(month // 3) if month and month % 3 == 0 else "",
        "quarter_begun": QUARTERS[month // 3] if month % 3 == 1 else "",
        "quarter_ended": QUARTERS[month // 3 - 1] if month and month % 3 == 0 else "",
    }
    for unit in ("year", "month", "day"):
        few = "24 hours" if unit == "day" else unit
        several = _several(n, unit)
        values[f"n_{unit}"] = few if n == 1 else several
        values[f"N_{unit}"] = f"1 {unit}" if n == 1 else several
        values[f"more_{unit}"] = several if n > 1 else ""
    return values


def _several(n: int, unit: str) -> str:
    """A number of units as people say it: three years, not 36 months."""
    if unit == "month" and n >= 12 and n % 12 == 0:
        return f"{n // 12} years" if n > 12 else "12 months"
    if unit == "day" and n >= 14 and n % 7 == 0:
        return f"{n // 7} weeks"
    return f"{n} {unit}s"


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A wording with its fields filled in."""
    return _FIELD.sub(lambda match: values[match[1]], text)


NO_TIME: Final = TimeChoice()
