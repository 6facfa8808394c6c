"""The output folder of a build while a command is at work in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ehrxqa.errors import BuildError
from ehrxqa.files import disk_errors
from ehrxqa.layout import MANIFEST
from ehrxqa.runs.manifest import has_manifest

__all__ = ["WORK_FOLDER", "build_above", "build_around", "built_files", "exclusive"]

#: Below the output folder: what an unfinished run needs to go on.
WORK_FOLDER: Final = ".work"
#: Folders above a file in which its build is looked for: `OUT/dataset/test.json`, `OUT/runs/ID/queries.jsonl`.
_LEVELS: Final = 3


def built_files(out: Path) -> list[Path]:
    """The files of a build, which whoever works on it reads: manifest, labels, databases, questions."""
    return [
        path
        for pattern in (MANIFEST, "labels/*", "database/*/*.db", "dataset/*.json*")
        for path in out.glob(pattern)
        if path.is_file()
    ]


def build_above(path: Path) -> Path | None:
    """The nearest folder above a file that holds a manifest of ours."""
    return next(filter(has_manifest, path.absolute().parents[:_LEVELS]), None)


def build_around(path: Path) -> list[Path]:
    """The files of the build whose folder a database or question file lies in, which writes over none of them."""
    folder = build_above(path)
    return [] if folder is None else built_files(folder)


@contextmanager
def exclusive(out: Path) -> Iterator[Path]:
    """Hold an output folder for this process; gives its folder for temporary data, which is made if need be.

    Raises:
        BuildError: Another command holds it, or it cannot be written.
    """
    import fcntl  # there is none on Windows, where folders are read, too

    work = out / WORK_FOLDER
    with disk_errors(out):
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BuildError(f"{out}: another command is at work there; wait for it to end") from error
        yield work
