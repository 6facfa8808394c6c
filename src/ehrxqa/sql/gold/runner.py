"""Runs programs, on the indexed copy where that is proved to give the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ehrxqa.errors import NeuralSqlError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.gold.indexed import keys_of
from ehrxqa.sql.gold.proof import Program, prove
from ehrxqa.sql.gold.selects import Schema
from ehrxqa.sql.gold.shape import Unproven, shape_of
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.sandbox import Rows, Value, open_database

__all__ = ["Connection", "Job", "Prover", "Runner", "jobs_of"]

Outcome = tuple[list[Any], str | None]
"""The answer, or none and the reason of the failure in one line."""

_LONGEST: Final = Limits().sql_length


@dataclass(frozen=True, slots=True)
class Job:
    """A program to run.

    Attributes:
        number: Its place in the file.
        text: For the plain database.
        indexed: Statement and parameters for the indexed copy, to be tried before that.
    """

    number: int
    text: str
    indexed: tuple[str, Sequence[str | int]] | None = None


class Prover:
    """Finds for each program what may be run on the indexed copy; programs of one shape are proved once.

    Args:
        schema: From `indexed.schema_of`; if it is empty, all run on the plain database.
        now: The current time of the database.
    """

    def __init__(self, schema: Schema, now: str = CURRENT_TIME) -> None:
        self._schema, self._keys, self._now = schema, keys_of(schema), now
        self._known: dict[str, Program | None] = {}

    def job(self, program: str, number: int = 0) -> tuple[str, Job]:
        """The shape of a program as it stands in a record (empty if it has none), and how to run it."""
        text = normalise(program, self._now)
        try:
            shape, values = shape_of(text)
        except Unproven:
            return "", Job(number, text)
        if shape not in self._known:
            self._known[shape] = self._proved(shape)
        proved = self._known[shape]
        if proved is None or len(text) > _LONGEST:
            return shape, Job(number, text)
        return shape, Job(number, text, proved.statement(values))

    def _proved(self, shape: str) -> Program | None:
        try:
            return prove(shape, self._schema, self._keys) if self._schema else None
        except (Unproven, RecursionError):
            return None


def jobs_of(programs: Sequence[str], schema: Schema, now: str = CURRENT_TIME) -> list[Job]:
    """Programs of records as jobs (see `Prover`), those of one shape side by side: a statement is prepared once."""
    prover = Prover(schema, now)
    by_shape: dict[str, list[Job]] = {}
    for number, program in enumerate(programs):
        shape, job = prover.job(program, number)
        by_shape.setdefault(shape, []).append(job)
    return [job for jobs in by_shape.values() for job in jobs]


class Connection(Protocol):
    """What gives all rows of a statement in SQLite's own order; a program itself is of bounded length."""

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> Rows: ...  # noqa: D102

    def run_rewritten(self, sql: str, parameters: Sequence[Value] = ()) -> Rows: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


class Runner:
    """Connections to the plain database and to its indexed copy.

    Args:
        plain: The plain database.
        indexed: Its indexed copy, or None if no job has a statement for it.
    """

    def __init__(self, plain: Connection, indexed: Connection | None) -> None:
        self._plain, self._indexed = plain, indexed

    @classmethod
    def sandboxed(cls, database: Path, indexed: Path | None, seconds: float, now: str = CURRENT_TIME) -> Runner:
        """A runner of programs that nobody vouches for, with a time limit for one program on one database."""
        limits = Limits(seconds=seconds)
        copy = None if indexed is None else open_database(indexed, limits=limits, now=now)
        return cls(open_database(database, limits=limits, now=now), copy)

    def run(self, job: Job) -> Outcome:
        """The outcome of one program. Whatever fails on the copy is run on the plain database."""
        if self._indexed is not None and job.indexed is not None:
            try:
                return answer_list(self._indexed.run_rewritten(*job.indexed).rows), None
            except NeuralSqlError:
                pass
        try:
            return answer_list(self._plain.run(job.text).rows), None
        except NeuralSqlError as error:
            return [], str(error)

    def close(self) -> None:
        """Close the connections."""
        self._plain.close()
        if self._indexed is not None:
            self._indexed.close()
