"""Files that appear whole or not at all, and never in the place of something that is read.

Every output is written beside its final name, flushed to disk and renamed. A killed run leaves at most
a `.part` file, which the next run removes; the previous version is never touched before the
new one is complete. Only regular or new files are written: no link is replaced, no device; and no file, whatever
name it goes by, that a command said it reads (`reading`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.json_files import json_text

__all__ = [
    "atomic_path",
    "disk_errors",
    "file_fault",
    "fsync_path",
    "reading",
    "require_writable",
    "sha256_of",
    "write_json",
    "write_text",
]

PART = ".part"
#: Characters of a name that a message shows.
_LONGEST_NAME: Final = 200

#: Files that commands under way read, by device and number: the same file may go by many names.
_read: list[tuple[int, int]] = []


@contextmanager
def reading(*inputs: Path | None, writing: Iterable[Path | None] = ()) -> Iterator[None]:
    """Keep a command from writing over what it reads.

    Args:
        inputs: Files that are not written to while the block runs; None and what does not exist is passed over.
        writing: Files that will be written: looked at now, before long work begins.

    Raises:
        SettingsError: A file to write is one of the inputs, is written twice, or is no regular file.
    """
    found = [_identity(path) for path in inputs if path is not None]
    mine = [identity for identity in found if identity is not None]
    _read.extend(mine)
    try:
        seen: set[Path] = set()
        for path in writing:
            if path is None:
                continue
            require_writable(path)
            if (whole := path.resolve()) in seen:
                raise SettingsError(f"{path}: would be written twice; name different files")
            seen.add(whole)
        yield
    finally:
        for identity in mine:
            _read.remove(identity)


def require_writable(path: Path) -> None:
    """Make sure that a file may be written or replaced, and what is written beside it.

    Raises:
        SettingsError: It is a folder, link or device, or is read by the command that is under way.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        mode = stat.S_IFREG  # not there, or writing it will say why it cannot be
    if stat.S_ISLNK(mode):
        raise SettingsError(f"{path}: is a link, which would be replaced; name the file that it stands for")
    if stat.S_ISDIR(mode):
        raise SettingsError(f"{path}: is a folder; name a file")
    if not stat.S_ISREG(mode):
        raise SettingsError(f"{path}: is not a regular file; name another")
    for written in (path, path.with_name(path.name + PART)):
        if _identity(written) in _read:
            raise SettingsError(f"{written}: is read by this command, and would be overwritten; name another file")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


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


def file_fault(error: OSError) -> BuildError | None:
    """What the operating system says of a file that cannot be used, as one clear error; None if it is about no file."""
    if error.filename is None:
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return BuildError(f"{shown}: cannot be used ({error.strerror or type(error).__name__})")


def fsync_path(path: Path) -> None:
    """Flush a file or folder to disk, so that a rename that follows cannot overtake its content."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folder, and keeps renames in order by itself
        return
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
        SettingsError: It is a link or device, or is read by the command that is under way.
    """
    require_writable(path)
    part = path.with_name(path.name + PART)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # left by a killed run, or a link that would be followed
        try:
            yield part
            fsync_path(part)
            part.replace(path)
            with suppress(OSError):  # some file systems cannot flush a folder
                fsync_path(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; line ends stay as they are."""
    with atomic_path(path) as part:
        part.write_bytes(text.encode("utf-8"))


def write_json(path: Path, value: Any, *, indent: int = 2) -> None:
    """Write `value` as JSON, whole or not at all."""
    write_text(path, json_text(value, indent=indent) + "\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
