"""Single-fault mutants of a program: what a system that understood nearly everything would have written.

Each mutant changes one thing that a question says: an order, a bound, a filter, whether things are counted once. A
mutant that gives the same answer goes unnoticed; the share of those that do not is how well a question tells systems
apart. Changes that make no difference on any database are left out, as far as the text shows that: an order of which
no LIMIT takes the first, a DISTINCT of what only has to be there; the rules that rest on the schema are those of
`same_by_schema`. A select that is written twice in a program stands for one phrase of the question, such as "the last
completed stay": who misreads it does so at both places, and it is changed at both.

| fault | example |
|---|---|
| order | `order by t asc` → `desc` |
| bound | `>=` → `>`, `<` → `<=` |
| filter | a condition of a WHERE clause is left out |
| distinct | `distinct` is left out |
| limit | `limit 1` → `limit 1 offset 1` |
| extreme | `max` → `min`, `avg` → `sum` |
| negation | `not in` → `in`, `is not null` → `is null` |
| set | `except` → `intersect`, `union` → `intersect` |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ehrxqa.sql.same_by_schema import (
    distinct_is_moot,
    filter_is_implied,
    filter_is_said_outside,
    instant_bound,
)
from ehrxqa.sql.structure import Range, Select, Structure

__all__ = ["FAULTS", "Fault", "Mutant", "mutants"]

Fault = Literal["order", "bound", "filter", "distinct", "limit", "extreme", "negation", "set"]
FAULTS: Final[tuple[Fault, ...]] = ("order", "bound", "filter", "distinct", "limit", "extreme", "negation", "set")

_BOUNDS: Final = {">": ">=", ">=": ">", "<": "<=", "<=": "<"}
_EXTREMES: Final = {"max": "min", "min": "max", "avg": "sum", "sum": "avg"}
_SETS: Final = {"except": "intersect", "intersect": "union", "union": "intersect"}
_ORDERS: Final = {"asc": "desc", "desc": "asc"}
#: Tokens of a change that says too little by itself, and those that are told before it.
_SHORT, _BEFORE = 2, 4
_LISTED: Final = re.compile(r"\?(?: , \?)+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program with one fault.

    Attributes:
        fault: What kind of fault.
        sql: The program.
        reading: What is misread, whatever the values: the text that is changed and what becomes of it.
    """

    fault: Fault
    sql: str
    reading: str


def mutants(structure: Structure) -> list[Mutant]:
    """All single-fault mutants of a program, in the order of its text; those of the same text are there once.

    >>> from ehrxqa.sql.structure import read
    >>> [each.sql for each in mutants(read("select max(a) from t where b >= 2 and c = 3"))]
    ['select min(a) from t where b >= 2 and c = 3', 'select max(a) from t where c = 3', \
'select max(a) from t where b > 2 and c = 3', 'select max(a) from t where b >= 2']
    """
    found: dict[str, Mutant] = {}
    for start, end, text, fault in sorted(_changes(structure), key=lambda change: change[:2]):
        sql, last = "", 0
        for place in _places(structure, start, end):
            sql += structure.sql[last:place] + text
            last = place + end - start
        sql = (sql + structure.sql[last : structure.tokens[-1].end]).strip()
        plain = " ".join(sql.split())
        if plain not in found:
            found[plain] = Mutant(fault, sql, _reading(structure, start, end, text))
    found.pop(" ".join(structure.sql.split()), None)
    return list(found.values())


def _places(structure: Structure, start: int, end: int) -> list[int]:
    """Where a change is made: there, and at the same place in all copies of the largest select around it."""
    sql, tokens = structure.sql, structure.tokens
    for query in structure.queries.values():  # those around come before those inside
        first, last = tokens[query.start].start, tokens[query.end - 1].end
        if query.parent is None or not first <= start < end <= last:
            continue
        copies = [
            tokens[each.start].start
            for each in structure.queries.values()
            if sql[tokens[each.start].start : tokens[each.end - 1].end] == sql[first:last]
        ]
        if len(copies) > 1:
            return sorted(copy + start - first for copy in copies)
    return [start]


def _reading(structure: Structure, start: int, end: int, text: str) -> str:
    """A change in words that programs with other values share; a short one with what stands before it."""
    tokens = structure.tokens
    inside = [at for at, token in enumerate(tokens) if start <= token.start < end]
    at, last = inside[0], inside[-1] + 1
    if last - at <= _SHORT:
        at = max(0, at - _BEFORE)
    words = []
    while at < last:
        token = tokens[at]
        words.append("?" if token.kind in ("number", "text") else token.lower)
        if at + 1 in structure.queries and token.text == "(" and structure.closing[at] < last:
            at = structure.closing[at]
            words += ["…", ")"]
        at += 1
    becomes = "?" if text[:1].isdigit() else text or "nothing"
    return f"{_LISTED.sub('?', ' '.join(words))} → {becomes}"


