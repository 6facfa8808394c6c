"""Time filters: what they are called, how they are said, what they mean in SQL, and which times they let through.

A filter is declared once, as a row of `TIME_OPTIONS`. `{column}` in its SQL stands for the column it is put on. A filter
on a visit restricts admissions or ICU stays instead, where those are selected.
"""

from __future__ import annotations

import calendar
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ehrxqa.layout import CURRENT_TIME, START_YEAR

__all__ = [
    "EXACT",
    "EXACT_ADJECTIVES",
    "EXACT_ADVERBS",
    "MOMENT_SQL",
    "NO_TIME",
    "QUARTERS",
    "TIME_OPTIONS",
    "WINDOWS",
    "WITHIN",
    "TimeChoice",
    "TimeOption",
    "candidates",
    "clock_at",
    "current_time",
]

#: The current time of the database that questions are made for.
_now: ContextVar[str] = ContextVar("now", default=CURRENT_TIME)
_BEGINNING: Final = f"{START_YEAR}-01-01 00:00:00"
#: Unit → length of a time that is cut off behind it.
_WIDTHS: Final = {"year": 4, "month": 7, "day": 10}
_MOST_YEARS: Final = 5
_FIELD: Final = re.compile(r"\{(\w+)\}")
QUARTERS: Final = ("first", "second", "third", "fourth")


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


def _moment() -> datetime:
    return _parsed(_now.get())


@lru_cache(maxsize=8)
def _parsed(now: str) -> datetime:
    return datetime.fromisoformat(now)


@dataclass(frozen=True, slots=True)
class TimeOption:
    """One kind of filter.

    Attributes:
        name: Its name in `t_tag`.
        grain: `year`, `month`, `day`, or the visit it names: `hosp`, `icu`.
        nlq: Its official wording.
        sql: The condition, without `and`; for visits the rest of the inner select.
        said: Our own wordings. None may be read as another filter: “until 2104” does not say whether 2104 belongs to it,
            “within the last year” sounds like “last year”, and the last visit is the last that has ended.
        past: Whether verbs stand in the past in the official wording; None: where the year is over.
        over: Whether verbs stand in the past in our own wordings.
        noted: Our wordings in notes (“patient 7, past 2 years: …”), where they are shorter.
    """

    name: str
    grain: str
    nlq: str
    sql: str
    said: tuple[str, ...]
    past: bool | None = False
    over: bool = False
    noted: tuple[str, ...] = ()


def _this(unit: str, back: int) -> str:
    return f"datetime({{column}},'start of {unit}') = datetime(current_time,'start of {unit}','-{back} {unit}')"


def _calendar() -> Iterable[TimeOption]:
    forms = {
        "year": ("%Y", "{y}", "{y}", ("in {y}", "during {y}", "in {y}", "in the year {y}", "{this_year}"), "{y}"),
        "month": ("%Y-%m", "{y}-{m}", "{m}/{y}", ("in {month} {y}", "in {m}/{y}", "in {month} of {y}"), "{month} {y}"),
        "day": (
            "%Y-%m-%d",
            "{y}-{m}-{d}",
            "{m}/{d}/{y}",
            ("on {month} {day}, {y}", "on {m}/{d}/{y}", "on {month} {day_th}, {y}"),
            "{month} {day}, {y}",
        ),
    }
    for unit, (code, value, nlq, within, named) in forms.items():
        at = "on" if unit == "day" else "in"
        column = f"strftime('{code}',{{column}})"
        is_year = None if unit == "year" else False
        yield TimeOption(f"abs-{unit}-in", unit, f"{at} {nlq}", f"{column} = '{value}'", within, is_year, True)
        since: tuple[str, ...] = (f"since {named}", f"from {named} on")
        since += (f"in or after {named}", "{this_year}") if unit == "year" else (f"since {nlq}",)
        until: tuple[str, ...] = (
            f"through {named}",
            f"until the end of {named}",
            f"through {named}",
            f"by the end of {named}",
        )
        if unit == "day":
            until = (f"up to and including {named}", f"through {named}", f"up to and including {nlq}")
        if unit == "month":
            since += ("since the {quarter_begun} quarter of {y}",)
            until += ("until the end of the {quarter_ended} quarter of {y}",)
        yield TimeOption(f"abs-{unit}-since", unit, f"since {nlq}", f"{column} >= '{value}'", since)
        yield TimeOption(
            f"abs-{unit}-until", unit, f"until {nlq}", f"{column} <= '{value}'", until, unit == "year", True
        )
    for unit, (this, last) in {
        "year": ("this year", "last year"),
        "month": ("this month", "last month"),
        "day": ("today", "yesterday"),
    }.items():
        current, previous = (
            tuple(f"{word} {unit}" for word in words) if unit != "day" else ()
            for words in (("in the current", "so far this"), ("in the previous", "in the prior"))
        )
        yield TimeOption(f"rel-{unit}-this", unit, this, _this(unit, 0), (this, *current))
        yield TimeOption(f"rel-{unit}-last", unit, last, _this(unit, 1), (last, *previous), unit == "year", True)
        bound = f"datetime(current_time,'-{{n}} {unit}')"
        yield TimeOption(
            f"rel-{unit}-since",
            unit,
            f"since {{n}} {unit} ago",
            f"datetime({{column}}) >= {bound}",
            (
                f"in the past {{n_{unit}}}",
                f"over the past {{n_{unit}}}",
                f"within the past {{n_{unit}}}",
                f"in the last {{more_{unit}}}",
            ),
            noted=(f"past {{n_{unit}}}",),
        )
        yield TimeOption(
            f"rel-{unit}-until",
            unit,
            f"until {{n}} {unit} ago",
            f"datetime({{column}}) <= {bound}",
            (f"no later than {{N_{unit}}} ago", f"more than {{N_{unit}}} ago", f"at least {{N_{unit}}} ago"),
            unit == "year",
            True,
        )
    for back, words in enumerate(("this year", "last year")):
        year = words.replace(" ", "_")
        yield TimeOption(
            f"mix-month-{year}",
            "month",
            f"in {{m}}/{words}",
            f"{_this('year', back)} and strftime('%m',{{column}}) = '{{m}}'",
            (f"in {{month}} of {words}", f"in {{month}} {words}"),
            False,
            True,
        )
        yield TimeOption(
            f"mix-day-{year}",
            "day",
            f"on {{m}}/{{d}}/{words}",
            f"{_this('year', back)} and strftime('%m-%d',{{column}}) = '{{m}}-{{d}}'",
            (f"on {{month}} {{day}} of {words}", f"on the {{day_th}} of {{month}} {words}"),
            False,
            True,
        )
    for back, words in enumerate(("this month", "last month")):
        month = words.replace(" ", "_")
        yield TimeOption(
            f"mix-day-{month}",
            "day",
            f"on {words}/{{d}}",
            f"{_this('month', back)} and strftime('%d',{{column}}) = '{{d}}'",
            (f"on the {{day_th}} of {words}",),
            False,
            True,
        )


