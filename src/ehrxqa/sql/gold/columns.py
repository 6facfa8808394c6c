"""Which columns a select can see, and what kind of values an expression gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ehrxqa.sql.gold import grammar
from ehrxqa.sql.gold.grammar import Call, Case, Column, Expression, Part, Query, Select, Sub, parts_of
from ehrxqa.sql.shape import INTEGER_SLOT, TEXT_SLOT, Unproven

__all__ = ["Columns", "Kind", "Names", "Schema", "is_aggregate"]

Kind = Literal["integer", "real", "text", "small"]
"""Kinds of values of which equal ones are the same value: in a column SQLite stores 1 and 1.0, or 0.0 and -0.0, as one.
`small` are integers so small that no sum of them comes near to overflowing. An expression of no kind may give equal
values that print differently."""

Schema = Mapping[str, Mapping[str, Kind]]
"""Columns by table, in lower case."""

Names = Mapping[str, Kind | None]

_TEXT_CALLS: Final = frozenset({"date", "datetime", "lower", "strftime", "substr", "time", "trim", "upper"})
_TRUTHS: Final = frozenset(
    {"=", "==", "<>", "!=", "<", "<=", ">", ">=", "and", "or", "not", "is", "in", "between", "like"}
)
_SMALL_DIGITS: Final = 6


class Columns:
    """Resolves columns.

    Args:
        schema: The tables.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._names: dict[int, Names] = {}

    def of_query(self, query: Query) -> Names:
        """Result columns of a query, as its FROM clause offers them to an outer one."""
        known = self._names.get(id(query))
        if known is None:
            each = [self._results(select) for select in query.selects]
            known = {}
            for place, (name, kind) in enumerate(each[0]):
                kinds = {results[place][1] if place < len(results) else None for results in each}
                if name is not None and name not in known:
                    known[name] = kind if len(kinds) == 1 else None
            self._names[id(query)] = known
        return known

    def kinds(self, select: Select) -> list[Kind | None]:
        """Kind of each result."""
        return [kind for _, kind in self._results(select)]

    def _results(self, select: Select) -> list[tuple[str | None, Kind | None]]:
        results: list[tuple[str | None, Kind | None]] = []
        for value, alias in select.items:
            if value is None:
                for _, names in self.sources(select):
                    results += names.items()
                continue
            lone = value.parts[0] if len(value.parts) == 1 else None
            name = lone.name if isinstance(lone, Column) else None
            results.append((alias or name, self.kind(value, select)))
        return results

    def sources(self, select: Select) -> list[tuple[str, Names]]:
        """Name and columns of each source."""
        found: list[tuple[str, Names]] = []
        for source in select.sources:
            if source.query is not None:
                found.append((source.name, self.of_query(source.query)))
            elif source.table is not None and source.table in self._schema:
                found.append((source.name, self._schema[source.table]))
            else:
                raise Unproven(f"the table {source.table}")
        return found

    def source_of(self, column: Column, select: Select) -> int | None:
        """Number of the source a column belongs to, or None if it belongs to none of them.

        Raises:
            Unproven: It may belong to two.
        """
        owners = [
            number
            for number, (name, names) in enumerate(self.sources(select))
            if column.name in names and column.table in (None, name)
        ]
        if len(owners) > 1:
            raise Unproven("an ambiguous column")
        return owners[0] if owners else None

    def closed(self, query: Query) -> bool:
        """Whether a query refers to nothing outside of it, and to nothing that is not known."""
        for number, select in enumerate(query.selects):
            aliases = {alias for _, alias in select.items if alias is not None}
            early = [value for value, _ in select.items if value is not None] + select.on
            late = list(select.group)
            if select.where is not None:
                early.append(select.where)
            if select.having is not None:
                late.append(select.having)
            if len(query.selects) == 1:
                late += query.order
            elif number == 0 and not self._names_results(query):
                return False
            if not all(self._closed_expression(value, select, set()) for value in early):
                return False
            if not all(self._closed_expression(value, select, aliases) for value in late):
                return False
            if not all(source.query is None or self.closed(source.query) for source in select.sources):
                return False
        return True

    def _names_results(self, query: Query) -> bool:
        """Whether the ORDER BY of a compound names results only."""
        names = self.of_query(query)
        for term in query.order:
            lone = term.parts[0] if len(term.parts) == 1 else None
            if isinstance(lone, Column):
                if lone.table is not None or lone.name not in names:
                    return False
            elif not isinstance(lone, grammar.Literal):
                return False
        return True

    def _closed_expression(self, value: Expression, select: Select, aliases: set[str]) -> bool:
        for part in parts_of(value):
            if isinstance(part, Column):
                known = self.source_of(part, select) is not None or (part.table is None and part.name in aliases)
                if not known:
                    return False
            elif isinstance(part, Sub) and not self.closed(part.query):
                return False
        return True

    def kind(self, value: Part, select: Select) -> Kind | None:
        """Kind of the values of an expression, or None if equal ones may differ."""
        match value:
            case Expression(parts=[part]):
                return self.kind(part, select)
            case Expression(parts=parts):
                # comparisons bind less than arithmetic: with one among the operators the whole is a truth value
                return "small" if any(part in _TRUTHS for part in parts if isinstance(part, str)) else None
            case Column():
                number = self.source_of(value, select)
                return None if number is None else self.sources(select)[number][1][value.name]
            case grammar.Literal(text=text):
                return _literal_kind(text)
            case Case(results=results):
                kinds = {self.kind(result, select) for result in results}
                return kinds.pop() if len(kinds) == 1 else None
            case Call():
                return self._call_kind(value, select)
        return None

    def _call_kind(self, call: Call, select: Select) -> Kind | None:
        if call.over is not None:
            return "small" if call.name in ("rank", "dense_rank", "row_number") else None
        if call.name in ("count", "length"):
            return "small"
        if call.name in _TEXT_CALLS:
            return "text"
        if call.name in ("min", "max") and len(call.arguments) == 1:
            return self.kind(call.arguments[0], select)
        return None


def is_aggregate(part: Part) -> bool:
    """Whether a part is the call of an aggregate function that is no window function."""
    return (
        isinstance(part, Call)
        and part.over is None
        and part.name in grammar.AGGREGATES
        and (part.star or len(part.arguments) == 1)
    )


def _literal_kind(text: str) -> Kind | None:
    if text.isdigit() and len(text) <= _SMALL_DIGITS:
        return "small"
    if text[0] in f"'{TEXT_SLOT}":
        return "text"
    if text[0] == INTEGER_SLOT:
        return "integer"
    return "small" if text in ("true", "false") else None
