"""Long work as shards: one `map` for this process, processes of this machine, and a cluster.

::

    with shard_pool(workers, cluster, opened=partial(open_model, spec), needs=[database]) as pool:
        for answers in pool.map(answers_of, shards):  # in the order of shards, each as soon as it is there
            journal.add(answers)

A shard is a pure function of files and parameters: it may be done twice, anywhere, and gives the same. What came of it
is kept by whoever maps, in its own journal or file, so that a killed command goes on behind it; what is lost are the
shards that were under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from ehrxqa.errors import SettingsError
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import LOCAL, Cluster
from ehrxqa.runs.pool import Pool

__all__ = ["ShardPool", "require_same", "shard_pool", "shared_nodes"]

_R = TypeVar("_R")


class ShardPool(Protocol):
    """Who does shards."""

    @property
    def count(self) -> int:
        """How many are done at a time."""
        ...

    def map(self, function: Callable[..., _R], tasks: Iterable[Any], *, ahead: int | None = None) -> Iterator[_R]:
        """Results in the order of tasks; work begins at once, not when the first is taken.

        Args:
            function: Called with a task, behind what was opened; of a module, as are its tasks.
            tasks: Taken as they are needed.
            ahead: Tasks that may be begun before the result of the first is taken, where results are large.

        Raises:
            BuildError: A worker was killed; on a cluster, the same shard has killed several, or no worker is left.
            Exception: Whatever the function raises.
        """
        ...

    def __enter__(self) -> ShardPool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def shard_pool(
    workers: int | None = None,
    cluster: Cluster | None = None,
    *,
    opened: Callable[[], AbstractContextManager[Any]] | None = None,
    needs: Sequence[Path] = (),
    gpu: bool = False,
    each: int | None = None,
    progress: Progress = SILENT,
) -> ShardPool:
    """This process (one worker), processes of this machine, or the workers of a cluster.

    Args:
        workers: How many (default: number of processors); of a cluster, only `local` can be told.
        cluster: The cluster, if there is one.
        opened: Makes a context that each worker enters before its first task and leaves at the end. What it gives is
            then the first argument of every function.
        needs: Files that each worker of a cluster must have as they are here, and folders that must be there.
        gpu: Whether the work is for workers with the resource GPU, if the cluster has any.
        each: Shards under way for each worker of a cluster, where they are costly to repeat; by default four.
        progress: Told what happens to a cluster.

    Raises:
        SettingsError: A number of workers is asked of a cluster that has its own.
    """
    if cluster is None:
        return Pool(workers, opened=opened)
    if workers is not None and cluster.address != LOCAL:
        raise SettingsError(f"{cluster.address}: has workers of its own; --workers is for this machine")
    from ehrxqa.runs.dask_pool import DaskPool  # the extra

    return DaskPool(cluster, workers, opened=opened, needs=needs, gpu=gpu, each=each, progress=progress)


@contextmanager
def shared_nodes(
    cluster: Cluster | None, workers: int | None = None, progress: Progress = SILENT
) -> Iterator[Cluster | None]:
    """A cluster for several pools of one command: what is started for it is started once.

    Args:
        cluster: The cluster, if there is one.
        workers: How many, of `local`.
        progress: Told what happens.
    """
    if cluster is None:
        yield None
        return
    from ehrxqa.runs.dask_pool import started_nodes  # the extra

    with started_nodes(cluster, workers, progress) as nodes:
        yield replace(cluster, nodes=nodes)


def require_same(files: Iterable[tuple[Path, int]]) -> None:
    """Refuse a worker that lacks a file of a shard, or has another one.

    Args:
        files: Files with their bytes.

    Raises:
        SettingsError: Names the file; on a cluster, `runs.dask_worker` names the worker.
    """
    for path, size in files:
        try:
            found = path.stat().st_size
        except OSError as error:
            raise SettingsError(f"{path} is missing ({error.strerror}); see --on-workers") from error
        if found != size:
            raise SettingsError(f"{path} is another file than here: {found:,} bytes, not {size:,}; see --on-workers")
