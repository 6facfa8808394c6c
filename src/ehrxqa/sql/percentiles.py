"""The median and percentiles of SQLite, in time that grows with the number of values as sorting does.

SQLite's own look for the wanted value by parting the values again and again: in a bad order that takes time with the
square of their number, and it cannot be interrupted. The results are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import apsw

from ehrxqa.sql.errors import MemoryLimit

__all__ = ["NAMES", "add_percentiles"]

#: Values that one call may gather: sorting them takes about a second.
_MOST_VALUES: Final = 2_000_000


class _Percentile:
    """Gathers values, of which some may leave again where it is used as a window function."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values: list[float] = []
        self._share: float | None = None

    def _number(self, value: Any, what: str) -> float:
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        raise apsw.SQLError(f"{what} of {self._name}() is not numeric")

    def step(self, value: Any, *shares: Any) -> None:
        """A row comes in."""
        share = 0.5
        if shares:
            most = 100.0 if self._name == "percentile" else 1.0
            share = self._number(shares[0], "the fraction") / most
            if not 0 <= share <= 1:
                raise apsw.SQLError(f"the fraction of {self._name}() is not between 0 and {most:g}")
        if self._share not in (None, share):
            raise apsw.SQLError(f"the fraction of {self._name}() is not the same for all rows")
        self._share = share
        if value is not None:
            self._values.append(self._number(value, "input"))
            if len(self._values) > _MOST_VALUES:
                raise MemoryLimit(f"{self._name}() of more than {_MOST_VALUES:,} values")

    def inverse(self, value: Any, *_shares: Any) -> None:
        """A row leaves the window: the oldest one with that value."""
        if value is not None:
            self._values.remove(float(value))

    def value(self) -> float | None:
        """The percentile of what is there."""
        values = sorted(self._values)
        if not values or self._share is None:
            return None
        place = self._share * (len(values) - 1)
        low = int(place)
        if self._name == "percentile_disc" or low == len(values) - 1:
            return values[low]
        return values[low] + (values[low + 1] - values[low]) * (place - low)

    final = value


def _factory(name: str) -> Callable[[], _Percentile]:
    return lambda: _Percentile(name)


NAMES: Final = {"median": 1, "percentile": 2, "percentile_cont": 2, "percentile_disc": 2}


def add_percentiles(db: apsw.Connection) -> None:
    """Put them in the place of SQLite's own."""
    for name, arguments in NAMES.items():
        db.create_window_function(name, _factory(name), arguments, flags=apsw.SQLITE_INNOCUOUS)  # views may use them
