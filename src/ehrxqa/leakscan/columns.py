"""Whether a table holds rows of MIMIC: by the names of its columns, or by what stands in them.

Every format that has columns (CSV, HTML, Parquet, SQLite, spreadsheets, arrays, …) is judged here, so that what
is found does not depend on how it was saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id, made_up_number
from ehrxqa.leakscan.rules import Hit

__all__ = ["MOST_ROWS", "array_hits", "named_column", "table_hits"]

#: Name of a column, without case and signs → first digit of its numbers in MIMIC-IV and MIMIC-CXR.
_FIRST_DIGIT = {
    "subjectid": "1",
    "patientid": "1",
    "subject": "1",
    "patient": "1",
    "pid": "1",
    "hadmid": "2",
    "hadm": "2",
    "admissionid": "2",
    "admission": "2",
    "encounterid": "2",
    "stayid": "3",
    "icustayid": "3",
    "stay": "3",
    "icustay": "3",
    "studyid": "5",
    "study": "5",
}
_IMAGE_NAMES = frozenset({"dicomid", "imageid", "dicom", "image", "imagepath", "dicompath"})
_VALUE = re.compile(r"[ps]?(?P<digits>[1235]\d{7})(?:\.0+)?", re.ASCII)
_DATE = re.compile(r"2[01]\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_SIGNS = re.compile(r"[^a-z]")

#: Rows of one table that are looked at.
MOST_ROWS = 200_000
#: Rows that decide what columns without a telling name hold.
_PROFILED = 2_000
#: So many values at least make a column; fewer may be chance.
_FEWEST = 5
#: Of numbers without any other column beside them, more are needed.
_FEWEST_ALONE = 10
_SHARE = 0.95


def named_column(name: str) -> bool:
    """Whether a column is called like an identifier of MIMIC.

    >>> [named_column(name) for name in ("subject_id", "subjectId", "HADM ID", "dicom_id", "age")]
    [True, True, True, True, False]
    """
    key = _SIGNS.sub("", name.lower())
    return key in _FIRST_DIGIT or key in _IMAGE_NAMES


def table_hits(header: Sequence[str], rows: Iterable[tuple[int | None, Sequence[Any]]], about: int) -> Iterator[Hit]:
    """The first row that MIMIC's identifiers stand in.

    Args:
        header: Names of the columns; empty texts where there are none.
        rows: Line (None: not known) and cells of each row.
        about: How many rows there are, for the report.
    """
    named = [(place, name) for place, name in enumerate(header) if named_column(name)]
    profile: list[Sequence[Any]] = []
    first_line: int | None = None
    for number, (line, row) in enumerate(islice(rows, MOST_ROWS)):
        for place, name in named:
            if place < len(row) and _is_mimic(name, _text(row[place])):
                yield Hit("mimic-rows", line, f"a table of {about:,} rows with {', '.join(n for _, n in named)}")
                return
        if number < _PROFILED:
            first_line = line if not profile else first_line
            profile.append(row)
        elif not named:
            break
    yield from _profile_hits(header, profile, first_line, about)


def array_hits(values: Iterable[Any]) -> Iterator[Hit]:
    """Numbers without any name: so many like those of MIMIC, and nothing else, that they are no chance."""
    texts = [_text(value) for value in islice(values, _PROFILED)]
    digit = _like_mimic(texts, fewest=_FEWEST_ALONE)
    if digit is not None:
        yield Hit("mimic-rows", None, f"{len(texts):,} numbers like those of {_THINGS[digit]}")


_THINGS = {"1": "subjects", "2": "admissions", "3": "ICU stays", "5": "studies"}


def _profile_hits(header: Sequence[str], rows: list[Sequence[Any]], line: int | None, about: int) -> Iterator[Hit]:
    """Columns that hold subjects beside columns that hold admissions, stays or studies, whatever they are called."""
    width = max((len(row) for row in rows), default=0)
    found: dict[str, str] = {}
    for place in range(width):
        digit = _like_mimic([_text(row[place]) for row in rows if place < len(row)], fewest=_FEWEST)
        if digit is not None and digit not in found:
            found[digit] = header[place] if place < len(header) and header[place] else f"column {place + 1}"
    if "1" in found and len(found) > 1:
        things = ", ".join(_THINGS[digit] for digit in sorted(found))
        yield Hit("mimic-rows", line, f"a table of {about:,} rows with numbers like those of {things}")


def _like_mimic(texts: list[str], *, fewest: int) -> str | None:
    """The digit that nearly all of these numbers begin with, if they are like MIMIC's."""
    filled = [text for text in texts if text not in ("", "None", "nan", "NaN", "<NA>")]
    matches = [match for text in filled if (match := _VALUE.fullmatch(text)) and not made_up_number(match["digits"])]
    if len(matches) < max(fewest, _SHARE * len(filled)):
        return None
    numbers = [match["digits"] for match in matches]
    firsts = {number[0] for number in numbers}
    if len(firsts) != 1 or len(set(numbers)) < 3 or all(_DATE.fullmatch(number) for number in numbers):
        return None
    steps = {int(b) - int(a) for a, b in pairwise(numbers)}
    # counted up in equal steps, or close together: positions and serial numbers, not subjects
    spread = int(max(numbers)) - int(min(numbers))
    return None if len(steps) == 1 or spread < 100 * len(set(numbers)) else firsts.pop()


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def _is_mimic(column: str, value: str) -> bool:
    key = _SIGNS.sub("", column.lower())
    if key in _IMAGE_NAMES:
        match = IMAGE_ID.search(value)
        return match is not None and not made_up_image_id(match[0])
    found = _VALUE.fullmatch(value)
    return found is not None and found["digits"][0] == _FIRST_DIGIT[key] and not made_up_number(found["digits"])
