"""`ehrxqa answer`: run the gold programs of pre-release files, and write the final files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from ehrxqa.build import DATABASE_PATHS
from ehrxqa.dataset.records import GOLD_PROGRAM, Record, final_record, read_records, write_records
from ehrxqa.errors import BuildError, NeuralSqlError, SettingsError
from ehrxqa.progress import SILENT, Progress

__all__ = ["DEFAULT_SECONDS", "AnswerReport", "Failure", "answer", "database_for"]

#: Time limit of one gold program.
DEFAULT_SECONDS: Final = 60.0
#: Programs a worker runs at a time.
CHUNK: Final = 64
#: Fewer programs than this are run in this process: starting workers would take longer.
ALONE_BELOW: Final = 256


@dataclass(frozen=True)
class Failure:
    """A gold program that gave no answer.

    Attributes:
        id: Of the record.
        reason: One line.
    """

    id: Any
    reason: str


@dataclass(frozen=True)
class AnswerReport:
    """What came of a question file.

    Attributes:
        answered: Records written, with answers.
        failed: Records that are not written, in file order.
    """

    answered: int
    failed: tuple[Failure, ...]


def database_for(database: Path, records: Sequence[Record]) -> Path:
    """The database file that answers some records.

    Args:
        database: A database file, or an output folder; then `test` records go to the test database, and `train` and
            `valid` records to the train database.
        records: The records of one file.

    Raises:
        SettingsError: There is no database, or the records of one file need two.
    """
    if database.is_file():
        return database
    if not database.is_dir():
        raise SettingsError(f"{database}: no such database or folder; build it first: ehrxqa build SOURCES OUT")
    splits = {record.get("split") for record in records}
    if unknown := splits - {"train", "valid", "test"}:
        names = ", ".join(sorted(map(repr, unknown)))
        raise SettingsError(f"split {names} of a record is none of train, valid, test; give the database file itself")
    wanted = {"test" if split == "test" else "train" for split in splits} or {"train"}
    if len(wanted) > 1:
        raise SettingsError("the file mixes test records with train or valid ones; give the database file itself")
    path = database / DATABASE_PATHS[wanted.pop()]
    if not path.is_file():
        raise SettingsError(f"{path}: no such database; build it first: ehrxqa build SOURCES {database}")
    return path


def answer(
    database: Path | str,
    questions: Path | str,
    out: Path | str,
    *,
    workers: int | None = None,
    seconds: float = DEFAULT_SECONDS,
    progress: Progress = SILENT,
) -> AnswerReport:
    """Answer a pre-release file by its gold programs.

    A program that fails is reported, its record left out, and the rest goes on.

    Args:
        database: A database file, or the output folder of a build.
        questions: Pre-release file.
        out: Final file to write.
        workers: Processes (default: number of processors). The result does not depend on it.
        seconds: Time limit of one program.
        progress: Told what happens.

    Raises:
        RecordError: The file is not a pre-release file.
        SettingsError: There is no such database, or `out` is `questions`.
        BuildError: `out` cannot be written.
    """
    questions, out = Path(questions), Path(out)
    if out.exists() and out.resolve() == questions.resolve():
        raise SettingsError(f"{out}: is the question file itself; choose another file to write")
    if seconds <= 0:
        raise SettingsError(f"seconds must be positive, not {seconds:g}")
    records = read_records(questions)
    path = database_for(Path(database), records)
    programs = [record[GOLD_PROGRAM] for record in records]
    final, failed = [], []
    with progress.task(f"answering {questions.name}", len(programs), "questions") as task:
        for record, (found, reason) in zip(
            records, _run(path, programs, workers or os.cpu_count() or 1, seconds), strict=True
        ):
            if reason is None:
                final.append(final_record(record, found))
            else:
                failed.append(Failure(record.get("id"), reason))
            task.advance()
    write_records(out, final)
    return AnswerReport(len(final), tuple(failed))


def _run(path: Path, programs: list[str], workers: int, seconds: float) -> Iterator[tuple[list[Any], str | None]]:
    """Answer, or reason of failure, of each program in order."""
    chunks = [programs[first : first + CHUNK] for first in range(0, len(programs), CHUNK)]
    if workers == 1 or len(programs) < ALONE_BELOW:
        runner = _Runner(path, seconds)
        for chunk in chunks:
            yield from runner.run(chunk)
        return
    with ProcessPoolExecutor(
        min(workers, len(chunks)), mp_context=get_context("spawn"), initializer=_start, initargs=(path, seconds)
    ) as pool:
        try:
            for results in pool.map(_run_chunk, chunks):
                yield from results
        except BrokenProcessPool as error:
            raise BuildError("a worker process was killed (out of memory?); try again with fewer --workers") from error


class _Runner:
    """Runs gold programs on one connection."""

    def __init__(self, path: Path, seconds: float) -> None:
        from ehrxqa.neuralsql.sandbox import Limits, open_database

        self._sandbox = open_database(path, limits=Limits(seconds=seconds))

    def run(self, programs: list[str]) -> list[tuple[list[Any], str | None]]:
        from ehrxqa.neuralsql.answer_list import answer_list
        from ehrxqa.neuralsql.official_text import normalise

        results: list[tuple[list[Any], str | None]] = []
        for program in programs:
            try:
                results.append((answer_list(self._sandbox.run(normalise(program)).rows), None))
            except NeuralSqlError as error:
                results.append(([], str(error)))
        return results


_runner: _Runner | None = None


def _start(path: Path, seconds: float) -> None:
    global _runner
    _runner = _Runner(path, seconds)


def _run_chunk(programs: list[str]) -> list[tuple[list[Any], str | None]]:
    assert _runner is not None
    return _runner.run(programs)
