"""`ehrxqa slice`: a database as it was at a time, of one subject or of all, without the answer key.

The slice has the tables of the database, in their order, and three of its own: `data_dictionary` (columns in words),
`image_files` (where the picture and the report of each study lie below MIMIC-CXR-JPG and MIMIC-CXR), and `slice_info`
(whose slice it is, and until when; that time is “now” in queries on it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.agents.slice_policy import POLICIES, Policy, Rule, rule_of
from ehrxqa.errors import BuildError, MissingError, SettingsError
from ehrxqa.files import atomic_path, reading, require_writable
from ehrxqa.layout import CURRENT_TIME, IMAGES_FOLDER, image_path
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import open_tables
from ehrxqa.sql.sandbox import open_database

__all__ = ["Slice", "cut", "known_time", "report_path", "time_of_slice"]

#: Kinds of events that the policy `clinical` has known from discharge on, as `cost.event_type` names them.
_CODED: Final = ("diagnoses_icd", "procedures_icd")


@dataclass(frozen=True)
class Slice:
    """A slice that was cut.

    Attributes:
        path: The database.
        subject: Whose; None for all subjects.
        at: Until when.
        policy: What is known when.
        rows: Table → (rows in the slice, rows left out because they come later).
        hidden: `table.column` → values that were not known yet.
    """

    path: Path
    subject: int | None
    at: str
    policy: Policy
    rows: Mapping[str, tuple[int, int]]
    hidden: Mapping[str, int]


def known_time(text: str) -> str:
    """A time as the database writes it; a day alone is its beginning.

    >>> known_time("2104-03-01"), known_time("2104-03-01T12:30")
    ('2104-03-01 00:00:00', '2104-03-01 12:30:00')

    Raises:
        SettingsError: It is no time.
    """
    from datetime import datetime

    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?", text):
        try:
            return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            pass
    raise SettingsError(f'"{text[:40]}" is no time; write it like 2104-03-01 12:30:00')


def report_path(subject_id: int, study_id: int) -> str:
    """Where MIMIC-CXR keeps the report of a study.

    >>> report_path(19999999, 59999999)
    'files/p19/p19999999/s59999999.txt'
    """
    return f"{IMAGES_FOLDER}/p{str(subject_id)[:2]}/p{subject_id}/s{study_id}.txt"


def cut(
    database: Path, target: Path, *, subject: int | None = None, at: str = CURRENT_TIME, policy: Policy = "charted"
) -> Slice:
    """Write a slice of a database.

    Args:
        database: The integrated database; only read.
        target: The slice, a SQLite file; replaced if it is there.
        subject: Whose rows; all subjects by default.
        at: The time, as `known_time` gives it; what comes later is not in the slice.
        policy: What is known when; see `POLICIES`.

    Raises:
        SettingsError: There is no such database, subject or policy, or `target` cannot be named so.
        BuildError: The database lacks a table, or the slice cannot be written.
    """
    if policy not in POLICIES:
        raise SettingsError(f"policy must be one of {', '.join(POLICIES)}, not {policy!r}")
    if not database.is_file():
        raise MissingError(f"{database}: no such database file")
    with reading(database):
        require_writable(target)
        try:
            with atomic_path(target) as part:
                part.unlink(missing_ok=True)
                rows, hidden = _Cutter(database, part, subject, at, policy).run()
        except apsw.Error as error:
            raise BuildError(f"{target}: the slice cannot be written ({' '.join(str(error).split())})") from error
    return Slice(target, subject, at, policy, rows, hidden)


class _Cutter:
    """One connection: the slice, with the database attached read-only."""

    def __init__(self, database: Path, part: Path, subject: int | None, at: str, policy: Policy) -> None:
        self._database, self._subject, self._policy = database, subject, policy
        self._bound: dict[str, Any] = {"at": at, "subject": subject}
        self._db = apsw.Connection(
            part.resolve().as_uri(), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        )

    def run(self) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
        db = self._db
        rows: dict[str, tuple[int, int]] = {}
        hidden: dict[str, int] = {}
        try:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("ATTACH ? AS source", (f"{self._database.resolve().as_uri()}?mode=ro&immutable=1",))
            schema = {
                str(name).lower(): str(sql)
                for name, sql in db.execute("SELECT name, sql FROM source.sqlite_schema WHERE type = 'table'")
            }
            tables = [table for table in open_tables() if table.name in schema]
            if lacking := [table.name for table in open_tables() if table.name not in schema]:
                raise BuildError(f"{self._database}: has no table {lacking[0]}; is it an EHRXQA database?")
            self._check_subject()
            with db:
                for name, sql in schema.items():  # in the order of the database
                    for table in tables:
                        if table.name == name:
                            db.execute(sql)
                            rows[name], more = self._fill(table)
                            hidden |= more
                self._dictionary(tables)
                self._files()
                self._info()
        finally:
            db.close(True)
        return rows, hidden

    def _check_subject(self) -> None:
        if self._subject is None:
            return
        query = "SELECT 1 FROM source.patients WHERE subject_id = :subject"
        if not self._db.execute(query, self._bound).fetchall():
            raise SettingsError(f"there is no subject {self._subject} in {self._database}")

    def _fill(self, table: Table) -> tuple[tuple[int, int], dict[str, int]]:
        """Copy the rows of a table that are known, in their order."""
        rule = rule_of(table)
        mine = "subject_id = :subject" if self._subject is not None and "subject_id" in table.names else "1"
        known = self._known(table.name, rule)
        values = ", ".join(
            f"CASE WHEN {rule.later[name]} <= :at THEN {name} END AS {name}" if name in rule.later else name
            for name in table.names
        )
        source = f"source.{table.name}"
        self._db.execute(
            f"INSERT INTO main.{table.name} ({', '.join(table.names)}) "
            f"SELECT {values} FROM {source} WHERE {mine} AND {known} ORDER BY rowid",
            self._bound,
        )
        kept = self._db.changes()
        (every,) = self._one(f"SELECT count(*) FROM {source} WHERE {mine}")
        hidden = {}
        for name, since in rule.later.items():
            later = f"{name} IS NOT NULL AND NOT coalesce({since} <= :at, 0)"
            (number,) = self._one(f"SELECT count(*) FROM {source} WHERE {mine} AND {known} AND {later}")
            if number:
                hidden[f"{table.name}.{name}"] = number
        return (kept, every - kept), hidden

    def _known(self, name: str, rule: Rule) -> str:
        known = "1" if rule.since is None else f"{rule.since} <= :at"
        if self._policy == "clinical" and rule.at_discharge:
            ended = "hadm_id IN (SELECT hadm_id FROM source.admissions WHERE dischtime <= :at)"
            coded = ", ".join(f"'{kind}'" for kind in _CODED)
            known += f" AND (event_type NOT IN ({coded}) OR {ended})" if name == "cost" else f" AND {ended}"
        return known

    def _one(self, query: str) -> tuple[Any, ...]:
        (row,) = self._db.execute(query, self._bound).fetchall()
        return tuple(row)

    def _dictionary(self, tables: list[Table]) -> None:
        self._db.execute(
            "CREATE TABLE data_dictionary (table_name TEXT, column_name TEXT, type TEXT, meaning TEXT, unit TEXT, "
            "refers_to TEXT)"
        )
        self._db.executemany(
            "INSERT INTO data_dictionary VALUES (?, ?, ?, ?, ?, ?)",
            [
                (table.name, column.name, column.type, column.doc, column.unit, str(column.references or ""))
                for table in tables
                for column in table.columns
            ],
        )

    def _files(self) -> None:
        """Paths of the studies that are known; ids are texts here, as in every list for others to read."""
        self._db.execute("CREATE TABLE image_files (study_id TEXT, image_path TEXT, report_path TEXT)")
        studies: list[Any] = self._db.execute(
            "SELECT subject_id, study_id, image_id FROM main.tb_cxr ORDER BY rowid"
        ).fetchall()
        self._db.executemany(
            "INSERT INTO image_files VALUES (?, ?, ?)",
            [
                (str(study), f"{IMAGES_FOLDER}/{image_path(who, study, image)}", report_path(who, study))
                for who, study, image in studies
            ],
        )

    def _info(self) -> None:
        self._db.execute("CREATE TABLE slice_info (at TEXT, subject_id TEXT, policy TEXT)")
        subject = None if self._subject is None else str(self._subject)
        self._db.execute("INSERT INTO slice_info VALUES (?, ?, ?)", (self._bound["at"], subject, self._policy))


def time_of_slice(path: Path) -> str | None:
    """Until when a slice goes; None if the database is none.

    Raises:
        SettingsError: There is no such file.
        NeuralSqlError: It is not a SQLite database.
    """
    with open_database(path) as sandbox:
        if "slice_info" not in sandbox.tables:
            return None
        ((at,),) = sandbox.run("SELECT at FROM slice_info")
        return str(at)
