"""A bound on SQLite's memory while a query runs."""

from __future__ import annotations

import threading

import apsw

__all__ = ["MemoryBound"]

_lock = threading.Lock()
_running = 0
_previous = 0


class MemoryBound:
    """A context in which SQLite may allocate `allowance` bytes more than it holds now.

    SQLite keeps one such limit per process. When queries overlap in several threads the bound of the first
    one stands until the last one ends; what was set before then comes back.
    """

    __slots__ = ("_allowance",)

    def __init__(self, allowance: int) -> None:
        self._allowance = allowance

    def __enter__(self) -> None:
        global _running, _previous
        with _lock:
            if _running == 0:
                _previous = apsw.hard_heap_limit(apsw.memory_used() + self._allowance)
            _running += 1

    def __exit__(self, *_: object) -> None:
        global _running
        with _lock:
            _running -= 1
            if _running == 0:
                apsw.hard_heap_limit(_previous)
