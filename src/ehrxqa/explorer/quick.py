"""Gold programs and their steps on an indexed copy of the database, where that is proved to give the same rows.

A database of EHRXQA has no index, and a step of a gold program reads the whole label table. The copy is made in the
background while pages are read already, in `OUT/.work`, and removed at the end.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.explain.explanation import Runner
from ehrxqa.layout import WORK_FOLDER
from ehrxqa.sql.gold.indexed import make_indexed, schema_of
from ehrxqa.sql.gold.runner import Prover
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import Rows, open_database

__all__ = ["QuickCopies"]

_NAME: Final = "explorer-"


class QuickCopies:
    """Indexed copies of databases for the time of a process; without them everything is the same, only later.

    Args:
        out: The output folder.
        databases: Base → database.
        now: Their current time.
    """

    def __init__(self, out: Path, databases: dict[str, Path], now: str) -> None:
        self._databases, self._now = databases, now
        self._work = out / WORK_FOLDER
        self._folder = self._work / f"{_NAME}{os.getpid()}"
        self._ready: dict[str, tuple[Path, Prover]] = {}
        self._stop = threading.Event()

    def make(self) -> None:
        """Make the copies; a database whose copy cannot be written goes without."""
        self._remove_left_over()
        for base, database in self._databases.items():
            schema = schema_of(database)
            if not schema or self._stop.is_set():
                continue
            copy = self._folder / f"{base}.db"
            try:
                make_indexed(database, copy, schema)
            except (OSError, apsw.Error):
                with suppress(OSError):
                    copy.unlink(missing_ok=True)
                continue
            self._ready[base] = copy, Prover(schema, self._now)
        if self._stop.is_set():
            self.remove()

    def remove(self) -> None:
        """Remove the copies."""
        self._stop.set()
        self._ready.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def runner(self, base: str, limits: Limits) -> Iterator[Runner]:
        """What runs SQL on a database, each text on the copy if it may."""
        with open_database(self._databases[base], limits=limits, now=self._now) as plain:
            ready = self._ready.get(base)
            if ready is None:
                yield plain.run
                return
            path, prover = ready
            with open_database(path, limits=limits, now=self._now) as copy:

                def run(sql: str) -> Rows:
                    _, job = prover.job(sql)
                    if job.indexed is not None:
                        with suppress(NeuralSqlError):
                            rows = copy.run_rewritten(*job.indexed).rows
                            return Rows(plain.run(f"select * from ( {sql} ) limit 0").columns, rows)
                    return plain.run(sql)

                yield run

    def _remove_left_over(self) -> None:
        """Remove the copies of processes that were killed."""
        for folder in self._work.glob(f"{_NAME}*"):
            number = folder.name.removeprefix(_NAME)
            if number.isdecimal() and not Path(f"/proc/{number}").exists() and Path("/proc/self").exists():
                shutil.rmtree(folder, ignore_errors=True)
