"""Whether tables are declared in full: what is missing or does not fit together, said by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ehrxqa.spec.table import Events, Table

__all__ = ["faults_of"]

#: What an event table is chosen and shifted by: each database has those of its subjects and admissions.
_EVENT_KEYS = ("subject_id", "hadm_id")


def faults_of(table: Table, known: Mapping[str, Table]) -> list[str]:
    """What is missing in the declaration of a table, or does not fit."""
    faults: list[str] = []
    names = table.names
    if names[:1] != ("row_id",):
        faults.append("its first column must be row_id")
    if len(set(names)) < len(names):
        faults.append(f"columns occur twice ({', '.join(sorted({name for name in names if names.count(name) > 1}))})")
    if table.name != table.name.lower() or any(name != name.lower() for name in names):
        faults.append("names must be in lower case")
    if table.key and table.key not in names:
        faults.append(f"key {table.key} is not a column")
    for index in table.indexes:
        faults += [f"index on {name}, which is not a column" for name in index.split(", ") if name not in names]
    for column in table.columns:
        if column.unit.startswith("see ") and column.unit[4:] not in names:
            faults.append(f"column {column.name}: its unit is said to be in {column.unit[4:]}, which is not a column")
        if column.references is None:
            continue
        target = known.get(column.references.table)
        if target is None or column.references.column not in target.names:
            faults.append(f"column {column.name} refers to {column.references}, which is not declared")
    if table.events:
        faults += _faults_of_events(table, table.events)
    return faults


def _faults_of_events(table: Table, events: Events) -> list[str]:
    faults = []
    if table.source is None:
        return ["it has events but no source, so nothing says which file its rows come from"]
    names, in_file = table.names, {column.name: column for column in table.source.columns}
    if table.source.key != table.name:
        faults.append(f"its source has the key {table.source.key}; key and table must have one name")
    faults += [f"an event table needs the column {name}" for name in _EVENT_KEYS if name not in names]
    times = (events.time, *events.other_times)
    faults += _unknown("events.time", [name for name in times if name not in names], "a column of the table")
    faults += _unknown("events.shuffled", set(events.shuffled) - set(names), "a column of the table")
    faults += _unknown("events.required", set(events.required) - set(in_file), "a column of the source")
    if events.unit:
        faults += _unknown("events.unit", {events.unit[0]} - set(in_file), "a column of the source")
    if events.dictionary and (events.dictionary not in names or table.column(events.dictionary).references is None):
        faults.append(f"events.dictionary: {events.dictionary} is not a column with a reference")
    made = {"row_id", *((events.time,) if events.time_from else ())}
    read = [name for name in names if name not in made]
    faults += [f"column {name} is not in the source" for name in read if name not in in_file]
    faults += [
        f"column {name} of the source is not marked as used (*)"
        for name in read
        if name in in_file and not in_file[name].used
    ]
    return faults


def _unknown(declaration: str, names: Collection[str], what: str) -> list[str]:
    return [f"{declaration}: {name} is not {what}" for name in sorted(names)]
