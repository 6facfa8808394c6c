"""The event tables, as declared in `ehrxqa.spec`, with the source columns that follow from their rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ehrxqa.spec.files import SourceFile
from ehrxqa.spec.table import Events, Table
from ehrxqa.spec.tables import TABLES

__all__ = ["EVENT_TABLES", "EventTable", "event_table"]

#: How a time is made → source columns that it is made from, beside the time column itself where it is read.
_MADE_FROM: Final = {"admission": (), "procedure_day": ("chartdate",), "day_if_null": ("chartdate",)}


@dataclass(frozen=True)
class EventTable:
    """One event table.

    Attributes:
        table: Its declaration.
        rules: How its rows are made.
    """

    table: Table
    rules: Events

    @property
    def name(self) -> str:
        """Table name, and the catalogue key of its source."""
        return self.table.name

    @property
    def source(self) -> SourceFile:
        """The file that its rows come from."""
        assert self.table.source is not None, self.name  # held by the check of declarations
        return self.table.source

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the result after row_id, in order."""
        return self.table.names[1:]

    @property
    def dictionary(self) -> tuple[str, str] | None:
        """The column, and the dictionary table whose known values of it alone count."""
        if self.rules.dictionary is None:
            return None
        reference = self.table.column(self.rules.dictionary).references
        assert reference is not None, self.rules.dictionary  # held by the check of declarations
        return self.rules.dictionary, reference.table

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Columns to read."""
        rules = self.rules
        times = () if rules.time_from in ("admission", "procedure_day") else (rules.time,)
        made_from = _MADE_FROM[rules.time_from] if rules.time_from else ()
        others = tuple(name for name in self.columns if name != rules.time)
        return tuple(dict.fromkeys((*others, *times, *made_from, *(rules.unit or ())[:1])))


def event_table(table: Table) -> EventTable | None:
    """A table with the rules of its rows; None if it is no event table."""
    return EventTable(table, table.events) if table.events else None


#: In the order in which they are built.
EVENT_TABLES: Final = tuple(found for table in TABLES.values() if (found := event_table(table)))
