"""What goes to a worker and comes back: calls, results, and exceptions that keep where they were raised."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ehrxqa.errors import EhrxqaError, SettingsError

__all__ = ["failed", "received", "reply", "unpickled"]


def reply(
    resources: tuple[Any, ...], call: bytes, *, named: Callable[[BaseException], BaseException] = lambda error: error
) -> bytes:
    """What a pickled (function, task) gives behind the resources, or the exception that it raises, for `received`.

    Args:
        resources: First arguments.
        call: Function and task.
        named: Says of an exception where it was raised.
    """
    try:
        function, task = unpickled(call)
        return pickle.dumps((False, function(*resources, task)))
    except BaseException as error:
        return failed(named(error))


def received(payload: bytes) -> tuple[bool, Any]:
    """Whether a call failed, and what it gave or raised."""
    is_failure, value = pickle.loads(payload)
    return is_failure, value


def unpickled(payload: bytes) -> Any:
    """What was sent.

    Raises:
        SettingsError: It belongs to no module that can be imported here.
    """
    try:
        return pickle.loads(payload)
    except (AttributeError, ImportError) as error:
        raise SettingsError(
            f"worker processes cannot find what they are to use ({error}); put it into a module that "
            "can be imported, or use one worker"
        ) from error


def failed(error: BaseException) -> bytes:
    """An exception for whoever sent the call, caused by one whose text is the traceback here."""
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
