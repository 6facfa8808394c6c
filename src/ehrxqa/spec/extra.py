"""Tables that a hospital has beyond the 19: a declaration and a maker for the synthetic hospital, from any package.

A package declares an `ExtraTable` as entry point of the group `ehrxqa.tables`. It is asked for by name (`--table`), or
as `python:MODULE:NAME`, so that what is installed beside changes no official database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.doors import PYTHON, load_named, load_python, names
from ehrxqa.errors import SettingsError
from ehrxqa.spec.checks import faults_of
from ehrxqa.spec.files import SourceFile, SourceKind
from ehrxqa.spec.table import Column, Reference, Table
from ehrxqa.spec.tables import TABLES

__all__ = ["TABLES_GROUP", "ExtraTable", "as_json", "extra_tables", "from_json"]

TABLES_GROUP: Final = "ehrxqa.tables"
#: What no row of a dictionary is about.
_OF_SUBJECTS: Final = ("subject_id", "hadm_id", "stay_id")


@dataclass(frozen=True)
class ExtraTable:
    """One more table of a hospital: of events, or a dictionary, which is the same in every database.

    Attributes:
        table: Its declaration, with `source`, and with `events` or as `is_dictionary`.
        make: Makes its rows in the synthetic hospital, in the column order of the file. Of events: those of one
            subject, a function of the plan and the subject (`hospital.plan.Plan`, `hospital.life.Subject`), which must
            be a function of a module, because worker processes call it too. Of a dictionary: all of them, a function of
            the plan.
    """

    table: Table
    make: Callable[..., Iterable[Sequence[object]]]

    @property
    def source(self) -> SourceFile:
        """The file that its rows come from."""
        assert self.table.source is not None, self.table.name  # checked when it was loaded
        return self.table.source


def extra_tables(given: Iterable[str | ExtraTable]) -> tuple[ExtraTable, ...]:
    """Tables by name or as objects, checked, sorted by name.

    Args:
        given: Names of entry points, `python:MODULE:NAME`, or tables.

    Raises:
        SettingsError: A name says nothing, or a declaration is incomplete; every fault is named.
    """
    found = sorted(map(_loaded, given), key=lambda extra: extra.table.name)
    known = {**TABLES, **{extra.table.name: extra.table for extra in found}}
    faults = [f"table {extra.table.name}: {fault}" for extra in found for fault in _faults(extra, known)]
    if len({extra.table.name for extra in found}) < len(found):
        faults.append("a table is named twice")
    if faults:
        raise SettingsError("; ".join(faults))
    return tuple(found)


def _loaded(given: str | ExtraTable) -> ExtraTable:
    if isinstance(given, ExtraTable):
        return given
    loaded = load_python(given) if given.startswith(PYTHON) else load_named(TABLES_GROUP, given)
    if loaded is None:
        known = ", ".join(names(TABLES_GROUP)) or "none are installed"
        raise SettingsError(
            f"unknown table {given!r}: an entry point of {TABLES_GROUP} ({known}), or {PYTHON}MODULE:NAME"
        )
    if not isinstance(loaded, ExtraTable):
        raise SettingsError(f'"{given}" must be an ehrxqa.spec.extra.ExtraTable')
    return loaded


def _faults(extra: ExtraTable, known: Mapping[str, Table]) -> list[str]:
    table = extra.table
    faults = faults_of(table, known)
    if table.name in TABLES:
        faults.append("there is one of that name already")
    if table.is_dictionary:
        return faults + _faults_of_dictionary(table)
    if table.source is None and table.events is None:
        faults.append("it needs `source`, the file that its rows come from, and `events`, how they are made from it")
    elif table.events is None:
        faults.append("it has a source but no `events`, so nothing says how its rows are made from it")
    return faults


def _faults_of_dictionary(table: Table) -> list[str]:
    """What does not fit a table that is copied whole into every database, where other subjects are."""
    if table.source is None or table.events is not None:
        return ["a dictionary needs `source`, the file that its rows come from, and no `events`"]
    faults = []
    if table.source.key != table.name:
        faults.append(f"its source has the key {table.source.key}; key and table must have one name")
    if table.key is None or table.key != table.names[1]:
        faults.append("a dictionary needs `key`, the column that others refer to, which comes first after row_id")
    used = {column.name for column in table.source.used}
    if used != set(table.names[1:]):
        faults.append("the columns of a dictionary are those of its source that are marked as used (*)")
    if used & set(_OF_SUBJECTS):
        faults.append("a dictionary is the same in every database, so it has no rows of subjects")
    if any(column.kind in (SourceKind.TIME, SourceKind.DATE) for column in table.source.used):
        faults.append("a dictionary has no times: they are shifted by subject")
    return faults


def as_json(table: Table) -> dict[str, Any]:
    """What is recorded of a table with a build: what readers need to know, without its maker."""
    return {
        "doc": table.doc,
        "note": table.note,
        "key": table.key,
        "indexes": list(table.indexes),
        **({"is_dictionary": True} if table.is_dictionary else {}),
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "doc": column.doc,
                "unit": column.unit,
                "references": None
                if column.references is None
                else [column.references.table, column.references.column],
                "nullable": column.nullable,
                "values": dict(column.values),
                "note": column.note,
            }
            for column in table.columns
        ],
    }


def from_json(name: str, value: Mapping[str, Any]) -> Table:
    """The table that was recorded."""
    return Table(
        name,
        value["doc"],
        tuple(
            Column(
                **{**column, "references": None if column["references"] is None else Reference(*column["references"])}
            )
            for column in value["columns"]
        ),
        key=value["key"],
        indexes=tuple(value["indexes"]),
        note=value["note"],
        is_dictionary=value.get("is_dictionary", False),
    )
