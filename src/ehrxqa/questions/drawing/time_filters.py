"""Which time filters a question about something that happened at a time may have."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ehrxqa.layout import START_YEAR
from ehrxqa.questions.clock import current_moment, current_time
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice

__all__ = ["candidates"]

_BEGINNING: Final = f"{START_YEAR}-01-01 00:00:00"
_MOST_YEARS: Final = 5
#: Unit → the numbers of it that people say: nobody says 37 months or 1235 days, and 24 months are years.
_SAID_NUMBERS: Final = {
    "year": tuple(range(1, _MOST_YEARS + 1)),
    "month": (*range(1, 13), 15, 18, 21, 30, 42, 54),
    "day": (*range(1, 15), *range(21, 71, 7), 90, 120, 150, 180),
}


def _as_said(n: int, unit: str, *, up: bool) -> int:
    """The next number of units that people say, upwards or downwards; 0 if there is none.

    >>> _as_said(37, "month", up=True), _as_said(37, "month", up=False), _as_said(1235, "day", up=True)
    (42, 30, 0)
    """
    if up:
        return next((number for number in _SAID_NUMBERS[unit] if number >= n), 0)
    return max((number for number in _SAID_NUMBERS[unit] if number <= n), default=0)


def candidates(time: str, grains: Iterable[str], rng: random.Random) -> list[TimeChoice]:
    """One choice of every calendar filter of these grains that lets `time` through, and not all times."""
    month, day = int(time[5:7]), int(time[8:10])
    moment = datetime.fromisoformat(time)
    found: list[TimeChoice] = []
    for option in TIME_OPTIONS.values():
        if option.grain not in grains or option.grain in ("hosp", "icu"):
            continue
        kind, unit, which = option.name.split("-")
        if kind == "abs":
            moved = moment
            if which != "in":
                span = {"year": 365, "month": 90, "day": 20}[unit]
                moved += timedelta(days=rng.randrange(span) * (-1 if which == "since" else 1))
            if not START_YEAR <= moved.year <= current_moment().year or (
                which == "until" and moved >= current_moment()
            ):
                moved = moment
            choice = TimeChoice(
                option.name, moved.year, moved.month if unit != "year" else 0, moved.day if unit == "day" else 0
            )
        elif kind == "mix":
            choice = TimeChoice(option.name, 0, month if "year" in which else 0, day if unit == "day" else 0)
        elif which in ("since", "until"):
            units = {"year": 365.25, "month": 30.44, "day": 1.0}[unit]
            passed = max(0.0, (current_moment() - moment).total_seconds() / 86400 / units)
            n = int(passed) + 1 + rng.randrange(2) if which == "since" else int(passed) - rng.randrange(2)
            n = _as_said(n, unit, up=which == "since")
            most = {"year": _MOST_YEARS, "month": 12 * _MOST_YEARS, "day": 366 * _MOST_YEARS}[unit]
            if not 1 <= n <= most:
                continue
            choice = TimeChoice(option.name, n=n)
        else:
            choice = TimeChoice(option.name)
        lets_all = (which == "since" and choice.lets_through(_BEGINNING)) or (
            which == "until" and choice.lets_through(current_time())
        )
        if choice.lets_through(time) and not lets_all:
            found.append(choice)
    return found
