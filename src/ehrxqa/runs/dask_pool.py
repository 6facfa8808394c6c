"""Shards on a Dask cluster: the same `map` as that of local processes; see `runs.shards`.

A worker that is lost takes no shard with it: Dask does it again elsewhere. So do we when the scheduler is lost, once it
is back, with its workers. What a command has taken is its own; no more than a few shards a worker are under way.
"""

from __future__ import annotations

import io
import logging
import pickle
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ehrxqa.errors import BuildError, EhrxqaError, SettingsError
from ehrxqa.net.endpoint import is_loopback
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.dask_worker import Report, Session, close, do, look, need, software, threads_fault
from ehrxqa.runs.sending import received
from ehrxqa.runs.waiting import Waiting

if TYPE_CHECKING:
    from distributed import Client, Future

    from ehrxqa.runs.dask_nodes import Nodes

__all__ = ["DaskPool", "started_nodes"]

_R = TypeVar("_R")

#: Shards that are sent out for each worker, and at the least.
_EACH: Final = 4
_LEAST: Final = 8
#: Seconds between looks at how many workers there are.
_LOOK: Final = 5.0
#: Seconds in which a scheduler that runs already has to answer for the first time.
_CONNECTING: Final = 60.0
#: Seconds of one try to connect.
_TRY: Final = 30.0
_CLOSING: Final = 5.0
#: Workers whose faults are told in full.
_TOLD: Final = 4


@dataclass(slots=True)
class _Sent:
    """A shard that is under way."""

    call: bytes
    future: Future[Any]


