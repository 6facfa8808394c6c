"""Records appended to a file as they come: one JSON object per line, there after a crash.

A process that is killed, or a disk that fills up, can cut the last line short. The writer that opens the file next cuts
that line off, so that what follows it is not lost with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, TypeVar

from ehrxqa.files import disk_errors
from ehrxqa.json_files import json_text

__all__ = ["Lines"]

T = TypeVar("T")


class Lines(Generic[T]):
    """A file of one record per line that is being written.

    Args:
        path: The file; it is gone on with if it is there, and its folder is made if need be.
        encode: A record as JSON, without a line end.

    Raises:
        BuildError: It cannot be written.
    """

    def __init__(self, path: Path, encode: Callable[[T], str] = json_text) -> None:
        self._path, self._encode = path, encode
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: BinaryIO = path.open("a+b")
            _cut_torn_line(self._stream)

    def add(self, *records: T) -> None:
        """Append records; they lie in the file when this returns."""
        lines = "".join(self._encode(record) + "\n" for record in records)
        with disk_errors(self._path):
            self._stream.write(lines.encode())
            self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> Lines[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut_torn_line(stream: BinaryIO) -> None:
    end = stream.seek(0, 2)
    kept = end
    while kept:
        start = max(0, kept - 65536)
        stream.seek(start)
        block = stream.read(kept - start)
        if (place := block.rfind(b"\n")) >= 0:
            kept = start + place + 1
            break
        kept = start
    if kept < end:
        stream.truncate(kept)
