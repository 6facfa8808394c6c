"""How many single-fault mutants of gold programs one database tells from the gold, and how many several do."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.runs.pool import Pool
from ehrxqa.short_repr import short_repr
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.mutants import FAULTS, mutants
from ehrxqa.sql.same_rows import same_rows
from ehrxqa.sql.sandbox import Sandbox, open_database
from ehrxqa.sql.structure import read
from ehrxqa.variants.store import indexed_copy

__all__ = ["MutationScore", "mutation_score"]

#: Of one mutant: steps, not seconds, so that the result does not depend on how busy the machine is.
_LIMITS: Final = Limits(seconds=60.0, steps=20_000_000, rows=50_000)
_CHUNK: Final = 16


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
    programs: Sequence[str], databases: Sequence[Path], *, now: str = CURRENT_TIME, workers: int | None = None
) -> MutationScore:
    """Try the mutants of gold programs on databases, of which each tells some from the gold.

    Args:
        programs: As the databases run them.
        databases: The first is the one the programs are about.
        now: Their current time.
        workers: Processes (default: number of processors). The result does not depend on it.
    """
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    by_number = [0] * len(databases)
    chunks = [programs[at : at + _CHUNK] for at in range(0, len(programs), _CHUNK)]
    with tempfile.TemporaryDirectory(prefix="ehrxqa-") as folder:
        copies = [Path(folder) / f"{number}.db" for number in range(len(databases))]
        for database, copy in zip(databases, copies, strict=True):
            indexed_copy(database, copy)
        with Pool(workers, opened=partial(_Databases, copies, now)) as pool:
            for some in pool.map(_try_chunk, chunks):
                for fault, number in some:
                    made[fault] += 1
                    killed[fault] += number is not None
                    for at in range(len(databases) if number is None else number, len(databases)):
                        by_number[at] += 1
    faults: dict[str, tuple[int, int]] = {fault: (made[fault], killed[fault]) for fault in FAULTS if made[fault]}
    return MutationScore(len(programs), made.total(), tuple(by_number), faults)


class _Databases:
    """What a worker keeps open."""

    def __init__(self, copies: Sequence[Path], now: str) -> None:
        self._copies, self._now = copies, now
        self._stack = ExitStack()

    def __enter__(self) -> list[Sandbox]:
        return [self._stack.enter_context(open_database(copy, limits=_LIMITS, now=self._now)) for copy in self._copies]

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _try_chunk(databases: list[Sandbox], programs: Sequence[str]) -> list[tuple[str, int | None]]:
    """Each mutant by its fault, and the number of the first database that tells it from the gold."""
    found: list[tuple[str, int | None]] = []
    for program in programs:
        try:
            golds = [database.run(program).rows for database in databases]
            mutated = mutants(read(program))
        except NeuralSqlError:
            continue
        for mutant in mutated:
            try:
                told = (
                    number
                    for number, database in enumerate(databases)
                    if not same_rows(database.run(mutant.sql).rows, golds[number])
                )
                found.append((mutant.fault, next(told, None)))
            except NeuralSqlError:
                continue
    return found
