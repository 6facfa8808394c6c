"""What a worker process does with a query, and what is said of a query that ended its worker.

Each worker opens the database and the model once and takes a few queries at a time; there is one of them until it has
been at work for a second, since most files of queries are done before another is ready. Limits end a query from
within; a worker that is stuck in a single model call or built-in function past them is killed, and the query's outcome
is a timeout. A worker that dies takes only its query with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final

from ehrxqa.errors import EhrxqaError
from ehrxqa.neuralsql.result import Outcome
from ehrxqa.neuralsql.setup import Setup, open_engine
from ehrxqa.runs.pool import Lost, Pool

if TYPE_CHECKING:
    from ehrxqa.neuralsql.engine import Engine
    from ehrxqa.vqa.models import VqaModel

__all__ = ["WorkerPool"]

#: Seconds past its limit after which a query is ended from outside, at the least.
GRACE_SECONDS: Final = 10.0

#: Queries that go to a worker in one message, and seconds after which it answers with what is done.
TOGETHER: Final = 16
MOST_SECONDS: Final = 0.5

#: Seconds that one worker is at work before others are started: about what starting one takes.
ALONE_SECONDS: Final = 1.0


class WorkerPool:
    """Worker processes for one setup; they are used for one query too, since any may have to be ended.

    Args:
        setup: What each worker opens.
        count: How many.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        self._seconds, self._count = setup.limits.seconds, count
        self._patience = self._seconds + max(GRACE_SECONDS, self._seconds)
        self._pool = Pool(count, opened=partial(open_engine, setup), alone=False, others_after=ALONE_SECONDS)

    def model(self) -> tuple[str, str]:
        """Name and version of the model, once the first worker has opened it.

        Raises:
            EhrxqaError: The database or the model cannot be opened.
        """
        return next(self._pool.map(_model_of, [None]))

    def run(self, queries: Sequence[str | None]) -> Iterator[tuple[int, Outcome]]:
        """The outcome of each query with its number, in the order in which they end.

        Several queries go in one message, since most take less time than a message. Those that a worker does not get
        to, or that it was lost with, go again one by one.
        """
        size = max(1, min(TOGETHER, len(queries) // (2 * self._count)))
        numbers = range(len(queries))
        again: list[int] = []
        for some, outcomes in self._chunks(queries, [numbers[at : at + size] for at in numbers[::size]]):
            if isinstance(outcomes, Lost) and len(some) > 1:
                again += some
                continue
            if isinstance(outcomes, Lost):
                outcomes = [self._lost(outcomes)]
            again += some[len(outcomes) :]
            yield from zip(some, outcomes, strict=False)
        for (number,), outcomes in self._chunks(queries, [[number] for number in again]):
            yield number, self._lost(outcomes) if isinstance(outcomes, Lost) else outcomes[0]

    def _chunks(
        self, queries: Sequence[str | None], chunks: Sequence[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], list[Outcome] | Lost]]:
        tasks = [[queries[number] for number in some] for some in chunks]
        for place, outcomes in self._pool.as_ended(_outcomes_of, tasks, patience=self._patience + MOST_SECONDS):
            yield chunks[place], outcomes

    def _lost(self, lost: Lost) -> Outcome:
        if lost.late:
            text = f"the query takes longer than {self._seconds:g} seconds"
            return Outcome("timeout", None, text, 0, lost.seconds)
        text = "the worker process ended unexpectedly (killed, or out of memory?)"
        return Outcome("error", None, text, 0, lost.seconds)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)


def _model_of(opened: tuple[Engine, VqaModel], _: None) -> tuple[str, str]:
    model = opened[1]
    return model.name, model.version


def _outcomes_of(opened: tuple[Engine, VqaModel], queries: Sequence[str | None]) -> list[Outcome]:
    """The outcomes of as many queries as are done before the time for a message is over, at least of one."""
    until = time.monotonic() + MOST_SECONDS
    outcomes: list[Outcome] = []
    for query in queries:
        outcomes.append(_outcome_of(opened, query))
        if time.monotonic() > until:
            break
    return outcomes


def _outcome_of(opened: tuple[Engine, VqaModel], query: str | None) -> Outcome:
    if query is None:
        return Outcome("abstained", None, "the query is null", 0, 0.0)
    try:
        return opened[0].outcome(query)
    except EhrxqaError:
        raise  # not a fault of the query: the database, model or cache is broken
    except Exception as error:
        return Outcome("error", None, f"unexpected {type(error).__name__} (a fault of ours)", 0, 0.0)
