"""Slips of a query that run without an error and answer something else."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from ehrxqa.sql.tokens import Token

__all__ = ["hints_of", "with_nearest"]

_COMPARES: Final = frozenset({"=", "==", "<>", "!="})


def hints_of(tokens: Sequence[Token]) -> tuple[str, ...]:
    """What looks like a slip in a query on an integrated database.

    All texts of an integrated database are in lower case, and the official executor lower-cases a query with its
    texts before it runs it; here a text is what it says, so one with capitals is equal to none.

    >>> from ehrxqa.sql.tokens import tokenise
    >>> hints_of(tokenise("select count(*) from tb_cxr where viewposition = 'PA'"))
    ("'PA' has capitals, but the texts of this database are in lower case: 'pa'?",)
    """
    found: dict[str, None] = {}
    listed = False  # within the brackets behind IN
    previous = ""
    for token in tokens:
        if token.text == "(":
            listed = previous == "in"
        elif token.text == ")":
            listed = False
        elif token.kind == "text" and (listed or previous in _COMPARES):
            meant = token.text.lower()
            if meant != token.text:
                found[f"{token.text} has capitals, but the texts of this database are in lower case: {meant}?"] = None
        previous = token.lower
    return tuple(found)


def with_nearest(message: str, tables: Iterable[str]) -> str:
    """SQLite's message about a table that there is not, with the table that may be meant.

    >>> with_nearest("no such table: patient", ["PATIENTS", "ADMISSIONS"])
    'no such table: patient; did you mean patients?'
    >>> with_nearest("no such column: patient", ["PATIENTS"])
    'no such column: patient'
    """
    said, found, name = message.partition("no such table: ")
    near = difflib.get_close_matches(name.lower(), [table.lower() for table in tables], n=1) if found else []
    return f"{said}{found}{name}; did you mean {near[0]}?" if near else message
