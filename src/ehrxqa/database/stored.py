"""How a finished column is stored: the value and type the official database ends up with.

The official builder writes each table as CSV, reads it back and only then stores it. So texts that spell null
become null, a text column in which every value looks like a number becomes one, and the SQLite type follows
what was read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn, texts_of_times
from ehrxqa.database.inferred import as_numbers
from ehrxqa.sources.text import NULL_WORDS, is_integer_text, is_number_text

__all__ = ["StoredColumn", "read_back", "store"]

_NULLS: Final = frozenset(NULL_WORDS)
#: Rows that are looked at before a whole column is.
_LOOKED_AT: Final = 1000
#: Columns that are made text again after reading back.
_ALWAYS_TEXT: Final = frozenset({"icd_code"})


@dataclass(frozen=True)
class StoredColumn:
    """A column as SQLite gets it.

    Attributes:
        sql_type: INTEGER, REAL or TEXT.
        values: One Python value per row.
    """

    sql_type: str
    values: list[Any]


def read_back(frame: Frame) -> Frame:
    """The table after writing and reading: texts that spell null are null, codes are texts again.

    Done before costs are drawn, because these depend on the distinct values of the tables as read back.
    """
    return Frame({name: _read_back(name, column) for name, column in frame.columns.items()})


def _read_back(name: str, column: FrameColumn) -> FrameColumn:
    if column.kind is not ColumnKind.TEXT:
        return column
    if _NULLS.isdisjoint(column.texts) and _plainly_text(column) and not (name in _ALWAYS_TEXT and column.null.any()):
        return column
    used = [column.texts[code] for code in np.unique(column.data[column.data >= 0]).tolist()]
    null = column.null
    if any(text in _NULLS for text in used):
        keep = np.array([text not in _NULLS for text in column.texts], dtype=bool)
        null = null | ~keep[column.data]
        used = [text for text in used if text not in _NULLS]
    numeric = bool(used) and all(map(is_number_text, used))
    if name not in _ALWAYS_TEXT:
        if not numeric:
            return FrameColumn(ColumnKind.TEXT, np.where(null, -1, column.data), column.texts)
        known = FrameColumn(ColumnKind.TEXT, np.where(null, -1, column.data), column.texts)
        return as_numbers(known, whole=all(map(is_integer_text, used)) and not null.any())
    if not numeric and not null.any():
        return column
    if numeric and all(map(is_integer_text, used)) and not null.any():
        form = [str(int(text)) if is_integer_text(text) else text for text in column.texts]
    elif numeric:
        form = [str(float(text)) if is_number_text(text) else text for text in column.texts]
    else:
        form = list(column.texts)
    texts = [None if gone else form[code] for gone, code in zip(null.tolist(), column.data.tolist(), strict=True)]
    return FrameColumn.of_texts("nan" if text is None else text for text in texts)


def _plainly_text(column: FrameColumn) -> bool:
    """Whether one of the first rows has a text that is no number, which settles that the column is text."""
    first = column.data[:_LOOKED_AT]
    return any(code >= 0 and not is_number_text(column.texts[code]) for code in first.tolist())


def store(name: str, column: FrameColumn) -> StoredColumn:
    """The type and values of a column that was read back.

    A table without rows has only TEXT columns; a column without any value is REAL.
    """
    if not len(column):
        return StoredColumn("TEXT", [])
    match column.kind:
        case ColumnKind.INT:
            return StoredColumn("INTEGER", column.data.tolist())
        case ColumnKind.REAL:
            return StoredColumn("REAL", [None if value != value else value for value in column.data.tolist()])
        case ColumnKind.TIME:
            times = texts_of_times(column.data)
            return StoredColumn("TEXT" if any(time is not None for time in times) else "REAL", times)
        case ColumnKind.TEXT:
            texts: list[str | None] = [*column.texts, None]
            values = [texts[code] for code in column.data.tolist()]
            has_value = bool((column.data >= 0).any())
            return StoredColumn("TEXT" if has_value or name in _ALWAYS_TEXT else "REAL", values)
