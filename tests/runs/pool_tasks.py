"""What the workers of the tests do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ehrxqa.errors import SourceError


def square(number: int) -> int:
    time.sleep(0.02 * (number % 3))  # results come in another order than tasks
    return number * number


def fault(number: int) -> int:
    if number == 3:
        raise SourceError("is damaged", path="file.csv", line=7)
    return number


def die(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dawdle(number: int) -> int:
    if number == 1:
        time.sleep(60)
    return number


def process(_: int) -> int:
    return os.getpid()


def meet(folder: str) -> int:
    """Says that it is there and waits for another process to say so."""
    Path(folder, str(os.getpid())).touch()
    until = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < until:  # noqa: PTH208
        time.sleep(0.01)
    return len(os.listdir(folder))  # noqa: PTH208


def note_and_hold(folder: str) -> None:
    """Says which process this is, then holds Python's lock for minutes in one native call."""
    Path(folder, str(os.getpid())).touch()
    sum(range(10**11))


@contextmanager
def opened(folder: Path) -> Iterator[str]:
    (folder / f"opened-{os.getpid()}").touch()
    yield "resource"
    (folder / f"closed-{os.getpid()}").touch()


def with_resource(resource: str, number: int) -> tuple[str, int]:
    return resource, number


@contextmanager
def broken() -> Iterator[None]:
    raise SourceError("cannot be opened", path="model")
    yield
