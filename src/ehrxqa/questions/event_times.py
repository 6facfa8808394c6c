"""Which of several events by time is meant, and how near two events must be: said, and in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["EXACT", "MOMENT_SQL", "WITHIN", "ExactTime", "Within"]


@dataclass(frozen=True, slots=True)
class ExactTime:
    """Which of several rows is meant, by time.

    Attributes:
        nlq: Its official wording.
        order: The order that takes it, by `{column}`.
        adjectives: Our wordings before a noun.
        adverbs: Our wordings beside a verb.
    """

    nlq: str
    order: str
    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]


#: By name. `exact-default` names a recorded time instead of a place in the order.
EXACT: Final = {
    "exact-first": ExactTime(
        "first",
        "order by {column} asc limit 1",
        adjectives=("first", "earliest", "initial"),
        adverbs=("first",),
    ),
    "exact-second": ExactTime(
        "second",
        "order by {column} asc limit 1 offset 1",
        adjectives=("second",),
        adverbs=("second",),
    ),
    "exact-last": ExactTime(
        "last",
        "order by {column} desc limit 1",
        adjectives=("last", "most recent", "latest"),
        adverbs=("last", "most recently"),
    ),
    "exact-second_to_last": ExactTime(
        "second to last",
        "order by {column} desc limit 1 offset 1",
        adjectives=("second-to-last", "next-to-last", "penultimate"),
        adverbs=("second to last",),
    ),
    "exact-default": ExactTime("", "", adjectives=("",), adverbs=("",)),
}

#: The condition for `exact-default`.
MOMENT_SQL: Final = "{column} = '{time}'"


@dataclass(frozen=True, slots=True)
class Within:
    """How near two events must be.

    Attributes:
        nlq: Its official wording.
        said: Our wordings.
        sql: The condition on the columns `{earlier}` and `{later}`, or the admissions that they lie in.
        over: When the time is over in which something was to follow `{time}`; empty where nothing asks for that.
    """

    nlq: str
    said: tuple[str, ...]
    sql: str
    over: str = ""


#: By name.
WITHIN: Final = {
    "within-hosp": Within(
        "within the same hospital visit",
        ("during the same hospital stay", "in the same hospital stay"),
        "{earlier_visit} = {later_visit}",
    ),
    "within-month": Within(
        "within the same month",
        ("in the same calendar month", "in the same month"),
        "datetime({earlier},'start of month') = datetime({later},'start of month')",
        over="datetime({time},'start of month','+1 month')",
    ),
    "within-day": Within(
        "within the same day",
        ("on the same day", "on the same calendar day"),
        "datetime({earlier},'start of day') = datetime({later},'start of day')",
    ),
    "within-n_month": Within(
        "within 2 month",
        ("within 2 months", "within two months"),
        "datetime({later}) between datetime({earlier}) and datetime({earlier},'+2 month')",
        over="datetime({time},'+2 month')",
    ),
    "within-n_day": Within(
        "within 2 day",
        ("within 2 days", "within two days"),
        "datetime({later}) between datetime({earlier}) and datetime({earlier},'+2 day')",
    ),
    "within-same": Within("at the same time", ("at the same time",), "datetime({earlier}) = datetime({later})"),
}
