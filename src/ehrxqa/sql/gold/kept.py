"""Where copies of a database are kept, so that each is made once for all commands that run gold programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ehrxqa.files import PART, sha256_of
from ehrxqa.layout import DATABASE_PATHS, WORK_FOLDER

__all__ = ["ORDERED", "UNORDERED", "copy_folder", "kept_copy", "make_kept_copy"]

#: Kinds of copies: that of `indexed`, on which programs are proved to keep the order of rows; and one with indexes on
#: all tables, for what has no order.
ORDERED: Final = "indexed"
UNORDERED: Final = "lookup"
#: Of each kind: changes when copies that were made before can no longer be used, or should not.
_FORM: Final = {ORDERED: 1, UNORDERED: 2}


def copy_folder(database: Path) -> Path | None:
    """`.work` of the output folder that a database belongs to; None for one that lies elsewhere."""
    if len(database.resolve().parents) < 3:
        return None
    for path in DATABASE_PATHS.values():
        out = database.resolve().parents[2]
        if out / path == database.resolve() and (out / WORK_FOLDER).is_dir():
            return out / WORK_FOLDER
    return None


def _copy_of(database: Path, folder: Path, kind: str) -> Path:
    return folder / f"{kind}-{database.parent.name}-{sha256_of(database)[:16]}-{_FORM[kind]}.db"


def kept_copy(database: Path, folder: Path, kind: str = ORDERED) -> Path | None:
    """The copy of exactly this database, if there is one."""
    if not any(folder.glob(f"{kind}-{database.parent.name}-*.db")):  # no need to read the whole database
        return None
    copy = _copy_of(database, folder, kind)
    return copy if copy.is_file() else None


def make_kept_copy(database: Path, folder: Path, make: Callable[[Path, Path], None], kind: str = ORDERED) -> Path:
    """Make the copy of a database, in the place of copies of what was there before.

    Several commands may do so at once: each writes its own file, and the last one stays.

    Args:
        database: The database.
        folder: Where copies are kept.
        make: Makes the copy; it is given the database and the new file.
        kind: ORDERED or UNORDERED.

    Raises:
        OSError: It cannot be written.
        apsw.Error: Likewise.
    """
    copy = _copy_of(database, folder, kind)
    part = folder / f".{copy.name}.{os.getpid()}{PART}"
    try:
        make(database, part)
        part.replace(copy)
    finally:
        part.unlink(missing_ok=True)
    for other in folder.glob(f"{kind}-{database.parent.name}-*.db"):
        if other != copy:
            with suppress(OSError):
                other.unlink()
    return copy
