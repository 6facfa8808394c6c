"""A scheduler and workers as separate processes on 127.0.0.1, which end with the tests, however these end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

HERE = Path(__file__).parent

#: Seconds that whatever is waited for may take: the machine of the tests may be ten times slower than it ever was.
SLOW = 300.0
#: Settings of Dask with which a slow node is not taken for one that is lost.
PATIENT = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5 minutes",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "5 minutes",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "30 minutes",
}


@cache
def _zygote() -> subprocess.Popen[bytes]:
    """The process that forks nodes; one for all tests."""
    lifeline, _ = os.pipe()  # its other end is closed when this process ends
    started = subprocess.Popen(
        [sys.executable, str(HERE / "cluster_zygote.py"), str(lifeline)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[lifeline],
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    os.close(lifeline)
    return started


class NodesUnderTest:
    """A cluster of which any process may be killed."""

    def __init__(self, folder: Path, *options: str, tls: Path | None = None, **variables: str) -> None:
        self.folder, self.tls, self._options, self._variables = folder, tls, options, variables
        folder.mkdir(parents=True, exist_ok=True)
        self.workers: list[psutil.Process] = []
        self._number = 0
        self.start_scheduler()

    def _start(self, what: str, *arguments: str, **variables: str) -> psutil.Process:
        self._number += 1
        tls = []
        if self.tls is not None:
            tls = [f"--tls-{part}={self.tls / part}.pem" for part in ("ca-file", "cert", "key")]
        told = {
            "command": [what, *arguments, *tls],
            "log": str(self.folder / f"{what}-{self._number}.log"),
            "folder": str(self.folder),
            "environment": {**os.environ, **PATIENT, **self._variables, **variables},
        }
        zygote = _zygote()
        zygote.stdin.write(json.dumps(told).encode() + b"\n")
        zygote.stdin.flush()
        return psutil.Process(int(zygote.stdout.readline()))

    def start_scheduler(self, port: int = 0) -> None:
        file = self.folder / f"scheduler-{self._number}.json"
        protocol = "tls" if self.tls is not None else "tcp"
        self.scheduler = self._start(
            "dask_scheduler", "--host=127.0.0.1", f"--port={port}", f"--protocol={protocol}",
            "--dashboard-address=127.0.0.1:0", f"--scheduler-file={file}", *self._options,
        )  # fmt: skip
        self.address = json.loads(_appearing(file))["address"]
        self.port = int(self.address.rpartition(":")[2])

    def add_workers(self, count: int, *arguments: str, **variables: str) -> None:
        self.workers += [
            self._start(
                "dask_worker", self.address, "--nthreads=1", "--no-nanny", "--host=127.0.0.1", "--no-dashboard",
                *arguments, **variables,
            )
            for _ in range(count)
        ]  # fmt: skip

    def wait_for_workers(self, count: int) -> None:
        """Until so many have said to the scheduler that they are there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=SLOW)

    def end(self) -> None:
        kill(*self.workers, self.scheduler)

    def __enter__(self) -> NodesUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def kill(*processes: psutil.Process) -> None:
    """End processes without a word, and wait for that."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for process in processes:
        process.wait(SLOW)


def _appearing(file: Path, seconds: float = SLOW) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if file.is_file() and (text := file.read_text()).endswith("}"):
            return text
        time.sleep(0.05)
    raise TimeoutError(f"{file}: the scheduler does not start; see its log")


def wait_for(folder: Path, pattern: str, count: int = 1, seconds: float = SLOW) -> list[Path]:
    """The first files of that name, as soon as there are so many."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(found := sorted(folder.glob(pattern))) >= count:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{folder}: never {count} of {pattern}")
