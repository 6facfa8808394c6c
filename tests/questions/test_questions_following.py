"""Whether one thing follows another within a time, by cases on both sides of each bound."""

from __future__ import annotations

import pytest

from ehrxqa.questions.drawing.following import follows, said_twice
from ehrxqa.questions.facts import Event
from ehrxqa.questions.times import TimeChoice


def at(time: str, hadm: int = 1) -> Event:
    return Event(time, "x", hadm, 0, None, 5)


NOON = "2104-05-30 12:00:00"


@pytest.mark.parametrize(
    ("within", "time", "yes"),
    [
        ("", "2105-01-01 00:00:00", True),
        ("", NOON, False),
        ("", "2104-05-30 11:59:59", False),
        ("within-same", NOON, True),
        ("within-same", "2104-05-30 12:00:01", False),
        ("within-day", "2104-05-30 23:59:59", True),
        ("within-day", "2104-05-31 00:00:00", False),
        ("within-month", "2104-05-31 23:59:59", True),
        ("within-month", "2104-06-01 00:00:00", False),
        ("within-month", "2104-05-01 00:00:00", False),
        ("within-n_day", "2104-06-01 12:00:00", True),
        ("within-n_day", "2104-06-01 12:00:01", False),
        ("within-n_month", "2104-07-30 12:00:00", True),
        ("within-n_month", "2104-07-30 12:00:01", False),
    ],
)
def test_what_follows(within: str, time: str, yes: bool) -> None:
    assert follows(at(NOON), at(time), within) is yes


@pytest.mark.parametrize(
    ("start", "last"), [("2104-11-15 08:00:00", "2105-01-15 08:00:00"), ("2104-12-15 08:00:00", "2105-02-15 08:00:00")]
)
def test_two_months_run_over_the_end_of_a_year(start: str, last: str) -> None:
    assert follows(at(start), at(last), "within-n_month")
    assert not follows(at(start), at(last[:-1] + "1"), "within-n_month")


@pytest.mark.parametrize(("one", "other", "yes"), [(1, 1, True), (1, 2, False), (0, 0, False)])
def test_one_stay(one: int, other: int, yes: bool) -> None:
    assert follows(at(NOON, one), at("2104-06-09 00:00:00", other), "within-hosp") is yes


@pytest.mark.parametrize(
    ("within", "time", "yes"),
    [
        ("within-hosp", "rel-hosp-last", True),
        ("within-hosp", "rel-icu-last", False),
        ("within-hosp", "abs-month-in", False),
        ("within-month", "abs-month-in", True),
        ("within-month", "rel-month-this", True),
        ("within-month", "rel-month-last", True),
        ("within-month", "mix-day-this_month", False),
        ("within-month", "mix-month-this_year", True),
        ("within-month", "abs-month-since", False),
        ("within-month", "abs-year-in", False),
        ("within-month", "", False),
        ("within-day", "abs-month-in", False),
    ],
)
def test_a_filter_that_says_the_same_again(within: str, time: str, yes: bool) -> None:
    assert said_twice(within, TimeChoice(time)) is yes
