"""The current time of the database that questions are made for, and times that lie some units before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ehrxqa.layout import CURRENT_TIME

__all__ = ["back", "clock_at", "current_moment", "current_time", "start_back"]

_now: Final[ContextVar[str]] = ContextVar("now", default=CURRENT_TIME)


@contextmanager
def clock_at(now: str) -> Iterator[None]:
    """A context in which filters and sentences are those of a database whose current time is `now`."""
    token = _now.set(now)
    try:
        yield
    finally:
        _now.reset(token)


def current_time() -> str:
    """The current time of the database that questions are made for, as text."""
    return _now.get()


def current_moment() -> datetime:
    """The same as a point in time."""
    return _parsed(_now.get())


@lru_cache(maxsize=8)
def _parsed(now: str) -> datetime:
    return datetime.fromisoformat(now)


def back(unit: str, n: int) -> str:
    """Current time minus n units, as SQLite counts (a day that a month has not runs over into the next)."""
    return _back_from(current_moment(), unit, n)


@lru_cache(maxsize=8192)
def _back_from(moment: datetime, unit: str, n: int) -> str:
    if unit == "day":
        return (moment - timedelta(days=n)).isoformat(" ")
    months = moment.year * 12 + moment.month - 1 - (n * 12 if unit == "year" else n)
    first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
    return (first + timedelta(days=moment.day - 1)).isoformat(" ")


def start_back(unit: str) -> str:
    """How times of the year, month or day before the current one begin."""
    if unit == "year":
        return f"{current_moment().year - 1}"
    if unit == "month":
        return (current_moment().replace(day=1) - timedelta(days=1)).isoformat()[:7]
    return (current_moment() - timedelta(days=1)).isoformat(" ")
