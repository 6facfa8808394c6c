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
from functools import partial
from typing import Any, Final

from ehrxqa.spec.tables import TABLES
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.structure import Query, Structure, read

__all__ = ["RULES", "Lint"]

RULES: Final = ("limit-without-order", "tie", "null-first", "several-values", "text-number", "unsafe-text")

#: Columns that are used as numbers: the measures.
_NUMBERS: Final = tuple(
    (table.name, column.name) for table in TABLES.values() for column in table.columns if column.unit
)
#: What stands before a select of which all rows count: a list, a source, a set operation; else it is one value.
_TAKES_MANY: Final = frozenset({"in", "from", "join", "exists", "union", "except", "intersect", "all", ","})
_KNOWN: Final = 4096
#: Rows of equal order are looked at in portions, each so many times as large as the one before.
_PORTION: Final = 16
#: A literal, and one that is a format of time, which the official normalisation is meant for.
_LITERAL: Final = re.compile(r"'([^']*)'")
_FORMAT: Final = re.compile(r"(?:%[a-z]-?)+")

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
        structure = read(normalise(program) if runs is None else runs)
        for query in sorted(structure.queries.values(), key=lambda query: (query is not structure.root, query.end)):
            part = structure.text(query.start, query.end)
            if any("limit" in select.clauses for select in query.selects):
                found = self._once(f"limited {part}", partial(self._limited, structure, query))
                if found:
                    return found
            if query is not structure.root and structure.tokens[query.start - 2].lower not in _TAKES_MANY:
                found = self._once(f"single {part}", partial(self._single, part))
                if found:
                    return found
        return None

    def _once(self, key: str, rule: Callable[[], str | None]) -> str | None:
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = rule()
        return self._known[key]

    def _limited(self, structure: Structure, query: Query) -> str | None:
        order = _order_of(structure, query)
        if order is None:
            return "limit-without-order"
        select = query.selects[0]
        keys, skip = order
        columns = ", ".join(key for key, _ in keys)
        terms = ", ".join(f"{key} {way}" for key, way in keys)
        what = structure.text(*select.clauses["select"])
        rest = structure.text(select.clauses["from"][0], select.clauses["order"][0] - 2)
        most = skip + 2
        while True:
            rows = self._run(f"select {what}, {columns} from {rest} order by {terms} limit {most}")
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

    def _single(self, part: str) -> str | None:
        return "several-values" if len(set(self._run(part))) > 1 else None


def _is_unsafe(program: str) -> bool:
    """Whether the official normalisation would change a value: it is for the rest of a program."""
    return (
        "''" in program
        or re.search("[‘’“”]", program) is not None
        or any(normalise(text) != text for text in _LITERAL.findall(program) if not _FORMAT.fullmatch(text))
    )


def _order_of(structure: Structure, query: Query) -> tuple[list[tuple[str, str]], int] | None:
    """Columns and directions by which a select is ordered of which LIMIT 1 keeps one row, and the rows it passes over.

    None if it is not ordered, or written in another form than gold programs are.
    """
    if len(query.selects) > 1:
        return None
    clauses = query.selects[0].clauses
    if not {"from", "order"} <= clauses.keys():
        return None
    first, last = clauses["limit"]
    match [token.lower for token in structure.tokens[first:last]]:
        case ["1"]:
            skip = 0
        case ["1", "offset", number] if number.isdigit():
            skip = int(number)
        case _:
            return None
    keys = []
    for begin, end in structure.split(*clauses["order"], ","):
        way = structure.tokens[end - 1].lower if end - begin > 1 else ""
        if way not in ("asc", "desc"):
            return None
        keys.append((structure.text(begin, end - 1), way))
    return keys, skip
