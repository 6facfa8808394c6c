"""Tables under construction: named columns over numpy arrays, with explicit nulls.

Four kinds of column are enough: integers, reals (NaN is null), texts (codes into a list, -1 is null) and
times (seconds since 1970 of the benchmark's naive calendar, `NAT` is null).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["NAT", "ColumnKind", "Frame", "FrameColumn", "seconds_of", "texts_of_times"]

#: Null of a time column.
NAT: Final = int(np.iinfo(np.int64).min)


class ColumnKind(Enum):
    """Kind of a column."""

    INT = "integer"
    REAL = "real"
    TEXT = "text"
    TIME = "time"


@dataclass(frozen=True)
class FrameColumn:
    """A column.

    Attributes:
        kind: What `data` holds.
        data: int64 (INT, TIME), float64 (REAL) or integer codes (TEXT).
        texts: The texts of a TEXT column, by code.
    """

    kind: ColumnKind
    data: npt.NDArray[Any]
    texts: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: npt.NDArray[Any]) -> FrameColumn:
        """Some of the rows, by number or by mask."""
        return FrameColumn(self.kind, self.data[rows], self.texts)

    @property
    def null(self) -> npt.NDArray[np.bool_]:
        """Whether each row is null."""
        match self.kind:
            case ColumnKind.INT:
                return np.zeros(len(self.data), dtype=bool)
            case ColumnKind.REAL:
                return np.asarray(np.isnan(self.data))
            case ColumnKind.TEXT:
                return np.asarray(self.data < 0)
            case ColumnKind.TIME:
                return np.asarray(self.data == NAT)

    @classmethod
    def of_texts(cls, values: Iterable[str | None]) -> FrameColumn:
        """A TEXT column from Python texts."""
        codes: dict[str, int] = {}
        data = [-1 if value is None else codes.setdefault(value, len(codes)) for value in values]
        return cls(ColumnKind.TEXT, np.array(data, dtype=np.int64), tuple(codes))


class Frame:
    """Columns of equal length, in order."""

    def __init__(self, columns: Mapping[str, FrameColumn]) -> None:
        self.columns: dict[str, FrameColumn] = dict(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> FrameColumn:
        return self.columns[name]

    def data(self, name: str) -> npt.NDArray[Any]:
        """The array of a column."""
        return self.columns[name].data

    def take(self, rows: npt.NDArray[Any]) -> Frame:
        """Some of the rows, by number or by mask."""
        return Frame({name: column.take(rows) for name, column in self.columns.items()})

    def replace(self, **columns: FrameColumn) -> Frame:
        """With some columns exchanged in place, or new ones appended."""
        return Frame({**self.columns, **columns})

    def select(self, names: Sequence[str]) -> Frame:
        """Only the named columns, in that order."""
        return Frame({name: self.columns[name] for name in names})


def seconds_of(text: str) -> int:
    """Seconds since 1970 of `YYYY-MM-DD HH:MM:SS`.

    >>> seconds_of("1970-01-02 00:00:01")
    86401
    """
    return int(np.datetime64(text.replace(" ", "T"), "s").astype(np.int64))


def texts_of_times(seconds: npt.NDArray[np.int64]) -> list[str | None]:
    """Times as `YYYY-MM-DD HH:MM:SS`, null as None."""
    import pyarrow as pa

    values = pa.array(seconds, pa.int64(), mask=seconds == NAT).cast(pa.timestamp("s")).cast(pa.utf8())
    texts: list[str | None] = values.to_pylist()
    return texts
