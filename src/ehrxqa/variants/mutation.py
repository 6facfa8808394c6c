"""How many single-fault mutants of gold programs one database tells from the gold, and how many several do."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.runs.pool import Pool
from ehrxqa.short_repr import short_repr
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.mutants import FAULTS, mutants
from ehrxqa.sql.same_rows import same_rows
from ehrxqa.sql.sandbox import Sandbox, open_database
from ehrxqa.sql.structure import read

__all__ = ["MutationScore", "indexed_copy", "mutation_score", "told_by"]

#: Of one mutant: steps, not seconds, so that the result does not depend on how busy the machine is.
_LIMITS: Final = Limits(seconds=60.0, steps=20_000_000, rows=50_000)
_CHUNK: Final = 16
#: What programs look rows up by, in any schema.
_LOOKED_UP: Final = ("subject_id", "hadm_id", "stay_id", "study_id", "itemid", "icd_code", "event_id")


@dataclass(frozen=True)
class MutationScore:
    """Mutants that are told from the gold.

    Attributes:
        programs: Gold programs.
        mutants: Their mutants; those that fail, or take too long, on a database do not count.
        killed: For one database, for two, and so on: mutants that one of them answers otherwise than the gold.
        faults: Fault → mutants, and those that all databases together tell from the gold.
    """

    programs: int
    mutants: int
    killed: tuple[int, ...]
    faults: dict[str, tuple[int, int]]

    __repr__ = short_repr

    @property
    def shares(self) -> tuple[float, ...]:
        """The same as shares."""
        return tuple(killed / self.mutants if self.mutants else 0.0 for killed in self.killed)


def mutation_score(
    programs: Sequence[str],
    databases: Sequence[Path],
    *,
    left_out: Sequence[Collection[int]] = (),
    now: str = CURRENT_TIME,
    workers: int | None = None,
) -> MutationScore:
    """Try the mutants of gold programs on databases, of which each tells some from the gold.

    Args:
        programs: As the databases run them.
        databases: The first is the one the programs are about.
        left_out: For each database the places of programs that are not judged on it, and tell nothing there.
        now: Their current time.
        workers: Processes (default: number of processors). The result does not depend on it.
    """
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    by_number = [0] * len(databases)
    for place, mutated in enumerate(told_by(programs, databases, now=now, workers=workers)):
        passed_over = {number for number, places in enumerate(left_out) if place in places}
        for fault, told in mutated:
            numbers = told - passed_over
            made[fault] += 1
            killed[fault] += bool(numbers)
            for at in range(min(numbers, default=len(databases)), len(databases)):
                by_number[at] += 1
    faults: dict[str, tuple[int, int]] = {fault: (made[fault], killed[fault]) for fault in FAULTS if made[fault]}
    return MutationScore(len(programs), made.total(), tuple(by_number), faults)


def told_by(
    programs: Sequence[str],
    databases: Sequence[Path],
    *,
    now: str = CURRENT_TIME,
    workers: int | None = None,
    limits: Limits = _LIMITS,
) -> list[list[tuple[str, frozenset[int]]]]:
    """For each program its mutants: the fault, and the numbers of the databases that tell it from the gold.

    Args:
        programs: As the databases run them; one that cannot be run has no mutants.
        databases: Numbered from 0.
        now: Their current time.
        workers: Processes (default: number of processors). The result does not depend on it.
        limits: Of one mutant; those that fail, or take too long, are left out.
    """
    chunks = [programs[at : at + _CHUNK] for at in range(0, len(programs), _CHUNK)]
    with tempfile.TemporaryDirectory(prefix="ehrxqa-") as folder:
        copies = [Path(folder) / f"{number}.db" for number in range(len(databases))]
        for database, copy in zip(databases, copies, strict=True):
            indexed_copy(database, copy)
        with Pool(workers, opened=partial(_Databases, copies, now, limits)) as pool:
            return [found for some in pool.map(_try_chunk, chunks) for found in some]


class _Databases:
    """What a worker keeps open."""

    def __init__(self, copies: Sequence[Path], now: str, limits: Limits) -> None:
        self._copies, self._now, self._limits = copies, now, limits
        self._stack = ExitStack()

    def __enter__(self) -> list[Sandbox]:
        return [
            self._stack.enter_context(open_database(copy, limits=self._limits, now=self._now)) for copy in self._copies
        ]

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _try_chunk(databases: list[Sandbox], programs: Sequence[str]) -> list[list[tuple[str, frozenset[int]]]]:
    """For each program its mutants."""
    return [list(_try(databases, program)) for program in programs]


def _try(databases: list[Sandbox], program: str) -> Iterator[tuple[str, frozenset[int]]]:
    try:
        golds = [database.run(program).rows for database in databases]
        mutated = mutants(read(program))
    except NeuralSqlError:
        return
    for mutant in mutated:
        with suppress(NeuralSqlError):
            numbers = frozenset(
                number
                for number, database in enumerate(databases)
                if not same_rows(database.run(mutant.sql).rows, golds[number])
            )
            yield mutant.fault, numbers


def indexed_copy(database: Path, copy: Path) -> None:
    """Write a copy of a database with indexes on what rows are looked up by: the same rows, in whatever order."""
    copy.touch(mode=0o600)  # rows of patients, for nobody else's eyes
    copy.write_bytes(database.read_bytes())
    db = apsw.Connection(str(copy))
    try:
        db.execute("pragma journal_mode = off; pragma synchronous = off")
        tables = db.execute(
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            columns = [str(column).lower() for _, column, *_ in db.execute(f'pragma table_info("{table}")')]
            for column in _LOOKED_UP:
                if column in columns:
                    db.execute(f'create index "fast_{table}_{column}" on "{table}"("{column}")')
        db.execute("analyze")
    finally:
        db.close()
