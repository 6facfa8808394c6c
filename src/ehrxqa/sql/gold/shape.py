"""The shape of a program: its text without the values, so that programs that differ only in values share their work."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["INTEGER_SLOT", "TEXT_SLOT", "Unproven", "shape_of"]

#: Stand in a shape where a text or an integer was; the reader of SQL takes them for parameters.
TEXT_SLOT: Final = "?text"
INTEGER_SLOT: Final = "?integer"

# A text is a value behind a comparison, or if it is a number of years, months or days to add to a time; other texts are
# left, since a format may have to equal another one. An integer is a value only if it is long: short ones may be
# positions, limits or truth values, which SQLite's planner looks at. The rest is what is not read: comments, names in
# quotes, parameters.
_BLANKS: Final = " \t\n\f\r"
_VALUE = re.compile(rf"""'((?:[^']|'')*)'|([=<>(][{_BLANKS}]*)(\d{{4,18}})(?![\w.])|--|/\*|["`\[?:@$#;\x00]""")
_COMPARES: Final = frozenset("=<>")
_SHIFT = re.compile(r"[-+]\d{1,6} (?:year|month|day)")


class Unproven(Exception):  # noqa: N818 - not an error: the plain way is taken
    """The text, or a part of it, is not understood well enough to be run another way."""


def shape_of(text: str) -> tuple[str, list[str | int]]:
    """The text with slots in place of its values, and the values in order.

    >>> shape_of("select a from t where b = 'x''y' and c = 12345 and d = 1 and strftime('%Y', e) >= '2100'")[0]
    "select a from t where b = ?text and c = ?integer and d = 1 and strftime('%Y', e) >= ?text"

    Raises:
        Unproven: The text holds a comment, a name in quotes, a parameter or a second statement.
    """
    values: list[str | int] = []

    def take(match: re.Match[str]) -> str:
        string, before, number = match.groups()
        if number is not None:
            values.append(int(number))
            return f"{before}{INTEGER_SLOT}"
        if string is None:
            raise Unproven(f"{match[0]!r} in a program")
        place = match.start() - 1
        while place >= 0 and text[place] in _BLANKS:
            place -= 1
        previous = text[place] if place >= 0 else ""
        if previous in _COMPARES or (previous == "," and _SHIFT.match(string)):
            values.append(string.replace("''", "'"))
            return TEXT_SLOT
        return match[0]

    return _VALUE.sub(take, text), values
