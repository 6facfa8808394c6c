"""`tables.json`: the schema in the form of BIRD and Spider, for text-to-SQL tools.

Names and meanings come from `ehrxqa.database.schema`, types from the database itself. The label table TB_CXR_PLUS is
left out: it is the answer key, which no model may read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ehrxqa.database.schema import TABLES, TableSpec
from ehrxqa.errors import BuildError
from ehrxqa.layout import DATABASE_NAME

__all__ = ["FOREIGN_KEYS", "PRIMARY_KEYS", "schema_record"]

#: Tables that are out of reach of models.
_HIDDEN: Final = frozenset({"tb_cxr_plus"})

#: Table → column that names its rows. The database declares no keys; these hold in every build.
PRIMARY_KEYS: Final = {
    "tb_cxr": "study_id",
    "patients": "subject_id",
    "admissions": "hadm_id",
    "d_items": "itemid",
    "d_labitems": "itemid",
    "icustays": "stay_id",
}

#: Column → the column it refers to; written for every table that has it, but the one referred to.
FOREIGN_KEYS: Final = {
    "subject_id": ("patients", "subject_id"),
    "hadm_id": ("admissions", "hadm_id"),
    "stay_id": ("icustays", "stay_id"),
}
#: The same for single tables.
_TABLE_KEYS: Final = {
    ("diagnoses_icd", "icd_code"): ("d_icd_diagnoses", "icd_code"),
    ("procedures_icd", "icd_code"): ("d_icd_procedures", "icd_code"),
    ("labevents", "itemid"): ("d_labitems", "itemid"),
    ("chartevents", "itemid"): ("d_items", "itemid"),
    ("inputevents", "itemid"): ("d_items", "itemid"),
    ("outputevents", "itemid"): ("d_items", "itemid"),
}
_TIME_NAMES: Final = frozenset({"dob", "dod", "intime", "outtime"})


def schema_record(database: Path) -> list[dict[str, Any]]:
    """The content of `tables.json`: a list with one database.

    `column_types` are text, number or time; beside the usual keys, `column_descriptions` and `table_descriptions` say
    what each is.

    Raises:
        BuildError: The database is missing or lacks a table or column of the schema.
    """
    types = _types(database)
    tables = [table for table in TABLES if table.name not in _HIDDEN]
    columns: list[tuple[int, str, str]] = [
        (number, name, meaning) for number, table in enumerate(tables) for name, meaning in table.columns.items()
    ]
    place = {(tables[number].name, name): at for at, (number, name, _) in enumerate(columns, start=1)}
    return [
        {
            "db_id": DATABASE_NAME,
            "table_names_original": [table.name for table in tables],
            "table_names": [_words(table.name) for table in tables],
            "table_descriptions": [table.doc for table in tables],
            "column_names_original": [[-1, "*"], *([number, name] for number, name, _ in columns)],
            "column_names": [[-1, "*"], *([number, _words(name)] for number, name, _ in columns)],
            "column_types": ["text", *(_type(tables[number], name, types, database) for number, name, _ in columns)],
            "column_descriptions": ["", *(meaning for _, _, meaning in columns)],
            "primary_keys": [place[pair] for pair in PRIMARY_KEYS.items()],
            "foreign_keys": [
                [at, place[target]]
                for (table, name), at in place.items()
                if (target := _TABLE_KEYS.get((table, name), FOREIGN_KEYS.get(name))) is not None
                and target != (table, name)
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


def _type(table: TableSpec, column: str, types: dict[tuple[str, str], str], database: Path) -> str:
    try:
        stored = types[table.name, column]
    except KeyError:
        raise BuildError(f"{database}: column {column} of table {table.name} is missing; build it again") from None
    if column in _TIME_NAMES or column.endswith("time"):
        return "time"
    return "text" if stored == "TEXT" else "number"
