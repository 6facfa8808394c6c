"""Columns of unknown length, kept in memory while small and on disk when large."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Spool"]

#: Bytes a column may take in memory before it goes to disk.
IN_MEMORY_BYTES: Final = 16 << 20


class Spool:
    """Appends arrays of one type; gives them back as one array, memory-mapped if they went to disk."""

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

    def array(self) -> npt.NDArray[Any]:
        """All values, in order."""
        if self._file is None:
            joined = np.concatenate(self._parts) if self._parts else np.empty(0, dtype=self._dtype)
            self._parts = [joined]
            return joined
        for held in self._parts:
            held.tofile(self._file)
        self._parts.clear()
        self._file.flush()
        return np.memmap(self._file, dtype=self._dtype, mode="r", shape=(self._length,))

    def close(self) -> None:
        """Give back the disk space."""
        if self._file is not None:
            self._file.close()
            self._file = None
