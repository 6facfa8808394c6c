"""How a result shows itself at a prompt: one short line, whatever it holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, Final

__all__ = ["short_repr"]

#: Characters of a value that are shown, and entries of a collection that are shown at all.
_MOST_CHARACTERS: Final = 60
_MOST_ENTRIES: Final = 5


def short_repr(value: Any) -> str:
    """A dataclass in one line: single values and small collections as they are, of others how much there is.

    Stands as `__repr__` in the results of public functions, which may hold every row of a table.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Report:
    ...     folder: str
    ...     counts: dict[str, int]
    ...     rows: list[int]
    ...     __repr__ = short_repr
    >>> Report("out", {"train": 2}, list(range(1000)))
    Report(folder='out', counts={'train': 2}, rows=<1,000 entries>)
    """
    shown = ", ".join(f"{one.name}={_shown(getattr(value, one.name))}" for one in fields(value) if one.repr)
    return f"{type(value).__name__}({shown})"


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= _MOST_CHARACTERS else f"{value[:_MOST_CHARACTERS]!r}…"
    if isinstance(value, PurePath):  # a path is there to be copied: never cut
        return repr(str(value))
    if isinstance(value, Collection):
        inside = (*value, *value.values()) if isinstance(value, Mapping) else tuple(value)
        if len(value) <= _MOST_ENTRIES and all(_is_single(one) for one in inside):
            whole = repr(dict(value) if isinstance(value, Mapping) else value)
            if len(whole) <= 2 * _MOST_CHARACTERS:
                return whole
        return f"<{len(value):,} {'entry' if len(value) == 1 else 'entries'}>"
    # what is inside a result, by its name if it has one: a profile, a group of scores
    name = getattr(value, "name", None)
    inner = repr(name) if isinstance(name, str) else "…"
    return f"{type(value).__name__}({inner})" if is_dataclass(value) else repr(value)[:_MOST_CHARACTERS]


def _is_single(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)
