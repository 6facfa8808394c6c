"""Rules against gold programs whose answer rests on chance.

Each rule looks at the program's text or at what its parts select; a program that breaks one is not written.

| rule | what is wrong |
|---|---|
| limit-without-order | LIMIT keeps rows of an unordered select, or in a form that is not understood |
| tie | the row that LIMIT keeps has others of equal order that give different results |
| null-first | the row that LIMIT keeps has NULL where it is ordered |
| several-values | a select that stands for one value gives several |
| text-number | a column that is averaged, summed, ordered or compared as a number holds text |
| unsafe-text | the official normalisation of queries would change a value |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ehrxqa.sql.official_text import normalise

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
#: Rows of equal order are looked at in portions, each so many times as large as the one before.
_PORTION: Final = 16
#: A literal, and one that is a format of time, which the official normalisation is meant for.
_LITERAL: Final = re.compile(r"'([^']*)'")
_FORMAT: Final = re.compile(r"(?:%[a-z]-?)+")

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

    def check(self, program: str, runs: str | None = None) -> str | None:
        """The first rule that a program breaks, or None.

        Args:
            program: As it is written.
            runs: As the database runs it: after the official normalisation, if that is not to be done again.
        """
        if _is_unsafe(program):
            return "unsafe-text"
        if any(column in program for column in self._text_columns):
            return "text-number"
        for before, part in _selects(normalise(program) if runs is None else runs):
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
            return "limit-without-order"
        distinct, what, rest, first, way, second, other, offset = match.groups()
        keys = [(first, way), *([(second, other)] if second else [])]
        skip = int(offset or 0)
        columns = ", ".join(key for key, _ in keys)
        order = ", ".join(f"{key} {way_}" for key, way_ in keys)
        most = skip + 2
        while True:
            rows = self._run(
                f"select {distinct or ''}{what}, {columns} from {rest} order by {order} limit {most}"
            )  # fmt: skip
            if len(rows) <= skip:
                return None
            kept = rows[skip][-len(keys) :]
            if None in kept:
                return "null-first"
            if len({row[: -len(keys)] for row in rows if row[-len(keys) :] == kept}) > 1:
                return "tie"
            if len(rows) < most or rows[-1][-len(keys) :] != kept:
                return None
            most *= _PORTION

    def _scalar(self, part: str) -> str | None:
        return "several-values" if len(set(self._run(part))) > 1 else None


def _is_unsafe(program: str) -> bool:
    """Whether the official normalisation would change a value: it is for the rest of a program."""
    return (
        "''" in program
        or re.search("[‘’“”]", program) is not None
        or any(normalise(text) != text for text in _LITERAL.findall(program) if not _FORMAT.fullmatch(text))
    )


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
    """A select without what is in brackets, and without its texts."""
    kept, depth, begin = [], 0, 0
    for mark in _MARKS.finditer(part):
        if mark[0] == "(":
            if depth == 0:
                kept.append(part[begin : mark.start()])
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            begin = mark.end()
    return _LITERAL.sub("", "".join([*kept, part[begin:]]))
