"""`count(*) > 0` answered by the first row, where SQLite counts all of them.

Yes/no programs ask whether there is a row by counting. The count is not needed, and may be one of millions of pairs.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["stop_at_first_row"]

_COUNT: Final = re.compile(r"select count\(\*\) >=? 0 from ")
#: What ends a select or makes it more than FROM and WHERE, literals so that nothing in them is taken for it.
_MARK: Final = re.compile(r"'[^']*'|[()]|\b(?:group|having|limit|order|window|union|except|intersect)\b")


def stop_at_first_row(sql: str) -> str:
    """A program that gives the same, and looks no further than the first row where it counts to compare with 0.

    Only selects of FROM and WHERE alone are changed, in a program in lower case and the official spacing.

    >>> stop_at_first_row("select count(*) > 0 from t where t.a in ( select b from s )")
    'select count(*) > 0 from ( select 1 from t where t.a in ( select b from s ) limit 1 )'
    >>> stop_at_first_row("select count(*) > 0 from t group by a")
    'select count(*) > 0 from t group by a'
    """
    for found in reversed(list(_COUNT.finditer(sql))):
        end = _end(sql, found.end())
        if end is not None:
            sql = f"{sql[: found.end()]}( select 1 from {sql[found.end() : end].rstrip()} limit 1 ){sql[end:]}"
    return sql


def _end(sql: str, start: int) -> int | None:
    """Where the select that `start` lies in ends: before the bracket around it. None if it has other clauses."""
    depth = 0
    for mark in _MARK.finditer(sql, start):
        text = mark[0]
        if text == "(":
            depth += 1
        elif text == ")":
            if depth == 0:
                return mark.start()
            depth -= 1
        elif depth == 0 and text[0] != "'":
            return None
    return len(sql)
