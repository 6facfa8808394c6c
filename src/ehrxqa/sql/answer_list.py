"""From result rows to the answer list that is stored and compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ehrxqa.sql.errors import AnswerShapeError

__all__ = ["answer_list"]

#: Decimal places kept when the first value is a float.
PLACES = 6


def answer_list(rows: Iterable[Any]) -> list[Any]:
    """The official answer for rows in SQLite's order: nothing sorted, duplicates kept, no row → `[]`.

    Only the first element decides what is done, as in the official code: if it is a tuple of one column, every tuple
    gives its value; if its value is a float, all values are rounded to six places (half-even of the binary value;
    integers stay integers); if it is an integer, text or null, later floats stay as they are. An answer list read
    back from JSON goes through unchanged.

    Rows of several columns, for which there is no official form, are a list of rows; each float is rounded.

    >>> answer_list([(0.1234567,), (2,)])
    [0.123457, 2]
    >>> answer_list([(1,), (0.1234567,)])
    [1, 0.1234567]
    >>> answer_list([("m", 0.1234567), ("f", None)])
    [['m', 0.123457], ['f', None]]

    Raises:
        AnswerShapeError: A value among floats is not a number.
    """
    rows = list(rows)
    if not rows:
        return []
    if isinstance(rows[0], tuple):
        if len(rows[0]) != 1:
            return [[round(value, PLACES) if isinstance(value, float) else value for value in row] for row in rows]
        values = [row[0] if isinstance(row, tuple) else row for row in rows]
    else:
        values = rows
    if isinstance(values[0], float):
        return [_rounded(value, position) for position, value in enumerate(values)]
    return values


def _rounded(value: Any, position: int) -> float | int:
    if isinstance(value, int | float):
        return round(value, PLACES)
    kind = "null" if value is None else type(value).__name__
    raise AnswerShapeError(
        f"value {position + 1} of the answer is {kind} where the first one is a float: cannot be rounded"
    )
