"""Which column of which table a name in a program means, in a database of whatever schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ehrxqa.sql.number_columns import columns_of
from ehrxqa.sql.sandbox import Sandbox
from ehrxqa.sql.structure import Range, Select, Structure
from ehrxqa.sql.tokens import unquote

__all__ = ["Comparison", "TableColumns", "comparisons", "table_columns", "table_of"]

TableColumns = Mapping[str, frozenset[str]]
"""Columns by table, all in lower case."""

_LITERALS: Final = frozenset({"text", "number"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column of a table that shall equal a value, or one of several.

    Attributes:
        table: In lower case.
        column: In lower case.
        literals: The values, as written.
        text: Whether they are written as texts.
    """

    table: str
    column: str
    literals: tuple[str, ...]
    text: bool


def table_columns(sandbox: Sandbox) -> TableColumns:
    """The columns of all tables and views that can be read."""
    return {
        name.lower(): frozenset(
            column.lower()
            for column in sandbox.run(f'select * from "{name.replace(chr(34), chr(34) * 2)}" limit 0').columns
        )
        for name in sorted(sandbox.tables)
    }


def table_of(structure: Structure, select: Select | None, span: Range, schema: TableColumns) -> tuple[str, str] | None:
    """Table and column that a name in a select means: a table of its FROM clause, or of a select around it.

    None for columns of selects in brackets, and for names that fit none or several tables.
    """
    start, end = span
    column = unquote(structure.tokens[end - 1]).lower()
    owner = unquote(structure.tokens[start]).lower() if end - start > 1 else None
    while select is not None:
        sources = structure.sources(select) if "from" in select.clauses else []
        found = [
            source
            for source in sources
            if (owner is None and column in schema.get((source.table or "").lower(), ()))
            or (owner is not None and (source.name or "").lower() == owner)
        ]
        if owner is None and any(source.query is not None for source in sources):
            return None  # it may be one of theirs
        if found:
            table = (found[0].table or "").lower()
            return (table, column) if len(found) == 1 and column in schema.get(table, ()) else None
        select = select.query.parent
    return None


def comparisons(structure: Structure, schema: TableColumns) -> Iterator[Comparison]:
    """Where a column shall equal a value: `a.b = 'c'`, `b in ( 1, 2 )`; not behind NOT."""
    tokens = structure.tokens
    for query in structure.queries.values():
        for select in query.selects:
            for name in ("where", "from", "having"):
                if name not in select.clauses:
                    continue
                for span in columns_of(structure, *select.clauses[name]):
                    at = span[1]
                    following = tokens[at].lower if at < len(tokens) else ""
                    values = []
                    if following in ("=", "==", "is") and at + 1 < len(tokens):
                        values = [at + 1] if not _is_sum(structure, at + 2) else []
                    elif following == "in" and at + 2 < len(tokens) and at + 2 not in structure.queries:
                        values = list(range(at + 2, structure.closing.get(at + 1, at + 2), 2))
                    if not values or not all(tokens[value].kind in _LITERALS for value in values):
                        continue
                    if (found := table_of(structure, select, span, schema)) is not None:
                        literals = tuple(tokens[value].text for value in values)
                        yield Comparison(*found, literals, tokens[values[0]].kind == "text")


def _is_sum(structure: Structure, at: int) -> bool:
    """Whether a value goes on behind its first token."""
    return at < len(structure.tokens) and structure.tokens[at].kind == "operator"
