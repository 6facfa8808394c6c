"""Jobs of SLURM as workers: `--cluster slurm:FILE`, by way of dask-jobqueue.

The file is TOML. `jobs` is their number; all other keys go to `dask_jobqueue.SLURMCluster` as they are::

    jobs = 8
    queue = "gpu"                               # the partition
    account = "radiology"
    cores = 4                                   # of a job, for one worker
    memory = "32GB"
    walltime = "08:00:00"
    interface = "ib0"                           # of this machine, where the scheduler listens
    job_extra_directives = ["--gres=gpu:1"]
    worker_extra_args = ["--resources", "GPU=1"]
    job_script_prologue = ["module load python"]
    waiting_seconds = 7200                      # that the first job may wait in the queue; default: a day

The scheduler lives in the command. Each job is one worker with one thread. All of them speak TLS with a certificate of
this run, which lies in `shared_temp_directory` (default: `~/.ehrxqa`) for as long as the command runs, readable by its
owner alone.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from distributed.security import Security

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.progress import Progress
from ehrxqa.runs.dask_nodes import SLOW_NODES, TLS_PARTS

__all__ = ["slurm_nodes"]

#: Seconds that the first job may wait in the queue, if the file does not say.
_WAITING: Final = 86_400.0
#: Seconds in which a job that runs has to find the scheduler, if the file does not say.
_JOINING: Final = 1_800
#: Results are small, nothing of them is written to the disks of nodes; and a slow node is not a lost one.
_PROLOGUE: Final = (
    *(f"export DASK_DISTRIBUTED__WORKER__MEMORY__{name}=False" for name in ("TARGET", "SPILL", "PAUSE")),
    *(
        f"export DASK_{name.upper().replace('.', '__').replace('-', '_')}='{value}'"
        for name, value in SLOW_NODES.items()
    ),
)
#: What is decided here.
_OURS: Final = frozenset({"security", "protocol", "processes", "job_cpu", "n_workers", "asynchronous", "loop"})


class _Jobs:
    """Jobs, and the scheduler that they belong to."""

    def __init__(self, cluster: Any, security: Security, seconds: float, awaited: str) -> None:
        self._cluster, self.security, self.seconds, self.awaited = cluster, security, seconds, awaited

    def address(self) -> str:
        """Of the scheduler."""
        return str(self._cluster.scheduler_address)


@contextmanager
def slurm_nodes(file: Path, progress: Progress) -> Iterator[_Jobs]:
    """Jobs of SLURM, for as long as the block runs.

    Raises:
        SettingsError: The file makes no sense.
        BuildError: SLURM takes no jobs.
    """
    settings = _read(file)
    jobs, waiting = settings.pop("jobs"), settings.pop("waiting_seconds", _WAITING)
    processors, prologue = settings.pop("cores", 1), settings.pop("job_script_prologue", [])
    shared = Path(settings.pop("shared_temp_directory", "~/.ehrxqa")).expanduser()
    shared.mkdir(mode=0o700, parents=True, exist_ok=True)
    import dask
    from dask_jobqueue.slurm import SLURMCluster

    with (
        tempfile.TemporaryDirectory(prefix="cluster-", dir=shared) as certificates,
        dask.config.set(SLOW_NODES),
    ):
        security = _in_files(Security.temporary(), Path(certificates))
        try:
            scheduler: dict[str, Any] = settings.pop("scheduler_options", {})
            cluster = SLURMCluster(
                **{"death_timeout": _JOINING} | settings,
                cores=1,
                job_cpu=processors,
                processes=1,
                job_script_prologue=[*_PROLOGUE, *prologue],
                n_workers=0,
                security=security,
                protocol="tls://",
                scheduler_options={"dashboard_address": "127.0.0.1:0", **scheduler},
            )
        except (TypeError, ValueError, RuntimeError) as error:
            raise SettingsError(f"{file}: {error}") from error
        with cluster:
            try:
                cluster.scale(jobs=jobs)
            except (OSError, RuntimeError) as error:
                raise BuildError(f"{file}: SLURM takes no jobs ({error})") from error
            progress.note(f"{file}: {jobs} jobs submitted; waiting for the first")
            yield _Jobs(cluster, security, waiting, "the first job, which waits in the queue (limit: waiting_seconds)")


def _in_files(made: Security, folder: Path) -> Security:
    """The same certificates as files that their owner alone can read: what jobs can be told of."""
    paths = {name: folder / f"{name}.pem" for name in TLS_PARTS}
    for name, path in paths.items():
        path.touch(0o600)
        path.write_text(getattr(made, name))
    return Security(require_encryption=True, **{name: str(path) for name, path in paths.items()})


def _read(file: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: is no TOML file that can be read ({error})") from error
    jobs = settings.get("jobs")
    if not isinstance(jobs, int) or jobs < 1:
        raise SettingsError(f"{file}: jobs must be a number, at least 1")
    waiting = settings.get("waiting_seconds", _WAITING)
    if isinstance(waiting, bool) or not isinstance(waiting, int | float) or waiting <= 0:
        raise SettingsError(f"{file}: waiting_seconds must be a number of seconds")
    if ours := sorted(_OURS & settings.keys()):
        raise SettingsError(f"{file}: {ours[0]} cannot be chosen")
    return settings
