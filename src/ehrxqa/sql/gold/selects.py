"""The selects of a gold program, and which columns they can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ehrxqa.sql.gold.expressions import Part, order_terms, read_expression, walk
from ehrxqa.sql.gold.shape import INTEGER_SLOT, Unproven
from ehrxqa.sql.structure import Query, Select, Source, Structure

__all__ = ["Parts", "Schema", "Selects"]

Schema = Mapping[str, Mapping[str, str]]
"""Declared type by column by table, in lower case."""

_JOINS: Final = frozenset({"", ",", "join", "inner join", "cross join"})


@dataclass(frozen=True)
class Parts:
    """A select that has been read.

    Attributes:
        items: Results with their aliases; None stands for `*`.
        sources: What it reads from.
        early: The conditions of WHERE and ON.
        group: The terms of GROUP BY.
        late: HAVING, and the terms of ORDER BY if the select is no part of a compound.
        limited: Whether LIMIT keeps only some of its rows.
    """

    distinct: bool
    items: tuple[tuple[Part | None, str | None], ...]
    sources: tuple[Source, ...]
    early: tuple[Part, ...]
    group: tuple[Part, ...]
    late: tuple[Part, ...]
    limited: bool

    def values(self) -> Iterator[Part]:
        """The expressions of the select list."""
        return (value for value, _ in self.items if value is not None)

    def after_group(self) -> list[Part]:
        """All parts that are evaluated on the rows that come out, not on those that go in."""
        return [part for value in (*self.values(), *self.late) for part in walk(value)]

    def everything(self) -> list[Part]:
        """All parts."""
        return self.after_group() + [part for value in (*self.early, *self.group) for part in walk(value)]


class Selects:
    """Reads the selects of one program, and resolves its columns.

    Args:
        structure: The program.
        schema: The tables.

    Raises:
        Unproven: There is something in it that is not understood, or a column that is not known where it stands.
    """

    def __init__(self, structure: Structure, schema: Schema) -> None:
        self._structure, self._schema = structure, schema
        selects = [select for query in structure.queries.values() for select in query.selects]
        self._parts = {id(select): self._read(select) for select in selects}
        for select in selects:
            self._check_names(select)

    def of(self, select: Select) -> Parts:
        """The parts of a select."""
        return self._parts[id(select)]

    def _read(self, select: Select) -> Parts:
        structure, clauses = self._structure, select.clauses
        compound = len(select.query.selects) > 1
        if structure.tokens[select.start].lower != "select" or "window" in clauses:
            raise Unproven("WITH, VALUES or WINDOW")
        sources = tuple(structure.sources(select))
        for source in sources:
            if not source.plain or source.join not in _JOINS or (source.table or "").lower() not in {"", *self._schema}:
                raise Unproven("a source that is not understood")
        conditions = [source.on for source in sources if source.on is not None]
        conditions += [clauses["where"]] if "where" in clauses else []
        late = [read_expression(structure, *clauses["having"])] if "having" in clauses else []
        order = order_terms(structure, *clauses["order"]) if "order" in clauses else ()
        if compound and any(term.kind != "literal" and (term.kind != "column" or term.table) for term in order):
            raise Unproven("a compound ordered by more than its results")
        for token in structure.tokens[slice(*clauses.get("limit", (0, 0)))]:
            if not token.text.isdigit() and token.text not in ("-", INTEGER_SLOT) and token.lower != "offset":
                raise Unproven("a LIMIT that is no number")
        return Parts(
            select.distinct,
            tuple(self._item(*each) for each in select.items),
            sources,
            tuple(read_expression(structure, *each) for each in conditions),
            order_terms(structure, *clauses["group"]) if "group" in clauses else (),
            (*late, *(() if compound else order)),
            "limit" in clauses and not compound,
        )

    def _item(self, start: int, end: int) -> tuple[Part | None, str | None]:
        tokens = self._structure.tokens
        if end - start == 1 and tokens[start].text == "*":
            return None, None
        stop = self._structure.value_end(start, end)
        if stop < end and (stop + 2 != end or tokens[stop + 1].kind != "word"):
            raise Unproven("an alias that is no word")
        return read_expression(self._structure, start, stop), tokens[stop + 1].lower if stop < end else None

    def _columns(self, source: Source) -> dict[str, bool]:
        """The columns of a source, and of each whether equal values of it are the same value.

        In a column SQLite stores 1 and 1.0, or 0.0 and -0.0, as one; equal results of others may print differently.
        """
        if source.query is None:
            return dict.fromkeys(self._schema[(source.table or "").lower()], True)
        return self._results(source.query)

    def _results(self, query: Query) -> dict[str, bool]:
        """Result columns of a query, as its FROM clause offers them to an outer one."""
        found: dict[str, bool] = {}
        (select, *others), parts = query.selects, self.of(query.selects[0])
        for value, alias in parts.items:
            if value is None:
                found |= {name: same for source in parts.sources for name, same in self._columns(source).items()}
            elif alias or value.kind == "column":
                found.setdefault(alias or value.text, not others and self.exact(value, select))
        return found

    def owner(self, column: Part, select: Select) -> int | None:
        """Number of the source a column belongs to, or None if it belongs to none of them.

        Raises:
            Unproven: It may belong to two.
        """
        owners = [
            number
            for number, source in enumerate(self.of(select).sources)
            if column.table in (None, (source.name or "").lower()) and column.text in self._columns(source)
        ]
        if len(owners) > 1:
            raise Unproven("an ambiguous column")
        return owners[0] if owners else None

    def exact(self, value: Part, select: Select) -> bool:
        """Whether an expression is a column of which equal values are the same value."""
        owner = self.owner(value, select) if value.kind == "column" else None
        return owner is not None and self._columns(self.of(select).sources[owner])[value.text]

    def _check_names(self, select: Select) -> None:
        """A select may refer to nothing outside of it: an aggregate of outer columns would belong to the outer one."""
        parts = self.of(select)
        aliases = {alias for _, alias in parts.items}
        late = {id(part) for value in (*parts.group, *parts.late) for part in walk(value)}
        for part in parts.everything():
            unknown = part.kind == "column" and self.owner(part, select) is None
            if unknown and (part.table is not None or part.text not in aliases or id(part) not in late):
                raise Unproven(f"the column {part.text}")
