"""Decides, select by select, what may read indexed tables so that the answer stays that of the plain database.

On a database without indexes SQLite reads a table in rowid order; everything behind that (grouping, sorting,
DISTINCT, LIMIT, sums) depends on this sequence only. So:

1. A select from **one table** may read the indexed twin through `(SELECT * FROM twin WHERE … ORDER BY rowid LIMIT -1)`:
   the same rows in the same sequence. The LIMIT keeps SQLite from merging that select into the outer one. The same
   holds for a select from one select of which it is known.
   Where no index can help, the plain table is read as it is.
2. Where the sequence cannot matter, the twin is read directly: below IN, and below counts, extremes and the like.
3. A **join** gives its rows in the order of a plan, which depends on indexes; all that is known is which rows there
   are. That is enough below IN, for aggregates that do not depend on order, for groups (they come sorted: no
   index of a twin may serve for sorting), for set operations, and where ORDER BY names every result.
4. Anything else reads the plain tables: a tree of selects joined through FROM is taken over as a whole or not at all,
   so that its plan is the plain one. A select inside its expressions is a tree of its own.

What is proved about expressions: that they refer to nothing outside of their tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Final

from ehrxqa.sql.gold.columns import Columns, Schema, is_aggregate
from ehrxqa.sql.gold.grammar import RANKS, Call, Case, Column, Expression, Literal, Part, Query, Select, Sub, parse
from ehrxqa.sql.gold.grammar import parts_of as _parts_of
from ehrxqa.sql.shape import INTEGER_SLOT, TEXT_SLOT, Unproven, tokens_of

__all__ = ["TWIN", "Program", "prove"]

#: What the name of an indexed table begins with.
TWIN: Final = "indexed_"


class _Known(IntEnum):
    """What is known of the rows a select gives on the indexed tables."""

    BAG = 1  # which ones, and how often
    SEQUENCE = 2  # and in which order


@dataclass(frozen=True)
class Program:
    """How programs of one shape are run on the indexed copy.

    Attributes:
        pieces: Text, and numbers of values to be written into it as they were.
        bound: Numbers of the values of its parameters.
        alike: The answer holds only if all rows are alike; otherwise `safe` has to be run.
        safe: What to run then; None: the program itself on the plain database.
    """

    pieces: tuple[str | int, ...]
    bound: tuple[int, ...]
    alike: bool = False
    safe: Program | None = None

    def text(self, values: list[str | int]) -> str:
        """The statement for these values of the shape."""
        return "".join(piece if isinstance(piece, str) else _written(values[piece]) for piece in self.pieces)

    def parameters(self, values: list[str | int]) -> list[str | int]:
        """The parameters for these values of the shape."""
        return [values[number] for number in self.bound]


def prove(shape: str, schema: Schema, keys: Mapping[str, frozenset[str]]) -> Program:
    """How programs of a shape run on the indexed copy.

    Args:
        shape: From `shape.shape_of`.
        schema: Columns of the tables that have an indexed twin.
        keys: Columns with which an index of the twin begins, by table.

    Raises:
        Unproven: They run on the plain database only.
    """
    tokens = tokens_of(shape)
    query = parse(tokens)
    columns = Columns(schema)
    if not columns.closed(query):
        raise Unproven("a name that is not known")
    strict = _Prover(tokens, columns, keys)
    known = strict.tree(query, _Known.SEQUENCE)
    safe = Program(*strict.parts()) if strict.edited else None
    if known is None:
        loose = _Prover(tokens, columns, keys)
        if loose.tree(query, _Known.BAG) is not None:
            return Program(*loose.parts(), alike=True, safe=safe)
    if safe is None:
        raise Unproven("nothing to gain")
    return safe


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


@dataclass
class _Edits:
    """Changes to the tokens of one tree, by the token of the table name.

    Attributes:
        names: What is written instead of the name.
        wraps: Tables to be read in rowid order: (end of FROM … WHERE …, table, name, start of the condition or 0).
    """

    names: dict[int, str] = field(default_factory=dict)
    wraps: dict[int, tuple[int, str, str, int]] = field(default_factory=dict)


class _Prover:
    def __init__(self, tokens: list[str], columns: Columns, keys: Mapping[str, frozenset[str]]) -> None:
        self._tokens = tokens
        self._keys = keys
        self._columns = columns
        self._plain = [False] * len(tokens)  # whether a token belongs to a tree that reads plain tables
        self.names: dict[int, str] = {}
        self.wraps: dict[int, tuple[int, str, str, int]] = {}
        self._edits = _Edits()

    @property
    def edited(self) -> bool:
        """Whether any tree reads indexed tables."""
        return bool(self.names or self.wraps)

    # -- trees -------------------------------------------------------------------------------------------------------

    def tree(self, query: Query, need: _Known) -> _Known | None:
        """Take over a tree of selects, or leave it as it is; then those inside its expressions, each for itself.

        Returns:
            What is known of its rows, or None if it was left.
        """
        self._edits = _Edits()
        known: _Known | None = None
        try:
            known = self._query(query, need)
            if known < need:
                known = None
        except Unproven:
            pass
        if known is not None:
            self.names |= self._edits.names
            self.wraps |= self._edits.wraps
        self._plain[query.start : query.end] = [known is None] * (query.end - query.start)
        for part in _inner(query):
            self.tree(part.query, _Known.BAG if part.many else _Known.SEQUENCE)
        return known

    def _query(self, query: Query, need: _Known) -> _Known:
        if len(query.selects) == 1:
            return self._select(query.selects[0], query.order, query.limited, need)
        kinds = [self._columns.kinds(select) for select in query.selects]
        exact = all(kind is not None and kinds[0] == each for each in kinds for kind in each)
        if "union all" in query.operators:
            need = _Known.BAG if need is _Known.BAG and not query.limited and not query.order else _Known.SEQUENCE
        else:
            need = _Known.BAG if exact else _Known.SEQUENCE
        known = min(self._select(select, [], False, need) for select in query.selects)
        if "union all" not in query.operators and exact:
            return _Known.SEQUENCE  # distinct rows, sorted by all their columns
        if known is _Known.BAG and (query.limited or "union all" not in query.operators):
            raise Unproven("a compound of joins")
        return known

    def _from(self, query: Query, need: _Known) -> _Known:
        """A select in FROM."""
        if "union all" in query.operators or (query.order and not query.limited):
            raise Unproven("SQLite may merge it into the outer select in more than one way")
        return self._query(query, need)

    def _select(self, select: Select, order: list[Expression], limited: bool, need: _Known) -> _Known:
        if not select.sources:
            return _Known.SEQUENCE
        if len(select.sources) == 1:
            source = select.sources[0]
            if source.query is not None:
                known = self._from(source.query, _Known.SEQUENCE)
                return known if known is _Known.SEQUENCE else self._from_bag(select, order, limited)
            if not self._helps(select):
                return _Known.SEQUENCE  # the plain table itself
            directly = self._directly(select, order, limited, need)
            if directly is None:
                self._wrap(select)
                return _Known.SEQUENCE
            self._rename(select)
            return directly
        self._rename(select)
        for source in select.sources:
            if source.query is not None:
                self._from(source.query, _Known.BAG)
        return self._from_bag(select, order, limited)

    def _helps(self, select: Select) -> bool:
        """Whether an index can be of use: a column it begins with has to equal something, or to be among something."""
        if select.where is None or "or" in select.where.parts:
            return False
        keys = self._keys.get(select.sources[0].table or "", frozenset())
        parts = select.where.parts
        return any(
            isinstance(part, Column) and part.name in keys and following in ("=", "in", "==")
            for part, following in pairwise(parts)
        )

    def _directly(self, select: Select, order: list[Expression], limited: bool, need: _Known) -> _Known | None:
        """What is known when the twin of the only table is read in any order, if that is enough."""
        grouped = bool(select.group) or any(is_aggregate(part) for part in _all_parts(select, order))
        if not grouped and (need is not _Known.BAG or limited):
            return None
        if select.group:
            return None
        try:
            known = self._from_bag(select, order, limited)
        except Unproven:
            return None
        return known if known >= need else None

    def _rename(self, select: Select) -> None:
        for source in select.sources:
            if source.table is not None:
                name = TWIN + source.table
                self._edits.names[source.start] = name if source.aliased else f"{name} AS {source.name}"

    def _wrap(self, select: Select) -> None:
        source = select.sources[0]
        assert source.table is not None
        self._edits.wraps[source.start] = (select.source_end, source.table, source.name, select.where_start)

    # -- rows in any order -------------------------------------------------------------------------------------------

    def _from_bag(self, select: Select, order: list[Expression], limited: bool) -> _Known:
        """What is known of a select whose input rows are known, but not their order."""
        parts = _all_parts(select, order)
        aggregates = [part for part in parts if is_aggregate(part) and isinstance(part, Call)]
        windows = [part for part in parts if isinstance(part, Call) and part.over is not None]
        if select.group or aggregates:
            self._check_groups(select, order, aggregates)
            if windows and not select.group:
                raise Unproven("a window over one row")
            return _Known.SEQUENCE
        if select.having is not None or any(call.name not in RANKS for call in windows):
            raise Unproven("rows numbered in the order of a join")
        if select.distinct and None in self._columns.kinds(select):
            raise Unproven("equal values that may differ")
        if order and self._covers(select, order):
            return _Known.SEQUENCE
        if limited:
            raise Unproven("the first rows of a join")
        return _Known.BAG

    def _covers(self, select: Select, order: list[Expression]) -> bool:
        """Whether rows that are equal in ORDER BY are equal."""
        if None in self._columns.kinds(select):
            return False
        terms = set()
        for term in order:
            lone = term.parts[0] if len(term.parts) == 1 else None
            if isinstance(lone, Literal):
                place = int(lone.text) - 1
                if not 0 <= place < len(select.items) or any(value is None for value, _ in select.items):
                    return False
                term = select.items[place][0] or term
            terms.add(self._same(term, select))
        return all(value is not None and self._same(value, select) in terms for value, _ in select.items)

    def _check_groups(self, select: Select, order: list[Expression], aggregates: list[Call]) -> None:
        for call in aggregates:
            self._check_aggregate(call, select)
        keys = set()
        for key in select.group:
            if self._columns.kind(key, select) is None:
                raise Unproven("groups of equal values that may differ")
            keys.add(self._same(key, select))
        extremes = [call for call in aggregates if call.name in ("min", "max")]
        if len(extremes) == 1 and not extremes[0].distinct:
            # columns beside the only extreme come from the row that has it
            keys.add(self._same(extremes[0].arguments[0], select))
        late = [*(value for value, _ in select.items), select.having, *order]
        for value in late:
            if value is None:
                continue
            self._check_grouped(value, select, keys)
        if any(value is None for value, _ in select.items):
            raise Unproven("all columns of a group")

    def _check_aggregate(self, call: Call, select: Select) -> None:
        if call.star or call.name == "count":
            return
        kind = self._columns.kind(call.arguments[0], select)
        if call.name in ("min", "max") and kind is not None:
            return
        if call.name in ("sum", "avg", "total") and kind == "small":
            return
        raise Unproven(f"{call.name} depends on the order of its input")

    def _check_grouped(self, part: Part, select: Select, keys: set[object]) -> None:
        """Columns outside of aggregates are keys of the groups."""
        if self._same(part, select) in keys or (is_aggregate(part)):
            return
        match part:
            case Column():
                if part.table is None and self._columns.source_of(part, select) is None:
                    return  # an alias: its expression is looked at as a result
                raise Unproven("a column that is not the same in all rows of a group")
            case Expression(parts=parts):
                for inner in parts:
                    self._check_grouped(inner, select, keys)
            case Call(arguments=arguments, over=over):
                for inner in [*arguments, *(over[0] + over[1] if over else [])]:
                    self._check_grouped(inner, select, keys)
            case Case(tests=tests, results=results):
                for inner in [*tests, *results]:
                    self._check_grouped(inner, select, keys)

    def _same(self, part: Part, select: Select) -> object:
        """Equal for expressions that are the same but for spelling."""
        match part:
            case Expression(parts=[lone]):
                return self._same(lone, select)
            case Expression(parts=parts):
                return tuple(self._same(inner, select) for inner in parts)
            case Column():
                number = self._columns.source_of(part, select)
                if number is not None:
                    return ("column", number, part.name)
                for value, alias in select.items:
                    if value is not None and alias == part.name:
                        return self._same(value, select)
                raise Unproven("a name that is not known")
            case Call():
                over = part.over and [[self._same(inner, select) for inner in terms] for terms in part.over]
                arguments = tuple(self._same(inner, select) for inner in part.arguments)
                return (part.name, part.star, part.distinct, arguments, repr(over))
            case Case():
                return (
                    "case",
                    tuple(self._same(inner, select) for inner in part.tests),
                    tuple(self._same(inner, select) for inner in part.results),
                )
            case Literal():
                return ("literal", part.text)
            case Sub():
                return ("select", part.query.start)
        return part

    # -- text --------------------------------------------------------------------------------------------------------

    def parts(self) -> tuple[tuple[str | int, ...], tuple[int, ...]]:
        """Pieces and parameters of the changed program."""
        numbers: dict[int, int] = {}
        for place, token in enumerate(self._tokens):
            if token in (TEXT_SLOT, INTEGER_SLOT):
                numbers[place] = len(numbers)
        pieces: list[str | int] = []
        bound: list[int] = []
        self._write(0, len(self._tokens), numbers, pieces, bound)
        merged: list[str | int] = []
        for piece in pieces:
            if isinstance(piece, str) and merged and isinstance(merged[-1], str):
                merged[-1] += " " + piece
            else:
                merged.append(f" {piece} " if isinstance(piece, str) else piece)
        return tuple(merged), tuple(bound)

    def _write(self, start: int, end: int, numbers: dict[int, int], pieces: list[str | int], bound: list[int]) -> None:
        place = start
        while place < end:
            if place in self.wraps:
                stop, table, name, where = self.wraps[place]
                pieces.append(f"( SELECT * FROM {TWIN}{table} AS {name}")
                if where:
                    pieces.append("WHERE")
                    self._write(where, stop, numbers, pieces, bound)
                pieces.append(f"ORDER BY {name}.rowid LIMIT -1 ) AS {name}")
                place = stop
                continue
            token = self._tokens[place]
            if place in self.names:
                pieces.append(self.names[place])
            elif place not in numbers:
                pieces.append(token)
            elif self._plain[place]:
                pieces.append(numbers[place])
            else:
                bound.append(numbers[place])
                pieces.append(f"?{len(bound)}")
            place += 1


def _all_parts(select: Select, order: list[Expression]) -> list[Part]:
    values = [*(value for value, _ in select.items), select.having, *order]
    return [part for value in values if value is not None for part in _parts_of(value)]


def _inner(query: Query) -> list[Sub]:
    """The selects inside the expressions of a tree."""
    found: list[Sub] = []
    for select in query.selects:
        values = [*(value for value, _ in select.items), select.where, *select.on, *select.group, select.having]
        for value in values:
            if value is not None:
                found += [part for part in _parts_of(value) if isinstance(part, Sub)]
        for source in select.sources:
            if source.query is not None:
                found += _inner(source.query)
    for term in query.order:
        found += [part for part in _parts_of(term) if isinstance(part, Sub)]
    return found
