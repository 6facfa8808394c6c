"""How a result shows itself in a notebook: one screen of HTML, in which everything that was read is escaped.

A result says `_repr_html_ = html_repr`, or puts its own form together from the blocks here; nothing else in the package
writes HTML for notebooks. No block runs a script or loads anything.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

from ehrxqa.terminal import visible
from ehrxqa.text_table import shortened

__all__ = ["MOST_ROWS", "cell", "code", "facts", "html_repr", "picture", "put", "screen", "table"]

#: Rows of a table, and characters of a cell, that are shown.
MOST_ROWS: Final = 20
_MOST_CHARACTERS: Final = 400
_LEFT: Final = 'style="text-align:left;vertical-align:top"'


def html_repr(value: Any) -> str:
    """A dataclass as a table of its fields; of large collections how much there is.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Report:
    ...     folder: str
    ...     _repr_html_ = html_repr
    >>> "&lt;b&gt;" in Report("<b>")._repr_html_()
    True
    """
    return screen(
        type(value).__name__, facts((one.name, getattr(value, one.name)) for one in fields(value) if one.repr)
    )


def screen(title: str, *blocks: str) -> str:
    """Blocks below a title."""
    return f"<div><p><strong>{_text(title)}</strong></p>{''.join(blocks)}</div>"


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Names and what they stand for, one pair a row; a mapping of a few single values is a table of its own."""
    rows = "".join(
        f"<tr><th {_LEFT}>{_text(name.replace('_', ' '))}</th><td {_LEFT}>{_shown(value)}</td></tr>"
        for name, value in pairs
    )
    return f"<table><tbody>{rows}</tbody></table>"


def table(header: Sequence[str], rows: Collection[Sequence[Any]], total: int | None = None) -> str:
    """The first rows of a table, and how many more there are.

    Args:
        header: Names of the columns.
        rows: Cells, of any type.
        total: Rows there are, if `rows` holds not all of them.
    """
    shown = list(islice(rows, MOST_ROWS))
    head = "".join(f"<th {_LEFT}>{_text(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td {_LEFT}>{cell(one)}</td>" for one in row) + "</tr>" for row in shown)
    left = (len(rows) if total is None else total) - len(shown)
    more = f"<p>… and {left:,} more</p>" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def code(text: str) -> str:
    """SQL or another text as it is written, in lines that are broken where they are too long."""
    return f'<pre style="white-space:pre-wrap;text-align:left">{escape(visible(text))}</pre>'


def picture(png: bytes, caption: str) -> str:
    """A picture within the page, with a line below it."""
    import base64

    data = base64.b64encode(png).decode()
    return (
        f'<figure style="display:inline-block;margin:0 1em 0 0"><img alt="{escape(caption)}" '
        f'src="data:image/png;base64,{data}"><figcaption>{_text(caption)}</figcaption></figure>'
    )


def put(html: str, place: Any = None) -> Any:
    """Show HTML in the cell that runs, or in a place that an earlier call gave; gives the place."""
    display: Any = importlib.import_module("IPython.display")  # there is one: a notebook runs
    if place is None:
        return display.display(display.HTML(html), display_id=True)
    place.update(display.HTML(html))
    return place


def cell(value: Any) -> str:
    """One value, cut where it is long."""
    if value is None:
        return "<em>null</em>"
    if isinstance(value, bytes):
        return _text(f"x'{value[:_MOST_CHARACTERS].hex()}'")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return _text(str(value))


def _text(text: str) -> str:
    return escape(visible(shortened(text, _MOST_CHARACTERS)))


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        if 0 < len(value) <= MOST_ROWS and all(_is_single(one) for one in value.values()):
            inside = "".join(f"<tr><td {_LEFT}>{cell(key)}</td><td>{cell(one)}</td></tr>" for key, one in value.items())
            return f"<table><tbody>{inside}</tbody></table>"
        return _many(len(value))
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        if 0 < len(value) <= MOST_ROWS and all(_is_single(one) for one in value):
            return "<br>".join(cell(one) for one in value)
        return _many(len(value))
    if is_dataclass(value) and not isinstance(value, type):
        named = getattr(value, "name", None)
        return _text(str(named) if isinstance(named, str) else type(value).__name__)
    return cell(value)


def _many(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}" if count else "none"


def _is_single(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | PurePath)
