"""A process that has imported Dask once and forks the nodes of the tests: each starts in a tenth of the time.

Each line of its standard input describes a node; it says the number of the process. Nodes end with the tests, however
these end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from importlib import import_module
from typing import Any

import dask.config

MAINS = {name: import_module(f"distributed.cli.{name}").main for name in ("dask_scheduler", "dask_worker")}
import_module("ehrxqa.runs.dask_worker")


def main() -> None:
    lifeline = int(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    for line in sys.stdin.buffer:
        told = json.loads(line)
        number = os.fork()
        if number == 0:
            become(told, lifeline)
        print(number, flush=True)


def become(told: dict[str, Any], lifeline: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for source, fd in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(source, fd)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    dask.config.refresh()
    threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()
    sys.argv = told["command"]
    try:
        MAINS[told["command"][0]]()
    finally:
        os._exit(1)


def end_with(lifeline: int) -> None:
    os.read(lifeline, 1)  # until the tests end; of all nodes, so that a signal could not be sent to each
    os._exit(1)


if __name__ == "__main__":
    main()
