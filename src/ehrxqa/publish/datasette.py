"""`ehrxqa export --datasette`: what Datasette needs to show a database of a build: help, facets, links, func_vqa.

FOLDER/metadata.json               tables and columns in words, facets, licence; the answer key is not shown
FOLDER/plugins/ehrxqa_plugin.py    func_vqa in SQL, and links from a reference to what it refers to

datasette OUT/database/test/mimic_iv_cxr.db -m FOLDER/metadata.json --plugins-dir FOLDER/plugins
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ehrxqa.building.schema import schema
from ehrxqa.errors import BuildError
from ehrxqa.files import reading, write_json, write_text
from ehrxqa.layout import DATABASE_NAME, DATABASE_PATHS
from ehrxqa.publish.card import terms_of
from ehrxqa.runs.manifest import manifest_of
from ehrxqa.runs.output_folder import built_files
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import column_help

__all__ = ["export_datasette"]

#: Columns by whose values rows are told apart well: texts of so many different values.
_FACET_VALUES: Final = 30
_MOST_FACETS: Final = 3
_PLUGIN: Final = '''"""Links between tables and func_vqa; made by `ehrxqa export --datasette`."""

from datasette import hookimpl

from ehrxqa.publish import datasette_plugin

prepare_connection = hookimpl(datasette_plugin.prepare_connection)
render_cell = hookimpl(datasette_plugin.render_cell)
'''


def export_datasette(out: Path, folder: Path) -> tuple[Path, ...]:
    """Write metadata and plugin for the databases of a build.

    Returns:
        The files, in the order written.

    Raises:
        BuildError: There is no build, a database is damaged, or a file cannot be written.
        SettingsError: A file would replace one that is read.
    """
    manifest = manifest_of(out)
    database = next((out / path for path in DATABASE_PATHS.values() if (out / path).is_file()), None)
    if database is None:
        raise BuildError(f"{out}: has no database; build it first: ehrxqa build SOURCES {out}")
    _, license_name, license_url = terms_of(manifest.kind)
    metadata, plugin = folder / "metadata.json", folder / "plugins" / "ehrxqa_plugin.py"
    with reading(*built_files(out), writing=[metadata, plugin]):
        tables = {one.name.upper(): _table(one, database) for one in schema(out)}
        value = {
            "title": manifest.data_set,
            "databases": {
                DATABASE_NAME: {
                    "description": "Health records and X-ray studies; func_vqa('question', study_id) asks an X-ray.",
                    "license": license_name,
                    "license_url": license_url,
                    "tables": tables,
                }
            },
        }
        write_json(metadata, value)
        write_text(plugin, _PLUGIN)
    return metadata, plugin


def _table(table: Table, database: Path) -> dict[str, Any]:
    """What Datasette is told of a table."""
    if table.answer_key:
        return {"allow": False, "hidden": True}
    facets = [
        column.name for column in table.columns if column.type == "text" and _is_facet(table, column.name, database)
    ]
    return {
        "description": table.doc,
        "columns": {column.name: column_help(table, column) for column in table.columns},
        **({"facets": facets[:_MOST_FACETS]} if facets else {}),
    }


def _is_facet(table: Table, column: str, database: Path) -> bool:
    import apsw

    try:
        connection = apsw.Connection(
            f"{database.resolve().as_uri()}?mode=ro&immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            sql = f"select count(*) from (select distinct {column} from {table.name} limit {_FACET_VALUES + 1})"
            ((values,),) = connection.execute(sql).fetchall()
        finally:
            connection.close()
    except apsw.Error as error:
        raise BuildError(f"{database}: not a database of a build ({error})") from error
    return 1 < int(str(values)) <= _FACET_VALUES
