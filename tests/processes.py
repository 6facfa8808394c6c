"""What tests of interrupted commands need to know of other processes."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any


def wait_until_ready(process: subprocess.Popen[Any], seconds: float = 240.0) -> None:
    """Wait until a command handles SIGTERM or has ended; before, it is Python that starts, whose end is its own affair.

    How long that takes differs by a factor of ten between machines.
    """
    until = time.monotonic() + seconds
    while process.poll() is None and not _handles(process.pid, signal.SIGTERM):
        assert time.monotonic() < until, "the command does not start"
        time.sleep(0.005)


def _handles(pid: int, sign: signal.Signals) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (sign - 1) & 1)
