"""What a caller in Python sees of long work when nothing else is said: bars in a notebook and on a terminal.

The public functions take a `Progress` and default to `FITTING`, which finds out when work begins; where nobody looks (a
log, a pipe, a test) it says nothing. `ehrxqa.SILENT` as argument says nothing anywhere.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html import escape
from typing import Any, Final

from ehrxqa.html_repr import put
from ehrxqa.progress import BYTES, SILENT, Progress, RichProgress, Task, human_bytes
from ehrxqa.terminal import in_notebook, visible

__all__ = ["FITTING", "FittingProgress", "NotebookProgress"]

#: Seconds between two looks of one bar in a notebook.
_EVERY_SECONDS: Final = 0.2
#: Work that is done in less leaves no line: a build has a dozen such steps.
_WORTH_SECONDS: Final = 0.5
_DONE: Final = "done"


class _NotebookTask:
    """A bar that is drawn anew where it stands."""

    def __init__(self, name: str, total: int | None, unit: str, done: int, clock: Callable[[], float]) -> None:
        self._name, self._total, self._unit, self._done, self._clock = name, total, unit, done, clock
        self._lock = threading.Lock()
        self._began = self._last = clock()
        self._place: Any = put(self._html())

    def advance(self, amount: int = 1) -> None:
        """Count, and draw if the last look is old enough."""
        with self._lock:
            self._done += amount
            now = self._clock()
            if now - self._last < _EVERY_SECONDS:
                return
            self._last = now
        put(self._html(), self._place)

    @contextmanager
    def part(self, name: str, total: int | None = None, *, done: int = 0) -> Iterator[Task]:
        """Run the block; its advances are those of the whole."""
        yield self

    def end(self, how: str) -> None:
        """Put a line in the place of the bar, or nothing where there was hardly time to read one."""
        seconds = self._clock() - self._began
        if how == _DONE and seconds < _WORTH_SECONDS:
            put("", self._place)
            return
        said = f"{self._name}: {how} ({seconds:.1f} s)"
        put(f"<small>{escape(visible(said))}</small>", self._place)

    def _html(self) -> str:
        shown = human_bytes if self._unit == BYTES else "{:,}".format
        of = "" if self._total is None else f" of {shown(self._total)}"
        unit = "" if self._unit == BYTES else f" {self._unit}"
        value = f' value="{self._done}" max="{max(self._total, 1)}"' if self._total is not None else ""
        text = escape(visible(f"{self._name} {shown(self._done)}{of}{unit}"))
        return f"<progress{value}></progress> <small>{text}</small>"


class NotebookProgress:
    """One bar per piece of work in the cell that runs, and a line in its place when it ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "", *, done: int = 0) -> Iterator[Task]:
        """Show a bar while the block runs."""
        bar = _NotebookTask(name, total, unit, done, self._clock)
        try:
            yield bar
        except BaseException:
            bar.end("stopped")
            raise
        bar.end(_DONE)

    def note(self, message: str) -> None:
        """Show the message."""
        put(f"<small>{escape(visible(message))}</small>")


class FittingProgress:
    """Bars in a notebook and on a terminal, silence elsewhere; which it is, is found out when work begins."""

    def __init__(self) -> None:
        self._bars: RichProgress | None = None

    def __repr__(self) -> str:
        return "FITTING"

    def task(
        self, name: str, total: int | None = None, unit: str = "", *, done: int = 0
    ) -> AbstractContextManager[Task]:
        """Show a bar where somebody looks."""
        return self._fitting().task(name, total, unit, done=done)

    def note(self, message: str) -> None:
        """Show the message where somebody looks."""
        self._fitting().note(message)

    def _fitting(self) -> Progress:
        if in_notebook():
            return NotebookProgress()
        if not sys.stderr.isatty():
            return SILENT
        if self._bars is None:
            self._bars = RichProgress()
        return self._bars


FITTING: Final[Progress] = FittingProgress()
