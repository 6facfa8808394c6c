"""Running a file of predicted queries."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.belonging import check_belongs
from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.files import reading, sha256_of
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import json_text
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.neuralsql.predictions import (
    OUTCOME_KEYS,
    Identifier,
    chosen_predictions,
    record_of,
    write_answers,
    write_outcomes,
)
from ehrxqa.neuralsql.result import FENCED
from ehrxqa.neuralsql.setup import Setup
from ehrxqa.neuralsql.workers import WorkerPool
from ehrxqa.progress import Progress
from ehrxqa.runs.journal import Journal
from ehrxqa.runs.output_folder import build_around
from ehrxqa.shown_progress import FITTING
from ehrxqa.sql.clock import check_time
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.models import VqaModel

__all__ = ["MOST_BYTES", "ExecuteSummary", "execute"]

#: Bytes that all answers of a file may take together.
MOST_BYTES: Final = 256_000_000


@dataclass(frozen=True, slots=True)
class ExecuteSummary:
    """What came of a file of queries.

    Attributes:
        total: Queries.
        answered: Queries with an answer; `abstained`, `error`, `timeout` likewise.
        questions: (image, question) pairs the queries needed, each query by itself.
        asked: Pairs put to the model in this run.
        resumed: Queries taken over from an interrupted run.
        noted: Queries with `notes` in their outcomes: taken out of what stood around them, or what looks like a slip.
        fenced: Those among them that stood in a Markdown fence.
        out: The file of outcomes.
    """

    total: int
    answered: int
    abstained: int
    error: int
    timeout: int
    questions: int
    asked: int
    resumed: int
    noted: int
    fenced: int
    out: str

    _repr_html_ = html_repr


@checked
def execute(
    database: Path | str,
    predictions: Path | str,
    *,
    out: Path | str,
    model: str | VqaModel = "oracle",
    answers: Path | str | None = None,
    ids: Path | str | None = None,
    limit: int | None = None,
    images: Path | str | None = None,
    cache: Path | str | None = None,
    timeout: float = 30.0,
    max_rows: int = 100_000,
    max_bytes: int = MOST_BYTES,
    now: str = CURRENT_TIME,
    other_database: bool = False,
    workers: int | None = None,
    progress: Progress = FITTING,
) -> ExecuteSummary:
    """Run a file of NeuralSQL queries, which nobody has vouched for, and write what came of each.

    The outcomes depend on the queries, the database, the model and the limits, not on the number of workers
    nor on the order in which queries end. An interrupted run is taken up where it was: finished queries are kept
    in `OUT.journal` until `OUT` is written.

    Args:
        database: The integrated database; it is only read, and its TB_CXR_PLUS is out of reach of the queries.
        predictions: `{id: query}`, a list of `{id, query}`, the latter as JSONL, or a `.sql` file of statements.
        out: File for a list of `{id, status, answer, error, notes, questions, now, database, seconds}` in the order of
            `predictions`; `database` is the beginning of its SHA-256.
        model: Who answers image questions, as a text: `oracle`, `constant:no`, … (see `ehrxqa.vqa.registry`),
            or a model of your own, which must survive being sent to the workers (`pickle`).
        ids: File of the ids to run, a JSON list or one per line; all by default.
        limit: Run only the first so many.
        answers: File for `{id: answer}`, with `"null"` for what was not answered.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.
        cache: File of model answers to use and extend.
        timeout: Seconds a query may take.
        max_rows: Rows a result may have.
        max_bytes: Bytes that all answers together may take in `out`; a query whose answer is beyond it, in the order of
            `predictions`, ends as one does that has used up a limit.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`: what `current_time`, `'now'` and the like mean.
        other_database: Whether the database may be another one than that of the build the predictions lie in.
        workers: Processes; as many as there are processors if None.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        RecordError: The predictions cannot be read, or lie in a build with another database.
        SettingsError: The database is missing, or the model or a limit makes no sense.
        BuildError: A file cannot be written.
    """
    database, out = Path(database), Path(out)
    if not database.is_file():
        raise MissingError(f"{database}: no such database file")
    if timeout <= 0 or max_rows < 1 or max_bytes < 1:
        raise SettingsError("the timeout, the number of rows and the number of bytes are greater than 0")
    _check_sendable(model)
    predictions = Path(predictions)
    queries = chosen_predictions(predictions, ids=None if ids is None else Path(ids), limit=limit)
    setup = Setup(
        database,
        model,
        None if images is None else Path(images),
        None if cache is None else Path(cache),
        Limits(seconds=timeout, rows=max_rows),
        now=check_time(now),
    )
    count = max(1, min(workers or os.cpu_count() or 1, len(queries)))
    journal = out.with_name(out.name + ".journal")
    to_answers = None if answers is None else Path(answers)
    with reading(database, predictions, *build_around(Path(database)), writing=(out, journal, to_answers, setup.cache)):
        if not other_database:
            check_belongs(database, sha256_of(database), predictions)
        records, asked, resumed = _run(queries, setup, count, journal, out, max_bytes, progress)
        if to_answers is not None:
            write_answers(to_answers, records)
    statuses = Counter(record["status"] for record in records)
    return ExecuteSummary(
        len(records),
        statuses["answered"],
        statuses["abstained"],
        statuses["error"],
        statuses["timeout"],
        sum(record["questions"] for record in records),
        asked,
        resumed,
        sum(bool(record["notes"]) for record in records),
        sum(FENCED in record["notes"] for record in records),
        str(out),
    )


def _check_sendable(model: str | VqaModel) -> None:
    """Refuse a model that workers cannot be given, before they are started."""
    if isinstance(model, str):
        return
    try:
        pickle.dumps(model)
    except Exception as error:  # whatever its parts raise
        raise SettingsError(
            f"the model {type(model).__name__} cannot be sent to worker processes ({error}); "
            "name a function that makes it: python:MODULE:NAME"
        ) from error


def _run(
    queries: dict[Identifier, str | None],
    setup: Setup,
    count: int,
    side: Path,
    out: Path,
    max_bytes: int,
    progress: Progress,
) -> tuple[list[dict[str, Any]], int, int]:
    """The record of every query, and how many pairs were asked and how many records an earlier run had."""
    asked = 0
    with WorkerPool(setup, count) as pool:
        name, version = pool.model()
        database = sha256_of(setup.database)
        depends_on = {
            "database": database,
            "model": [setup.model if isinstance(setup.model, str) else name, name, version],
            "limits": dataclasses.asdict(setup.limits),
            "now": setup.now,
        }
        with Journal(side, depends_on, OUTCOME_KEYS) as journal:
            finished = _Records(list(queries), max_bytes)
            left: dict[str | None, list[Identifier]] = {}  # equal queries are run once
            for id_, query in queries.items():
                record = journal.finished(id_, query)
                if record is None:
                    left.setdefault(query, []).append(id_)
                else:
                    finished.add(id_, record)
            resumed = len(queries) - sum(map(len, left.values()))
            if resumed:
                progress.note(
                    f"{resumed:,} of {counted(len(queries), 'query was', 'queries were')} finished by an "
                    "interrupted run"
                )
            texts = list(left)
            with progress.task("queries", total=len(queries) - resumed, unit="queries") as task:
                for number, outcome in pool.run(texts):
                    asked += outcome.counters.asked
                    for id_ in left[texts[number]]:
                        record = record_of(id_, outcome, setup.now, database)
                        journal.add(id_, texts[number], record)
                        finished.add(id_, record)
                        task.advance()
            records = finished.in_order()
            write_outcomes(out, records)
            journal.remove()
    return records, asked, resumed


class _Records:
    """Finished records, of which no more answers are held than may be written.

    What is left out depends on the order of the ids only: an answer stays if it and all before it are within the bytes.
    """

    def __init__(self, ids: list[Identifier], max_bytes: int) -> None:
        self._place = {id_: place for place, id_ in enumerate(ids)}
        self._most = max_bytes
        self._held: dict[int, dict[str, Any]] = {}
        self._bytes: dict[int, int] = {}
        self._sum = 0

    def add(self, id_: Identifier, record: dict[str, Any]) -> None:
        place = self._place[id_]
        self._held[place] = record
        self._bytes[place] = len(json_text(record["answer"]).encode()) if record["status"] == "answered" else 0
        self._sum += self._bytes[place]
        if self._sum > self._most:
            self._leave_out()

    def _leave_out(self) -> None:
        before = 0
        for place in sorted(self._held):
            before += self._bytes[place]
            record = self._held[place]
            if before > self._most and record["answer"] is not None:
                error = f"the answers of all queries up to this one take more than {self._most:,} bytes"
                self._held[place] = {**record, "status": "timeout", "answer": None, "error": error}
        # what is left out has been counted: look again when as much has come that is still held
        self._sum = sum(size for place, size in self._bytes.items() if self._held[place]["answer"] is not None)

    def in_order(self) -> list[dict[str, Any]]:
        if sum(self._bytes.values()) > self._most:
            self._leave_out()
        return [self._held[place] for place in sorted(self._held)]
