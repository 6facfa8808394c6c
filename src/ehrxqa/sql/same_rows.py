"""Whether two results hold the same rows."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["same_rows"]

#: Decimal places of floats that are compared.
_PLACES: Final = 6


def same_rows(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    """Whether two results hold the same rows in whatever order; a text of a number is that number, floats are rounded.

    >>> same_rows([(1,), ("a",)], [("a",), (1.0000000001,)]), same_rows([("5",)], [(5,)])
    (True, True)
    """
    return len(one) == len(other) and sorted(map(_plain, one)) == sorted(map(_plain, other))


def _plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(_cell(value) for value in row)


def _cell(value: Any) -> str:
    try:
        return repr(round(float(value), _PLACES) + 0.0)
    except (TypeError, ValueError, OverflowError):
        return str(value)
