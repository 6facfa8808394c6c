"""Workers that live as long as a run: each reads the facts of a database once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
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
            self._executor = ProcessPoolExecutor(self._workers, mp_context=multiprocessing.get_context("spawn"))
        try:
            yield from self._executor.map(function, tasks)
        except BrokenProcessPool as error:
            raise BuildError("a worker process was killed (out of memory?); try again with fewer --workers") from error

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=error is None, cancel_futures=True)
