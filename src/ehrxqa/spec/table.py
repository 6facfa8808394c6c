"""What a declaration of a table says: its columns, what they mean, what they refer to, by what they are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Column", "Reference", "Table", "Type"]

Type = Literal["integer", "number", "text", "time"]
"""What the values of a column are. Times are text on disk, `YYYY-MM-DD HH:MM:SS`. The type that SQLite declares follows
the data, as in the official database (an integer column with a null in its source is REAL)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The column that a column refers to."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of the database.

    Attributes:
        name: Name, in lower case.
        type: What its values are.
        doc: What it means.
        unit: Unit of a measure, or where it stands (`see valueuom`); "" for what is no measure.
        references: The column it refers to.
        nullable: Whether it may be null.
        values: Coded values → what they mean, where there are few.
        note: What else a reader has to know before asking about it.
    """

    name: str
    type: Type
    doc: str
    unit: str = ""
    references: Reference | None = None
    nullable: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the database.

    Attributes:
        name: Name in lower case; the database stores it in upper case.
        doc: What one row is.
        columns: In order, `row_id` first.
        key: Column that names its rows, if one does. The database declares no keys; this holds in every build.
        indexes: Columns by which rows are looked up in copies of the database, several of one index with a comma.
        answer_key: Whether it is the answer key, which no model may read.
        note: What else a reader has to know before asking about it.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: str | None = None
    indexes: tuple[str, ...] = ()
    answer_key: bool = False
    note: str = ""

    def column(self, name: str) -> Column:
        """The column of that (lower-case) name.

        Raises:
            KeyError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns, in order."""
        return tuple(column.name for column in self.columns)
