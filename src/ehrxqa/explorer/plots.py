"""Geometry of the small drawings on pages: time lines, series of measurements, bars. Plain numbers, no markup."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ehrxqa.explorer.data_subject import Series, SubjectView

__all__ = ["Line", "Mark", "Span", "TimeLine", "line_of", "time_line"]

#: The shifted calendar.
FIRST_YEAR: Final = 2100
LAST_YEAR: Final = 2105
WIDTH: Final = 1000.0
#: Narrower spans could not be seen or clicked.
_NARROWEST: Final = 4.0
_BEGIN: Final = datetime(FIRST_YEAR, 1, 1)
_SECONDS: Final = (datetime(LAST_YEAR + 1, 1, 1) - _BEGIN).total_seconds()

#: Of a plot of measurements.
PLOT_WIDTH: Final = 240.0
PLOT_HEIGHT: Final = 64.0
_MARGIN: Final = 6.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, from `x` on, `width` wide; `note` says what it is and `target` what it leads to."""

    x: float
    width: float
    note: str
    target: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment."""

    x: float
    note: str
    target: str


@dataclass(frozen=True)
class TimeLine:
    """A subject from the first to the last year of the calendar; x from 0 to 1000.

    Attributes:
        years: Where each year begins.
        admissions, stays: Admissions and ICU stays.
        studies: X-rays.
    """

    years: tuple[Mark, ...]
    admissions: tuple[Span, ...]
    stays: tuple[Span, ...]
    studies: tuple[Mark, ...]


def _x(time: str | None) -> float:
    """Where a time stands; one outside the calendar stands at its edge, none at its end."""
    if time is None:
        return WIDTH
    try:
        seconds = (datetime.fromisoformat(time) - _BEGIN).total_seconds()
    except ValueError:
        return WIDTH
    return round(min(max(seconds / _SECONDS, 0.0), 1.0) * WIDTH, 2)


def _span(start: str, end: str | None, note: str, target: str) -> Span:
    x = _x(start)
    width = max(_x(end) - x, _NARROWEST)
    return Span(min(x, WIDTH - width), round(width, 2), note, target)


def time_line(subject: SubjectView) -> TimeLine:
    """The time line of a subject."""
    return TimeLine(
        tuple(Mark(_x(f"{year}-01-01 00:00:00"), str(year), "") for year in range(FIRST_YEAR, LAST_YEAR + 1)),
        tuple(
            _span(
                admission.start,
                admission.end,
                f"admission {admission.hadm_id}, {admission.start[:10]} to {(admission.end or 'now')[:10]}",
                f"admission-{admission.hadm_id}",
            )
            for admission in subject.admissions
        ),
        tuple(
            _span(stay.start, stay.end, f"{stay.unit}, from {stay.start[:16]}", f"admission-{admission.hadm_id}")
            for admission in subject.admissions
            for stay in admission.stays
        ),
        tuple(Mark(_x(study.time), f"X-ray, {study.time[:16]}", study.image_id) for study in subject.studies),
    )


@dataclass(frozen=True)
class Line:
    """A series of measurements as a line; points stand at equal distances, in the order of time.

    Attributes:
        path: Points as SVG writes a polyline, one text per admission.
        dots: (x, y, note) of each point.
        breaks: Where another admission begins.
        lowest, highest, last: Values.
    """

    path: tuple[str, ...]
    dots: tuple[tuple[float, float, str], ...]
    breaks: tuple[float, ...]
    lowest: float
    highest: float
    last: float


#: Points of a line that are drawn; of more, every n-th.
_MOST_POINTS: Final = 160


def line_of(series: Series) -> Line:
    """A series of at least one measurement as a line."""
    every = max(1, math.ceil(len(series.points) / _MOST_POINTS))
    points = series.points[::every]
    values = [value for _, value, _ in points]
    lowest, highest = min(values), max(values)
    step = (PLOT_WIDTH - 2 * _MARGIN) / max(1, len(points) - 1)
    scale = (PLOT_HEIGHT - 2 * _MARGIN) / ((highest - lowest) or 1.0)
    level = highest if highest > lowest else highest + 0.5 / scale * (PLOT_HEIGHT - 2 * _MARGIN)
    dots = tuple(
        (
            round(_MARGIN + place * step, 1) if len(points) > 1 else PLOT_WIDTH / 2,
            round(_MARGIN + (level - value) * scale, 1),
            f"{time[:16]}: {number(value)} {series.unit}".rstrip(),
        )
        for place, (time, value, _) in enumerate(points)
    )
    starts = [place for place in range(1, len(points)) if points[place][2] != points[place - 1][2]]
    edges = [0, *starts, len(points)]
    paths = tuple(" ".join(f"{x},{y}" for x, y, _ in dots[first:last]) for first, last in itertools.pairwise(edges))
    return Line(
        paths, dots, tuple(round(dots[place][0] - step / 2, 1) for place in starts), lowest, highest, values[-1]
    )


def number(value: float) -> str:
    """A measurement for readers: at most two decimals, none if it is whole.

    >>> number(7.0), number(7.256)
    ('7', '7.26')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
