"""Seconds since 1970 as the texts of the source files; no time zone is involved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["date_text", "study_stamp", "time_text", "utc_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def time_text(seconds: int | None) -> str:
    """`YYYY-MM-DD HH:MM:SS`; empty for None."""
    return "" if seconds is None else _moment(seconds).strftime("%Y-%m-%d %H:%M:%S")


def date_text(seconds: int | None) -> str:
    """`YYYY-MM-DD`; empty for None."""
    return "" if seconds is None else _moment(seconds).strftime("%Y-%m-%d")


def utc_text(seconds: int) -> str:
    """`YYYY-MM-DD HH:MM:SS UTC`, as scene graphs write it."""
    return time_text(seconds) + " UTC"


def study_stamp(milliseconds: int, noise: bool) -> tuple[int, str]:
    """StudyDate and StudyTime of the CXR metadata.

    StudyTime is HHMMSS.fff without leading zeros; with `noise` it carries the last binary digit of a
    decimal number once stored as a float, as some of the published values do.
    """
    moment = _moment(milliseconds // 1000)
    date = moment.year * 10_000 + moment.month * 100 + moment.day
    value = moment.hour * 10_000 + moment.minute * 100 + moment.second + milliseconds % 1000 / 1000
    if noise and value:
        value = value * (1 - 2**-53) if value * (1 - 2**-53) != value else value * (1 - 2**-52)
    return date, repr(float(value))
