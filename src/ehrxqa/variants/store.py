"""Copies of a database that are kept: made once for a database and what is asked, each of the best of several."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import atomic_path, disk_errors, sha256_of
from ehrxqa.layout import CURRENT_TIME, WORK_FOLDER
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.output_folder import build_above
from ehrxqa.sql.gold.kept import copy_folder
from ehrxqa.sql.limits import Limits
from ehrxqa.variants.asked import subjects_of
from ehrxqa.variants.composing import best_copies, compose
from ehrxqa.variants.mutation import told_by
from ehrxqa.variants.perturb import perturb

__all__ = ["hospitals_of"]

#: Changes when copies that were made before can no longer be used.
_FORM: Final = 3
#: Copies that are drawn, of which each hospital is made.
_DRAWN: Final = 8
#: Of one mutant on one of them: steps, not seconds, so that what is chosen does not depend on how busy the machine is.
_LIMITS: Final = Limits(seconds=60.0, steps=4_000_000, rows=50_000)
#: Below the work folder.
_FOLDER: Final = "hospitals"


def hospitals_of(
    database: Path,
    number: int,
    programs: Sequence[str],
    work: Path | None = None,
    progress: Progress = SILENT,
    *,
    now: str = CURRENT_TIME,
    workers: int | None = None,
) -> list[Path]:
    """A database and copies of it in which other things happened, made unless they are there.

    Args:
        database: The first of them.
        number: How many.
        programs: What they ask for is drawn more often than the rest, and so that their mutants say something else.
        work: Folder for the copies; by default that of the build the database belongs to.
        progress: Told what is made.
        now: The current time of the database.
        workers: Processes (default: number of processors). The copies do not depend on it.

    Raises:
        SettingsError: The database is missing or belongs to no build, and no folder is named.
        BuildError: A copy cannot be made.
    """
    if not database.is_file():
        raise SettingsError(f"{database}: no such database file")
    folder = work or copy_folder(database)
    if folder is None:
        if (build := build_above(database)) is None:
            raise SettingsError(f"{database}: belongs to no build; name a folder for its copies: --work DIR")
        folder = build / WORK_FOLDER  # it was deleted, or a build was copied without it
    asked = hashlib.sha256("\n".join([now, *programs]).encode()).hexdigest()[:8]
    known = f"{sha256_of(database)[:16]}-{asked}-{_FORM}"
    found = [folder / _FOLDER / f"{known}-{place}.db" for place in range(1, number)]
    if any(not copy.is_file() for copy in found):
        with disk_errors(found[0]):
            found[0].parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with tempfile.TemporaryDirectory(prefix="drawn-", dir=found[0].parent) as drawn:
                _make(database, programs, Path(drawn), found, progress, now, workers)
        except apsw.Error as error:
            raise BuildError(f"{found[0]}: cannot be made of {database} ({error})") from error
    return [database, *found]


def _make(
    database: Path,
    programs: Sequence[str],
    folder: Path,
    found: Sequence[Path],
    progress: Progress,
    now: str,
    workers: int | None,
) -> None:
    """Draw copies, and make of them those that are not there."""
    copies = [folder / f"{seed}.db" for seed in range(1, _DRAWN + 1)]
    for seed, copy in enumerate(copies, 1):
        progress.note(f"copy {seed} of {_DRAWN}: other things happen to the same people")
        perturb(database, copy, seed, programs)
    progress.note(f"{len(programs):,} programs and their mutants are run on {_DRAWN} copies")
    told = told_by(programs, [database, *copies], now=now, workers=workers, limits=_LIMITS)
    subjects = subjects_of(database, programs)
    mutants = [(who, [numbers for _, numbers in each]) for who, each in zip(subjects, told, strict=True)]
    for out, chosen in zip(found, best_copies(mutants, len(copies), len(found)), strict=True):
        if out.is_file():
            continue
        with atomic_path(out) as part:
            part.touch(mode=0o600)  # rows of patients, for nobody else's eyes
            shutil.copyfile(copies[chosen[None] - 1], part)
            compose(copies, chosen, part)
