"""Tab-separated files of the hospital, and codes and titles that are written once for many.

A classification that multiplies sites by sides by conditions is written as it is made: `M255{joint}{side}`, "Pain in
{side} {joint}" stands for fourteen codes, whose signs and words are listed under `joint` and `side` in `axes.tsv`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

__all__ = ["expanded", "numbers", "rows", "split"]

_AXIS = re.compile(r"\{(\w+)\}")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a file of `hospital/data`; what is missing at the end of a line is empty."""
    text = resources.files("ehrxqa.hospital").joinpath("data", name).read_text(encoding="utf-8")
    header, *lines = text.rstrip("\n").split("\n")
    names = header.split("\t")
    return tuple(dict(itertools.zip_longest(names, line.split("\t"), fillvalue="")) for line in lines)


def split(text: str, mark: str) -> tuple[str, ...]:
    """The parts of a text that are not empty."""
    return tuple(part for part in text.split(mark) if part)


def numbers(text: str, mark: str = ",") -> dict[str, float]:
    """Numbers by name, from `name:number` parts."""
    return {name: float(number) for name, _, number in (part.rpartition(":") for part in split(text, mark))}


@cache
def _axes() -> dict[str, tuple[tuple[str, str], ...]]:
    """Axis → its signs with their words."""
    found = {}
    for row in rows("axes.tsv"):
        pairs = (part.partition(":") for part in split(row["values"], ","))
        found[row["axis"]] = tuple((sign, words) for sign, _, words in pairs)
    return found


def expanded(code: str, title: str, weight: float) -> Iterator[tuple[str, str, float]]:
    """The codes that one line stands for, with title and share of the weight; earlier ones are used more often."""
    names = tuple(dict.fromkeys(_AXIS.findall(code)))
    if not names:
        yield code, title, weight
        return
    choices = list(itertools.product(*(_axes()[name] for name in names)))
    shares = [1 / (place + 2) for place in range(len(choices))]
    for choice, share in zip(choices, shares, strict=True):
        own_code, own_title = code, title
        for name, (sign, words) in zip(names, choice, strict=True):
            own_code, own_title = own_code.replace(f"{{{name}}}", sign), own_title.replace(f"{{{name}}}", words)
        yield own_code, own_title[0].upper() + own_title[1:], weight * share / sum(shares)
