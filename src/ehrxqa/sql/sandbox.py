"""Read-only execution of SQL that nobody has vouched for.

Several bounds, each enough on its own against most attacks: the file is opened read-only and immutable; an
allow-list is asked for every action while a statement is compiled (`allowed`); SQLite's own limits bound text,
depth, columns and instructions; a query is interrupted at its deadline; the heap is bounded; temporary
storage stays in memory; extensions, triggers, attached files and unsafe schema functions are off; the clock stands.

One connection serves many queries. The bounds are set once, so a small query costs little more than
SQLite itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import apsw

from ehrxqa.counting import counted
from ehrxqa.errors import MissingError, NeuralSqlError, SettingsError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.sql.allowed import ANSWER_KEY, FUNCTIONS, TABLE_FUNCTIONS, Permissions
from ehrxqa.sql.clock import file_system_at
from ehrxqa.sql.errors import Denied, MemoryLimit, QuerySyntaxError, RowLimit, SqlError, TimeLimit
from ehrxqa.sql.hints import with_nearest
from ehrxqa.sql.label_tables import label_tables
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.memory import MemoryBound
from ehrxqa.sql.percentiles import add_percentiles
from ehrxqa.sql.time_zone import may_ask_for_time_zone, replace_time_functions, views_ask_for_time_zone
from ehrxqa.sql.watchdog import Deadline

__all__ = ["ANSWER_KEY", "Limits", "Rows", "Sandbox", "Value", "open_database"]

Value = None | int | float | str | bytes

#: Virtual-machine steps between two calls of the handler that counts them: some tens of microseconds.
STRIDE = 5_000

# Settings of SQLite that an older SQLite may not have yet are left out there; other bounds stand in for them.
_CONFIG = {
    "DEFENSIVE": 1,
    "TRUSTED_SCHEMA": 0,
    "WRITABLE_SCHEMA": 0,
    "ENABLE_LOAD_EXTENSION": 0,
    "ENABLE_TRIGGER": 0,
    "ENABLE_FTS3_TOKENIZER": 0,
    "ENABLE_ATTACH_CREATE": 0,
    "ENABLE_ATTACH_WRITE": 0,
    "DQS_DML": 1,  # "…" that names no column is a text: published queries are written so
    "DQS_DDL": 0,
}

# Before the authorizer is in place. Temporary storage in memory counts against the heap bound; on disk it
# would be a way to fill the disk.
_PRAGMAS = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA query_only = 1",
    "PRAGMA cell_size_check = 1",
    "PRAGMA cache_size = -32768",
)

# What SQLite says when one of its own limits is passed, as plain SQL errors without a code of their own.
_SIZE_MESSAGES = (
    "too big",
    "too large",
    "too many",
    "too complex",
    "too long",
    "stack overflow",
    "parser stack",
    "at most",
    "too deep",
    "Recursion limit",
)


@dataclass(frozen=True, slots=True)
class Rows:
    """A result: column names, and rows in the order SQLite returns them."""

    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def open_database(
    path: Path | str,
    *,
    limits: Limits | None = None,
    deny_tables: frozenset[str] = frozenset(),
    now: str = CURRENT_TIME,
) -> Sandbox:
    """Open a SQLite file for queries that may be hostile.

    Args:
        path: The database file. It is never written, nor is anything created beside it; nobody may write it meanwhile.
        limits: What one query may use up.
        deny_tables: Tables that may not be read, in any case; `ANSWER_KEY` for model-written queries. With the answer
            key any other table is denied that holds labels, whatever its name.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`; what `'now'` and `current_date` mean.

    Raises:
        SettingsError: There is no such file, its last changes stand in another one, or `now` is no time.
        NeuralSqlError: The file is not a SQLite database.
    """
    return Sandbox(Path(path), limits=limits or Limits(), deny_tables=deny_tables, now=now)


class Sandbox:
    """One read-only connection within bounds; use it from one thread at a time.

    Attributes:
        path: The database file.
        limits: What one query may use up.
        tables: Names of the tables and views a query can read.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: Limits,
        deny_tables: frozenset[str],
        now: str = CURRENT_TIME,
        own_time_functions: bool = False,
    ) -> None:
        if not path.is_file():
            raise MissingError(f"{path}: no such database file")
        _check_log(path)
        self.path = path
        self.limits = limits
        self._settings: dict[str, Any] = {"deny_tables": deny_tables, "now": now}
        self._added: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._beside: Sandbox | None = None
        self._steps = 0
        self._statements = 0
        self._columns: tuple[str, ...] = ()
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            self._db = apsw.Connection(
                uri,
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
                vfs=file_system_at(now),
                statementcachesize=32,
            )
            self._own_time_functions = own_time_functions or views_ask_for_time_zone(self._db)
            if self._own_time_functions:
                replace_time_functions(self._db, now)
            self.tables = self._set_bounds({name.lower() for name in deny_tables})
            self._deadline = Deadline(self._db.interrupt)
        except apsw.Error as error:
            raise NeuralSqlError(f"{path}: not a SQLite database that can be read ({error})") from error

    def _set_bounds(self, denied: set[str]) -> frozenset[str]:
        db = self._db
        for name, value in _CONFIG.items():
            option = getattr(apsw, f"SQLITE_DBCONFIG_{name}", None)
            if option is not None:
                db.config(option, value)
        for pragma in _PRAGMAS:
            db.execute(pragma)
        for table_function in sorted(TABLE_FUNCTIONS):  # made known now, while nothing is denied
            db.execute(f"SELECT count(*) FROM {table_function}('[]')").fetchall()
        found = db.execute("SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view')").fetchall()
        names = {str(name) for (name,) in found}
        if denied >= ANSWER_KEY:
            denied = denied | label_tables(db)
        modules = {str(name) for (name,) in db.execute("PRAGMA module_list")}
        tables = frozenset(
            name for name in names if name.lower() not in denied and not name.lower().startswith("sqlite_")
        )
        self._readable = tables | TABLE_FUNCTIONS
        self._others = frozenset(names | modules | denied) - self._readable
        add_percentiles(db)
        limits = self.limits
        for limit, value in (
            (apsw.SQLITE_LIMIT_ATTACHED, 0),
            (apsw.SQLITE_LIMIT_COLUMN, limits.columns),
            (apsw.SQLITE_LIMIT_COMPOUND_SELECT, limits.compound_selects),
            (apsw.SQLITE_LIMIT_EXPR_DEPTH, limits.expression_depth),
            (apsw.SQLITE_LIMIT_FUNCTION_ARG, limits.function_arguments),
            (apsw.SQLITE_LIMIT_LENGTH, limits.value_bytes),
            (apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits.pattern_length),
            (apsw.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (apsw.SQLITE_LIMIT_VARIABLE_NUMBER, 1_000),
            (apsw.SQLITE_LIMIT_VDBE_OP, limits.program_steps),
            (apsw.SQLITE_LIMIT_WORKER_THREADS, 0),
            # bytes: up to four for a character; the engine's rewriting may lengthen a query that was short enough
            (apsw.SQLITE_LIMIT_SQL_LENGTH, min(limits.value_bytes, 8 * limits.sql_length)),
        ):
            db.limit(limit, value)
        self._functions = FUNCTIONS
        self._allow()
        db.exec_trace = self._look_at
        db.set_progress_handler(self._count_steps, STRIDE)
        return tables

    def add_function(self, name: str, function: Callable[..., Value]) -> None:
        """Let queries of this connection call the Python `function`; it must always say the same for the same."""
        self._added.append((Sandbox.add_function, (name, function)))
        self._db.create_scalar_function(name, function, deterministic=True)
        self._functions |= {name}
        self._allow()

    def add_table_function(self, name: str, module: Any) -> None:
        """Let queries of this connection read from a virtual table made by `module`, which takes arguments."""
        self._added.append((Sandbox.add_table_function, (name, module)))
        self._db.create_module(
            name, module, use_bestindex_object=True, eponymous=True, eponymous_only=True, read_only=True
        )
        self._readable |= {name}
        self._allow()

    def _allow(self) -> None:
        self._permissions = Permissions(self._readable, self._others, self._functions)
        self._db.authorizer = self._permissions.authorizer()

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> Rows:
        """Run one SELECT (or VALUES) and return all its rows in SQLite's own order.

        Raises:
            Denied: The query reaches for something out of its reach.
            TimeLimit: Its seconds or steps are used up.
            RowLimit: The result is too large.
            MemoryLimit: It needs too much memory, or a value, the text or the nesting is too large.
            QuerySyntaxError: There is no statement, or more than one.
            SqlError: SQLite refuses it; the message is SQLite's.
        """
        limits = self.limits
        if len(sql) > limits.sql_length:
            raise MemoryLimit(
                f"the query has {counted(len(sql), 'character')}; at most {limits.sql_length:,} are allowed"
            )
        return self.run_rewritten(sql, parameters)

    def run_rewritten(self, sql: str, parameters: Sequence[Value] = (), *, until: float | None = None) -> Rows:
        """Like `run`, for a text that was within its length before it was rewritten.

        Args:
            sql: The rewritten query.
            parameters: Values for its placeholders.
            until: When to end it, by `time.monotonic`, in place of the limit in seconds from now.
        """
        if not self._own_time_functions and may_ask_for_time_zone(sql, parameters):
            beside = self._beside = self._beside or self._open_beside()
            try:
                return beside.run_rewritten(sql, parameters, until=until)
            finally:
                self._steps = beside.steps
        self._permissions.reset()
        self._statements = self._steps = 0
        self._deadline.start(time.monotonic() + self.limits.seconds if until is None else until)
        try:
            with MemoryBound(self.limits.memory):
                rows = self._fetch(sql, parameters)
        except NeuralSqlError:
            raise
        except (apsw.Error, MemoryError, UnicodeError, ValueError) as error:
            raise self._explained(error) from None
        finally:
            self._deadline.stop()
        if self._statements == 0:
            raise QuerySyntaxError("there is no query in the text")
        return Rows(self._columns, rows)

    def _open_beside(self) -> Sandbox:
        """The same with our own functions of date and time, which are slower, for the queries that need them."""
        beside = Sandbox(self.path, limits=self.limits, own_time_functions=True, **self._settings)
        for add, arguments in self._added:
            add(beside, *arguments)
        return beside

    def _fetch(self, sql: str, parameters: Sequence[Value]) -> list[tuple[Value, ...]]:
        most_rows, most_bytes = self.limits.rows, self.limits.result_bytes
        rows: list[tuple[Value, ...]] = []
        size = 0
        cursor = self._db.cursor()
        try:
            for row in cursor.execute(sql, tuple(parameters) or None):
                rows.append(row)
                size += sum(map(_bytes_of, row))
                if len(rows) > most_rows:
                    raise RowLimit(f"the result has more than {most_rows:,} rows")
                if size > most_bytes:
                    raise RowLimit(f"the result has more than {most_bytes:,} bytes")
        except OverflowError as error:
            raise SqlError("a whole number among the parameters does not fit into 64 bits") from error
        finally:
            cursor.close(True)
        return rows

    def _look_at(self, cursor: apsw.Cursor, _sql: str, _parameters: Any) -> bool:
        """Called by apsw before a compiled statement takes its first step."""
        columns = tuple(column[0] for column in cursor.get_description())
        if not columns:  # a comment, or nothing between two semicolons
            return True
        self._statements += 1
        if self._statements > 1:
            raise QuerySyntaxError("the text holds more than one statement; only one query is run")
        if cursor.is_explain:
            raise Denied("EXPLAIN is not allowed: a query may only select", action="explain")
        self._columns = columns
        return True

    def _count_steps(self) -> bool:
        """Called by SQLite every `STRIDE` steps; True ends the query."""
        self._steps += STRIDE
        return self._steps > self.limits.steps

    def _explained(self, error: Exception) -> NeuralSqlError:
        message = " ".join(str(error).split())
        if self._permissions.denied is not None:
            action, target = self._permissions.denied
            return Denied(self._permissions.explain(), action=action, target=target)
        if self._deadline.passed:
            return TimeLimit(f"the query takes longer than {self.limits.seconds:g} seconds")
        if isinstance(error, apsw.InterruptError):
            return TimeLimit(f"the query takes more than {self.limits.steps:,} steps")
        if isinstance(error, MemoryError | apsw.NoMemError):
            return MemoryLimit(f"the query needs more than {self.limits.memory:,} bytes of memory")
        if isinstance(error, apsw.TooBigError):
            return MemoryLimit(f"a value or the query is longer than {self.limits.value_bytes:,} bytes")
        if isinstance(error, UnicodeError):
            return SqlError("a text of the query or its result is not valid Unicode")
        if any(said in message for said in _SIZE_MESSAGES):
            return MemoryLimit(f"the query is larger than allowed: {message}")
        return SqlError(with_nearest(message.removeprefix("SQLError: "), self.tables))

    @property
    def steps(self) -> int:
        """Virtual-machine steps of the last query, to the next `STRIDE`."""
        return self._steps

    def close(self) -> None:
        """Close the connection."""
        self._db.close(True)
        if self._beside is not None:
            self._beside.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _bytes_of(value: Value) -> int:
    """Bytes that a value of a result takes in memory, about, and at least as many as it takes in a file."""
    if isinstance(value, str):
        return 8 + (len(value) if value.isascii() else 4 * len(value))
    return 8 + (len(value) if isinstance(value, bytes) else 0)


def _check_log(path: Path) -> None:
    """Refuse a database whose last changes are not in it yet: reading the file alone would give old rows."""
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size > 0:
        raise SettingsError(
            f"{path}: its last changes stand in {log.name}; close the program that writes it, "
            f"or take them over: sqlite3 {path.name} 'pragma wal_checkpoint(truncate)'"
        )
