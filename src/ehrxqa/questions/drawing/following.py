"""Whether one thing follows another within a time, as the filters of `event_times.WITHIN` mean it."""

from __future__ import annotations

from datetime import datetime, timedelta

from ehrxqa.questions.drawing.draw import Happening
from ehrxqa.questions.times import TimeChoice

__all__ = ["follows", "said_twice"]


def follows(one: Happening, other: Happening, within: str) -> bool:
    """Whether `other` comes after `one`, as near as `within` says (`within-same`: at the same time)."""
    if within == "within-same":
        return one.time == other.time
    if one.time >= other.time:
        return False
    if within == "within-hosp":
        return bool(one.hadm) and one.hadm == other.hadm
    if within == "within-month":
        return one.time[:7] == other.time[:7]
    if within == "within-day":
        return one.time[:10] == other.time[:10]
    if within == "within-n_month":
        # SQLite lets a day that the month has not run over into the next; as text it sorts before that, which only
        # makes the draw a little stricter
        months = int(one.time[:4]) * 12 + int(one.time[5:7]) + 1
        return other.time <= f"{months // 12:04}-{months % 12 + 1:02}{one.time[7:]}"
    if within == "within-n_day":
        return other.time <= (datetime.fromisoformat(one.time) + timedelta(days=2)).isoformat(" ")
    return True


def said_twice(within: str, time: TimeChoice) -> bool:
    """Whether a filter already says what `within` says: that both lie in one stay, or in one month."""
    if within == "within-hosp":
        return time.visit == "hosp"
    kind, _, which = time.name.partition("-month-")
    return within == "within-month" and bool(which) and (kind == "mix" or which in ("in", "this", "last"))
