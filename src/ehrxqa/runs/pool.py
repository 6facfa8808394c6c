"""Worker processes: one pool for every command, and one rule for all that can happen to them.

::

    with Pool(workers) as pool:
        for result in pool.map(function, tasks):  # in the order of tasks, each as soon as it is there
            ...

    with Pool(workers, opened=partial(open_engine, setup)) as pool:  # each worker opens it once: function(engine, task)
        for number, result in pool.as_ended(outcome_of, queries, patience=40):
            ...

- `function` and `tasks` are pickled, so both belong to a module, not to the script that is run: workers start from
  `runs.worker` and never import the script again, which therefore needs no `if __name__ == "__main__":`.
- A worker that is killed ends a `map` with one `BuildError`; in `as_ended` it takes only its task with it.
- Ctrl-C, SIGTERM and any other error of the parent end all workers at once; they do not see these signals themselves,
  also while they start. A parent that is killed without a word takes its workers with it.
- With one worker the work is done in this process, unless `alone=False`.

What tasks give must not depend on the number of workers.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, TypeVar

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.runs.sending import received

__all__ = ["Lost", "Pool"]

_R = TypeVar("_R")

#: Seconds that idle workers have to close what they opened.
_CLOSING_SECONDS: Final = 10.0
#: Seconds that a poll can be told to wait for.
_LONGEST_WAIT: Final = 20 * 86_400.0
#: Starts a worker with the paths on which this process finds modules.
_START: Final = (
    "import sys; _, connection, lifeline, *sys.path = sys.argv; "
    "from ehrxqa.runs.worker import work; work(int(connection), int(lifeline))"
)


@dataclass(frozen=True, slots=True)
class Lost:
    """What comes of a task whose worker had to be given up.

    Attributes:
        late: Whether it was ended because it took too long; else it was killed by someone else, or is out of memory.
        seconds: How long it was at work.
    """

    late: bool
    seconds: float


class _GaveUp(Exception):  # noqa: N818 - not an error of ours
    def __init__(self, lost: Lost) -> None:
        self.lost = lost


class Pool:
    """Worker processes, each started when there is a task for it.

    Args:
        workers: How many (default: number of processors).
        opened: Makes a context that each worker enters before its first task and leaves at the end. What it gives is
            then the first argument of every function.
        alone: Whether one worker means no worker: the work is done in this process.
        others_after: Seconds that the first worker is at work before others are started, where all may be done before
            they are ready.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        opened: Callable[[], AbstractContextManager[Any]] | None = None,
        alone: bool = True,
        others_after: float = 0.0,
    ) -> None:
        #: How many at the most.
        self.count = workers or os.cpu_count() or 1
        self._opened = opened
        self._here: tuple[Any, ...] | None = None
        self._stack = ExitStack()
        self._threads = None if alone and self.count == 1 else ThreadPoolExecutor(self.count, "ehrxqa-worker")
        self._lock = threading.Condition()
        self._others_after, self._begun = others_after, 0.0
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._over = False

    def map(self, function: Callable[..., _R], tasks: Iterable[Any], *, ahead: int | None = None) -> Iterator[_R]:
        """Results in the order of tasks; work begins at once, not when the first is taken.

        Args:
            function: Called with a task, behind what was opened.
            tasks: Taken as they are needed.
            ahead: Tasks that may be begun before the result of the first is taken, where results are large.

        Raises:
            BuildError: A worker was killed.
            Exception: Whatever the function raises.
        """
        if self._threads is None:
            return (function(*self._opened_here(), task) for task in tasks)
        self._begun = time.monotonic()
        tasks = iter(tasks)
        waiting = deque(self._submit(function, task, None) for task in islice(tasks, ahead))
        return self._in_order(function, tasks, waiting)

    def _in_order(self, function: Callable[..., _R], tasks: Iterator[Any], waiting: deque[Future[_R]]) -> Iterator[_R]:
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(self._submit(function, task, None) for task in islice(tasks, 1))
                yield result
        except _GaveUp:
            raise BuildError("a worker process was killed (out of memory?); try again with fewer --workers") from None
        finally:
            for future in waiting:
                future.cancel()

    def as_ended(
        self, function: Callable[..., _R], tasks: Sequence[Any], *, patience: float | None = None
    ) -> Iterator[tuple[int, _R | Lost]]:
        """Results with the numbers of their tasks, in the order in which they end; `Lost` where there is none.

        Args:
            function: Called with a task, behind what was opened.
            tasks: Tasks.
            patience: Seconds after which a worker is killed and its task given up; it cannot be done in this process.

        Raises:
            BuildError: A worker was killed before it had opened what it was to open.
            Exception: Whatever the function raises.
        """
        if self._threads is None:
            for number, task in enumerate(tasks):
                yield number, function(*self._opened_here(), task)
            return
        self._begun = time.monotonic()
        numbers = {self._submit(function, task, patience): number for number, task in enumerate(tasks)}
        try:
            for future in as_completed(numbers):
                try:
                    result: _R | Lost = future.result()
                except _GaveUp as gone:
                    result = gone.lost
                yield numbers.pop(future), result
        finally:
            for future in numbers:
                future.cancel()

    def _opened_here(self) -> tuple[Any, ...]:
        if self._here is None:
            self._here = () if self._opened is None else (self._stack.enter_context(self._opened()),)
        return self._here

    def _submit(self, function: Callable[..., _R], task: Any, patience: float | None) -> Future[_R]:
        assert self._threads is not None
        return self._threads.submit(self._call, function, task, patience)

    def _call(self, function: Callable[..., _R], task: Any, patience: float | None) -> _R:
        """In a thread of its own: one task in one worker."""
        try:
            payload = pickle.dumps((function, task))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise SettingsError(f"cannot be sent to worker processes ({error}); use one worker") from error
        worker = self._take()
        try:
            result: _R = worker.call(payload, patience)
        finally:
            if worker.usable:
                with self._lock:
                    self._idle.append(worker)
                    self._lock.notify()
            else:
                with self._lock:
                    self._workers.discard(worker)
                    self._lock.notify()
                worker.kill()
                worker.wait()
        return result

    def _take(self) -> _Worker:
        with self._lock:
            while not self._idle and not self._over and len(self._workers) == 1 and (soon := self._seconds_alone()) > 0:
                self._lock.wait(soon)
            if self._over:
                raise _GaveUp(Lost(late=False, seconds=0.0))
            if self._idle:
                return self._idle.pop()
            worker = _Worker(self._opened)
            self._workers.add(worker)
            return worker

    def _seconds_alone(self) -> float:
        """For how long the first worker is still to be alone."""
        return self._begun + self._others_after - time.monotonic()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._threads is None:
            return
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._over = True
            self._lock.notify_all()
            workers, idle = list(self._workers), set(self._idle) if error is None else set()
        for worker in workers:
            if worker in idle:
                worker.close()
            else:
                worker.kill()
        until = time.monotonic() + _CLOSING_SECONDS
        for worker in workers:
            worker.wait(until - time.monotonic())
        self._threads.shutdown(wait=True)