def _visits() -> Iterable[TimeOption]:
    for visit, ended, begun, stay in (
        ("hosp", "admissions.dischtime", "admissions.admittime", "hospital"),
        ("icu", "icustays.outtime", "icustays.intime", "icu"),
    ):
        sql = {
            "cur": f"{ended} is null",
            "first": f"{ended} is not null order by {begun} asc limit 1",
            "last": f"{ended} is not null order by {begun} desc limit 1",
        }
        for which, official, words in (
            ("cur", "current", ("current", "ongoing")),
            ("first", "first", ("first",)),
            ("last", "last", ("last completed", "most recent completed")),
        ):
            past = which != "cur"
            said = tuple(
                f"{during} the {word} {stay} {visit_}"
                for word in words
                for during, visit_ in (("during", "stay"), ("during", "visit"), ("on", "admission"))
            )
            yield TimeOption(
                f"rel-{visit}-{which}",
                visit,
                f"on the {official} {stay} visit",
                sql[which],
                said,
                past and visit == "hosp",
                past,
                tuple(f"{word} {stay} {noun}" for word in words for noun in ("stay", "admission")),
            )


#: Name → filter, for both global slots.
TIME_OPTIONS: Final = {option.name: option for option in (*_calendar(), *_visits())}

#: Name → (wording, order). Of several rows the first or last by time is meant.
EXACT: Final = {
    "exact-first": ("first", "order by {column} asc limit 1"),
    "exact-second": ("second", "order by {column} asc limit 1 offset 1"),
    "exact-last": ("last", "order by {column} desc limit 1"),
    "exact-second_to_last": ("second to last", "order by {column} desc limit 1 offset 1"),
    "exact-default": ("", ""),
}

#: The condition for `exact-default`, which names a recorded time instead of a place in the order.
MOMENT_SQL: Final = "{column} = '{time}'"

#: Name → our wordings before a noun.
EXACT_ADJECTIVES: Final = {
    "exact-first": ("first", "earliest", "initial"),
    "exact-second": ("second",),
    "exact-last": ("last", "most recent", "latest"),
    "exact-second_to_last": ("second-to-last", "next-to-last", "penultimate"),
    "exact-default": ("",),
}
#: Name → our wordings beside a verb.
EXACT_ADVERBS: Final = {
    "exact-first": ("first",),
    "exact-second": ("second",),
    "exact-last": ("last", "most recently"),
    "exact-second_to_last": ("second to last",),
    "exact-default": ("",),
}

