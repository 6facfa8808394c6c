"""Text columns that hold no text: the official builder's reader makes numbers or truth values of them.

Columns are typed by what the whole file holds, before any row is dropped. Real tables do not have such columns
where text is expected, but a small or made-up one can.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ehrxqa.database.frame import ColumnKind, FrameColumn
from ehrxqa.sources.text import is_integer_text, is_number_text

__all__ = ["as_numbers", "as_read"]


def as_read(column: FrameColumn, *, file_texts: Sequence[str], file_had_null: bool) -> FrameColumn:
    """The column as the official reader types it.

    Args:
        column: A TEXT column.
        file_texts: All distinct texts of the column in the file.
        file_had_null: Whether any row of the file has none.
    """
    if file_texts and all(map(is_number_text, file_texts)):
        return as_numbers(column, whole=not file_had_null and all(map(is_integer_text, file_texts)))
    if file_texts and not file_had_null and set(file_texts) <= {"true", "false"}:
        truth = np.array([text == "true" for text in column.texts], dtype=np.int64)
        return FrameColumn(ColumnKind.INT, truth[column.data])
    return column


def as_numbers(column: FrameColumn, *, whole: bool) -> FrameColumn:
    """A TEXT column as INT if `whole`, else REAL; what is no number is null."""
    table = np.array([*(float(text) if is_number_text(text) else np.nan for text in column.texts), np.nan])
    values = table[column.data]
    return FrameColumn(ColumnKind.INT, values.astype(np.int64)) if whole else FrameColumn(ColumnKind.REAL, values)
