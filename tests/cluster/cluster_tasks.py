"""What the workers of the cluster tests do."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ehrxqa.errors import SourceError
from ehrxqa.vqa.context import ModelContext
from ehrxqa.vqa.models import VqaRequest


def square(number: int) -> int:
    time.sleep(0.02 * (number % 3))  # results come in another order than shards
    return number * number


def fault(number: int) -> int:
    if number == 3:
        raise SourceError("is damaged", path="file.csv", line=7)
    return number


def text_of(path: Path) -> tuple[str, str]:
    return str(path), path.read_text()


def process(_: int) -> int:
    return os.getpid()


def noted(task: tuple[Path, int]) -> int:
    """Leaves a file for each time that a shard is begun."""
    folder, number = task
    (folder / f"begun-{number:03}-{os.getpid()}-{uuid.uuid4().hex}").touch()
    time.sleep(0.05)
    return number


def held(task: tuple[Path, int]) -> int:
    """The first one to do shard 2 waits to be killed."""
    folder, number = task
    mark = folder / f"held-{os.getpid()}"
    if number == 2 and not any(folder.glob("held-*")):
        mark.touch()
        time.sleep(600)
    return number


def ends_its_worker(number: int) -> int:
    os._exit(1)


@contextmanager
def opened(folder: Path) -> Iterator[str]:
    (folder / f"opened-{os.getpid()}").touch()
    yield "resource"
    (folder / f"closed-{os.getpid()}").touch()


def with_resource(resource: str, number: int) -> tuple[str, int]:
    return resource, number


class SlowModel:
    """Says yes to everything, slowly, and notes each call."""

    name, version, batch_size = "slow", "1", 1

    def __init__(self, context: ModelContext) -> None:
        self._calls = Path(context.argument)

    def answer(self, requests: Sequence[VqaRequest]) -> list[object]:
        time.sleep(0.003)
        for request in requests:
            with (self._calls / f"{os.getpid()}.txt").open("a") as stream:
                stream.write(f"{request.image_id} {request.text}\n")
        return [True if request.answer_type == "truth" else () for request in requests]
