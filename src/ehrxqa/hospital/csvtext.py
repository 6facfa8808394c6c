r"""Rows as CSV text with the columns of the catalogue, the slow way for few rows and the fast way for many.

Both quote only where needed and end lines with `\\n`, like the published files. The fast way joins whole
columns in Arrow: the buffer of the joined column *is* the text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ehrxqa.sources.catalogue import Form, source_file
from ehrxqa.spec.files import SourceFile

__all__ = ["columns_text", "decimal_texts", "header_text", "integers", "rows_text", "seconds", "taken"]


@cache
def _names(key: str | SourceFile) -> tuple[str, ...]:
    return tuple(column.name for column in source_file(key).columns)


def header_text(key: str | SourceFile) -> str:
    """The header line of a source file."""
    mark = "\t" if source_file(key).form is Form.TSV else ","
    return mark.join(_names(key)) + "\n"


def rows_text(key: str | SourceFile, rows: Iterable[Sequence[object]]) -> bytes:
    """Rows, in the column order of the catalogue, as text; None is an empty field."""
    stream = io.StringIO()
    mark = "\t" if source_file(key).form is Form.TSV else ","
    csv.writer(stream, delimiter=mark, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8")


def columns_text(key: str, columns: dict[str, Any], count: int) -> bytes:
    """`count` rows as text, from Arrow string arrays (or one text for all rows); absent columns are empty.

    A name such as `a+b+c` stands for neighbouring columns whose texts are already joined by commas.
    Values must need no quotes, or be quoted already.
    """
    if count == 0:
        return b""
    parts: list[Any] = []
    given = {name.split("+")[0]: (name.split("+"), value) for name, value in columns.items()}
    names = list(_names(key))
    position = 0
    while position < len(names):
        together, value = given.get(names[position], ([names[position]], ""))
        assert names[position : position + len(together)] == together, (key, together)
        parts.append(value if not isinstance(value, str) else pa.scalar(value))
        position += len(together)
    last = pc.binary_join_element_wise(parts[-1], pa.scalar("\n"), "")
    if isinstance(last, pa.Scalar):
        last = pa.array([last.as_py()]).take(pa.array(np.zeros(count, dtype=np.int64)))
    joined = pc.binary_join_element_wise(*parts[:-1], last, pa.scalar(","))
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.combine_chunks()
    offsets, data = joined.buffers()[1:]
    width = np.dtype(np.int64 if pa.types.is_large_string(joined.type) else np.int32)
    edges = np.frombuffer(offsets, dtype=width)
    text: bytes = data.to_pybytes()
    return text[int(edges[joined.offset]) : int(edges[joined.offset + count])]


def integers(values: NDArray[np.int64]) -> Any:
    """Whole numbers as texts; −1 is an empty text."""
    array = pa.array(values, mask=values == -1)
    return array.cast(pa.string()).fill_null("")


def seconds(values: NDArray[np.int64]) -> Any:
    """Seconds since 1970 as `YYYY-MM-DD HH:MM:SS`."""
    return pa.array(values).cast(pa.timestamp("s")).cast(pa.string())


def taken(texts: Sequence[str], which: NDArray[np.integer[Any]]) -> Any:
    """The texts at positions `which`."""
    return pa.array(texts, type=pa.string()).take(pa.array(which))


@cache
def _fractions() -> tuple[Any, Any]:
    """Decimal parts for 0 to 3 decimals one after the other: as reported (`.50`) and shortest (`.5`)."""
    reported, shortest = [""], [""]
    for decimals in (1, 2, 3):
        for value in range(10**decimals):
            text = f".{value:0{decimals}d}"
            reported.append(text)
            shortest.append(text.rstrip("0").rstrip("."))
    return pa.array(reported), pa.array(shortest)


_START = np.array([0, 1, 11, 111])
_POWER = np.array([1, 10, 100, 1000])


def decimal_texts(ticks: NDArray[np.int64], decimals: NDArray[np.int64]) -> tuple[Any, Any]:
    """Numbers `ticks / 10**decimals` as texts: with all decimals, and in their shortest form."""
    size = np.abs(ticks)
    power = _POWER[decimals]
    whole = pa.array(size // power).cast(pa.string())
    part = pa.array(_START[decimals] + size % power)
    sign = taken(["", "-"], (ticks < 0).astype(np.int64))
    reported, shortest = _fractions()
    join = pc.binary_join_element_wise
    return join(sign, whole, reported.take(part), ""), join(sign, whole, shortest.take(part), "")
