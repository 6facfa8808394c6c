"""`ehrxqa schema`: the tables of a build as they are declared, those of other packages among them."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError
from ehrxqa.html_repr import code, screen
from ehrxqa.runs.manifest import manifest_of, recorded_tables
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import TABLES, describe

__all__ = ["Schema", "schema"]


class Schema(tuple[Table, ...]):
    """Tables; printed, what they and their columns mean."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Schema({', '.join(one.name for one in self)})"

    def __str__(self) -> str:
        return "\n\n".join(map(describe, self))

    def _repr_html_(self) -> str:
        return "".join(screen(one.name, code(describe(one))) for one in self)


@checked
def schema(out: Path | str, table: str | None = None) -> Schema:
    """The tables of a build, in the order of the database, or the one that is named.

    Raises:
        BuildError: There is no build.
        SettingsError: It has no such table.
    """
    manifest = manifest_of(Path(out))
    tables = {one.name: one for one in (*TABLES.values(), *recorded_tables(manifest))}
    if table is None:
        return Schema(tables.values())
    if table.lower() not in tables:
        near = get_close_matches(table.lower(), tables, n=2)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(tables)}"
        raise SettingsError(f"there is no table {table!r}; {meant}")
    return Schema([tables[table.lower()]])
