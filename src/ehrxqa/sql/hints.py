"""Slips of a query that run without an error and answer something else."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

from ehrxqa.sql.tokens import tokenise, unquote

__all__ = ["hints_of"]

_CAPITALS: Final = re.compile(r"'[^']*[A-Z]")
_COMPARES: Final = frozenset({"=", "==", "<>", "!="})


def hints_of(sql: str, tables: Set[str]) -> tuple[str, ...]:
    """What looks like a slip in a query on a database with these tables.

    All texts of an integrated database are in lower case, and the official executor lower-cases a query with its
    texts before it runs it; here a text is what it says, so one with capitals is equal to none.

    >>> hints_of("select count(*) from tb_cxr where viewposition = 'PA'", {"TB_CXR"})
    ("'PA' has capitals, but the texts of this database are in lower case: 'pa'?",)
    """
    if _CAPITALS.search(sql) is None or "tb_cxr" not in {name.lower() for name in tables}:
        return ()
    found: dict[str, None] = {}
    listed = False  # within the brackets behind IN
    previous = ""
    for token in tokenise(sql):
        listed = (token.text == "(" and previous == "in") or (listed and token.text != ")")
        text = unquote(token)
        if token.kind == "text" and text != text.lower() and (previous in _COMPARES or listed):
            found[
                f"{token.text} has capitals, but the texts of this database are in lower case: {token.text.lower()}?"
            ] = None
        previous = token.lower
    return tuple(found)
