"""Where the nodes of a cluster come from: they run already, are started on this machine, or are jobs of SLURM.

The cluster of this machine is one process with Dask's scheduler and nannies, and the workers that these start. All of
it listens on 127.0.0.1, speaks TLS with a certificate that only its processes have, so that other users of the machine
cannot join, and ends with the command, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from distributed import LocalCluster
from distributed.security import Security

from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.progress import Progress
from ehrxqa.runs.cluster import LOCAL, SLURM, Cluster
from ehrxqa.runs.worker import die_with

__all__ = ["SLOW_NODES", "TLS_PARTS", "Nodes", "nodes_of", "serve"]

_HOST: Final = "127.0.0.1"
#: What a `Security` holds of certificates.
TLS_PARTS: Final = (
    "tls_ca_file",
    *(f"tls_{role}_{part}" for role in ("client", "scheduler", "worker") for part in ("cert", "key")),
)
#: Starts the process of the nodes with the paths on which this process finds modules.
_START: Final = (
    "import sys; _, lifeline, *sys.path = sys.argv; from ehrxqa.runs.dask_nodes import serve; serve(int(lifeline))"
)
#: Seconds until the nodes of this machine are there, and until they are gone: it may have far more to do than it can.
_STARTING: Final = 600.0
_ENDING: Final = 60.0
#: Settings of Dask for nodes that we start: one that is slow is not one that is lost. A process that has ended is seen
#: at once, whatever these say.
SLOW_NODES: Final = {
    "distributed.comm.timeouts.connect": "5 minutes",
    "distributed.comm.timeouts.tcp": "5 minutes",
    "distributed.scheduler.worker-ttl": "30 minutes",
}
#: Results are small, and nothing of them goes to a disk.
_NOTHING_ON_DISK: Final = {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")}


class Nodes(Protocol):
    """A cluster to connect to.

    Attributes:
        security: What its processes are known by.
        seconds: How long its first worker may take to come.
        awaited: What is waited for until then, in words.
    """

    security: Security
    seconds: float
    awaited: str

    def address(self) -> str:
        """Of its scheduler, which is started if need be."""
        ...

    def ended(self) -> str | None:
        """Why no worker will come any more, if that is known; asked only while none is there."""
        ...


@contextmanager
def nodes_of(cluster: Cluster, workers: int | None, progress: Progress) -> Iterator[Nodes]:
    """The nodes of a cluster, for as long as the block runs.

    Raises:
        SettingsError: Certificates are missing, or the file of SLURM makes no sense.
        BuildError: They cannot be started.
    """
    if cluster.address == LOCAL:
        nodes = _OfThisMachine(workers or os.cpu_count() or 1)
        try:
            yield nodes
        finally:
            nodes.end()
    elif cluster.address.startswith(SLURM):
        from ehrxqa.runs.dask_slurm import slurm_nodes

        with slurm_nodes(Path(cluster.address.removeprefix(SLURM)), progress) as jobs:
            yield jobs
    else:
        yield _Running(cluster.address)


class _Running:
    """Nodes that somebody has started."""

    def __init__(self, address: str) -> None:
        self._address, self.seconds, self.awaited = address, 0.0, "a worker; start some"
        encrypted = address.startswith("tls://")
        self.security = Security(require_encryption=encrypted)
        lacking = [name for name in ("tls_ca_file", "tls_client_cert") if not getattr(self.security, name)]
        if encrypted and lacking:
            raise SettingsError(
                f"{address}: Dask's settings name no certificates ({' and '.join(lacking)}); set "
                "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY, or "
                "~/.config/dask/distributed.yaml"
            )

    def address(self) -> str:
        """Of the scheduler."""
        return self._address

    def ended(self) -> str | None:
        """Others know."""
        return None


class _OfThisMachine:
    """Nodes that are started here, and again if they are lost."""

    def __init__(self, workers: int) -> None:
        self._workers, self.seconds, self.awaited = workers, _STARTING, "the workers of this machine to start"
        self.security = Security.temporary()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    def address(self) -> str:
        """Of the scheduler, which is started if it does not run.

        Raises:
            BuildError: It cannot be started.
        """
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._start()
        return self._address

    def ended(self) -> str | None:
        """Workers that end are started again, and a scheduler that ends is one that is lost."""
        return None

    def _start(self) -> None:
        lifeline, self._lifeline = os.pipe()
        # as for workers of the pool: no Ctrl-C before they can look the other way
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(lifeline), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(lifeline,),
            )
        except OSError as error:
            os.close(self._lifeline)
            raise BuildError(f"a cluster cannot be started here ({error.strerror})") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            os.close(lifeline)
        told = {"workers": self._workers, "security": {name: getattr(self.security, name) for name in TLS_PARTS}}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()
        self._address = self._process.stdout.readline().decode().strip()
        if not self._address:
            self.end()
            raise BuildError("the cluster of this machine ended before it was ready; see what it said above")

    def end(self) -> None:
        """End all nodes."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()  # of its standard input: the sign to end
        try:
            process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(OSError):
            os.close(self._lifeline)


def serve(lifeline: int) -> None:
    """The life of the process with the nodes: until its standard input ends, or the command does."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    die_with(lifeline)
    told: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    to_parent = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else goes to the line on which the address is told
    import dask

    with (
        tempfile.TemporaryDirectory(prefix="ehrxqa-cluster-") as scratch,
        dask.config.set(SLOW_NODES | _NOTHING_ON_DISK),
        LocalCluster(
            n_workers=told["workers"],
            threads_per_worker=1,
            processes=True,
            host=_HOST,
            protocol="tls://",
            security=Security(require_encryption=True, **told["security"]),
            dashboard_address=f"{_HOST}:0",
            worker_dashboard_address=None,
            memory_limit=0,
            local_directory=scratch,
            silence_logs=50,
        ) as cluster,
    ):
        print(cluster.scheduler_address, file=to_parent, flush=True)
        sys.stdin.buffer.read()
