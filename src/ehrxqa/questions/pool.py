"""Workers that live as long as a run: each reads the facts of a database once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TypeVar

from ehrxqa.errors import BuildError

__all__ = ["Pool"]

_T = TypeVar("_T")
_R = TypeVar("_R")


class Pool:
    """Worker processes, started when they are first needed.

    Args:
        workers: How many (default: number of processors); with one, the work is done in this process.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or os.cpu_count() or 1
        self._executor: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[_T], _R], tasks: Sequence[_T]) -> Iterator[_R]:
        """Results in the order of tasks.

        Raises:
            BuildError: A worker was killed.
        """
        if self._workers == 1 or not tasks:
            yield from map(function, tasks)
            return
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
            )
        try:
            with _held_back(signal.SIGINT):  # workers are started here
                results = self._executor.map(partial(_run, function), tasks)
            yield from results
        except BrokenProcessPool as error:
            raise BuildError(
                "a worker process ended: out of memory (try fewer --workers), or a script that starts work when it is "
                'imported (put it under: if __name__ == "__main__":)'
            ) from error

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=error is None, cancel_futures=True)


@contextmanager
def _held_back(sign: signal.Signals) -> Iterator[None]:
    """A signal waits; also in processes that are started meanwhile, for as long as they like."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [sign])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """What a worker process knows of Ctrl-C, which a terminal sends to it too."""

    busy = False
    interrupted = False


def _begin() -> None:
    """Let Ctrl-C end the task of a worker, but not the worker: it would not go without a word."""

    def stop(*_: object) -> None:
        _Worker.interrupted = True
        if _Worker.busy:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _run(function: Callable[[_T], _R], task: _T) -> _R:
    """A task in a worker; none is begun after Ctrl-C."""
    if _Worker.interrupted:
        raise KeyboardInterrupt
    _Worker.busy = True
    try:
        return function(task)
    finally:
        _Worker.busy = False
