"""The Ask box: NeuralSQL that nobody has vouched for, run behind the walls of the sandbox, and the schema in words."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.explorer.library import Library, StudyRef
from ehrxqa.explorer.marking import Piece, marked_sql
from ehrxqa.neuralsql.result import Asked, Counters
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import column_help, open_tables
from ehrxqa.sql.errors import QuerySyntaxError
from ehrxqa.sql.limits import Limits

__all__ = ["EXAMPLES", "LIMITS", "Answered", "AskBox", "Refused", "TableWords", "schema_words"]

#: What one query of the Ask box may use up: less than an evaluation allows, since a reader waits for it.
LIMITS: Final = Limits(
    seconds=10.0, steps=2_000_000_000, rows=5_000, result_bytes=2_000_000, memory=192 * 1024 * 1024, questions=20_000
)
#: Rows that are shown.
SHOWN_ROWS: Final = 200
#: How long a query waits for the one before it.
_PATIENCE: Final = 15.0

#: What to begin with: title, query.
EXAMPLES: Final = (
    (
        "Studies that show a pleural effusion",
        "select subject_id, study_id, studydatetime\nfrom tb_cxr\n"
        'where func_vqa("is there pleural effusion?", study_id) = true\nlimit 20',
    ),
    (
        "What is seen in each study of a subject",
        'select study_id, studydatetime, func_vqa("list all abnormalities.", study_id)\nfrom tb_cxr\n'
        "where subject_id = ( select min(subject_id) from tb_cxr )",
    ),
    (
        "Drugs of subjects with an enlarged heart",
        "select drug, count(distinct subject_id) as subjects\nfrom prescriptions\nwhere subject_id in (\n"
        "  select subject_id from tb_cxr\n"
        '  where func_vqa("is the cardiac silhouette enlarged?", study_id) = true\n)\n'
        "group by drug order by subjects desc, drug limit 10",
    ),
    (
        "Admissions by type",
        "select admission_type, count(*) as admissions\nfrom admissions\ngroup by 1 order by 2 desc",
    ),
)


@dataclass(frozen=True)
class Answered:
    """An answered query.

    Attributes:
        columns, rows: Of the result; at most `SHOWN_ROWS` rows.
        total: Rows of the result.
        studies: Per row shown, the study that it names, if it names one.
        counters, questions: What asking the images cost, and what was asked.
        sql, probe: What SQLite ran, in pieces; the probe for the studies within a LIMIT, if there was one.
        seconds: Wall-clock time.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    studies: tuple[StudyRef | None, ...]
    counters: Counters
    questions: tuple[Asked, ...]
    sql: tuple[Piece, ...]
    probe: tuple[Piece, ...]
    seconds: float


@dataclass(frozen=True)
class Refused:
    """A query that was refused, failed, or used up its limits.

    Attributes:
        kind: Name of the error.
        message: One line that says why.
        line, column: Where, if it is known; from 1.
    """

    kind: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class TableWords:
    """A table in words: what a row is, and (name, type, meaning) of its columns."""

    name: str
    doc: str
    columns: tuple[tuple[str, str, str], ...]


class AskBox:
    """Runs one query at a time, so that readers cannot wear the machine out.

    Args:
        library: The output folder.
        limits: What one query may use up.
    """

    def __init__(self, library: Library, limits: Limits = LIMITS) -> None:
        self._library = library
        self._limits = limits
        self._turn = threading.Lock()

    def ask(self, base: str, sql: str) -> Answered | Refused:
        """Run a query on a database, images answered from labels; the label table is out of reach."""
        if not sql.strip():
            return Refused("QuerySyntaxError", "there is no query in the text")
        if not self._turn.acquire(timeout=_PATIENCE):
            return Refused("TimeLimit", "another query is still running; try again")
        try:
            started = time.monotonic()
            with self._library.engine(base, self._limits) as engine:
                result = engine.run(sql)
            seconds = time.monotonic() - started
        except QuerySyntaxError as error:
            return Refused(type(error).__name__, str(error), error.line, error.column)
        except NeuralSqlError as error:
            return Refused(type(error).__name__, str(error))
        finally:
            self._turn.release()
        tables = self._library.table_names(base)
        rows = tuple(result.rows[:SHOWN_ROWS])
        return Answered(
            result.columns,
            rows,
            len(result.rows),
            tuple(self._study(result.columns, row) for row in rows),
            result.counters,
            result.questions,
            marked_sql(result.sql, tables),
            () if result.probe is None else marked_sql(result.probe, tables),
            seconds,
        )

    def _study(self, columns: tuple[str, ...], row: tuple[Any, ...]) -> StudyRef | None:
        for name, value in zip(columns, row, strict=True):
            if name.lower().endswith("study_id") and isinstance(value, int):
                return self._library.studies.get(value)
        return None


def schema_words(library: Library, base: str) -> tuple[TableWords, ...]:
    """The tables that a query may read, in words."""
    there = library.table_names(base)
    return tuple(_words(table) for table in open_tables() if table.name in there)


def _words(table: Table) -> TableWords:
    note = f" {table.note}" if table.note else ""
    columns = tuple((column.name, column.type, column_help(table, column)) for column in table.columns)
    return TableWords(table.name, f"{table.doc}{note}", columns)


def names_of(words: tuple[TableWords, ...]) -> Mapping[str, list[str]]:
    """Table → its columns: what completion offers."""
    return {table.name: [name for name, _, _ in table.columns] for table in words}
