"""Sets of ids that answer for whole arrays at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["IdSet"]

#: Widest range of ids for which a table of flags is made (MIMIC's admission ids span ten million).
WIDEST_TABLE: Final = 1 << 25


class IdSet:
    """A set of integers."""

    def __init__(self, ids: npt.NDArray[np.int64]) -> None:
        self._ids = np.unique(ids)
        self._low = int(self._ids[0]) if len(self._ids) else 0
        span = int(self._ids[-1]) - self._low + 1 if len(self._ids) else 1
        self._flags: npt.NDArray[np.bool_] | None = None
        if span <= WIDEST_TABLE:
            self._flags = np.zeros(span + 2, dtype=bool)  # one place at each end for what is outside
            self._flags[self._ids - self._low + 1] = True

    def __len__(self) -> int:
        return len(self._ids)

    def has(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether each value is in the set; NaN is not."""
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), -1.0, values).astype(np.int64)
        if self._flags is not None:
            return np.asarray(self._flags[np.clip(values - self._low + 1, 0, len(self._flags) - 1)])
        place = np.minimum(np.searchsorted(self._ids, values), len(self._ids) - 1)
        return np.asarray(self._ids[place] == values)
