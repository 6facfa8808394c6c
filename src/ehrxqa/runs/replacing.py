"""Several files that change together, or not at all, whenever a run is killed.

New versions are written beside their files and flushed; then one small record says that all of them are there; then
they are renamed one after the other, and the record is removed. Before the record exists nothing has happened; once it
exists, the next run goes on renaming. Files that someone else has changed since are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ehrxqa.errors import BuildError
from ehrxqa.files import disk_errors, fsync_path, sha256_of, write_json
from ehrxqa.json_files import read_as

__all__ = ["finish", "replace_together", "staged_path"]

#: Below the output folder; there while files are being renamed.
RECORD: Final = "dataset/.replacing.json"
STAGED: Final = ".staged"


def replace_together(out: Path, writers: Mapping[str, Callable[[Path], None]], last: Callable[[], None]) -> None:
    """Replace files below `out`.

    Args:
        out: The output folder.
        writers: Path below it → what writes its new version to the path that it is given.
        last: Called when the new versions are staged, to stage what depends on them; it may use `staged_path`.

    Raises:
        BuildError: A file cannot be written; then none is changed.
    """
    try:
        for path, write in writers.items():
            write(staged_path(out, path))
        last()
        entries = [
            {"path": path, "old": _digest(out / path), "new": sha256_of(staged_path(out, path))}
            for path in (*writers, "manifest.json")
            if staged_path(out, path).is_file()
        ]
        write_json(out / RECORD, entries)
    except BaseException:
        for path in (*writers, "manifest.json"):
            staged_path(out, path).unlink(missing_ok=True)
        raise
    finish(out)


def staged_path(out: Path, path: str) -> Path:
    """Where the new version of a file waits."""
    return out / (path + STAGED)


def finish(out: Path) -> bool:
    """Rename what an earlier run had staged completely; drop what it had not.

    Returns:
        Whether files were renamed.
    """
    record = out / RECORD
    entries = _entries(record)
    if entries and all(
        (found := _digest(out / path)) == new or (found == old and _digest(staged_path(out, path)) == new)
        for path, old, new in entries
    ):
        with disk_errors(record):
            for path, _, new in entries:
                staged = staged_path(out, path)
                if _digest(staged) == new:
                    staged.replace(out / path)
            with suppress(OSError):  # some file systems cannot flush a folder
                fsync_path(out / "dataset")
                fsync_path(out)
    else:
        entries = []
    with disk_errors(record):
        for leftover in (*(out / "dataset").glob(f"*{STAGED}"), staged_path(out, "manifest.json")):
            leftover.unlink(missing_ok=True)
        record.unlink(missing_ok=True)
    return bool(entries)


def _entries(record: Path) -> list[tuple[str, str, str]]:
    with suppress(BuildError):
        found = read_as(list[dict[str, str]], record, "", fault=BuildError)
        if all(entry.keys() == {"path", "old", "new"} and ".." not in Path(entry["path"]).parts for entry in found):
            return [(entry["path"], entry["old"], entry["new"]) for entry in found]
    return []


def _digest(path: Path) -> str:
    return sha256_of(path) if path.is_file() else ""
