"""Columns of unknown length, kept in memory while small and on disk when large."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["LongColumn"]

#: Bytes a column may take in memory before it goes to disk.
IN_MEMORY_BYTES: Final = 16 << 20
#: Values read back at a time.
PART_VALUES: Final = 1 << 20


class LongColumn:
    """Appends arrays of one type; gives them back part by part, or the values of some rows."""

    def __init__(self, dtype: Any, scratch: Path | None, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._dtype = np.dtype(dtype)
        self._scratch = scratch
        self._limit = in_memory_bytes
        self._parts: list[npt.NDArray[Any]] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end."""
        part = np.ascontiguousarray(values, dtype=self._dtype)
        self._parts.append(part)
        self._length += len(part)
        self._bytes += part.nbytes
        if self._bytes > self._limit:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 (lives as long as we do)
            for held in self._parts:
                held.tofile(self._file)
            self._parts.clear()
            self._bytes = 0

    def parts(self) -> Iterator[npt.NDArray[Any]]:
        """All values in order, in arrays of limited size."""
        if self._file is not None:
            for held in self._parts:
                held.tofile(self._file)
            self._parts.clear()
            self._bytes = 0
            self._file.flush()
            self._file.seek(0)
            while len(part := np.fromfile(self._file, dtype=self._dtype, count=PART_VALUES)):
                yield part
            self._file.seek(0, os.SEEK_END)
        else:
            yield from self._parts

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The values of some rows, in any order.

        The file is read once from begin to end, so that memory is that of the rows taken, whatever its length.
        """
        taken = np.empty(len(rows), dtype=self._dtype)
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        start = 0
        for part in self.parts():
            first, last = np.searchsorted(ascending, [start, start + len(part)])
            taken[order[first:last]] = part[ascending[first:last] - start]
            start += len(part)
        return taken

    def close(self) -> None:
        """Give back the disk space."""
        if self._file is not None:
            self._file.close()
            self._file = None