class _Worker:
    """A process, and the line to it."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Any]] | None) -> None:
        ours, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        fds = (theirs.fileno(), lifeline)
        # The process inherits what is held back: it sees no Ctrl-C before it can look the other way.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, *map(str, fds), *sys.path], stdin=subprocess.DEVNULL, pass_fds=fds
            )
        except OSError as error:
            raise BuildError(f"a worker process cannot be started ({error.strerror}); try fewer --workers") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            theirs.close()
            os.close(lifeline)
        self._connection = Connection(ours.detach())
        self._open = False
        #: Whether it can be given a task.
        self.usable = True
        with suppress(OSError):  # it has died already: seen by whoever calls
            self._connection.send(opened)

    def call(self, payload: bytes, patience: float | None) -> Any:
        """What the function gives for a task.

        Raises:
            _GaveUp: The process died, or was too slow.
            BuildError: It died before it was ready.
            Exception: Whatever the function raises, or whatever is opened first.
        """
        if not self._open:  # however long it takes
            try:
                failed, value = self._receive()
            except (EOFError, OSError) as error:
                self.usable = False
                raise BuildError("a worker process ended before its first task (killed, or out of memory?)") from error
            if failed:
                self.usable = False
                raise value
            self._open = True
        since = time.monotonic()
        try:
            self._connection.send_bytes(payload)
            if not self._connection.poll(None if patience is None else min(patience, _LONGEST_WAIT)):
                raise EOFError
            failed, value = self._receive()
        except (EOFError, OSError) as error:
            self.usable = False
            seconds = time.monotonic() - since
            raise _GaveUp(Lost(patience is not None and seconds >= patience, seconds)) from error
        if failed:
            raise value
        return value

    def _receive(self) -> tuple[bool, Any]:
        return received(self._connection.recv_bytes())

    def close(self) -> None:
        """Let an idle process end by itself."""
        self._connection.close()

    def kill(self) -> None:
        """End the process; a thread that waits for it sees the end of the line."""
        self._process.kill()

    def wait(self, seconds: float = 0.0) -> None:
        """Wait for the end of the process, which is brought about if it takes longer."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            os.close(self._lifeline)
