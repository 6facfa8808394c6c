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
import traceback
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Connection
from typing import Any

from ehrxqa.errors import EhrxqaError, SettingsError

__all__ = ["work"]


def work(connection: int, lifeline: int) -> None:
    """Open what the parent wants opened, and do one task after the other until it hangs up.

    Args:
        connection: File descriptor of the line for tasks and results.
        lifeline: File descriptor of the line that ends when the parent does.
    """
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    _die_with(lifeline)
    with suppress(OSError):
        os.dup2(2, 1)  # results of the command alone go to standard output
    line = Connection(connection)
    with ExitStack() as stack, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        first = line.recv_bytes()
        try:
            opened = _unpickled(first)
            resources: tuple[Any, ...] = ()
            if opened is not None:
                context: AbstractContextManager[Any] = opened()
                resources = (stack.enter_context(context),)
        except BaseException as error:
            line.send_bytes(_failed(error))
            return
        line.send_bytes(pickle.dumps((False, None)))
        while True:
            line.send_bytes(_reply(resources, line.recv_bytes()))


def _reply(resources: tuple[Any, ...], payload: bytes) -> bytes:
    try:
        function, task = _unpickled(payload)
        return pickle.dumps((False, function(*resources, task)))
    except BaseException as error:
        return _failed(error)


def _unpickled(payload: bytes) -> Any:
    try:
        return pickle.loads(payload)
    except (AttributeError, ImportError) as error:
        raise SettingsError(
            f"worker processes cannot find what they are to use ({error}); put it into a module that "
            "can be imported, or use one worker"
        ) from error


def _failed(error: BaseException) -> bytes:
    """An exception for the parent, caused by one whose text is the traceback here."""
    where = "".join(traceback.format_exception(error))
    try:
        payload = pickle.dumps((True, _Packed(error, where)))
        pickle.loads(payload)
    except Exception:
        return pickle.dumps((True, _Packed(RuntimeError(f"{type(error).__name__}: {error}"), where)))
    return payload


class _Packed:
    """An exception, unpacked as itself."""

    def __init__(self, error: BaseException, where: str) -> None:
        self._error, self._where = error, where

    def __reduce__(self) -> tuple[Any, ...]:
        error = self._error
        if isinstance(error, EhrxqaError):  # has its complete message, whatever its class makes a message from
            return _remade, (self._where, type(error), error.args, error.__dict__)
        return _caused, (self._where, error)


def _remade(where: str, kind: type[EhrxqaError], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return _caused(where, error)


def _caused(where: str, error: BaseException) -> BaseException:
    error.__cause__ = RuntimeError(f"in a worker process:\n{where}")
    return error


def _die_with(lifeline: int) -> None:
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
