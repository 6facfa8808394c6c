"""Files that appear whole or not at all.

Every output is written beside its final name, flushed to disk and renamed. A killed run leaves at most
a `.part` file or folder, which the next run removes; the previous version is never touched before the
new one is complete.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ehrxqa.errors import BuildError

__all__ = ["atomic_path", "disk_errors", "fsync_path", "sha256_of", "write_json", "write_text"]

PART = ".part"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into one clear `BuildError`."""
    try:
        yield
    except OSError as error:
        raise BuildError(_explain(error, path)) from error


def _explain(error: OSError, path: Path) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"{path}: the disk is full; free some space and run the same command again (nothing is lost)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{path}: not writable; choose another folder or change its permissions"
        case errno.EFBIG:
            return f"{path}: the file is too large for this file system or user limit"
        case _:
            return f"{path}: cannot be written ({error.strerror or error})"


def fsync_path(path: Path) -> None:
    """Flush a file or folder to disk, so that a rename that follows cannot overtake its content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; on success it is flushed and renamed to `path`.

    The parent folder is made if it is missing. If the block raises, the unfinished file is removed.

    Raises:
        BuildError: The file cannot be written (disk full, not writable).
    """
    part = path.with_name(path.name + PART)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            fsync_path(part)
            part.replace(path)
            with suppress(OSError):  # some file systems cannot flush a folder
                fsync_path(path.parent)
        except BaseException:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; line ends stay as they are."""
    with atomic_path(path) as part:
        part.write_bytes(text.encode("utf-8"))


def write_json(path: Path, value: Any, *, indent: int = 2) -> None:
    """Write `value` as JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
