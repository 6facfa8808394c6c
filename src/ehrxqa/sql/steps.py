"""A query as the steps in which it can be evaluated by hand: sub-queries first, the whole last.

The text of a step is the author's own, so that SQLite can run it
as it stands. A step knows the clauses of its SELECT, so that its conditions can be tried one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.sql.structure import Query, Range, Select, Structure, read

__all__ = ["BaseTable", "Step", "steps_of"]


@dataclass(frozen=True)
class BaseTable:
    """A table in a FROM clause, and the name by which it is called there."""

    table: str
    alias: str


@dataclass(frozen=True)
class Step:
    """One SELECT, or several joined by set operators.

    Attributes:
        number: From 1, in the order of evaluation.
        sql: Its text.
        start, end: Where it stands in the query.
        inner: Numbers of the steps directly inside it, in the order of the text.
        operators: Set operators between its parts, if it is compound; `inner` are then its parts.
        clauses: Keyword → text after it, for a single SELECT.
        conditions: The WHERE clause, cut at the ANDs of its top level.
        tables: Base tables of its FROM clause.
        derived: Numbers of inner steps in the FROM clause.
        inside: Per condition, the numbers of the inner steps in it.
        label: How readers know the step: from 1, the same for steps of the same text (a query often finds, say, the
            visits of a patient several times).
        single: Numbers of inner steps that stand for one value, of which SQLite takes the first row.
    """

    number: int
    sql: str
    start: int
    end: int
    inner: tuple[int, ...]
    operators: tuple[str, ...]
    clauses: dict[str, str]
    conditions: tuple[str, ...]
    tables: tuple[BaseTable, ...]
    derived: tuple[int, ...]
    inside: tuple[tuple[int, ...], ...]
    label: int
    single: tuple[int, ...]

    @property
    def distinct(self) -> bool:
        """Whether equal rows are merged."""
        return self.clauses.get("select", "").lower().startswith("distinct")

    def kept_rows(self, select: str, conditions: int | None = None, *, tail: bool = False) -> str:
        """The query that selects something else from the rows of this step, before grouping.

        Args:
            select: What to select.
            conditions: How many of the conditions hold (default: all).
            tail: Keep ORDER BY and LIMIT.
        """
        chosen = self.conditions if conditions is None else self.conditions[:conditions]
        text = f"select {select} from {self.clauses['from']}"
        if chosen:
            text += " where " + " and ".join(f"( {condition} )" for condition in chosen)
        if tail:
            text += f" order by {self.clauses['order']}" if "order" in self.clauses else ""
            text += f" limit {self.clauses['limit']}" if "limit" in self.clauses else ""
        return text


def steps_of(sql: str) -> list[Step]:
    """The steps of a query, each after those inside it; the last one is the query itself.

    >>> [step.sql for step in steps_of("select a from t where b in ( select c from u ) and d = 1")]
    ['select c from u', 'select a from t where b in ( select c from u ) and d = 1']
    >>> steps_of("select a from t where b between 1 and 2 and d = 1")[0].conditions
    ('b between 1 and 2', 'd = 1')

    Raises:
        QuerySyntaxError: The text is not one query.
    """
    structure = read(sql)
    collector = _Collector(structure)
    collector.query(structure.root)
    return collector.steps


class _Collector:
    """Collects the steps of one query."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._labels: dict[str, int] = {}
        self.steps: list[Step] = []

    def query(self, query: Query) -> int:
        """Add the steps of a query, and give the number of its own."""
        parts = [self._select(select) for select in query.selects]
        if len(parts) == 1:
            return parts[0]
        return self._add(query.start, query.end, inner=tuple(parts), operators=tuple(query.operators))

    def _select(self, select: Select) -> int:
        structure, clauses = self._structure, select.clauses
        if structure.tokens[select.start].lower != "select":
            clauses = {}  # VALUES, and what begins with WITH, are SQLite's to run as a whole
        inner = [(query.start - 1, self.query(query)) for query in structure.queries_in(select.start, select.end)]
        first, last = clauses.get("from", (0, 0))
        conditions = self._conditions(*clauses["where"]) if "where" in clauses else []
        sources = structure.sources(select) if clauses else []
        return self._add(
            select.start,
            select.end,
            inner=tuple(number for _, number in inner),
            clauses={name: structure.text(*span) for name, span in clauses.items()},
            conditions=tuple(structure.text(*span) for span in conditions),
            tables=tuple(
                BaseTable(source.table.lower(), source.name or "") for source in sources if source.table is not None
            ),
            derived=tuple(number for at, number in inner if first <= at < last),
            inside=tuple(tuple(number for at, number in inner if begin <= at < end) for begin, end in conditions),
            single=tuple(
                number
                for at, number in inner
                if not first <= at < last and structure.tokens[at - 1].lower not in ("in", "exists")
            ),
        )

    def _conditions(self, first: int, last: int) -> list[Range]:
        """The conditions joined by AND; one condition if OR stands at the top level."""
        if len(self._structure.split(first, last, "or")) > 1:
            return [(first, last)]
        return [(begin, end) for begin, end in self._structure.split(first, last, "and") if begin < end]

    def _add(
        self,
        first: int,
        last: int,
        *,
        inner: tuple[int, ...],
        operators: tuple[str, ...] = (),
        clauses: dict[str, str] | None = None,
        conditions: tuple[str, ...] = (),
        tables: tuple[BaseTable, ...] = (),
        derived: tuple[int, ...] = (),
        inside: tuple[tuple[int, ...], ...] = (),
        single: tuple[int, ...] = (),
    ) -> int:
        number = len(self.steps) + 1
        text = self._structure.text(first, last)
        tokens = self._structure.tokens
        self.steps.append(
            Step(
                number,
                text,
                tokens[first].start,
                tokens[last - 1].end,
                inner,
                operators,
                clauses or {},
                conditions,
                tables,
                derived,
                inside,
                self._labels.setdefault(" ".join(text.split()), len(self._labels) + 1),
                single,
            )
        )
        return number
