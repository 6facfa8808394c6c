"""Decides, select by select, what may read indexed tables so that the answer stays that of the plain database.

On a database without indexes SQLite reads a table in rowid order; everything behind that (grouping, sorting,
DISTINCT, LIMIT, sums) depends on this sequence only. So:

1. A select from **one table** may read the indexed twin through `(SELECT * FROM twin WHERE … ORDER BY rowid LIMIT -1)`:
   the same rows in the same sequence. The LIMIT keeps SQLite from merging that select into the outer one. The same
   holds for a select from one select of which it is known.
   Where no index can help, the plain table is read as it is.
2. Below IN, where the sequence cannot matter, the twin is read directly.
3. A **join** gives its rows in the order of a plan, which depends on indexes; all that is known is which rows there
   are, and how often. That is enough below IN, and to count them.
4. Where it does not matter how often a row comes either (DISTINCT, below IN, extremes, count(DISTINCT …)), a select
   that uses nothing of TB_CXR_PLUS but what all rows of a study have in common reads the distinct studies: of each the
   first row, so that they come in the sequence in which they first appear.
5. Anything else reads the plain tables: a tree of selects joined through FROM is taken over as a whole or not at all,
   so that its plan is the plain one. A select inside its expressions is a tree of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.gold.selects import SLOTS, Schema, SelectParts, Selects
from ehrxqa.sql.gold.shape import Unproven
from ehrxqa.sql.structure import Query, Select, Source, Structure, read

__all__ = ["DISTINCT", "OF_ONE_FINDING", "TWIN", "Program", "prove"]

#: What the name of an indexed table begins with, and that of a table of distinct rows.
TWIN: Final = "indexed_"
DISTINCT: Final = "distinct_"

#: Tables of which the copy has the distinct rows too → columns that these leave out.
OF_ONE_FINDING: Final = {"tb_cxr_plus": frozenset({"row_id", "object", "relation", "attribute", "category"})}


@dataclass(frozen=True, slots=True)
class Program:
    """How programs of one shape are run on the indexed copy.

    Attributes:
        pieces: Text, and numbers of values.
        bound: Whether values are parameters. They are written as they were if a tree reads plain tables: SQLite may
            look at them when it plans a join of these.
    """

    pieces: tuple[str | int, ...]
    bound: bool

    def statement(self, values: Sequence[str | int]) -> tuple[str, Sequence[str | int]]:
        """The statement for these values of the shape, and its parameters."""
        written = [f"?{number + 1}" if self.bound else _literal(value) for number, value in enumerate(values)]
        text = "".join(piece if isinstance(piece, str) else written[piece] for piece in self.pieces)
        return text, values if self.bound else ()


def _literal(value: str | int) -> str:
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
    selects = Selects(structure, schema)
    edits: list[_Edit] = []
    bound = True
    for query in structure.queries.values():
        if query.start in selects.in_from:
            continue
        below_in = query.start > 1 and structure.tokens[query.start - 2].lower == "in"
        tree = _Tree(structure, selects, keys)
        try:
            taken_over = tree.query(query, below_in=below_in) or below_in
        except Unproven:
            taken_over = False
        edits += tree.edits if taken_over else []
        bound = bound and taken_over
    if not edits:
        raise Unproven("nothing to gain")
    return Program(tuple(_pieces(structure, edits)), bound)


_Edit = tuple[int, int, str | int]
"""Two offsets in a text, and what stands between them instead."""


def _pieces(structure: Structure, edits: list[_Edit]) -> Iterator[str | int]:
    """The changed text, with numbers in place of the values."""
    slots = [token for token in structure.tokens if token.text in SLOTS]
    changes = [*edits, *((token.start, token.end, number) for number, token in enumerate(slots))]
    at = 0
    for start, end, instead in sorted(changes, key=itemgetter(0)):
        yield structure.sql[at:start]
        yield instead
        at = end
    yield structure.sql[at:]


class _Tree:
    """A query with those in its FROM clauses: what each of them reads in place of its tables, as `edits`.

    Where a method returns whether rows come in the sequence of the plain database, they are otherwise the same rows in
    another one. All of them raise Unproven if less is known.
    """

    def __init__(self, structure: Structure, selects: Selects, keys: Mapping[str, frozenset[str]]) -> None:
        self._structure, self._selects, self._keys = structure, selects, keys
        self.edits: list[_Edit] = []

    def query(self, query: Query, *, below_in: bool = False) -> bool:
        """Whether its rows come in the plain sequence."""
        if len(query.selects) == 1:
            return self._select(query.selects[0], below_in=below_in)
        if not all(self._select(select) for select in query.selects):
            raise Unproven("a compound of joins")
        return True

    def _select(self, select: Select, *, below_in: bool = False) -> bool:
        reading = self._selects.of(select)
        if len(reading.sources) == 1 and reading.sources[0].query is None:
            self._table(select, reading, below_in=below_in)
            return True
        in_sequence = len(reading.sources) < 2
        for source in reading.sources:
            if source.query is None:
                self._read(TWIN, source)
            else:
                in_sequence = self._derived(source.query) and in_sequence
        return in_sequence or self._counted(select, reading)

    def _derived(self, query: Query) -> bool:
        clauses = query.selects[-1].clauses
        if "union all" in query.operators or ("order" in clauses and "limit" not in clauses):
            raise Unproven("SQLite may merge it into the outer select in more than one way")
        return self.query(query)

    def _table(self, select: Select, reading: SelectParts, *, below_in: bool) -> None:
        """A select from one table."""
        (source,) = reading.sources
        prefix = DISTINCT if self._of_studies(reading, below_in=below_in) else TWIN
        if prefix == TWIN and not self._index_helps(select, reading):
            return  # the plain table itself
        every_row = not (reading.limited or reading.group or reading.used("aggregate") or reading.used("rank"))
        if below_in and every_row:
            self._read(prefix, source)
        else:
            self._read(prefix, source, select)

    def _read(self, prefix: str, source: Source, alone: Select | None = None) -> None:
        """Read a table of the copy; for a select from it alone, so that its rows come in rowid order."""
        tokens, table = self._structure.tokens, f"{prefix}{source.table} AS {source.name}"
        start, end = tokens[source.start].start, tokens[source.end - 1].end
        if alone is None:
            self.edits.append((start, end, table))
            return
        rows = alone.clauses.get("where", alone.clauses["from"])
        after = tokens[rows[1] - 1].end
        self.edits.append((start, end, f"( SELECT * FROM {table}"))
        self.edits.append((after, after, f" ORDER BY {source.name}.rowid LIMIT -1 ) AS {source.name}"))

    def _index_helps(self, select: Select, reading: SelectParts) -> bool:
        """Whether an index can be of use: a column it begins with has to equal something, or to be among something."""
        keys = self._keys.get((reading.sources[0].table or "").lower(), frozenset())
        start, end = select.clauses.get("where", (0, 0))
        if len(self._structure.split(start, end, "or")) > 1:
            return False
        terms = {first for first, _ in self._structure.split(start, end, "and")}
        return any(
            column.start in terms
            and column.name in keys
            and self._structure.tokens[column.end].lower in ("=", "==", "in")
            for column in reading.used("column")
            if column.end < end
        )

    def _of_studies(self, reading: SelectParts, *, below_in: bool) -> bool:
        """Whether the select uses only what the rows of a study have in common, and not how many these are."""
        left_out = OF_ONE_FINDING.get((reading.sources[0].table or "").lower())
        if left_out is None or any(span is None for span, _ in reading.items) or reading.used("rank"):
            return False
        aggregates = reading.used("aggregate")
        if any(column.name in left_out for column in reading.used("column")) or not all(
            call.name in ("min", "max") or self._structure.tokens[call.start + 2].lower == "distinct"
            for call in aggregates
        ):
            return False
        return bool(reading.distinct or reading.group or aggregates) or (below_in and not reading.limited)

    def _counted(self, select: Select, reading: SelectParts) -> bool:
        """Whether the rows of a join are only counted; if not, which ones come must not depend on their order."""
        aggregates = reading.used("aggregate")
        if reading.group or reading.distinct or reading.used("rank"):
            raise Unproven("groups, ranks or distinct rows of a join")
        if not aggregates:
            if reading.limited or "having" in select.clauses:
                raise Unproven("the order of a join counts")
            return False
        if any(call.name != "count" for call in aggregates) or any(span is None for span, _ in reading.items):
            raise Unproven("an aggregate that may depend on the order of its input")
        for column in reading.used("column"):
            if column.clause not in ("on", "where") and not any(
                call.start < column.start < call.end for call in aggregates
            ):
                raise Unproven("a column of one row of a join")
        return True
