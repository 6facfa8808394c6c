"""The indexed copy of a database: its tables as they are, beside them twins with indexes, and the distinct studies.

The tables themselves are kept so that a program can read some plain and some indexed ones: SQLite plans a select by
the indexes and statistics of its own tables only. TB_CXR_PLUS has some six hundred rows of each study, and gold
programs mostly select studies from it: so the copy has each study once, too.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.spec.indexes import INDEXES
from ehrxqa.sql.gold.proof import DISTINCT, OF_ONE_FINDING, TWIN
from ehrxqa.sql.gold.selects import Schema

__all__ = ["keys_of", "make_indexed", "schema_of"]

_STUDY_INDEXES: Final = ("study_id", "subject_id", "hadm_id")

# Looked up by `column IN (SELECT …)`. SQLite takes that for 25 values; in these programs it is one or a few.
_BY_SELECT: Final = frozenset({"subject_id", "hadm_id", "stay_id", "study_id"})
_VALUES_OF_SELECT: Final = 25

# A table of nothing but columns of the three types: no key, constraint, default, collation or generated column.
_COLUMN = r'"(\w+)"\s+(INTEGER|REAL|TEXT)'
_TABLE = re.compile(rf'CREATE TABLE "(\w+)"\s*\(\s*{_COLUMN}(?:\s*,\s*{_COLUMN})*\s*\)')


def keys_of(schema: Schema) -> dict[str, frozenset[str]]:
    """Columns with which an index of a twin begins, by table."""
    return {table: frozenset(index.split(",")[0] for index in INDEXES.get(table, ())) for table in schema}


def schema_of(path: Path) -> Schema:
    """The tables of a database whose rows come in rowid order whatever is asked, with the types of their columns.

    That is: tables of plain columns that have no index, in a database without statistics and without views or
    triggers. The result is empty if the file is not such a database or cannot be read.
    """
    schema: dict[str, dict[str, str]] = {}
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
        schema[str(name).lower()] = {column.lower(): declared for column, declared in columns}
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
            names = _listed(columns)
            _make(db, TWIN + table, columns, INDEXES.get(table, ()), f'SELECT rowid, {names} FROM "{table}" ORDER BY 1')
            if table in OF_ONE_FINDING:
                kept = {name: declared for name, declared in columns.items() if name not in OF_ONE_FINDING[table]}
                names = _listed(kept)
                first = f'SELECT min(rowid), {names} FROM "{table}" GROUP BY {names} ORDER BY 1'
                _make(db, DISTINCT + table, kept, _STUDY_INDEXES, first)
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
            _set_statistics(db)
        db.execute("COMMIT")
    finally:
        db.close()


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _make(db: apsw.Connection, name: str, columns: Mapping[str, str], indexes: Iterable[str], rows: str) -> None:
    """A table with indexes, of rows whose first column is their rowid."""
    declared = ", ".join(f'"{column}" {declared}' for column, declared in columns.items())
    db.execute(f'CREATE TABLE "{name}" ({declared})')
    db.execute(f'INSERT INTO "{name}" (rowid, {_listed(columns)}) {rows}')
    for number, keys in enumerate(indexes):
        if all(key in columns for key in keys.split(", ")):
            db.execute(f'CREATE INDEX "{name}_{number}" ON "{name}" ({keys})')
    db.execute(f'ANALYZE "{name}"')


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
