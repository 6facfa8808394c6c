"""Whether a fault makes a difference: the program is run with the other choice, and the answers are compared.

What cannot change the answer is no fault of it. A tie between two rows of which the program takes only what they have
in common, a select of several values of which each leads to the same: neither is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.kept_rows import cut_of
from ehrxqa.sql.lint import Finding
from ehrxqa.sql.number_columns import columns_of
from ehrxqa.sql.same_rows import same_rows
from ehrxqa.sql.structure import Query, Structure

__all__ = ["Answers", "guarded", "matters", "replaced"]

Rows = list[tuple[Any, ...]]
#: Of rows that might as well be kept, so many are tried.
_TRIED: Final = 8


class Answers:
    """What programs give, each run once.

    Args:
        run: Runs SQL on the database.
    """

    def __init__(self, run: Callable[[str], Rows]) -> None:
        self._run = run
        self._known: dict[str, Rows | None] = {}

    def of(self, program: str) -> Rows | None:
        """The rows of a program; None if it fails."""
        if program not in self._known:
            if len(self._known) > 64:
                self._known.clear()
            try:
                self._known[program] = self._run(program)
            except NeuralSqlError:
                self._known[program] = None
        return self._known[program]

    def differ(self, one: str, other: str) -> bool:
        """Whether two programs give different rows; what fails gives none to compare."""
        first, second = self.of(one), self.of(other)
        return first is not None and second is not None and not same_rows(first, second)


def replaced(structure: Structure, start: int, end: int, text: str) -> str:
    """The program with a range of its tokens replaced by a text."""
    tokens = structure.tokens
    return structure.sql[: tokens[start].start] + text + structure.sql[tokens[end - 1].end : _end(structure)]


def _end(structure: Structure) -> int:
    """Where the program ends, without a semicolon behind it."""
    return structure.tokens[-1].end


def matters(structure: Structure, found: Finding, answers: Answers) -> bool:
    """Whether the answer would be another if chance had chosen otherwise, or a guard had been there."""
    query = structure.queries[found.start]
    whole = replaced(structure, query.start, query.end, structure.text(query.start, query.end))
    match found.rule:
        case "tie" | "limit-without-order":
            return query is structure.root or any(
                answers.differ(whole, each) for each in _others(structure, query, found)
            )
        case "null-first":
            other = guarded(structure, query)
            return other is None or answers.differ(whole, other)
        case "several-values":
            lowest, highest = (
                replaced(
                    structure,
                    query.start,
                    query.end,
                    f"select * from ( {structure.text(query.start, query.end)} ) order by 1 {way} limit 1",
                )
                for way in ("asc", "desc")
            )
            others = [lowest, highest]
            if structure.tokens[query.start - 2].text in ("=", "=="):
                others.append(replaced(structure, query.start - 2, query.start - 1, "in"))
            return any(answers.differ(whole, each) for each in others)
        case _:
            return True


def _others(structure: Structure, query: Query, found: Finding) -> Iterator[str]:
    """The program with other rows kept that are as good."""
    cut = cut_of(structure, query)
    if cut is None:
        return
    begin, end = found.block
    step = max(1, (end - begin) // _TRIED)
    for first in range(begin, end, step):
        yield replaced(structure, *query.selects[-1].clauses["limit"], f"{cut.count} offset {first}")


def guarded(structure: Structure, query: Query) -> str | None:
    """The program with a condition that what a select is ordered by is not null.

    None where that would be no plain condition on rows: a compound, groups, or an order by an expression.
    """
    select = query.selects[0]
    if len(query.selects) > 1 or "group" in select.clauses or "from" not in select.clauses:
        return None
    keys = []
    for start, end in structure.split(*select.clauses["order"], ","):
        stop = end
        while stop - start > 1 and structure.tokens[stop - 1].lower in ("asc", "desc", "nulls", "first", "last"):
            stop -= 1
        if list(columns_of(structure, start, stop)) != [(start, stop)]:
            return None
        keys.append(f"{structure.text(start, stop)} is not null")
    if "where" not in select.clauses:
        first, last = select.clauses["from"]
        return replaced(structure, first, last, f"{structure.text(first, last)} where {' and '.join(keys)}")
    first, last = select.clauses["where"]
    kept = structure.text(first, last)
    if len(structure.split(first, last, "or")) > 1:
        kept = f"( {kept} )"
    return replaced(structure, first, last, " and ".join([kept, *keys]))
