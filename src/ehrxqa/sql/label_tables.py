"""Tables that hold image labels under another name than the answer key: a backup, an export, an index for search."""

from __future__ import annotations

from typing import Final

import apsw

from ehrxqa.spec.findings import ATTRIBUTES
from ehrxqa.spec.tables import TABLES

__all__ = ["label_tables"]

#: Rows of a table that are looked at.
_SAMPLE: Final = 500
#: As many different names of findings in one column make it a column of labels.
_FINDINGS: Final = 3


def label_tables(db: apsw.Connection) -> frozenset[str]:
    """Names, in lower case, of the tables that hold labels of the studies of a database.

    The tables of an integrated database are known by name. Any other is one of labels if it has the columns of one, or
    a column that holds names of findings; of a virtual table nobody knows what it reads. A view needs no look: whoever
    reads it reads the tables beneath. In a database without studies nothing is a label.
    """
    objects = [
        (str(name), str(sql))
        for name, sql in db.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table'")
    ]
    if "tb_cxr" not in {name.lower() for name, _ in objects}:
        return frozenset()
    foreign = [(name, sql) for name, sql in objects if name.lower() not in TABLES and not name.startswith("sqlite_")]
    return frozenset(name.lower() for name, sql in foreign if _holds_labels(db, name, sql))


def _holds_labels(db: apsw.Connection, name: str, sql: str) -> bool:
    if sql.lower().split()[1:2] == ["virtual"]:
        return True
    quoted = '"' + name.replace('"', '""') + '"'
    rows = db.execute(f"SELECT * FROM {quoted} LIMIT {_SAMPLE}")
    columns = {str(row[1]).lower() for row in db.execute(f"PRAGMA main.table_info({quoted})")}
    if "attribute" in columns and columns & {"object", "relation", "category"}:
        return True

    values = [{str(value).strip().lower() for value in column} for column in zip(*rows.fetchall(), strict=True)]
    findings = {name for names in ATTRIBUTES.values() for name in names}
    return any(len(column & findings) >= _FINDINGS for column in values)
