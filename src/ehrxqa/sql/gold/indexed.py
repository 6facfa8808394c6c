"""The indexed copy of a database: its tables as they are, and beside them twins with indexes.

The tables themselves are kept so that a program can read some plain and some indexed ones: SQLite plans a select by
the indexes and statistics of its own tables only.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.spec.indexes import INDEXES
from ehrxqa.sql.gold.columns import Kind, Schema
from ehrxqa.sql.gold.proof import TWIN

__all__ = ["INDEXES", "KEYS", "make_indexed", "schema_of"]

#: Columns with which an index begins, by table.
KEYS: Final = {table: frozenset(keys.split(",")[0] for keys in indexes) for table, indexes in INDEXES.items()}

# Looked up by `column IN (SELECT …)`. SQLite takes that for 25 values; in these programs it is one or a few.
_BY_SELECT: Final = frozenset({"subject_id", "hadm_id", "stay_id", "study_id"})
_VALUES_OF_SELECT: Final = 25

_KINDS: Final[dict[str, Kind]] = {"INTEGER": "integer", "REAL": "real", "TEXT": "text"}

# A table of nothing but columns of the three types: no key, constraint, default, collation or generated column.
_COLUMN = r'"(\w+)"\s+(INTEGER|REAL|TEXT)'
_TABLE = re.compile(rf'CREATE TABLE "(\w+)"\s*\(\s*{_COLUMN}(?:\s*,\s*{_COLUMN})*\s*\)')


def schema_of(path: Path) -> Schema:
    """The tables of a database whose rows come in rowid order whatever is asked, with the kinds of their columns.

    That is: tables of plain columns that have no index, in a database without statistics and without views or
    triggers. The result is empty if the file is not such a database or cannot be read.
    """
    schema: dict[str, dict[str, Kind]] = {}
    try:
        db = apsw.Connection(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            objects = db.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        finally:
            db.close()
    except apsw.Error:
        return {}
    names = {str(name).lower() for _, name, _ in objects}
    for kind, name, sql in objects:
        if kind != "table" or _TABLE.fullmatch(str(sql)) is None or f"{TWIN}{name}".lower() in names:
            return {}
        columns = re.findall(_COLUMN, str(sql))
        schema[str(name).lower()] = {column.lower(): _KINDS[declared] for column, declared in columns}
    return schema


def make_indexed(path: Path, copy: Path, schema: Schema) -> None:
    """Write a copy of a database with indexed twins of its tables.

    The twins' statistics say that no index may serve for sorting, so that groups and distinct rows come in the
    same order as without index.

    Args:
        path: The database; only read.
        copy: The file to write.
        schema: From `schema_of(path)`.

    Raises:
        OSError: It cannot be written.
        apsw.Error: Likewise.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600, exist_ok=False)  # rows of patients, for nobody else's eyes
    shutil.copyfile(path, copy)
    db = apsw.Connection(str(copy))
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144", "temp_store = MEMORY"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("BEGIN")
        for table, columns in sorted(schema.items()):
            _make_twin(db, table, columns)
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
            _set_statistics(db)
        db.execute("COMMIT")
    finally:
        db.close()


def _make_twin(db: apsw.Connection, table: str, columns: Mapping[str, Kind]) -> None:
    twin = TWIN + table
    names = ", ".join(f'"{column}"' for column in columns)
    declared = ", ".join(f'"{column}" {kind.upper()}' for column, kind in columns.items())
    db.execute(f'CREATE TABLE "{twin}" ({declared})')
    db.execute(f'INSERT INTO "{twin}" (rowid, {names}) SELECT rowid, {names} FROM "{table}" ORDER BY rowid')
    for number, keys in enumerate(INDEXES.get(table, ())):
        if all(key in columns for key in keys.split(", ")):
            db.execute(f'CREATE INDEX "{twin}_{number}" ON "{twin}" ({keys})')
    db.execute(f'ANALYZE "{twin}"')


def _set_statistics(db: apsw.Connection) -> None:
    for number, index, stat in db.execute("SELECT rowid, idx, stat FROM sqlite_stat1").fetchall():
        if index is None:
            continue
        counts = [int(count) for count in str(stat).split()]
        first = db.execute("SELECT name FROM pragma_index_info(?) WHERE seqno = 0", (index,)).fetchall()
        if first[0][0] in _BY_SELECT:
            counts[1:] = [max(1, count // _VALUES_OF_SELECT) for count in counts[1:]]
        text = " ".join([*map(str, counts), "unordered"])
        db.execute("UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?", (text, number))
