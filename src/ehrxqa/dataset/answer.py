"""`ehrxqa answer`: run the gold programs of pre-release files, and write the final files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.answer_journal import AnswerJournal, answer_journal_path
from ehrxqa.dataset.belonging import check_belongs
from ehrxqa.dataset.records import GOLD_PROGRAM, Record, final_record, read_records, write_records
from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.files import PART, reading, sha256_of
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import BASES, CURRENT_TIME, DATABASE_OF_SPLIT, DATABASE_PATHS, MANIFEST, SPLITS
from ehrxqa.progress import Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.output_folder import build_around
from ehrxqa.runs.shards import shard_pool
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

if TYPE_CHECKING:
    from ehrxqa.sql.gold.runner import Job, Outcome, Runner
    from ehrxqa.sql.gold.selects import Schema

__all__ = ["DEFAULT_SECONDS", "AnswerReport", "Failure", "answer", "database_for"]

#: Time limit of one gold program.
DEFAULT_SECONDS: Final = 60.0
#: Gold program and answer of a question that the database cannot answer.
IMPOSSIBLE: Final = "null"
#: Programs a worker runs at a time.
CHUNK: Final = 64
#: Seconds of programs that are run in this process: starting workers would take longer.
ALONE_SECONDS: Final = 1.0
#: Seconds to make an indexed copy, by byte of the database; in the same time others use the other processors.
COPY_SECONDS: Final = 60e-9
#: A program on the indexed copy takes about so much of its time on the plain database.
SPEEDUP: Final = 20


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

    __repr__ = short_repr
    _repr_html_ = html_repr


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
        raise MissingError(f"{database}: no such database or folder; build it first: ehrxqa build SOURCES OUT")
    splits = {record.get("split") for record in records}
    if unknown := splits - set(SPLITS):
        names, known = ", ".join(sorted(map(repr, unknown))), ", ".join(SPLITS)
        raise SettingsError(f"split {names} of a record is none of {known}; give the database file itself")
    wanted = {DATABASE_OF_SPLIT[str(split)] for split in splits} or {BASES[0]}
    if len(wanted) > 1:
        raise SettingsError("the file mixes test records with train or valid ones; give the database file itself")
    path = database / DATABASE_PATHS[wanted.pop()]
    if not path.is_file():
        raise MissingError(f"{path}: no such database; build it first: ehrxqa build SOURCES {database}")
    return path


@checked
def answer(
    database: Path | str,
    questions: Path | str,
    out: Path | str,
    *,
    workers: int | None = None,
    seconds: float = DEFAULT_SECONDS,
    now: str = CURRENT_TIME,
    other_database: bool = False,
    cluster: Cluster | None = None,
    progress: Progress = FITTING,
) -> AnswerReport:
    """Answer a pre-release file by its gold programs.

    Answers are kept in `OUT.journal` until `out` is written, so that an interrupted run goes on where it was. A program
    that fails is reported, its record left out, and the rest goes on. Where the program is `null`, the
    question has no answer, and `null` is its answer.

    Args:
        database: A database file, or the output folder of a build.
        questions: Pre-release file.
        out: Final file to write.
        workers: Processes (default: number of processors). The result does not depend on it.
        seconds: Time limit of one program.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`.
        other_database: Whether the database may be another one than that of the questions.
        cluster: A Dask cluster that does the work instead of processes of this machine.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        RecordError: The file is not a pre-release file, or the database is not that of its questions.
        SettingsError: There is no such database, or `out` is `questions`.
        BuildError: `out` cannot be written.
    """
    questions, out = Path(questions), Path(out)
    if seconds <= 0:
        raise SettingsError(f"seconds must be positive, not {seconds:g}")
    from ehrxqa.sql.clock import check_time  # SQLite: not for `--help`

    records = read_records(questions, any_database=Path(database).is_file())
    path = database_for(Path(database), records)
    others = [each for each in build_around(path) if each.suffix != ".json" or each.name == MANIFEST]
    with reading(path, questions, *others, writing=[out, answer_journal_path(out)]):
        if not other_database:
            check_belongs(path, sha256_of(path), questions, records, base=_base_of(records))
        run = _Run(path, workers, seconds, check_time(now), cluster, progress)
        return _answer(path, questions, records, out, run, progress)


def _base_of(records: Sequence[Record]) -> str | None:
    """The database of some records; None if they do not say it."""
    bases = {DATABASE_OF_SPLIT.get(str(record.get("split"))) for record in records}
    return bases.pop() if len(bases) == 1 else None


def _answer(
    path: Path, questions: Path, records: list[Record], out: Path, run: _Run, progress: Progress
) -> AnswerReport:
    numbers: dict[str, list[int]] = {}  # equal programs are run once
    for number, record in enumerate(records):
        numbers.setdefault(record[GOLD_PROGRAM], []).append(number)
    outcomes: list[tuple[Any, str | None]] = [([], "was not run")] * len(records)
    for number in numbers.pop(IMPOSSIBLE, ()):
        outcomes[number] = (IMPOSSIBLE, None)
    with AnswerJournal(out, run.depends_on) as journal:
        known = journal.known(list(numbers))
        if known:
            said = counted(len(numbers), "program was", "programs were")
            progress.note(f"{len(known):,} of {said} answered by an interrupted run")
        for program, kept in known.items():
            for number in numbers[program]:
                outcomes[number] = (kept, None)
        programs = [program for program in numbers if program not in known]
        with progress.task(f"answering {questions.name}", len(programs), "programs") as task:
            for some in run.outcomes(programs, out.with_name(f".{out.name}.indexed{PART}")):
                for place, outcome in some:
                    for number in numbers[programs[place]]:
                        outcomes[number] = outcome
                    task.advance()
                journal.add((programs[place], found) for place, (found, reason) in some if reason is None)
        final, failed = [], []
        for record, (found, reason) in zip(records, outcomes, strict=True):
            if reason is None:
                final.append(final_record(record, found))
            else:
                failed.append(Failure(record.get("id"), reason))
        write_records(out, final)
        journal.remove()
    return AnswerReport(len(final), tuple(failed))


@dataclass(frozen=True)
class _Run:
    """How programs are run.

    Attributes:
        path: The database.
        workers: Processes, by default one a processor.
        seconds: Time limit of one program.
        now: The current time of the database.
        cluster: Who does the work instead; then none of it is done in this process.
        progress: Told what happens to it.
    """

    path: Path
    workers: int | None
    seconds: float
    now: str
    cluster: Cluster | None
    progress: Progress

    def depends_on(self) -> dict[str, Any]:
        """What determines an answer, apart from its program."""
        return {"database": sha256_of(self.path), "now": self.now}

    def outcomes(self, programs: list[str], scratch: Path) -> Iterator[list[tuple[int, Outcome]]]:
        """Outcomes with the numbers of their programs, some at a time.

        A copy that is kept is used. Else programs are run on the plain database until it is clear how long they take;
        if making the copy takes less time than the rest of them, it is made.
        """
        if not programs:
            return
        from ehrxqa.sql.gold.indexed import schema_of
        from ehrxqa.sql.gold.kept import copy_folder, kept_copy
        from ehrxqa.sql.gold.runner import jobs_of

        folder, schema = copy_folder(self.path), schema_of(self.path)
        indexed = None if folder is None else kept_copy(self.path, folder)
        jobs = jobs_of(programs, schema, self.now)
        if self.cluster is not None:
            with ExitStack() as stack:
                if indexed is None:
                    indexed = stack.enter_context(_made(self.path, schema, folder, scratch))
                yield from self._pooled(jobs, indexed, self.workers, stack)
            return
        done, workers = 0, self.workers or os.cpu_count() or 1
        with self._runner(indexed) as runner:
            started = time.monotonic()
            for job in jobs:
                yield [(job.number, runner.run(job))]
                done += 1
                if time.monotonic() - started > ALONE_SECONDS:
                    break
            left = (time.monotonic() - started) / max(1, done) * (len(jobs) - done)
        jobs = jobs[done:]
        if not jobs:
            return
        with ExitStack() as stack:
            if indexed is None and left / workers > self.path.stat().st_size * COPY_SECONDS:
                indexed = stack.enter_context(_made(self.path, schema, folder, scratch))
                left /= SPEEDUP if indexed is not None else 1
            workers = 1 if left < ALONE_SECONDS else min(workers, -(-len(jobs) // CHUNK))
            yield from self._pooled(jobs, indexed, workers, stack)

    def _pooled(
        self, jobs: list[Job], indexed: Path | None, workers: int | None, stack: ExitStack
    ) -> Iterator[list[tuple[int, Outcome]]]:
        chunks = [jobs[first : first + CHUNK] for first in range(0, len(jobs), CHUNK)]
        needs = [path for path in (self.path, indexed) if path is not None]
        opened = partial(self._runner, indexed)
        pool = shard_pool(workers, self.cluster, opened=opened, needs=needs, progress=self.progress)
        yield from stack.enter_context(pool).map(_run_chunk, chunks)

    def _runner(self, indexed: Path | None) -> AbstractContextManager[Runner]:
        from ehrxqa.sql.gold.runner import Runner

        return closing(Runner.sandboxed(self.path, indexed, self.seconds, self.now))


@contextmanager
def _made(path: Path, schema: Schema, folder: Path | None, scratch: Path) -> Iterator[Path | None]:
    """The indexed copy: kept where the database belongs to a build, else for as long as it is used.

    None if there is no use or no room for it: the plain database gives the same answers, only later.
    """
    import apsw

    from ehrxqa.sql.gold.indexed import make_indexed
    from ehrxqa.sql.gold.kept import make_kept_copy

    copy: Path | None = None
    try:
        with suppress(OSError, apsw.Error):
            if schema and folder is not None:
                copy = make_kept_copy(path, folder, partial(make_indexed, schema=schema))
            elif schema:
                make_indexed(path, scratch, schema)
                copy = scratch
        yield copy
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _run_chunk(runner: Runner, jobs: list[Job]) -> list[tuple[int, Outcome]]:
    return [(job.number, runner.run(job)) for job in jobs]
