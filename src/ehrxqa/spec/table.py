"""What a declaration of a table says: its columns, what they mean, what they refer to, by what they are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ehrxqa.spec.files import SourceFile

__all__ = ["Column", "Events", "Reference", "Table", "Type"]

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
class Events:
    """How the rows of an event table are made from those of its file.

    Attributes:
        shuffled: Columns whose values move together to another row (de-identification).
        time: Time column that decides whether a row has happened and lies in 2100 or later.
        other_times: Time columns that are shifted but may be null.
        required: Source columns that must not be null.
        dictionary: Column of which only values that its reference knows count.
        unit: (column, text): only rows measured in that unit count; the column is then dropped.
        items: Item ids that alone count; then only rows of the database's own subjects take part in the shuffle,
            which comes after the time shift.
        time_from: How a time that the source does not hold in `time` is made; see `database/event_times.py`.
        doses: Whether the dose and unit rules of prescriptions apply; see `database/prescriptions.py`.
    """

    shuffled: tuple[str, ...]
    time: str
    other_times: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    dictionary: str | None = None
    unit: tuple[str, str] | None = None
    items: tuple[int, ...] = ()
    time_from: str | None = None
    doses: bool = False


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
        source: The file that its rows come from.
        events: How they are made from it, for event tables.
        is_dictionary: Whether it says what codes or items are called; it is the same in every database.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: str | None = None
    indexes: tuple[str, ...] = ()
    answer_key: bool = False
    note: str = ""
    source: SourceFile | None = None
    events: Events | None = None
    is_dictionary: bool = False

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
