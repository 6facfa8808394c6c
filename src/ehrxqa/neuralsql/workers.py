"""Worker processes that run queries, and end with the query that will not end.

Each worker opens the database and the model once and takes one query at a time. Limits end a query from within;
a worker that is stuck in a single model call or built-in function past them is killed, and the query's
outcome is a timeout. A worker that dies takes only its query with it.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from ehrxqa.errors import EhrxqaError, NeuralSqlError
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.result import Outcome
from ehrxqa.neuralsql.setup import Setup, open_engine

__all__ = ["WorkerPool"]

#: Seconds past its limit after which a query is ended from outside, at the least.
GRACE_SECONDS = 10.0

_DIED = "the worker process ended unexpectedly (killed, or out of memory)"


def _work(setup: Setup, pipe: Connection) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    try:
        with open_engine(setup) as (engine, model):
            pipe.send(("ready", (model.name, model.version)))
            while True:
                pipe.send(("outcome", _outcome(engine, pipe.recv())))
    except EhrxqaError as error:  # not a query's fault: the database, model or cache is broken
        pipe.send(("failed", (type(error), str(error))))
    except (EOFError, BrokenPipeError):  # the parent has gone
        return


def _outcome(engine: Engine, query: str | None) -> Outcome:
    if query is None:
        return Outcome("abstained", None, "the query is null", 0, 0.0)
    try:
        return engine.outcome(query)
    except EhrxqaError:
        raise
    except Exception as error:
        return Outcome("error", None, f"unexpected {type(error).__name__} (a fault of ours)", 0, 0.0)


class _Worker:
    """One process and what it is doing."""

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(setup, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False
        self.task: int | None = None
        self.since = 0.0

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerPool:
    """Worker processes for one setup.

    Args:
        setup: What each worker opens.
        count: How many.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        self._setup = setup
        self._patience = setup.limits.seconds + max(GRACE_SECONDS, setup.limits.seconds)
        self._workers = [_Worker(setup) for _ in range(count)]

    def model(self) -> tuple[str, str]:
        """Name and version of the model, once the first worker has opened it.

        Raises:
            EhrxqaError: The database or the model cannot be opened.
        """
        worker = self._workers[0]
        try:
            name, version = self._message(worker, worker.pipe.recv())[1]
        except (EOFError, OSError):
            raise NeuralSqlError(_DIED) from None
        return str(name), str(version)

    def _message(self, worker: _Worker, message: tuple[str, Any]) -> tuple[str, Any]:
        kind, content = message
        if kind == "failed":
            error_type, text = content
            raise _remade(error_type, text)
        worker.ready = worker.ready or kind == "ready"
        return message

    def run(self, queries: Sequence[str | None]) -> Iterator[tuple[int, Outcome]]:
        """The outcome of each query with its number, in the order in which they end."""
        waiting = iter(range(len(queries)))
        left = len(queries)
        while left:
            for worker in self._workers:
                if worker.ready and worker.task is None:
                    worker.task = next(waiting, None)
                    if worker.task is not None:
                        worker.since = time.monotonic()
                        worker.pipe.send(queries[worker.task])
            wait([worker.pipe for worker in self._workers if worker.task is not None or not worker.ready], timeout=0.5)
            for place, worker in enumerate(self._workers):
                for number, outcome in self._look_at(place, worker):
                    left -= 1
                    yield number, outcome

    def _look_at(self, place: int, worker: _Worker) -> Iterator[tuple[int, Outcome]]:
        """What a worker has to say, or what is to be said of it."""
        task = worker.task
        spent = time.monotonic() - worker.since
        try:
            if worker.pipe.poll():
                kind, content = self._message(worker, worker.pipe.recv())
                if kind == "outcome" and task is not None:
                    worker.task = None
                    yield task, content
                return
        except (EOFError, OSError):
            if task is None:
                raise NeuralSqlError(_DIED) from None
            outcome = Outcome("error", None, _DIED, 0, spent)
        else:
            if task is None or spent <= self._patience:
                return
            seconds = self._setup.limits.seconds
            outcome = Outcome("timeout", None, f"the query takes longer than {seconds:g} seconds", 0, spent)
        worker.end()
        self._workers[place] = _Worker(self._setup)
        assert task is not None
        yield task, outcome

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _remade(error_type: type[EhrxqaError], text: str) -> EhrxqaError:
    """The worker's error with its message, which is complete already."""
    error = error_type.__new__(error_type)
    error.args = (text,)
    return error