def _changes(structure: Structure) -> Iterator[tuple[int, int, str, Fault]]:
    """Offsets of what is replaced, what by, and what kind of fault that is."""
    tokens = structure.tokens
    for at, token in enumerate(tokens):
        before = tokens[at - 1].lower if at else ""
        after = tokens[at + 1].lower if at + 1 < len(tokens) else ""
        if token.text in _BOUNDS and token.kind == "operator":
            if instant_bound(structure, at):
                continue
            yield token.start, token.end, _BOUNDS[token.text], "bound"
        elif token.lower in _ORDERS and token.kind == "word" and _order_matters(structure, at):
            yield token.start, token.end, _ORDERS[token.lower], "order"
        elif token.lower in _EXTREMES and after == "(":
            yield token.start, token.end, _EXTREMES[token.lower], "extreme"
        elif token.lower == "distinct" and before in ("select", "(") and _distinct_matters(structure, at):
            yield token.start, tokens[at + 1].start, "", "distinct"
        elif token.lower == "not" and after in ("in", "null", "exists", "like", "between"):
            yield token.start, tokens[at + 1].start, "", "negation"
        elif token.lower in _SETS and token.kind == "word" and after != "all":
            yield token.start, token.end, _SETS[token.lower], "set"
    for query in structure.queries.values():
        for select in query.selects:
            yield from _filters(structure, select)
            if "limit" in select.clauses:
                yield from _limit(structure, select.clauses["limit"])


def _innermost(structure: Structure, at: int) -> Select | None:
    """The select that a token stands in, those around it left out."""
    inside = [
        select for query in structure.queries.values() for select in query.selects if select.start <= at < select.end
    ]
    return max(inside, key=lambda select: select.start, default=None)


def _order_matters(structure: Structure, at: int) -> bool:
    """Whether a LIMIT takes the first of an order, or it is that of a rank."""
    select = _innermost(structure, at)
    if select is None:
        return True
    first, last = select.clauses.get("order", (0, 0))
    return not first <= at < last or "limit" in select.clauses


def _distinct_matters(structure: Structure, at: int) -> bool:
    """Whether it makes a difference that equal rows are there once."""
    select = _innermost(structure, at)
    if select is None:
        return True
    if distinct_is_moot(structure, select, at):
        return False
    if structure.tokens[at - 1].lower != "select":
        return True
    query = select.query
    if len(query.selects) > 1:
        return "union all" in query.operators  # set operators merge equal rows themselves
    if "limit" in select.clauses:  # the first row is the same
        words = [token.lower for token in structure.tokens[slice(*select.clauses["limit"])]]
        return words != ["1"]
    if query is structure.root:
        return True
    if structure.tokens[query.start - 2].lower in ("in", "exists"):
        return False
    return not (query.clause == "from" and query.parent is not None and _only_asks_whether(structure, query.parent))


def _only_asks_whether(structure: Structure, select: Select) -> bool:
    """Whether a select is `select count(*) > 0 from …`."""
    words = [token.lower for token in structure.tokens[slice(*select.clauses["select"])]]
    return words == ["count", "(", "*", ")", ">", "0"] and not {"group", "having"} & select.clauses.keys()


def _filters(structure: Structure, select: Select) -> Iterator[tuple[int, int, str, Fault]]:
    """Each condition of a WHERE clause left out."""
    if "where" not in select.clauses:
        return
    first, last = select.clauses["where"]
    if len(structure.split(first, last, "or")) > 1:
        return
    parts = structure.split(first, last, "and")
    for number, (start, end) in enumerate(parts):
        if filter_is_implied(structure, select, (start, end)):
            continue
        if len(parts) == 1:  # with the word itself
            if filter_is_said_outside(structure, select):
                continue
            yield structure.tokens[first - 1].start, structure.tokens[last - 1].end, "", "filter"
        elif number + 1 < len(parts):
            yield structure.tokens[start].start, structure.tokens[end + 1].start, "", "filter"
        else:
            yield structure.tokens[start - 1].start, structure.tokens[end - 1].end, "", "filter"


def _limit(structure: Structure, clause: Range) -> Iterator[tuple[int, int, str, Fault]]:
    """The row, or rows, behind those that are kept."""
    words = [token.lower for token in structure.tokens[slice(*clause)]]
    begin, end = structure.tokens[clause[0]].start, structure.tokens[clause[1] - 1].end
    if len(words) == 1 and words[0].isdigit():
        yield begin, end, f"{words[0]} offset 1", "limit"
    elif len(words) == 3 and words[1] == "offset" and words[2].isdigit():
        yield begin, end, f"{words[0]} offset {int(words[2]) + 1}", "limit"
