"""Time filters: what they are called, how they are said, and what they mean in SQL.

A filter is declared once, as a row of `TIME_OPTIONS`. `{column}` in its SQL stands for the column it is put on. A filter
on a visit restricts admissions or ICU stays instead, where those are selected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["TIME_OPTIONS", "TimeOption"]


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


def _mixed(grain: str, nlq: str, words: str, code: str, said: tuple[str, ...]) -> TimeOption:
    """A month or day by its number in this or the last year or month, as `words` say."""
    which, unit = words.split()
    value = code.replace("%m", "{m}").replace("%d", "{d}")
    condition = f"{_this(unit, int(which == 'last'))} and strftime('{code}',{{column}}) = '{value}'"
    return TimeOption(f"mix-{grain}-{which}_{unit}", grain, nlq, condition, said, False, True)


def _calendar() -> Iterable[TimeOption]:
    forms = {
        "year": ("%Y", "{y}", "{y}", ("in {y}", "during {y}", "in {y}", "{this_year}"), "{y}"),
        "month": ("%Y-%m", "{y}-{m}", "{m}/{y}", ("in {month} {y}", "in {m}/{y}", "in {mon} {y}"), "{month} {y}"),
        "day": (
            "%Y-%m-%d",
            "{y}-{m}-{d}",
            "{m}/{d}/{y}",
            ("on {month} {day}, {y}", "on {m}/{d}/{y}", "on {mon} {day_th}, {y}"),
            "{month} {day}, {y}",
        ),
    }
    for unit, (code, value, nlq, within, named) in forms.items():
        at = "on" if unit == "day" else "in"
        column = f"strftime('{code}',{{column}})"
        is_year = None if unit == "year" else False
        yield TimeOption(f"abs-{unit}-in", unit, f"{at} {nlq}", f"{column} = '{value}'", within, is_year, True)
        since: tuple[str, ...] = (f"since {named}", f"from {named} on")
        since += ("{this_year}",) if unit == "year" else (f"since {nlq}",)
        until: tuple[str, ...] = (
            f"through {named}",
            f"until the end of {named}",
            f"through {named}",
            f"through {named}",
        )
        if unit == "day":
            until = (f"up to and including {named}", f"through {named}", f"through {nlq}")
        if unit == "month":
            since += ("since {mon} {y}", "since the {quarter_begun} quarter of {y}", "since q{q_begun} {y}")
            until += (
                "through {mon} {y}",
                "until the end of q{q_ended} {y}",
                "through the {quarter_ended} quarter of {y}",
            )
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
            (f"over {{N_{unit}}} ago", f"more than {{N_{unit}}} ago", f"at least {{N_{unit}}} ago"),
            unit == "year",
            True,
        )
    for words in ("this year", "last year"):
        in_month = (f"in {{month}} of {words}", f"in {{month}} {words}", f"in {{mon}} {words}")
        yield _mixed("month", f"in {{m}}/{words}", words, "%m", in_month)
        on_day = (f"on {{month}} {{day}} of {words}", f"on the {{day_th}} of {{month}} {words}")
        yield _mixed("day", f"on {{m}}/{{d}}/{words}", words, "%m-%d", on_day)
    for words in ("this month", "last month"):
        yield _mixed("day", f"on {words}/{{d}}", words, "%d", (f"on the {{day_th}} of {words}",))


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
