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

While no worker is there, `squeue` is asked whether any of the jobs is left: jobs that end at once (no such Python, no
memory) would otherwise be waited for as long as jobs in the queue are.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from distributed.core import Status
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
#: Seconds until SLURM is asked for its queue; each time twice as many, up to the second number.
_ASKING: Final = (2.0, 60.0)
#: Seconds in which it has to answer.
_ANSWERING: Final = 60.0
#: What is decided here.
_OURS: Final = frozenset({"security", "protocol", "processes", "job_cpu", "n_workers", "asynchronous", "loop"})


class _Jobs:
    """Jobs, and the scheduler that they belong to."""

    def __init__(self, cluster: Any, security: Security, seconds: float, file: Path, numbers: dict[str, str]) -> None:
        self._cluster, self.security, self.seconds = cluster, security, seconds
        self.awaited = "the first job, which waits in the queue (limit: waiting_seconds)"
        self._file, self._numbers = file, numbers
        self._pause = _ASKING[0]
        self._next = time.monotonic() + self._pause

    def address(self) -> str:
        """Of the scheduler."""
        return str(self._cluster.scheduler_address)

    def ended(self) -> str | None:
        """That no job is left in the queue, and where the last one wrote; None if some are, or SLURM does not say."""
        if time.monotonic() < self._next:
            return None
        queue = _queue()
        self._pause = min(2 * self._pause, _ASKING[1])
        self._next = time.monotonic() + self._pause
        if queue is None or queue & self._numbers.keys():
            return None
        number, log = list(self._numbers.items())[-1]
        return (
            f"{self._file}: no worker is there and no job is left in the queue ({len(self._numbers)} submitted); what "
            f"job {number} said is in {log}"
        )


def _queue() -> set[str] | None:
    """Numbers of the user's jobs that wait, run or are about to end; None if SLURM does not say."""
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%A"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWERING, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())


def _submitted(cluster: Any, jobs: int, file: Path, progress: Progress) -> dict[str, str]:
    """Submit jobs; their numbers, and the file to which each writes.

    Raises:
        BuildError: SLURM takes none of them.
    """
    while len(cluster.worker_spec) < jobs:
        cluster.worker_spec.update(cluster.new_worker_spec())
    refused = ""
    try:
        cluster.sync(cluster._correct_state)  # as `scale` does, which tells nobody what SLURM said
    except (OSError, RuntimeError, ValueError) as error:
        refused = " ".join(str(error).rpartition("stderr:")[2].split())
    taken = [job for job in cluster.workers.values() if job.job_id]
    if not taken:
        raise BuildError(f"{file}: SLURM takes no job ({refused})")
    if refused:
        progress.note(f"{file}: SLURM takes {len(taken)} of {jobs} jobs ({refused})")
    return {job.job_id: _log(job) for job in taken}


def _log(job: Any) -> str:
    """The file that takes what a job says: where the user wants it, or where SLURM puts it."""
    name = f"slurm-{job.job_id}.out" if job.log_directory is None else f"{job.job_name or 'worker'}-{job.job_id}.err"
    for directive in job.job_extra_directives:
        option, _, value = directive.replace("=", " ", 1).partition(" ")
        if option in ("-o", "--output", "-e", "--error"):
            name = value.strip().replace("%j", job.job_id).replace("%J", job.job_id)
    return str(Path(job.log_directory or "").absolute() / name)


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
                numbers = _submitted(cluster, jobs, file, progress)
                progress.note(f"{file}: {len(numbers)} jobs submitted; waiting for the first")
                yield _Jobs(cluster, security, waiting, file, numbers)
            finally:
                for job in list(cluster._created):  # one that was refused, or is lost, is no fault of the cluster's end
                    job.status = Status.closing


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
