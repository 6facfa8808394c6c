"""The life of a worker process, from its first line on; see `runs.pool`.

It sees no Ctrl-C, SIGTERM or SIGHUP: the parent decides, and kills it. It ends when the line to the parent does, and,
should it be at work then, by the other line, on which nothing is ever said: the end of the parent is the end of that.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import select
import signal
import threading
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Connection
from typing import Any

from ehrxqa.runs.sending import failed, reply, unpickled

__all__ = ["die_with", "work"]


def work(connection: int, lifeline: int) -> None:
    """Open what the parent wants opened, and do one task after the other until it hangs up.

    Args:
        connection: File descriptor of the line for tasks and results.
        lifeline: File descriptor of the line that ends when the parent does.
    """
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    die_with(lifeline)
    with suppress(OSError):
        os.dup2(2, 1)  # results of the command alone go to standard output
    line = Connection(connection)
    with ExitStack() as stack, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        first = line.recv_bytes()
        try:
            opened = unpickled(first)
            resources: tuple[Any, ...] = ()
            if opened is not None:
                context: AbstractContextManager[Any] = opened()
                resources = (stack.enter_context(context),)
        except BaseException as error:
            line.send_bytes(failed(error))
            return
        line.send_bytes(pickle.dumps((False, None)))
        while True:
            line.send_bytes(reply(resources, line.recv_bytes()))


def die_with(lifeline: int) -> None:
    """End this process when the parent ends, whatever it is doing then."""
    if hasattr(fcntl, "F_SETSIG"):  # by the kernel: nothing else helps while long native code holds Python's lock
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it ended before we could ask
            os._exit(1)
        return

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, name="ehrxqa-lifeline", daemon=True).start()
