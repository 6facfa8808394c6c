"""Copies of a database that are kept: made once for a database, a seed and what is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import atomic_path, disk_errors, sha256_of
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sql.gold.kept import copy_folder
from ehrxqa.variants.perturb import perturb

__all__ = ["hospitals_of", "indexed_copy"]

#: Changes when copies that were made before can no longer be used.
_FORM: Final = 2
#: Below the work folder.
_FOLDER: Final = "hospitals"
#: What programs look rows up by, in any schema.
_LOOKED_UP: Final = ("subject_id", "hadm_id", "stay_id", "study_id", "itemid", "icd_code", "event_id")


def hospitals_of(
    database: Path, number: int, programs: Sequence[str], work: Path | None = None, progress: Progress = SILENT
) -> list[Path]:
    """A database and copies of it in which other things happened, made unless they are there.

    Args:
        database: The first of them.
        number: How many.
        programs: What they ask for is drawn more often than the rest.
        work: Folder for the copies; by default that of the build the database belongs to.
        progress: Told what is made.

    Raises:
        SettingsError: The database is missing or belongs to no build, and no folder is named.
        BuildError: A copy cannot be made.
    """
    if not database.is_file():
        raise SettingsError(f"{database}: no such database file")
    folder = copy_folder(database) if work is None else work
    if folder is None:
        raise SettingsError(f"{database}: belongs to no build; name a folder for its copies: --work DIR")
    asked = hashlib.sha256("\n".join(programs).encode()).hexdigest()[:8]
    known = f"{sha256_of(database)[:16]}-{asked}-{_FORM}"
    found = [database]
    for seed in range(1, number):
        copy = folder / _FOLDER / f"{known}-{seed}.db"
        if not copy.is_file():
            progress.note(f"hospital {seed + 1} of {number}: other things happen to the same people")
            with disk_errors(copy):
                copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with atomic_path(copy) as part:
                    perturb(database, part, seed, programs)
            except apsw.Error as error:
                raise BuildError(f"{copy}: cannot be made of {database} ({error})") from error
        found.append(copy)
    return found


def indexed_copy(database: Path, copy: Path) -> None:
    """Write a copy of a database with indexes on what rows are looked up by: the same rows, in whatever order."""
    copy.touch(mode=0o600)  # rows of patients, for nobody else's eyes
    copy.write_bytes(database.read_bytes())
    db = apsw.Connection(str(copy))
    try:
        db.execute("pragma journal_mode = off; pragma synchronous = off")
        tables = db.execute(
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            columns = [str(column).lower() for _, column, *_ in db.execute(f'pragma table_info("{table}")')]
            for column in _LOOKED_UP:
                if column in columns:
                    db.execute(f'create index "fast_{table}_{column}" on "{table}"("{column}")')
        db.execute("analyze")
    finally:
        db.close()