class DaskPool:
    """The workers of a cluster.

    Args:
        cluster: Which.
        workers: How many, of a cluster that is started for this.
        opened: Makes a context that each worker enters before its first task.
        needs: Files and folders that each worker must have.
        gpu: Whether to keep to workers with the resource GPU, if there are any.
        each: Shards that are sent out for each worker, if not as many as keep it busy with short ones.
        progress: Told what happens.
    """

    def __init__(
        self,
        cluster: Cluster,
        workers: int | None = None,
        *,
        opened: Callable[[], AbstractContextManager[Any]] | None = None,
        needs: Sequence[Path] = (),
        gpu: bool = False,
        each: int | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._cluster, self._workers, self._gpu, self._progress = cluster, workers, gpu, progress
        self._needs, self._opened, self._each = needs, opened, each
        self._stack = ExitStack()
        self._client: Client | None = None
        self._session = b""
        self._resources: dict[str, int] = {}
        self._looked = 0.0
        self._count = 1
        self._sent = 0

    @property
    def count(self) -> int:
        """Workers, when last looked at."""
        return self._count

    def __enter__(self) -> DaskPool:
        try:
            self._session = pickle.dumps(
                Session(
                    uuid.uuid4().hex,
                    software(),
                    tuple(need(path, self._cluster.there(path)) for path in self._needs),
                    self._pickled(self._opened),
                )
            )
            self._stack.enter_context(_quiet())
            self._nodes = self._stack.enter_context(started_nodes(self._cluster, self._workers, self._progress))
            self._connect(max(_CONNECTING, self._nodes.seconds))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if self._client is not None and error is None:
                with suppress(Exception):  # what is open is closed by the next command, too
                    self._client.run(close, self._session)
            self._disconnect()

    def map(self, function: Callable[..., _R], tasks: Iterable[Any], *, ahead: int | None = None) -> Iterator[_R]:
        """Results in the order of tasks; see `runs.shards.ShardPool`."""
        tasks = iter(tasks)
        waiting = deque(self._send(self._pickled((function, task))) for task in islice(tasks, self._width(ahead)))
        return self._in_order(function, tasks, waiting, ahead)

    def _in_order(
        self, function: Callable[..., _R], tasks: Iterator[Any], waiting: deque[_Sent], ahead: int | None
    ) -> Iterator[_R]:
        try:
            while waiting:
                is_failure, result = received(self._reply(waiting))
                waiting.popleft()
                if is_failure:
                    raise result
                more = islice(tasks, max(0, self._width(ahead) - len(waiting)))
                waiting.extend(self._send(self._pickled((function, task))) for task in more)
                yield result
        finally:
            if waiting and self._client is not None:
                with suppress(Exception):
                    self._client.cancel([each.future for each in waiting], force=True)

    def _width(self, ahead: int | None) -> int:
        """How many shards may be under way."""
        if ahead is not None:
            return ahead
        if time.monotonic() - self._looked > _LOOK and self._client is not None:
            with suppress(Exception):  # a lost scheduler is seen by whoever waits for a result
                self._count = max(1, len(self._client.nthreads()))
                self._looked = time.monotonic()
        return max(_LEAST, _EACH * self._count) if self._each is None else self._each * self._count

    def _send(self, call: bytes) -> _Sent:
        assert self._client is not None
        self._sent += 1
        key = f"ehrxqa-{uuid.uuid4().hex}"
        future = self._client.submit(
            do, self._session, call, key=key, pure=False, resources=self._resources or None, priority=-self._sent
        )
        return _Sent(call, future)

    def _reply(self, waiting: deque[_Sent]) -> bytes:
        """What came of the first that is under way, whatever becomes of workers and scheduler."""
        from distributed import KilledWorker

        alone: Waiting | None = None
        while True:
            try:
                reply: bytes = waiting[0].future.result(timeout=_LOOK)
                return reply
            except TimeoutError:
                alone = self._alone(alone)
            except KilledWorker as error:
                raise BuildError(
                    f"{self._cluster.address}: the same shard ended {error.allowed_failures + 1} workers, one after "
                    "the other (out of memory?); give workers more memory and run the same command again"
                ) from error
            except (ImportError, AttributeError) as error:
                raise SettingsError(f"{self._cluster.address}: a worker has no such ehrxqa ({error})") from error
            except EhrxqaError:
                raise
            except Exception as error:  # the connection is gone, in one of Dask's many words for it
                self._again(waiting, error)

    def _alone(self, waiting: Waiting | None) -> Waiting | None:
        """The waiting for a worker, if none is there.

        Raises:
            BuildError: It took too long, or none will come.
        """
        assert self._client is not None
        with suppress(Exception):
            if self._client.nthreads():
                return None
        waiting = waiting or self._waiting_for_workers()
        if reason := self._nodes.ended() or (waiting.failure() if waiting.over() else None):
            raise BuildError(f"{reason}; run the same command again, it goes on where it was")
        return waiting

    def _again(self, waiting: deque[_Sent], error: Exception) -> None:
        """Send again what was under way, once the scheduler is back."""
        self._progress.note(f"{self._cluster.address}: the scheduler is lost ({type(error).__name__}); waiting for it")
        self._disconnect()
        self._connect(self._cluster.patience)
        calls = [each.call for each in waiting]
        waiting.clear()
        waiting.extend(self._send(call) for call in calls)

    def _connect(self, seconds: float) -> None:
        """Have a scheduler, and look at all of its workers.

        Raises:
            BuildError: There is no scheduler, or it has no workers.
            SettingsError: Workers lack what they need.
        """
        from distributed import Client

        address, security = self._nodes.address(), self._nodes.security
        waiting = Waiting(self._cluster.address, "its scheduler to answer", seconds, self._progress)
        while self._client is None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # versions are compared below
                    self._client = Client(address, security=security, timeout=min(_TRY, seconds), set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                if waiting.over() or not isinstance(error, OSError | TimeoutError):
                    raise BuildError(
                        f"{self._cluster.address}: no Dask scheduler answers ({error}); see docs/scale.md, and run the "
                        "same command again: it goes on where it was"
                    ) from error
                waiting.pause()
        self._await_worker()
        self._require_private(address)
        self._check_workers()

    def _await_worker(self) -> None:
        """Have a first worker.

        Raises:
            BuildError: None came or will come, or the scheduler is gone.
        """
        assert self._client is not None
        waiting = self._waiting_for_workers()
        try:
            while not self._client.nthreads():
                if reason := self._nodes.ended() or (waiting.failure() if waiting.over() else None):
                    raise BuildError(reason)
                waiting.pause()
        except OSError as error:
            raise BuildError(f"{self._cluster.address}: the scheduler went before a worker came ({error})") from error

    def _waiting_for_workers(self) -> Waiting:
        seconds = max(self._cluster.patience, self._nodes.seconds)
        return Waiting(self._cluster.address, self._nodes.awaited, seconds, self._progress)

    def _require_private(self, address: str) -> None:
        """Refuse a scheduler that others can join, or look at, without a certificate."""
        from distributed.comm.addressing import get_address_host

        assert self._client is not None
        if address.startswith("tcp://"):
            info = self._client.scheduler_info()
            for each in (info["address"], *info["workers"]):
                if not is_loopback(get_address_host(each)):
                    raise SettingsError(
                        f"{self._cluster.address}: {each} can be reached from other machines, without TLS; start the "
                        "scheduler and its workers with --host 127.0.0.1, or use tls://"
                    )

        def hosts_of_pages(dask_scheduler: Any) -> list[str]:  # sent by value: a scheduler need not have ehrxqa
            return [each.getsockname()[0] for each in dask_scheduler.http_server._sockets.values()]

        for host in self._client.run_on_scheduler(hosts_of_pages):
            if not is_loopback(host):
                raise SettingsError(
                    f"{self._cluster.address}: the scheduler shows pages about its work to everyone ({host}); start it "
                    "with --dashboard-address 127.0.0.1:0 (--no-dashboard does not close them)"
                )

    def _check_workers(self) -> None:
        found = self._looked_at()
        faults = []
        for address, report in sorted(found.items()):
            if isinstance(report, ImportError | AttributeError):
                faults.append(f"worker {address}: has no such ehrxqa ({report})")
            elif isinstance(report, BaseException):
                faults.append(f"worker {address}: cannot be looked at ({type(report).__name__}: {report})")
            elif lacks := [*report.lacks, *threads_fault(report.threads)]:
                faults.append(f"worker {address}: {'; '.join(lacks)}")
        if faults:
            more = f"; and {len(faults) - _TOLD} more workers" if len(faults) > _TOLD else ""
            raise SettingsError(f"{'; '.join(faults[:_TOLD])}{more}")
        with_gpu = sum(isinstance(report, Report) and report.gpu for report in found.values())
        if self._gpu and with_gpu:
            self._resources = {"GPU": 1}
        self._count, self._looked = with_gpu if self._resources else len(found), time.monotonic()
        self._progress.note(f"{self._cluster.address}: {self._count} workers{' with GPU' if self._resources else ''}")

    def _looked_at(self) -> dict[str, Report | Exception]:
        """What each worker says of itself; a worker that is lost meanwhile says nothing, once Dask has seen that."""
        assert self._client is not None
        until = time.monotonic() + self._cluster.patience
        while True:
            found: dict[str, Report | Exception] = self._client.run(look, self._session, on_error="return")
            lost = any(isinstance(report, OSError) for report in found.values())
            if found and (not lost or time.monotonic() > until):
                return found
            if not found:  # the last one is lost
                self._await_worker()
            time.sleep(0.5)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close(timeout=_CLOSING)

    def _pickled(self, value: Any) -> bytes:
        """A value for a worker, with the paths as they are there.

        Raises:
            SettingsError: It cannot be sent.
        """
        stream = io.BytesIO()
        try:
            _Pickler(self._cluster, stream).dump(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise SettingsError(f"cannot be sent to workers ({error})") from error
        return stream.getvalue()


class _Pickler(pickle.Pickler):
    """Has each path become what it is on the workers."""

    def __init__(self, cluster: Cluster, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._cluster = cluster

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, PurePath):
            return Path, (self._cluster.there(Path(value)),)
        return NotImplemented


@contextmanager
def started_nodes(cluster: Cluster, workers: int | None, progress: Progress) -> Iterator[Nodes]:
    """The nodes of a cluster, started for this if need be.

    Raises:
        SettingsError: The extra is missing, or the cluster cannot be used as it is named.
        BuildError: They cannot be started.
    """
    if cluster.nodes is not None:
        yield cluster.nodes
        return
    try:
        from ehrxqa.runs.dask_nodes import nodes_of
    except ImportError as error:
        raise SettingsError(
            f'a cluster needs the extra "cluster": pip install "ehrxqa[cluster]" ({error.name} is missing)'
        ) from error
    with nodes_of(cluster, workers, progress) as nodes:
        yield nodes


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from telling in its own words what is told in ours."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado.application")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
