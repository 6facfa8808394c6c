"""Decides, select by select, what may read indexed tables so that the answer stays that of the plain database.

On a database without indexes SQLite reads a table in rowid order; everything behind that (grouping, sorting,
DISTINCT, LIMIT, sums) depends on this sequence only. So:

1. A select from **one table** may read the indexed twin through `(SELECT * FROM twin WHERE … ORDER BY rowid LIMIT -1)`:
   the same rows in the same sequence. The LIMIT keeps SQLite from merging that select into the outer one. The same
   holds for a select from one select of which it is known.
   Where no index can help, the plain table is read as it is.
2. Below IN, where the sequence cannot matter, the twin is read directly.
3. A **join** gives its rows in the order of a plan, which depends on indexes; all that is known is which rows there
   are. That is enough below IN, for counts and extremes, and for groups (they come sorted: no index of a twin may serve
   for sorting).
4. Where it does not matter how often a row comes either (DISTINCT, below IN, extremes, count(DISTINCT …)), a select
   that uses nothing of TB_CXR_PLUS but what all rows of a study have in common reads the distinct studies: of each the
   first row, so that they come in the sequence in which they first appear.
5. Anything else reads the plain tables: a tree of selects joined through FROM is taken over as a whole or not at all,
   so that its plan is the plain one. A select inside its expressions is a tree of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.gold.expressions import RANKS, Part
from ehrxqa.sql.gold.selects import Parts, Schema, Selects
from ehrxqa.sql.gold.shape import INTEGER_SLOT, TEXT_SLOT, Unproven
from ehrxqa.sql.structure import Query, Range, Select, Source, Structure, read

__all__ = ["DISTINCT", "OF_ONE_FINDING", "TWIN", "Program", "prove"]

#: What the name of an indexed table begins with, and that of a table of distinct rows.
TWIN: Final = "indexed_"
DISTINCT: Final = "distinct_"

#: Tables of which the copy has the distinct rows too → columns that these leave out.
OF_ONE_FINDING: Final = {"tb_cxr_plus": frozenset({"row_id", "object", "relation", "attribute", "category"})}


class _Known(IntEnum):
    """What is known of the rows a select gives on the indexed tables."""

    SET = 0  # which ones
    BAG = 1  # and how often
    SEQUENCE = 2  # and in which order


@dataclass(frozen=True)
class Program:
    """How programs of one shape are run on the indexed copy.

    Attributes:
        pieces: Text, and numbers of values to be written into it as they were: next to plain tables SQLite may look at
            them when it plans.
        bound: Numbers of the values of its parameters.
    """

    pieces: tuple[str | int, ...]
    bound: tuple[int, ...]

    def text(self, values: list[str | int]) -> str:
        """The statement for these values of the shape."""
        return "".join(piece if isinstance(piece, str) else _written(values[piece]) for piece in self.pieces)

    def parameters(self, values: list[str | int]) -> list[str | int]:
        """The parameters for these values of the shape."""
        return [values[number] for number in self.bound]


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def prove(shape: str, schema: Schema, keys: Mapping[str, frozenset[str]]) -> Program:
    """How programs of a shape run on the indexed copy.

    Args:
        shape: From `shape.shape_of`.
        schema: Columns of the tables that have an indexed twin.
        keys: Columns with which an index of the twin begins, by table.

    Raises:
        Unproven: They run on the plain database only.
    """
    try:
        structure = read(shape)
    except NeuralSqlError as error:
        raise Unproven(str(error)) from error
    prover = _Prover(structure, Selects(structure, schema), keys)
    prover.tree(structure.root, _Known.SEQUENCE)
    if not prover.edits:
        raise Unproven("nothing to gain")
    return prover.program()


@dataclass(frozen=True)
class _Edit:
    """What is read in place of the table of a source.

    Attributes:
        prefix: What its name begins with on the copy.
        source: The source.
        end: The token behind what is replaced: the source, or if its rows are to come in order FROM … WHERE ….
        where: Range of the condition, likewise.
    """

    prefix: str
    source: Source
    end: int
    where: Range | None = None
    in_order: bool = False


class _Prover:
    def __init__(self, structure: Structure, selects: Selects, keys: Mapping[str, frozenset[str]]) -> None:
        self._structure, self._selects, self._keys = structure, selects, keys
        slots = [at for at, token in enumerate(structure.tokens) if token.text in (TEXT_SLOT, INTEGER_SLOT)]
        self._slots = {at: number for number, at in enumerate(slots)}
        self._plain = [False] * len(structure.tokens)  # whether a token belongs to a tree that reads plain tables
        self._of_tree: dict[int, _Edit] = {}
        self.edits: dict[int, _Edit] = {}

    def tree(self, query: Query, need: _Known) -> None:
        """Take over a tree of selects, or leave it as it is; then those inside its expressions, each for itself."""
        self._of_tree = {}
        try:
            taken = self._query(query, need) >= need
        except Unproven:
            taken = False
        if taken:
            self.edits |= self._of_tree
        self._plain[query.start : query.end] = [not taken] * (query.end - query.start)
        for part in self._inner(query):
            assert part.query is not None
            self.tree(part.query, _Known.SET if part.flag == "in" else _Known.SEQUENCE)

    def _inner(self, query: Query) -> list[Part]:
        """The selects inside the expressions of a tree."""
        found: list[Part] = []
        for select in query.selects:
            parts = self._selects.of(select)
            found += [part for part in parts.everything() if part.kind == "select"]
            for source in parts.sources:
                if source.query is not None:
                    found += self._inner(source.query)
        return found

    def _query(self, query: Query, need: _Known) -> _Known:
        if len(query.selects) == 1:
            return self._select(query.selects[0], need)
        known = min(self._select(select, _Known.SEQUENCE) for select in query.selects)
        if known is not _Known.SEQUENCE:
            raise Unproven("a compound of joins")
        return known

    def _from(self, query: Query, need: _Known) -> _Known:
        """A select in FROM."""
        clauses = query.selects[-1].clauses
        if "union all" in query.operators or ("order" in clauses and "limit" not in clauses):
            raise Unproven("SQLite may merge it into the outer select in more than one way")
        return self._query(query, need)

    def _select(self, select: Select, need: _Known) -> _Known:
        parts = self._selects.of(select)
        if not parts.sources:
            return _Known.SEQUENCE
        alone = len(parts.sources) == 1
        if alone and parts.sources[0].query is None:
            return self._table(select, parts, parts.sources[0], need)
        for source in parts.sources:
            if source.query is None:
                self._of_tree[source.start] = _Edit(TWIN, source, source.end)
            elif self._from(source.query, _Known.SEQUENCE if alone else _Known.BAG) is _Known.SEQUENCE and alone:
                return _Known.SEQUENCE
        return self._any_order(select, parts)

    def _table(self, select: Select, parts: Parts, source: Source, need: _Known) -> _Known:
        """A select from one table."""
        prefix = DISTINCT if self._of_studies(parts, need) else TWIN
        if prefix == TWIN and not self._index_helps(parts):
            return _Known.SEQUENCE  # the plain table itself
        plain = not parts.group and not any(part.kind in ("window", "aggregate") for part in parts.after_group())
        if need is _Known.SET and plain:
            try:
                known = self._any_order(select, parts)
            except Unproven:
                pass
            else:
                self._of_tree[source.start] = _Edit(prefix, source, source.end)
                return known
        where = select.clauses.get("where")
        self._of_tree[source.start] = _Edit(prefix, source, (where or select.clauses["from"])[1], where, in_order=True)
        return _Known.SEQUENCE

    def _index_helps(self, parts: Parts) -> bool:
        """Whether an index can be of use: a column it begins with has to equal something, or to be among something."""
        keys = self._keys.get((parts.sources[0].table or "").lower(), frozenset())
        terms = parts.early[0].parts if parts.early else ()
        return not any(term.text == "or" and term.kind == "operator" for term in terms) and any(
            part.kind == "column" and part.text in keys and following.text in ("=", "in", "==")
            for part, following in pairwise(terms)
        )

    def _of_studies(self, parts: Parts, need: _Known) -> bool:
        """Whether the select uses only what the rows of a study have in common, and not how many these are."""
        left_out = OF_ONE_FINDING.get((parts.sources[0].table or "").lower())
        everything = parts.everything()
        if left_out is None or any(value is None for value, _ in parts.items):
            return False
        if any(part.kind == "window" or (part.kind == "column" and part.text in left_out) for part in everything):
            return False
        aggregates = [part for part in everything if part.kind == "aggregate"]
        if any(part.flag != "distinct" and part.text not in ("min", "max") for part in aggregates):
            return False
        return bool(parts.distinct or parts.group or aggregates) or (need is _Known.SET and not parts.limited)

    def _any_order(self, select: Select, parts: Parts) -> _Known:
        """What is known of a select whose input rows are known, but not their order."""
        aggregates = [part for part in parts.after_group() if part.kind == "aggregate"]
        windows = [part for part in parts.after_group() if part.kind == "window"]
        if not parts.group and not aggregates:
            if windows or parts.limited or "having" in select.clauses:
                raise Unproven("the order of a join counts")
            if parts.distinct and not all(value and self._selects.exact(value, select) for value, _ in parts.items):
                raise Unproven("equal values that may differ")
            return _Known.BAG
        if any(part.text not in RANKS or not parts.group for part in windows):
            raise Unproven("rows numbered in the order of a join")
        for call in aggregates:
            exact = call.text in ("min", "max") and all(self._selects.exact(each, select) for each in call.parts)
            if call.text != "count" and not exact:
                raise Unproven(f"{call.text} depends on the order of its input")
        if not all(self._selects.exact(key, select) for key in parts.group):
            raise Unproven("groups of equal values that may differ")
        keys = {(self._selects.owner(key, select), key.text) for key in parts.group}
        for value in (*(value for value, _ in parts.items), *parts.late):
            if value is None:
                raise Unproven("all columns of a group")
            self._check_grouped(value, select, keys)
        return _Known.SEQUENCE  # groups come sorted

    def _check_grouped(self, part: Part, select: Select, keys: set[tuple[int | None, str]]) -> None:
        """Columns outside of aggregates are keys of the groups; an alias stands for an item, which is looked at too."""
        if part.kind == "aggregate":
            return
        owner = self._selects.owner(part, select) if part.kind == "column" else None
        if owner is not None and (owner, part.text) not in keys:
            raise Unproven("a column that is not the same in all rows of a group")
        for inner in part.parts:
            self._check_grouped(inner, select, keys)

    # -- text --------------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        """The changed program."""
        pieces: list[str | int] = [""]
        bound: list[int] = []
        self._write(0, len(self._structure.tokens), pieces, bound)
        return Program(tuple(pieces), tuple(bound))

    def _write(self, start: int, end: int, pieces: list[str | int], bound: list[int]) -> None:
        """Write a range of tokens, with all that is changed in it; `pieces` end with a text."""

        def put(text: str) -> None:
            pieces[-1] = f"{pieces[-1]}{text}"

        tokens, at, written = self._structure.tokens, start, self._structure.tokens[start].start
        while at < end:
            put(" " if at == start else self._structure.sql[written : tokens[at].start])
            edit, slot = self.edits.get(at), self._slots.get(at)
            stop = at + 1
            if edit is not None:
                name = edit.source.name
                stop, source = edit.end, f"{edit.prefix}{edit.source.table} AS {name}"
                if edit.in_order:
                    put(f"( SELECT * FROM {source}")
                    if edit.where is not None:
                        put(" WHERE")
                        self._write(*edit.where, pieces, bound)
                    source = f" ORDER BY {name}.rowid LIMIT -1 ) AS {name}"
                put(source)
            elif slot is None:
                put(tokens[at].text)
            elif self._plain[at]:
                pieces += [slot, ""]
            else:
                bound.append(slot)
                put(f"?{len(bound)}")
            at, written = stop, tokens[stop - 1].end
