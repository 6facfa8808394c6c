"""The shape of a program: its text without the values, so that programs that differ only in values share their work."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["INTEGER_SLOT", "TEXT_SLOT", "Unproven", "shape_of", "tokens_of"]

#: Stand in a shape where a text or an integer was.
TEXT_SLOT: Final = "\x01"
INTEGER_SLOT: Final = "\x02"

# A text is a value behind a comparison, or if it is a number of years, months or days to add to a time; other texts are
# left, since a format may have to equal another one. An integer is a value only if it is long: short ones may be
# positions, limits or truth values, which SQLite's planner looks at.
_BLANKS: Final = " \t\n\f\r"
_VALUE = re.compile(rf"'((?:[^']|'')*)'|([=<>(][{_BLANKS}]*)(\d{{4,18}})(?![\w.])")
_COMPARES: Final = frozenset("=<>")
_SHIFT = re.compile(r"[-+]\d{1,6} (?:year|month|day)")

_TOKEN = re.compile(
    r"""(?:'(?:[^']|'')*'
    |\d+(?:\.\d+)?(?![\w.])
    |[a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)?(?![\w.])
    |<=|>=|<>|!=|==
    |--|/\*
    |[-+*/%=<>(),\x01\x02])""",
    re.VERBOSE,
)
_SPACE = re.compile(r"[ \t\n\f\r]*")


class Unproven(Exception):  # noqa: N818 - not an error: the plain way is taken
    """The text, or a part of it, is not understood well enough to be run another way."""


def shape_of(text: str) -> tuple[str, list[str | int]]:
    r"""The text with slots in place of its values, and the values in order.

    >>> shape_of("select a from t where b = 'x''y' and c = 12345 and d = 1 and strftime('%Y', e) >= '2100'")
    ("select a from t where b = \x01 and c = \x02 and d = 1 and strftime('%Y', e) >= \x01", ["x'y", 12345, '2100'])

    Raises:
        Unproven: The text holds control characters, which stand for slots here.
    """
    if "\x00" in text or TEXT_SLOT in text or INTEGER_SLOT in text:
        raise Unproven("control characters")
    values: list[str | int] = []

    def take(match: re.Match[str]) -> str:
        string, before, number = match.groups()
        if number is not None:
            values.append(int(number))
            return f"{before}{INTEGER_SLOT}"
        place = match.start() - 1
        while place >= 0 and text[place] in _BLANKS:
            place -= 1
        behind = text[place] if place >= 0 else ""
        if behind in _COMPARES or (behind == "," and _SHIFT.match(string)):
            values.append(string.replace("''", "'"))
            return TEXT_SLOT
        return match[0]

    return _VALUE.sub(take, text), values


def tokens_of(shape: str) -> list[str]:
    """The tokens of a shape; a qualified column (`t.c`) is one.

    Raises:
        Unproven: There is something else than names, numbers, texts, slots and the common operators: comments, quoted
            names, semicolons, letters beyond ASCII.
    """
    tokens = []
    place = _end_of_space(shape, 0)
    while place < len(shape):
        found = _TOKEN.match(shape, place)
        if found is None or found[0] in ("--", "/*"):
            raise Unproven("not plain SQL")
        tokens.append(found[0])
        place = _end_of_space(shape, found.end())
    return tokens


def _end_of_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
