"""Reading a copy of the database with programs of our own: no walls against hostile SQL, but a time limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.sql.any_row import stop_at_first_row
from ehrxqa.sql.errors import SqlError, TimeLimit
from ehrxqa.sql.sandbox import Rows, Value

__all__ = ["Lookup"]

#: Steps of SQLite's machine between two looks at the clock: some milliseconds.
_STRIDE: Final = 200_000
#: Results that are kept, and rows that one of them may have.
_KEPT: Final = 1024
_KEPT_ROWS: Final = 64
_PRAGMAS: Final = ("mmap_size = 4294967296", "cache_size = -65536", "temp_store = memory", "query_only = 1")


class Lookup:
    """A read-only connection.

    Args:
        path: The database.
        seconds: Time limit of one program.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._seconds, self._until = seconds, 0.0
        self.was_slow = False  # whether the last program ended at the time limit
        self._limited, self._left = False, 0
        self._known: dict[str, list[tuple[Any, ...]]] = {}
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        for pragma in _PRAGMAS:
            self._db.execute(f"pragma {pragma}").fetchall()
        self._db.set_progress_handler(self._is_over, _STRIDE)

    def _is_over(self) -> bool:
        """Called every `_STRIDE` steps; True ends the program."""
        self._left -= 1
        return time.monotonic() > self._until or (self._limited and self._left < 0)

    def known_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The same as `rows`; what was asked lately is not asked again."""
        found = self._known.get(sql)
        if found is None:
            found = self.rows(sql)
            if len(self._known) >= _KEPT:
                self._known.clear()
            if len(found) <= _KEPT_ROWS:
                self._known[sql] = found
        return found

    def first_rows(self, sql: str, most: int, steps: int) -> list[tuple[Any, ...]]:
        """The first rows, at most so many, for so many steps of SQLite's machine: that does not depend on how busy it is.

        Raises:
            TimeLimit: The program takes too long.
            SqlError: SQLite refuses it.
        """
        self._limited, self._left = True, steps // _STRIDE
        try:
            return self._read(sql, (), most)
        finally:
            self._limited = False

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """All rows, in SQLite's own order.

        Raises:
            TimeLimit: The program takes too long.
            SqlError: SQLite refuses it.
        """
        return self._read(sql, parameters, None)

    def _read(self, sql: str, parameters: Sequence[Value], most: int | None) -> list[tuple[Any, ...]]:
        self._until, self.was_slow = time.monotonic() + self._seconds, False
        try:
            cursor = self._db.execute(stop_at_first_row(sql), tuple(parameters) or None)
            if most is None:
                return cursor.fetchall()
            found = list(islice(cursor, most))
            cursor.close()
            return found
        except apsw.InterruptError as error:
            self.was_slow = True
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
