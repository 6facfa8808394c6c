"""Rules against gold programs whose answer rests on chance.

Each rule looks at the program's text or at what its parts select; a program that breaks one is not written.

| rule | what is wrong |
|---|---|
| limit-without-order | LIMIT keeps rows of an unordered select |
| tie | LIMIT cuts between rows of equal order that give different results |
| null-first | the row that LIMIT keeps has NULL where it is ordered |
| several-values | a select that stands for one value gives several |
| text-number | a column that is averaged, summed, ordered or compared as a number holds text |
| unsafe-text | the official normalisation of queries would change a value |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

__all__ = ["RULES", "Lint"]

RULES: Final = ("limit-without-order", "tie", "null-first", "several-values", "text-number", "unsafe-text")

#: Columns that are used as numbers.
_NUMBERS: Final = (
    ("labevents", "valuenum"), ("chartevents", "valuenum"), ("inputevents", "amount"), ("outputevents", "value"),
    ("prescriptions", "dose_val_rx"), ("cost", "cost"), ("admissions", "age"), ("tb_cxr_plus", "ct_ratio"),
    ("tb_cxr_plus", "mt_ratio"),
)  # fmt: skip
_LIMITED = re.compile(
    r"select (distinct )?(.+?) from (.+) order by (\S+) (asc|desc)(?:, (\S+) (asc|desc))? limit 1(?: offset (\d))?"
)
#: Ends with what a select of many rows may follow: a list, a source, a set operation; else it stands for one value.
_TAKES_MANY: Final = re.compile(r"(?:^|\b(?:in|from|join|exists|union|except|intersect|all)|,)$")
_KNOWN: Final = 4096

#: Brackets, and texts as a whole so that brackets in them do not count.
_MARKS: Final = re.compile(r"'[^']*'|[()]")

Run = Callable[[str], list[tuple[Any, ...]]]


class Lint:
    """Checks gold programs against one database.

    Args:
        run: Runs SQL on the database, gives rows.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[str, str | None] = {}
        self._text_columns = {
            f"{table}.{column}"
            for table, column in _NUMBERS
            if run(f"select 1 from {table} where typeof({column}) in ('text', 'blob') limit 1")
        }

    def check(self, program: str) -> str | None:
        """The first rule that a program breaks, or None."""
        if "''" in program or re.search("[‘’“”]", program):
            return "unsafe-text"
        if any(column in program for column in self._text_columns):
            return "text-number"
        for before, part in _selects(program):
            if " limit " in part:
                found = self._once(part, self._limited)
                if found:
                    return found
            if not _TAKES_MANY.search(before):
                found = self._once(part, self._scalar)
                if found:
                    return found
        return None

    def _once(self, part: str, rule: Callable[[str], str | None]) -> str | None:
        key = f"{rule.__name__}{part}"
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = rule(part)
        return self._known[key]

    def _limited(self, part: str) -> str | None:
        own = _flat(part)
        if " limit " not in own:
            return None
        if " order by " not in own:
            return "limit-without-order"
        match = _LIMITED.fullmatch(part)
        if match is None:
            return None
        distinct, what, rest, first, way, second, other, offset = match.groups()
        keys = [(first, way), *([(second, other)] if second else [])]
        skip = int(offset or 0)
        columns = ", ".join(key for key, _ in keys)
        order = ", ".join(f"{key} {way_}" for key, way_ in keys)
        rows = self._run(
            f"select {distinct or ''}{what}, {columns} from {rest} order by {order} limit {skip + 2}"
        )  # fmt: skip
        if len(rows) > skip and rows[skip][1] is None:
            return "null-first"
        for one, next_ in pairwise(rows):
            if one[1:] == next_[1:] and one[0] != next_[0]:
                return "tie"
        return None

    def _scalar(self, part: str) -> str | None:
        return "several-values" if len(set(self._run(part))) > 1 else None


def _selects(program: str) -> list[tuple[str, str]]:
    """Every select of a program with what stands before it, the whole first."""
    found = [("", program)]
    opened: list[int] = []
    for mark in _MARKS.finditer(program):
        if mark[0] == "(":
            opened.append(mark.start())
        elif mark[0] == ")" and opened:
            start = opened.pop()
            inner = program[start + 1 : mark.start()].strip()
            if inner.startswith("select "):
                found.append((program[max(0, start - 12) : start].rstrip(), inner))
    return found


def _flat(part: str) -> str:
    """A select without what is in brackets."""
    kept, depth, begin = [], 0, 0
    for mark in _MARKS.finditer(part):
        if mark[0] == "(":
            if depth == 0:
                kept.append(part[begin : mark.start()])
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            begin = mark.end()
    return "".join([*kept, part[begin:]])
