"""Where the indexed copy of a database is kept, so that it is made once for all commands that run gold programs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ehrxqa.files import PART, sha256_of
from ehrxqa.layout import DATABASE_PATHS, WORK_FOLDER
from ehrxqa.sql.gold.indexed import make_indexed
from ehrxqa.sql.gold.selects import Schema

__all__ = ["copy_folder", "kept_copy", "make_kept_copy"]

#: Changes when copies that were made before can no longer be used.
_FORM: Final = 1


def copy_folder(database: Path) -> Path | None:
    """`.work` of the output folder that a database belongs to; None for one that lies elsewhere."""
    if len(database.resolve().parents) < 3:
        return None
    for path in DATABASE_PATHS.values():
        out = database.resolve().parents[2]
        if out / path == database.resolve() and (out / WORK_FOLDER).is_dir():
            return out / WORK_FOLDER
    return None


def _copy_of(database: Path, folder: Path) -> Path:
    return folder / f"indexed-{database.parent.name}-{sha256_of(database)[:16]}-{_FORM}.db"


def kept_copy(database: Path, folder: Path) -> Path | None:
    """The copy of exactly this database, if there is one."""
    if not any(folder.glob(f"indexed-{database.parent.name}-*.db")):  # no need to read the whole database
        return None
    copy = _copy_of(database, folder)
    return copy if copy.is_file() else None


def make_kept_copy(database: Path, folder: Path, schema: Schema) -> Path:
    """Make the copy of a database, in the place of copies of what was there before.

    Several commands may do so at once: each writes its own file, and the last one stays.

    Raises:
        OSError: It cannot be written.
        apsw.Error: Likewise.
    """
    copy = _copy_of(database, folder)
    part = folder / f".{copy.name}.{os.getpid()}{PART}"
    try:
        make_indexed(database, part, schema)
        part.replace(copy)
    finally:
        part.unlink(missing_ok=True)
    for other in folder.glob(f"indexed-{database.parent.name}-*.db"):
        if other != copy:
            with suppress(OSError):
                other.unlink()
    return copy
