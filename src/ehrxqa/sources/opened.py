"""Source files as bytes, inflated if need be; what is wrong with a file is said in one line."""

from __future__ import annotations

import codecs
import io
import threading
import time
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

from isal import igzip, isal_zlib

from ehrxqa.errors import SourceError

__all__ = ["MOST_LINE_BYTES", "check_bytes", "lent", "open_bytes"]

#: More than any line of a published table has: what is longer is no table, and would fill the memory.
MOST_LINE_BYTES: Final = 1 << 24
_AT_ONCE: Final = 1 << 20
#: Seconds to wait for a native reader to let go of a file.
_LETTING_GO_SECONDS: Final = 10.0


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, inflating it if its name ends in `.gz`.

    Raises:
        SourceError: It cannot be opened, or what is read from it is damaged, or holds what no table does.
    """
    packed = path.name.endswith(".gz")
    try:
        with open(path, "rb") as raw:  # noqa: PTH123
            if packed and raw.peek(2)[:2] != b"\x1f\x8b":
                raise SourceError(_not_packed(raw.peek(1024)), path=path)
            stream = igzip.IGzipFile(fileobj=raw, mode="rb") if packed else raw  # type: ignore[no-untyped-call]
            yield cast(IO[bytes], _Checked(cast(IO[bytes], stream), path))
    except EOFError as error:
        raise SourceError("is cut off before its end (gzip); download it again", path=path) from error
    except (isal_zlib.error, zlib.error, igzip.BadGzipFile) as error:  # type: ignore[misc]
        raise SourceError("is not a sound gzip file; download it again", path=path) from error
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})", path=path) from error


def _not_packed(beginning: bytes) -> str:
    """What a file is that ends in `.gz` and is no gzip file."""
    start = beginning.lstrip().lower()
    if not beginning:
        return "is empty; download it again"
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "is a web page, probably one that asks to log in; download it again, logged in"
    if b"\0" not in beginning and b"," in beginning:
        return "is not packed (a browser may have done that): rename it to end without .gz"
    return "is not a gzip file; download it again"


@contextmanager
def lent(stream: IO[bytes]) -> Iterator[list[IO[bytes]]]:
    """Lend a stream to a native reader, which takes it out of the list and lets go of it before the block ends.

    Such a reader reads ahead in threads of its own. One that touches anything of Python's, a block of bytes it was
    given included, while Python ends aborts the process; so the block ends when nothing of ours is left to it.
    """
    faults: list[Exception] = []
    blocks: list[weakref.ref[Any]] = []
    loan = _Loan(stream, faults, blocks)
    borrowed = [cast(IO[bytes], loan)]
    held = weakref.ref(loan)
    try:
        yield borrowed
    finally:
        borrowed.clear()
        loan.end()
        del loan
        until = time.monotonic() + _LETTING_GO_SECONDS
        while any(each() is not None for each in (held, *blocks)) and time.monotonic() < until:
            time.sleep(0.002)
        if faults:  # more than what the reader made of it
            raise faults[0]


class _Stream(io.RawIOBase):
    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Loan(_Stream):
    """A stream that is over when we say so, or at its first fault, which is noted."""

    def __init__(self, stream: IO[bytes], faults: list[Exception], blocks: list[weakref.ref[Any]]) -> None:
        self._stream: IO[bytes] | None = stream
        self._faults, self._blocks = faults, blocks
        self._reading = threading.Lock()

    def read(self, size: int = -1, /) -> Any:
        """Up to `size` bytes, nothing at the end."""
        with self._reading:
            if self._stream is None:
                return b""
            try:
                block = memoryview(self._stream.read(size))
            except Exception as error:
                self._faults.append(error.with_traceback(None))  # whose frames would hold on to this stream
                self._stream = None
                return b""
            self._blocks[:] = [each for each in self._blocks if each() is not None]
            self._blocks.append(weakref.ref(block))
            return block

    def end(self) -> None:
        """Let there be no more; waits for whoever is reading."""
        with self._reading:
            self._stream = None


class _Checked(_Stream):
    """A stream that refuses what no table holds."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path = stream, path
        self._begun = False
        self._lines = 0
        self._since_line_end = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, nothing at the end.

        Raises:
            SourceError: A zero byte, or a line that is longer than any.
        """
        data = self._stream.read(size)
        if data:
            self._check(data)
        return data

    def _check(self, data: bytes) -> None:
        if not self._begun and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SourceError(
                "is UTF-16 text (a spreadsheet or PowerShell may have saved it so); save it as UTF-8, or download it "
                "again",
                path=self._path,
            )
        self._begun = True
        if (place := data.find(b"\0")) >= 0:
            line = self._lines + data.count(b"\n", 0, place) + 1
            raise SourceError("holds a zero byte, which no text does; download it again", path=self._path, line=line)
        ends = data.count(b"\n")
        self._since_line_end = len(data) - data.rfind(b"\n") - 1 + (0 if ends else self._since_line_end)
        self._lines += ends
        if self._since_line_end > MOST_LINE_BYTES:
            raise SourceError(
                f"has more than {MOST_LINE_BYTES:,} bytes in one line, so it is no table",
                path=self._path,
                line=self._lines + 1,
            )


def check_bytes(path: Path) -> None:
    """Read a file to its end, so that what is wrong with its bytes is known before long work begins.

    Raises:
        SourceError: It is cut off, damaged, or holds what no table does.
    """
    with open_bytes(path) as stream:
        while stream.read(_AT_ONCE):
            pass
