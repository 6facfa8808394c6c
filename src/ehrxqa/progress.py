"""Progress of long work: bars on a terminal, plain lines elsewhere, silence when asked.

Library functions take a `Progress` and default to `SILENT`; only the command line makes another one.
Everything goes to standard error, so that results on standard output stay clean.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = ["SILENT", "PlainProgress", "Progress", "RichProgress", "SilentProgress", "Task", "make_progress"]


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units as done."""
        ...


class Progress(Protocol):
    """Receives what long work has to say."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Announce a piece of work of `total` units (None: unknown); the block is its duration."""
        yield _NullTask()

    def note(self, message: str) -> None:
        """Say one line that is worth reading afterwards."""
        ...


class _NullTask:
    def advance(self, amount: int = 1) -> None:
        """Do nothing."""


class SilentProgress:
    """Says nothing."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Run the block without a word."""
        yield _NullTask()

    def note(self, message: str) -> None:
        """Drop the message."""


SILENT: Progress = SilentProgress()


class _PlainTask:
    def __init__(self, name: str, total: int | None, unit: str, out: TextIO, every_seconds: float) -> None:
        self._name, self._total, self._unit, self._out = name, total, unit, out
        self._every_seconds = every_seconds
        self._done = 0
        self._last = time.monotonic()

    def advance(self, amount: int = 1) -> None:
        """Count, and print a line when the last one is old enough."""
        self._done += amount
        now = time.monotonic()
        if now - self._last >= self._every_seconds:
            self._last = now
            of = "" if self._total is None else f" of {self._total:,}"
            print(f"{self._name}: {self._done:,}{of} {self._unit}".rstrip(), file=self._out, flush=True)


class PlainProgress:
    """One line at the end of each piece of work, and one every ten seconds within it."""

    def __init__(self, out: TextIO | None = None, every_seconds: float = 10.0) -> None:
        self._out = out if out is not None else sys.stderr
        self._every_seconds = every_seconds

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Run the block; print its name and seconds when it ends well."""
        started = time.monotonic()
        yield _PlainTask(name, total, unit, self._out, self._every_seconds)
        print(f"{name}: done ({time.monotonic() - started:.1f} s)", file=self._out, flush=True)

    def note(self, message: str) -> None:
        """Print the message."""
        print(message, file=self._out, flush=True)


class RichProgress:
    """Bars on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Show a bar while the block runs."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = [TextColumn("{task.description}"), BarColumn(bar_width=30)]
        if total is not None:
            columns += [MofNCompleteColumn(), TextColumn(unit)]
        bars = Bars(*columns, TimeElapsedColumn(), console=self._console)
        with bars:
            identifier = bars.add_task(name, total=total)

            class BarTask:
                def advance(self, amount: int = 1) -> None:
                    bars.advance(identifier, amount)

            yield BarTask()
            bars.update(identifier, total=total or 1, completed=total or 1)

    def note(self, message: str) -> None:
        """Print the message above the bars."""
        self._console.print(message, highlight=False, markup=False)


def make_progress(*, quiet: bool = False) -> Progress:
    """The progress that fits standard error: silent if `quiet`, bars on a terminal, lines elsewhere."""
    if quiet:
        return SILENT
    return RichProgress() if sys.stderr.isatty() else PlainProgress()
