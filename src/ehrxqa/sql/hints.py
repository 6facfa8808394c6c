"""Slips of a query that run without an error and answer something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ehrxqa.sql.tokens import Token

__all__ = ["hints_of"]

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
