"""Ending queries at their deadline from another thread.

SQLite's progress handler counts instructions, and one instruction may be a slow built-in function on long texts: a few
thousand of them can take many seconds. An interrupt is seen before the next row, whatever a row costs. One
thread serves all connections of the process; it looks twenty times a second while queries come in and sleeps
otherwise, so that a short query pays two uncontended locks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Deadline"]

#: Seconds between two looks.
PERIOD = 0.05

#: Looks without any query before the thread goes to sleep.
IDLE_LOOKS = 100

_lock = threading.Lock()
_awake = threading.Event()
_deadlines: set[Deadline] = set()
_thread: threading.Thread | None = None


class Deadline:
    """The deadline of one connection's current query.

    Args:
        interrupt: Ends the query; called from another thread.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._at: float | None = None
        self.passed = False

    def start(self, at: float) -> None:
        """A query begins that is to end at `at` by `time.monotonic`."""
        with _lock:
            self.passed = False
            self._at = at
            _deadlines.add(self)
        if not _awake.is_set():
            _wake()

    def stop(self) -> None:
        """The query has ended."""
        with _lock:
            self._at = None
            _deadlines.discard(self)

    def look(self, now: float) -> None:
        """End the query if it is time; the lock is held, so it cannot be the next one."""
        if self._at is not None and now > self._at:
            self.passed = True
            self._interrupt()


def _wake() -> None:
    global _thread
    _awake.set()
    with _lock:
        if _thread is None or not _thread.is_alive():  # not alive: this process was forked
            _thread = threading.Thread(target=_watch, name="ehrxqa-deadlines", daemon=True)
            _thread.start()


def _watch() -> None:
    idle = 0
    while True:
        _awake.wait()
        time.sleep(PERIOD)
        with _lock:
            now = time.monotonic()
            for deadline in _deadlines:
                deadline.look(now)
            idle = 0 if _deadlines else idle + 1
            if idle > IDLE_LOOKS:
                _awake.clear()
                idle = 0
