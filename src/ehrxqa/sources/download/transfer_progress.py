"""How a download says where it is: total and per file, bytes, rate and time left.

`ehrxqa.progress` counts units of one piece of work; here several files advance at once and one of them
may go back to its first byte, so positions are told, not steps.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = [
    "SILENT_TRANSFERS",
    "PlainTransfers",
    "RichTransfers",
    "SilentTransfers",
    "Transfers",
    "human_bytes",
    "human_seconds",
    "make_transfers",
]


class Transfers(Protocol):
    """Receives what a download has to say; may be called from several threads."""

    @contextmanager
    def run(self, files: int, total_bytes: int | None, present_bytes: int) -> Iterator[None]:
        """The whole: so many files, bytes in all, and bytes of them that earlier runs left."""
        yield

    def begin(self, name: str, total_bytes: int | None, done_bytes: int) -> None:
        """A file starts, with so many bytes on disk."""
        ...

    def at(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """So many bytes of the file are on disk."""
        ...

    def end(self, name: str, *, ok: bool) -> None:
        """A file is done, or given up."""
        ...

    def note(self, message: str) -> None:
        """One line that is worth reading afterwards."""
        ...


class SilentTransfers:
    """Says nothing."""

    @contextmanager
    def run(self, files: int, total_bytes: int | None, present_bytes: int) -> Iterator[None]:
        """Run the block without a word."""
        yield

    def begin(self, name: str, total_bytes: int | None, done_bytes: int) -> None:
        """Say nothing."""

    def at(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Say nothing."""

    def end(self, name: str, *, ok: bool) -> None:
        """Say nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""


SILENT_TRANSFERS: Transfers = SilentTransfers()


class _Tally:
    """Bytes of all files, and the rate over the last half minute."""

    WINDOW_SECONDS = 30.0

    def __init__(self, files: int, total_bytes: int | None, present_bytes: int, clock: Callable[[], float]) -> None:
        self.files, self.total, self._clock = files, total_bytes, clock
        self.done, self.finished = present_bytes, 0
        self.open: dict[str, tuple[int, int | None]] = {}
        self._samples: deque[tuple[float, int]] = deque([(clock(), present_bytes)])

    def begin(self, name: str, total: int | None, done: int) -> None:
        self.open[name] = (done, total)

    def at(self, name: str, done: int, total: int | None) -> None:
        before, _ = self.open.get(name, (0, None))
        self.open[name] = (done, total)
        self.done += done - before
        now = self._clock()
        if now - self._samples[-1][0] >= 0.5:
            self._samples.append((now, self.done))
        while len(self._samples) > 2 and now - self._samples[0][0] > self.WINDOW_SECONDS:
            self._samples.popleft()

    def end(self, name: str, ok: bool) -> None:
        self.open.pop(name, None)
        self.finished += ok

    @property
    def rate(self) -> float:
        """Bytes a second, lately."""
        start, done = self._samples[0]
        seconds = self._clock() - start
        return max(0.0, (self.done - done) / seconds) if seconds > 0 else 0.0

    def line(self) -> str:
        """Where it stands, as one line."""
        of = f" of {human_bytes(self.total)}" if self.total else ""
        share = f" ({100 * self.done / self.total:.0f} %)" if self.total else ""
        rate = self.rate
        left = ""
        if self.total and rate > 0 and self.total > self.done:
            left = f", {human_seconds((self.total - self.done) / rate)} left"
        files = "; ".join(
            f"{name} {100 * done / total:.0f} %" if total else f"{name} {human_bytes(done)}"
            for name, (done, total) in list(self.open.items())[:4]
        )
        text = (
            f"{human_bytes(self.done)}{of}{share}, {self.finished} of {self.files} files, {human_bytes(rate)}/s{left}"
        )
        return f"{text} | {files}" if files else text


class PlainTransfers:
    """A line every ten seconds, one at the end of each large file, and one at the end."""

    LARGE_BYTES = 10 * 10**6

    def __init__(
        self,
        out: TextIO | None = None,
        every_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out if out is not None else sys.stderr
        self._every_seconds, self._clock, self._lock = every_seconds, clock, threading.RLock()
        self._tally = _Tally(0, None, 0, clock)
        self._last = clock()

    @contextmanager
    def run(self, files: int, total_bytes: int | None, present_bytes: int) -> Iterator[None]:
        """Run the block; print where it stands when it ends, well or not."""
        self._tally = _Tally(files, total_bytes, present_bytes, self._clock)
        self._last = self._clock()
        try:
            yield
        finally:
            self.note(f"download: {self._tally.line()}")

    def begin(self, name: str, total_bytes: int | None, done_bytes: int) -> None:
        """Count the file in."""
        with self._lock:
            self._tally.begin(name, total_bytes, done_bytes)

    def at(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Count, and print a line when the last one is old enough."""
        with self._lock:
            self._tally.at(name, done_bytes, total_bytes)
            now = self._clock()
            if now - self._last >= self._every_seconds:
                self._last = now
                self.note(f"download: {self._tally.line()}")

    def end(self, name: str, *, ok: bool) -> None:
        """Say that a large file is there."""
        with self._lock:
            done, _ = self._tally.open.get(name, (0, None))
            self._tally.end(name, ok)
            if ok and done >= self.LARGE_BYTES:
                self.note(f"{name}: done ({human_bytes(done)})")

    def note(self, message: str) -> None:
        """Print the message."""
        with self._lock:
            print(message, file=self._out, flush=True)


class RichTransfers:
    """Bars on a terminal: one for all, one for each file under way."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._console = Console(stderr=True)
        self._lock = threading.RLock()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._tally = _Tally(0, None, 0, time.monotonic)
        self._all: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}

    @contextmanager
    def run(self, files: int, total_bytes: int | None, present_bytes: int) -> Iterator[None]:
        """Show the bars while the block runs."""
        self._tally = _Tally(files, total_bytes, present_bytes, time.monotonic)
        with self._bars:
            self._all = self._bars.add_task(self._title(), total=total_bytes, completed=present_bytes)
            yield
            self._bars.update(self._all, description=self._title())
        self._bars.remove_task(self._all)  # a second run of the same command starts with fresh bars

    def _title(self) -> str:
        return f"all ({self._tally.finished} of {self._tally.files} files)"

    def begin(self, name: str, total_bytes: int | None, done_bytes: int) -> None:
        """Add a bar."""
        with self._lock:
            self._tally.begin(name, total_bytes, done_bytes)
            self._tasks[name] = self._bars.add_task(name, total=total_bytes, completed=done_bytes)

    def at(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Move the bars."""
        with self._lock:
            self._tally.at(name, done_bytes, total_bytes)
            if name in self._tasks:
                self._bars.update(self._tasks[name], completed=done_bytes, total=total_bytes)
            if self._all is not None:
                self._bars.update(self._all, completed=self._tally.done)

    def end(self, name: str, *, ok: bool) -> None:
        """Take the file's bar away."""
        with self._lock:
            self._tally.end(name, ok)
            if name in self._tasks:
                self._bars.remove_task(self._tasks.pop(name))
            if self._all is not None:
                self._bars.update(self._all, description=self._title())

    def note(self, message: str) -> None:
        """Print the message above the bars."""
        self._console.print(message, highlight=False, markup=False)


def make_transfers(*, quiet: bool = False) -> Transfers:
    """What fits standard error: silence if `quiet`, bars on a terminal, lines elsewhere."""
    if quiet:
        return SILENT_TRANSFERS
    return RichTransfers() if sys.stderr.isatty() else PlainTransfers()


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
