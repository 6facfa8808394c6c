"""Progress of long work: bars on a terminal, plain lines elsewhere, silence when asked.

Library functions take a `Progress` and default to `SILENT`, the public ones to what fits (`shown_progress`).
Everything goes to standard error, so that results on standard output stay clean; when nobody reads it any more, work
goes on in silence. Work may be reported from several threads.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final, Protocol, TextIO

from ehrxqa.terminal import visible

__all__ = [
    "BYTES",
    "SILENT",
    "PlainProgress",
    "Progress",
    "RichProgress",
    "SilentProgress",
    "Task",
    "human_bytes",
    "human_seconds",
    "make_progress",
]

#: The unit of work that is shown in MB and GB, with its rate and the time that is left.
BYTES: Final = "bytes"
#: Parts of a piece of work with as many bytes are worth a line when they are done.
_LARGE_BYTES: Final = 10 * 10**6
#: Seconds over which a rate is taken.
_WINDOW_SECONDS: Final = 30.0


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units as done; fewer than 0 if some have to be done again."""
        ...

    def part(self, name: str, total: int | None = None, *, done: int = 0) -> AbstractContextManager[Task]:
        """A part that is under way for the duration of a block; its advances are those of the whole.

        Args:
            name: What it is.
            total: Its units, None if unknown.
            done: So many of them were done before, and are counted already.
        """
        ...


class Progress(Protocol):
    """Receives what long work has to say."""

    def task(
        self, name: str, total: int | None = None, unit: str = "", *, done: int = 0
    ) -> AbstractContextManager[Task]:
        """Announce a piece of work of `total` units (None: unknown), `done` of them before; a block is its duration."""
        ...

    def note(self, message: str) -> None:
        """Say one line that is worth reading afterwards."""
        ...


class _NullTask:
    def advance(self, amount: int = 1) -> None:
        """Do nothing."""

    @contextmanager
    def part(self, name: str, total: int | None = None, *, done: int = 0) -> Iterator[Task]:
        """Run the block without a word."""
        yield self


class SilentProgress:
    """Says nothing."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "", *, done: int = 0) -> Iterator[Task]:
        """Run the block without a word."""
        yield _NullTask()

    def note(self, message: str) -> None:
        """Drop the message."""


SILENT: Progress = SilentProgress()


class _PlainTask:
    """What is done, the rate of the last half minute, and when it was last told."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float], name: str, total: int | None, unit: str, done: int
    ) -> None:
        self._say, self._clock = say, clock
        self._name, self._total, self._unit, self._done = name, total, unit, done
        self._lock = threading.Lock()
        self._last = clock()
        self._samples: deque[tuple[float, int]] = deque([(self._last, done)])

    def advance(self, amount: int = 1) -> None:
        """Count, and print a line when the last one is old enough."""
        with self._lock:
            self._done += amount
            now = self._clock()
            if now - self._samples[-1][0] >= 0.5:
                self._samples.append((now, self._done))
            while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_SECONDS:
                self._samples.popleft()
            if now - self._last < PlainProgress.every_seconds:
                return
            self._last = now
            line = self.line()
        self._say(line)

    @contextmanager
    def part(self, name: str, total: int | None = None, *, done: int = 0) -> Iterator[Task]:
        """Run the block; print a line when it ends well, if the part is large."""
        yield self
        if self._unit == BYTES and (total or 0) >= _LARGE_BYTES:
            self._say(f"{name}: done ({human_bytes(total or 0)})")

    def line(self) -> str:
        """Where it stands."""
        if self._unit != BYTES:
            of = "" if self._total is None else f" of {self._total:,}"
            return f"{self._name}: {self._done:,}{of} {self._unit}".rstrip()
        of = f" of {human_bytes(self._total)} ({100 * self._done / self._total:.0f} %)" if self._total else ""
        began, before = self._samples[0]
        rate = max(0.0, (self._done - before) / max(self._clock() - began, 1e-9))
        left = (self._total or 0) - self._done
        remaining = f", {human_seconds(left / rate)} left" if rate > 0 and left > 0 else ""
        return f"{self._name}: {human_bytes(self._done)}{of}, {human_bytes(rate)}/s{remaining}"


class PlainProgress:
    """One line at the end of each piece of work, and one every ten seconds within it."""

    every_seconds = 10.0

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "", *, done: int = 0) -> Iterator[Task]:
        """Run the block; print its name and seconds when it ends well, or where it stands if it counts bytes."""
        started = self._clock()
        task = _PlainTask(self.note, self._clock, name, total, unit, done)
        try:
            yield task
        except BaseException:
            if unit == BYTES:
                self.note(task.line())
            raise
        self.note(task.line() if unit == BYTES else f"{name}: done ({self._clock() - started:.1f} s)")

    def note(self, message: str) -> None:
        """Print the message."""
        with suppress(OSError, ValueError):  # nobody reads it any more
            print(visible(message), file=self._out if self._out is not None else sys.stderr, flush=True)


class RichProgress:
    """Bars on a terminal: one for each piece of work, and below it one for each part that is under way."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "", *, done: int = 0) -> Iterator[Task]:
        """Show a bar while the block runs."""
        from rich import progress as rich

        if unit == BYTES:
            columns = [rich.DownloadColumn(), rich.TransferSpeedColumn(), rich.TimeRemainingColumn()]
        else:
            columns = [rich.MofNCompleteColumn(), rich.TextColumn(unit)] if total is not None else []
            columns.append(rich.TimeElapsedColumn())
        bars = rich.Progress(
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(bar_width=30),
            *columns,
            console=self._console,
        )
        whole = bars.add_task(name, total=total, completed=done)

        class BarTask:
            def __init__(self, own: rich.TaskID | None = None) -> None:
                self._own = own

            def advance(self, amount: int = 1) -> None:
                bars.advance(whole, amount)
                if self._own is not None:
                    bars.advance(self._own, amount)

            @contextmanager
            def part(self, name: str, total: int | None = None, *, done: int = 0) -> Iterator[Task]:
                own = bars.add_task(name, total=total, completed=done)
                try:
                    yield BarTask(own)
                finally:
                    bars.remove_task(own)

        with bars:
            yield BarTask()
            bars.update(whole, total=total or 1, completed=total or 1)

    def note(self, message: str) -> None:
        """Print the message above the bars."""
        self._console.print(visible(message), highlight=False, markup=False)


def make_progress(*, quiet: bool = False) -> Progress:
    """The progress that fits standard error: silent if `quiet`, bars on a terminal, lines elsewhere."""
    if quiet:
        return SILENT
    return RichProgress() if sys.stderr.isatty() else PlainProgress()


def human_bytes(count: float) -> str:
    """Bytes in decimal units, as disks are sold.

    >>> human_bytes(999), human_bytes(1_260_000), human_bytes(6.8e9)
    ('999 B', '1.3 MB', '6.8 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def human_seconds(seconds: float) -> str:
    """A length of time as one would say it.

    >>> human_seconds(8), human_seconds(605), human_seconds(9000)
    ('8 s', '10 min', '2 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
