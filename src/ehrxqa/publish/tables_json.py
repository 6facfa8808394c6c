"""`tables.json`: the schema in the form of BIRD and Spider, for text-to-SQL tools.

Names, meanings and keys come from `ehrxqa.spec.tables`, types from the database itself. The label table TB_CXR_PLUS is
left out: it is the answer key, which no model may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ehrxqa.errors import BuildError
from ehrxqa.layout import DATABASE_NAME
from ehrxqa.spec.table import Column, Table
from ehrxqa.spec.tables import open_tables

__all__ = ["schema_record"]


def schema_record(database: Path, extra: Sequence[Table] = ()) -> list[dict[str, Any]]:
    """The content of `tables.json`: a list with one database.

    `column_types` are text, number or time; beside the usual keys, `column_descriptions` and `table_descriptions` say
    what each is.

    Raises:
        BuildError: The database is missing or lacks a table or column of the schema.
    """
    types = _types(database)
    tables = (*open_tables(), *extra)
    columns = [(number, column) for number, table in enumerate(tables) for column in table.columns]
    place = {(tables[number].name, column.name): at for at, (number, column) in enumerate(columns, start=1)}
    return [
        {
            "db_id": DATABASE_NAME,
            "table_names_original": [table.name for table in tables],
            "table_names": [_words(table.name) for table in tables],
            "table_descriptions": [table.doc for table in tables],
            "column_names_original": [[-1, "*"], *([number, column.name] for number, column in columns)],
            "column_names": [[-1, "*"], *([number, _words(column.name)] for number, column in columns)],
            "column_types": ["text", *(_type(tables[number], column, types, database) for number, column in columns)],
            "column_descriptions": ["", *(column.doc for _, column in columns)],
            "primary_keys": [place[table.name, table.key] for table in tables if table.key],
            "foreign_keys": [
                [place[tables[number].name, column.name], at]
                for number, column in columns
                if (target := column.references) is not None
                and (at := place[target.table, target.column]) != place[tables[number].name, column.name]
            ],
        }
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _types(database: Path) -> dict[tuple[str, str], str]:
    """Declared type of each column of the database, by lower-case names."""
    import apsw

    if not database.is_file():
        raise BuildError(f"{database}: no such database; build it first: ehrxqa build SOURCES OUT")
    try:
        connection = apsw.Connection(
            f"{database.resolve().as_uri()}?mode=ro&immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            rows = connection.execute(
                "SELECT m.name, c.name, c.type FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c "
                "WHERE m.type = 'table' ORDER BY m.name, c.cid"
            ).fetchall()
        finally:
            connection.close()
    except apsw.Error as error:
        raise BuildError(f"{database}: not a SQLite database that can be read ({error})") from error
    return {(str(table).lower(), str(column).lower()): str(kind).upper() for table, column, kind in rows}


def _type(table: Table, column: Column, types: dict[tuple[str, str], str], database: Path) -> str:
    try:
        stored = types[table.name, column.name]
    except KeyError:
        raise BuildError(f"{database}: column {column.name} of table {table.name} is missing; build it again") from None
    if column.type == "time":
        return "time"
    return "text" if stored == "TEXT" else "number"
