"""The 19 tables of the database, in the order in which the official one creates them.

`TABLES` maps a (lower-case) name to its `Table`, with `.doc`, `.key`, `.answer_key` and `.columns`; a column has
`.name`, `.type`, `.doc`, `.note`, `.unit`, `.references` (a `Reference` with `.table` and `.column`, or None),
`.nullable` and `.values`. `open_tables()` are those that models may read: all but the answer key, TB_CXR_PLUS.
`describe(table)` says a table in words, for people and for language models.

>>> TABLES["labevents"].column("itemid").references
Reference(table='d_labitems', column='itemid')
>>> print(describe("outputevents").splitlines()[0])
outputevents: One row per fluid lost, in ml.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.spec.dictionaries import D_ICD_DIAGNOSES, D_ICD_PROCEDURES, D_ITEMS, D_LABITEMS
from ehrxqa.spec.event_tables import (
    CHARTEVENTS,
    COST,
    DIAGNOSES_ICD,
    INPUTEVENTS,
    LABEVENTS,
    MICROBIOLOGYEVENTS,
    OUTPUTEVENTS,
    PRESCRIPTIONS,
    PROCEDURES_ICD,
)
from ehrxqa.spec.image_tables import TB_CXR, TB_CXR_PLUS
from ehrxqa.spec.subject_tables import ADMISSIONS, ICUSTAYS, PATIENTS, TRANSFERS
from ehrxqa.spec.table import Column, Table

__all__ = ["TABLES", "column_help", "describe", "find_table", "open_tables"]

_DECLARED: Final = (
    TB_CXR_PLUS,
    TB_CXR,
    PATIENTS,
    ADMISSIONS,
    D_ICD_DIAGNOSES,
    D_ICD_PROCEDURES,
    D_ITEMS,
    D_LABITEMS,
    DIAGNOSES_ICD,
    PROCEDURES_ICD,
    LABEVENTS,
    PRESCRIPTIONS,
    COST,
    CHARTEVENTS,
    INPUTEVENTS,
    OUTPUTEVENTS,
    MICROBIOLOGYEVENTS,
    ICUSTAYS,
    TRANSFERS,
)

#: Tables by name, in the order of the database.
TABLES: Final = {table.name: table for table in _DECLARED}


def open_tables() -> tuple[Table, ...]:
    """The tables that models may read, in order: all but the answer key."""
    return tuple(table for table in TABLES.values() if not table.answer_key)


def find_table(name: str) -> Table:
    """The table of a name, in either case.

    Raises:
        SettingsError: There is none.
    """
    try:
        return TABLES[name.lower()]
    except KeyError:
        raise SettingsError(f"there is no table {name!r}; there are {', '.join(TABLES)}") from None


def describe(table: str | Table) -> str:
    """A table in words: what a row is, then one line per column with type, meaning, unit, values and reference.

    Raises:
        SettingsError: There is no such table.
    """
    table = find_table(table) if isinstance(table, str) else table
    lines = [f"{table.name}: {table.doc}{' ' * bool(table.note)}{table.note}"]
    lines += [f"  {column.name} ({column.type}): {column_help(table, column)}" for column in table.columns]
    return "\n".join(lines)


def column_help(table: Table, column: Column) -> str:
    """What a column means, in words: meaning, unit, values, what it refers to, and whether it may be null."""
    parts = [column.doc]
    if column.unit and column.unit not in column.doc:
        parts.append(f"unit: {column.unit}")
    if column.values and not all(word in column.doc for word in column.values.values()):
        parts.append(", ".join(f"{value} = {word}" for value, word in column.values.items()))
    if column.name == table.key:
        parts.append("one row each")
    if column.references and str(column.references) != f"{table.name}.{column.name}":
        parts.append(f"refers to {column.references}")
    if table.events and column.name in table.events.shuffled:
        parts.append("exchanged between rows")
    if column.note:
        parts.append(column.note)
    if column.nullable and "null" not in column.doc:
        parts.append("may be null")
    return "; ".join(parts)
