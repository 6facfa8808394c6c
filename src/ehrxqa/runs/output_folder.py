"""The output folder of a build while a command is at work in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ehrxqa.errors import BuildError
from ehrxqa.files import disk_errors
from ehrxqa.layout import MANIFEST

__all__ = ["WORK_FOLDER", "build_around", "built_files", "exclusive"]

#: Below the output folder: what an unfinished run needs to go on.
WORK_FOLDER: Final = ".work"


def built_files(out: Path) -> list[Path]:
    """The files of a build, which whoever works on it reads: manifest, labels, databases, questions."""
    return [
        path
        for pattern in (MANIFEST, "labels/*", "database/*/*.db", "dataset/*.json*")
        for path in out.glob(pattern)
        if path.is_file()
    ]


def build_around(path: Path) -> list[Path]:
    """The files of the build whose folder a database or question file lies in, which writes over none of them."""
    for folder in list(path.absolute().parents)[:3]:
        if (folder / MANIFEST).is_file():
            return built_files(folder)
    return []


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
