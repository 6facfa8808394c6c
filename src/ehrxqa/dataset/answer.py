"""`ehrxqa answer`: run the gold programs of pre-release files, and write the final files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.dataset.records import GOLD_PROGRAM, Record, final_record, read_records, write_records
from ehrxqa.errors import SettingsError
from ehrxqa.files import PART, reading
from ehrxqa.layout import BASES, DATABASE_OF_SPLIT, DATABASE_PATHS, SPLITS
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.pool import Pool

if TYPE_CHECKING:
    from ehrxqa.sql.gold.runner import Job, Outcome, Runner
    from ehrxqa.sql.gold.selects import Schema

__all__ = ["DEFAULT_SECONDS", "AnswerReport", "Failure", "answer", "database_for"]

#: Time limit of one gold program.
DEFAULT_SECONDS: Final = 60.0
#: Programs a worker runs at a time.
CHUNK: Final = 64
#: Fewer programs than this are run in this process: starting workers would take longer.
ALONE_BELOW: Final = 256
#: As many programs on the indexed copy take the time of one on the plain database.
SPEEDUP: Final = 20
#: For fewer programs than this no indexed copy is made: making it would take longer.
INDEXED_FROM: Final = 300


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
    if unknown := splits - set(SPLITS):
        names, known = ", ".join(sorted(map(repr, unknown))), ", ".join(SPLITS)
        raise SettingsError(f"split {names} of a record is none of {known}; give the database file itself")
    wanted = {DATABASE_OF_SPLIT[str(split)] for split in splits} or {BASES[0]}
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
    if seconds <= 0:
        raise SettingsError(f"seconds must be positive, not {seconds:g}")
    records = read_records(questions)
    path = database_for(Path(database), records)
    with reading(path, questions, writing=[out]):
        return _answer(path, questions, records, out, workers or os.cpu_count() or 1, seconds, progress)


def _answer(
    path: Path, questions: Path, records: list[Record], out: Path, workers: int, seconds: float, progress: Progress
) -> AnswerReport:
    programs = [record[GOLD_PROGRAM] for record in records]
    outcomes: list[Outcome] = [([], "was not run")] * len(programs)
    scratch = out.with_name(f".{out.name}.indexed{PART}")
    with progress.task(f"answering {questions.name}", len(programs), "questions") as task:
        for some in _run(path, programs, workers, seconds, scratch):
            for number, outcome in some:
                outcomes[number] = outcome
                task.advance()
    final, failed = [], []
    for record, (found, reason) in zip(records, outcomes, strict=True):
        if reason is None:
            final.append(final_record(record, found))
        else:
            failed.append(Failure(record.get("id"), reason))
    write_records(out, final)
    return AnswerReport(len(final), tuple(failed))


def _run(
    path: Path, programs: list[str], workers: int, seconds: float, scratch: Path
) -> Iterator[list[tuple[int, Outcome]]]:
    """Outcomes with the numbers of their programs, some at a time."""
    from ehrxqa.sql.gold.indexed import schema_of
    from ehrxqa.sql.gold.runner import jobs_of

    schema = schema_of(path) if len(programs) >= INDEXED_FROM else {}
    with _indexed(path, schema, scratch) as made:
        jobs = jobs_of(programs, schema)  # meanwhile the copy is being made
        indexed = made()
        slow = sum(1 for job in jobs if indexed is None or job.indexed is None)
        chunks = [jobs[first : first + CHUNK] for first in range(0, len(jobs), CHUNK)]
        few = slow + (len(jobs) - slow) // SPEEDUP < ALONE_BELOW
        with Pool(1 if few else min(workers, len(chunks)), opened=partial(_runner, path, indexed, seconds)) as pool:
            yield from pool.map(_run_chunk, chunks)


@contextmanager
def _indexed(path: Path, schema: Schema, scratch: Path) -> Iterator[Callable[[], Path | None]]:
    """Gives a function that waits for the indexed copy: its path, or None if there is no use or no room for it."""
    if not schema:
        yield lambda: None
        return
    import apsw

    from ehrxqa.sql.gold.indexed import make_indexed

    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(make_indexed, path, scratch, schema)

        def made() -> Path | None:
            try:
                making.result()
            except (OSError, apsw.Error):
                return None  # the plain database gives the same answers, only later
            return scratch

        try:
            yield made
        finally:
            wait([making])
            with suppress(OSError):
                scratch.unlink(missing_ok=True)


def _runner(path: Path, indexed: Path | None, seconds: float) -> AbstractContextManager[Runner]:
    from ehrxqa.sql.gold.runner import Runner

    return closing(Runner.sandboxed(path, indexed, seconds))


def _run_chunk(runner: Runner, jobs: list[Job]) -> list[tuple[int, Outcome]]:
    return [(job.number, runner.run(job)) for job in jobs]
