"""Tables for a terminal of 80 columns: what does not fit goes on below, under the same first column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

__all__ = ["WIDTH", "columns", "shortened"]

#: Columns of the narrowest terminal that tables are made for.
WIDTH: Final = 80
_GAP: Final = "  "


def columns(table: Sequence[Sequence[str]], *, left: Collection[int] = (), width: int = WIDTH) -> list[str]:
    r"""Rows of cells as lines: the first column to the left, the others to the right.

    Args:
        table: Rows; the first holds the headings. A row may end early: one of a single cell is a heading of rows.
        left: Columns beside the first whose cells stand to the left, such as texts.
        width: Columns of the terminal. A wider table becomes several, one below the other.

    >>> print("\n".join(columns([["", "n", "right"], ["all", "10", "7"]])))
          n  right
    all  10      7
    """
    sizes = [max(len(row[place]) for row in table if len(row) > place) for place in range(max(map(len, table)))]
    parts: list[list[int]] = []
    room = 0
    for place in range(1, len(sizes)):
        room -= len(_GAP) + sizes[place]
        if room < 0:
            parts.append([])
            room = width - sizes[0] - len(_GAP) - sizes[place]
        parts[-1].append(place)
    lines: list[str] = []
    for part in parts or [[]]:
        lines += [""] if lines else []
        for row in table:
            cells = [row[0].ljust(sizes[0])]
            for place in part:
                if place < len(row):
                    cells.append(row[place].ljust(sizes[place]) if place in left else row[place].rjust(sizes[place]))
            lines.append(_GAP.join(cells).rstrip())
    return lines


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters.

    >>> shortened("pneumothorax", 12), shortened("pneumothorax", 8)
    ('pneumothorax', 'pneumot…')
    """
    return text if len(text) <= most else text[: most - 1] + "…"