#: Name → (wording, our wordings, condition on the `earlier` and the `later` column).
WITHIN: Final = {
    "within-hosp": (
        "within the same hospital visit",
        ("during the same hospital stay", "in the same hospital stay"),
        "{earlier_visit} = {later_visit}",
    ),
    "within-month": (
        "within the same month",
        ("in the same calendar month", "in the same month"),
        "datetime({earlier},'start of month') = datetime({later},'start of month')",
    ),
    "within-day": (
        "within the same day",
        ("on the same day", "on the same calendar day"),
        "datetime({earlier},'start of day') = datetime({later},'start of day')",
    ),
    "within-n_month": (
        "within 2 month",
        ("within 2 months", "within two months"),
        "datetime({later}) between datetime({earlier}) and datetime({earlier},'+2 month')",
    ),
    "within-n_day": (
        "within 2 day",
        ("within 2 days", "within two days"),
        "datetime({later}) between datetime({earlier}) and datetime({earlier},'+2 day')",
    ),
    "within-same": ("at the same time", ("at the same time",), "datetime({earlier}) = datetime({later})"),
}


#: Name → when the time is over in which something was to follow `{time}`.
WINDOWS: Final = {
    "within-month": "datetime({time},'start of month','+1 month')",
    "within-n_month": "datetime({time},'+2 month')",
}


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
        return self.year < _moment().year if self.option.past is None else self.option.past

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
            return f"{which} {_back(unit, self.n)}"
        if kind == "rel":
            return f"in {(_now.get() if which == 'this' else _start_back(unit))[:width]}"
        if kind == "mix":
            period = which.removeprefix("this_").removeprefix("last_")
            start = _now.get() if which.startswith("this") else _start_back(period)
            parts = [start[: _WIDTHS[period]], *([f"{self.month:02}"] if period == "year" else [])]
            return "in " + "-".join([*parts, *([f"{self.day:02}"] if unit == "day" else [])])
        value = f"{self.year:04}-{self.month:02}-{self.day:02}"[:width]
        # nothing in the databases is later than now
        return f"in {value}" if which == "since" and _now.get().startswith(value) else f"{which} {value}"

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
                if time[:4] != str(_moment().year - name.endswith("last_year")) or time[5:7] != f"{self.month:02}":
                    return False
                return not self.day or time[8:10] == f"{self.day:02}"
            return time[:7] == (_start_back("month") if "last" in name else _now.get()[:7]) and (
                time[8:10] == f"{self.day:02}"
            )
        if name.startswith("rel") and not self.visit:
            unit, which = name.split("-")[1:]
            width = _WIDTHS[unit]
            if which == "this":
                return time[:width] == _now.get()[:width]
            if which == "last":
                return time[:width] == _start_back(unit)[:width]
            bound = _back(unit, self.n)
            return time >= bound if which == "since" else time <= bound
        return True

    def _values(self) -> dict[str, str]:
        """Field → its words; a wording with a field that has none does not fit this date or number."""
        return _values_of(self, _moment().year)


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


def _back(unit: str, n: int) -> str:
    """Current time minus n units, as SQLite counts (a day that a month has not runs over into the next)."""
    return _back_from(_moment(), unit, n)


@lru_cache(maxsize=8192)
def _back_from(moment: datetime, unit: str, n: int) -> str:
    if unit == "day":
        return (moment - timedelta(days=n)).isoformat(" ")
    months = moment.year * 12 + moment.month - 1 - (n * 12 if unit == "year" else n)
    first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
    return (first + timedelta(days=moment.day - 1)).isoformat(" ")


def _start_back(unit: str) -> str:
    if unit == "year":
        return f"{_moment().year - 1}"
    if unit == "month":
        return (_moment().replace(day=1) - timedelta(days=1)).isoformat()[:7]
    return (_moment() - timedelta(days=1)).isoformat(" ")


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
            if not START_YEAR <= moved.year <= _moment().year or (which == "until" and moved >= _moment()):
                moved = moment
            choice = TimeChoice(
                option.name, moved.year, moved.month if unit != "year" else 0, moved.day if unit == "day" else 0
            )
        elif kind == "mix":
            choice = TimeChoice(option.name, 0, month if "year" in which else 0, day if unit == "day" else 0)
        elif which in ("since", "until"):
            units = {"year": 365.25, "month": 30.44, "day": 1.0}[unit]
            passed = max(0.0, (_moment() - moment).total_seconds() / 86400 / units)
            n = int(passed) + 1 + rng.randrange(2) if which == "since" else int(passed) - rng.randrange(2)
            n = _as_said(n, unit, up=which == "since")
            most = {"year": _MOST_YEARS, "month": 12 * _MOST_YEARS, "day": 366 * _MOST_YEARS}[unit]
            if not 1 <= n <= most:
                continue
            choice = TimeChoice(option.name, n=n)
        else:
            choice = TimeChoice(option.name)
        lets_all = (which == "since" and choice.lets_through(_BEGINNING)) or (
            which == "until" and choice.lets_through(_now.get())
        )
        if choice.lets_through(time) and not lets_all:
            found.append(choice)
    return found
