"""Reading a copy of the database with programs of our own: no walls against hostile SQL, but a time limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.sql.any_row import stop_at_first_row
from ehrxqa.sql.errors import SqlError, TimeLimit
from ehrxqa.sql.sandbox import Rows, Value

__all__ = ["Lookup"]

#: Steps of SQLite's machine between two looks at the clock: some milliseconds.
_STRIDE: Final = 200_000
_PRAGMAS: Final = ("mmap_size = 4294967296", "cache_size = -65536", "temp_store = memory", "query_only = 1")


class Lookup:
    """A read-only connection.

    Args:
        path: The database.
        seconds: Time limit of one program.
        steps: Steps of SQLite's machine that one program may take, where that must not depend on how busy the machine is.
    """

    def __init__(self, path: Path, seconds: float, steps: int | None = None) -> None:
        self._seconds, self._until = seconds, 0.0
        self._strides, self._left = None if steps is None else steps // _STRIDE, 0
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        for pragma in _PRAGMAS:
            self._db.execute(f"pragma {pragma}").fetchall()
        self._db.set_progress_handler(self._is_over, _STRIDE)

    def _is_over(self) -> bool:
        """Called every `_STRIDE` steps; True ends the program."""
        self._left -= 1
        return time.monotonic() > self._until or (self._strides is not None and self._left < 0)

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """All rows, in SQLite's own order.

        Raises:
            TimeLimit: The program takes too long.
            SqlError: SQLite refuses it.
        """
        self._until, self._left = time.monotonic() + self._seconds, self._strides or 0
        try:
            return self._db.execute(stop_at_first_row(sql), tuple(parameters) or None).fetchall()
        except apsw.InterruptError as error:
            raise TimeLimit(f"the program takes longer than {self._seconds:g} seconds") from error
        except apsw.Error as error:
            raise SqlError(str(error)) from error

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> Rows:
        """The same as `Rows`; their columns are not named."""
        return Rows((), self.rows(sql, parameters))

    def run_rewritten(self, sql: str, parameters: Sequence[Value] = ()) -> Rows:
        """The same: what this connection runs is our own, of whatever length."""
        return Rows((), self.rows(sql, parameters))

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
