"""Which rows a LIMIT keeps, and whether that is a matter of chance.

A select with its LIMIT taken away is run with what it is ordered by beside each row. Rows of equal order form a block;
a LIMIT that ends or begins inside a block of different rows keeps some of them by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

from ehrxqa.sql.structure import Query, Range, Structure
from ehrxqa.sql.tokens import unquote

__all__ = ["Cut", "Kept", "cut_of", "kept_rows", "result_name"]

Run = Callable[[str], list[tuple[Any, ...]]]
Rule = Literal["limit-without-order", "tie", "null-first"]

#: Rows are looked at in portions, each so many times as large as the one before.
_PORTION: Final = 16
#: Words behind what a term of an ORDER BY sorts by.
_DIRECTIONS: Final = frozenset({"asc", "desc"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A LIMIT whose numbers are written out.

    Attributes:
        first: Rows that it passes over.
        count: Rows that it keeps at most.
        keys: What the rows are ordered by: expressions, or numbers of results of a compound select.
    """

    first: int
    count: int
    keys: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is wrong with the rows that a LIMIT keeps.

    Attributes:
        rule: limit-without-order, tie or null-first.
        block: Places of the rows that might as well be kept: from, and behind the last.
        rows: How many rows there are, as far as was looked.
    """

    rule: Rule
    block: Range
    rows: int


def cut_of(structure: Structure, query: Query) -> Cut | None:
    """The LIMIT of a query; None if it has none, one that is an expression, or one without an end.

    >>> from ehrxqa.sql.structure import read
    >>> found = read("SELECT a AS b, c FROM t ORDER BY b DESC, 2 LIMIT 5, 1")
    >>> cut_of(found, found.root)
    Cut(first=5, count=1, keys=('a', 'c'))
    """
    clauses = query.selects[-1].clauses
    if "limit" not in clauses:
        return None
    match [token.lower for token in structure.tokens[slice(*clauses["limit"])]]:
        case [count] if count.isdigit():
            first = "0"
        case [count, "offset", first] if count.isdigit() and first.isdigit():
            pass
        case [first, ",", count] if count.isdigit() and first.isdigit():
            pass
        case _:
            return None
    terms = structure.split(*clauses["order"], ",") if "order" in clauses else []
    return Cut(int(first), int(count), tuple(_key(structure, query, *term) for term in terms))


def _key(structure: Structure, query: Query, start: int, end: int) -> str | int:
    """What a term sorts by: a name of a result, or its number, is replaced by what that result is."""
    tokens = structure.tokens
    if end - start > 2 and tokens[end - 2].lower == "nulls":
        end -= 2
    if end - start > 1 and tokens[end - 1].lower in _DIRECTIONS:
        end -= 1
    if end - start > 2 and tokens[end - 2].lower == "collate":
        end -= 2
    items = query.selects[0].items
    if end - start == 1:
        token = tokens[start]
        if token.text.isdigit() and 1 <= int(token.text) <= len(items):
            place = int(token.text) - 1
        else:
            names = [result_name(structure, *item) for item in items]
            name = unquote(token).lower()
            place = names.index(name) if token.kind in ("word", "name") and name in names else -1
        if place >= 0 and len(query.selects) > 1:
            return place
        if place >= 0:
            first, last = items[place]
            return structure.text(first, structure.value_end(first, last))
    return structure.text(start, end)


def result_name(structure: Structure, start: int, end: int) -> str:
    """The name of a select item in lower case: what AS gives it, or the column that it is; else nothing."""
    stop = structure.value_end(start, end)
    tokens = structure.tokens
    if stop + 1 < end:
        return unquote(tokens[stop + 1]).lower()
    if stop - start in (1, 3) and tokens[stop - 1].kind in ("word", "name") and tokens[start].kind in ("word", "name"):
        return unquote(tokens[stop - 1]).lower()
    return ""


def kept_rows(structure: Structure, query: Query, run: Run, prefix: str = "") -> Kept | None:
    """What is wrong with the rows that the LIMIT of a query keeps, or None.

    Args:
        structure: The program.
        query: A query with a LIMIT in it.
        run: Runs SQL on the database; its errors are passed on (a query that depends on the row of another one).
        prefix: Common table expressions of the program, WITH included, that its parts may need.
    """
    cut = cut_of(structure, query)
    if cut is None or cut.count == 0:
        return None
    if len(query.selects) > 1:
        found = _of_compound(structure, query, cut, run, prefix)
    elif "from" in query.selects[0].clauses:
        found = _of_select(structure, query, cut, run, prefix)
    else:
        return None
    return _judged(cut, found)


Keyed = list[tuple[tuple[Any, ...], tuple[Any, ...]]]
"""Rows, each with what it is ordered by."""


def _of_select(structure: Structure, query: Query, cut: Cut, run: Run, prefix: str) -> Keyed:
    select = query.selects[0]
    clauses = select.clauses
    keys = [str(key) for key in cut.keys]
    items = structure.text(select.items[0][0], select.items[-1][1])
    before = clauses["order"][0] - 2 if "order" in clauses else clauses["limit"][0] - 1
    rest = structure.text(clauses["from"][0], before)
    order = f" order by {structure.text(*clauses['order'])}" if "order" in clauses else ""
    sql = f"{prefix}select {'distinct ' * select.distinct}{', '.join([items, *keys])} from {rest}{order}"
    width = len(keys)

    def keyed(rows: list[tuple[Any, ...]]) -> Keyed:
        pairs = [(row[: len(row) - width], row[len(row) - width :]) for row in rows]
        return list({row: (row, key) for row, key in reversed(pairs)}.values())[::-1] if select.distinct else pairs

    most = cut.first + cut.count + 1
    while True:
        rows = run(f"{sql} limit {most}")
        found = keyed(rows)
        if len(rows) < most or (keys and len(found) > cut.first + cut.count and found[-1][1] != _last(found, cut)):
            return found
        if not keys and len({row for row, _ in found}) > 1:
            return found
        most *= _PORTION


def _last(found: Keyed, cut: Cut) -> tuple[Any, ...]:
    """What the last row that is kept is ordered by."""
    return found[cut.first + cut.count - 1][1]


def _of_compound(structure: Structure, query: Query, cut: Cut, run: Run, prefix: str) -> Keyed:
    clauses = query.selects[-1].clauses
    end = clauses["limit"][0] - 1
    rows = run(("" if query is structure.root else prefix) + structure.text(query.start, end))
    if not all(isinstance(key, int) and rows and key < len(rows[0]) for key in cut.keys):
        return []  # ordered by an expression, which SQLite allows for few
    return [(row, tuple(row[int(key)] for key in cut.keys)) for row in rows]


def _judged(cut: Cut, found: Keyed) -> Kept | None:
    first, last = cut.first, min(cut.first + cut.count, len(found))
    if last <= first or (first == 0 and len(found) <= cut.count):
        return None  # nothing is kept, or everything
    if not cut.keys:
        if len({row for row, _ in found}) > 1:
            return Kept("limit-without-order", (0, len(found)), len(found))
        return None
    at = 0
    for _, block in groupby(found, key=lambda each: each[1]):
        rows = [row for row, _ in block]
        begin, end = at, at + len(rows)
        at = end
        inside = begin < last and end > first
        if inside and (begin < first or end > last) and len(set(rows)) > 1:
            return Kept("tie", (begin, end), len(found))
    if any(None in key for _, key in found[first:last]):
        return Kept("null-first", (first, last), len(found))
    return None
