"""`ehrxqa vqa plan`: the distinct (image, question) pairs that a file of queries waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import MissingError, NeuralSqlError
from ehrxqa.files import reading
from ehrxqa.html_repr import html_repr
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.predictions import chosen_predictions
from ehrxqa.progress import Progress
from ehrxqa.runs.output_folder import build_around
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.sql.errors import Abstained
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.models import VqaReply, VqaRequest
from ehrxqa.vqa.pairs import pair_key, read_answered, write_pairs

__all__ = ["NeededReport", "vqa_plan"]

_REASONS: Final = 3


@dataclass
class NeededReport:
    """What a file of queries waits for.

    Attributes:
        file: The file of pairs.
        queries: Queries of the file.
        ready: Those that need no further answer; they can be run.
        faulty: Those that cannot be run whatever is answered.
        pairs: Distinct pairs that are to be answered now.
        images: Different images among them.
        reasons: The first few reasons of faulty queries.
    """

    file: str
    queries: int
    ready: int = 0
    faulty: int = 0
    pairs: int = 0
    images: int = 0
    reasons: list[str] = field(default_factory=list)

    __repr__ = short_repr
    _repr_html_ = html_repr


class _Unasked:
    """Stands for any model that looks at images; it is never asked."""

    name, version, batch_size = "none", "none", 1

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        raise AssertionError(f"{counted(len(requests), 'question was', 'questions were')} to be noted only")


@checked
def vqa_plan(
    database: Path | str,
    queries: Path | str,
    *,
    target: Path | str,
    answers: Sequence[Path | str] = (),
    ids: Path | str | None = None,
    limit: int | None = None,
    timeout: float = 30.0,
    progress: Progress = FITTING,
) -> NeededReport:
    """Write the pairs that queries wait for, grouped by image.

    Questions may depend on each other ("… of those that show pneumonia, which …"): answer the pairs, name the answers,
    and plan again until none are left.

    Args:
        database: The integrated database.
        queries: `{id: query}`, a list of `{id, query}`, the same as JSONL, or a question file with `query`.
        target: File for the pairs, JSON lines.
        answers: Files of answered pairs from earlier rounds, as `ehrxqa vqa ask` writes them.
        ids: File of the ids of the queries to plan for; all by default.
        limit: Plan only for the first so many.
        timeout: Seconds a query may take.
        progress: Told what happens.

    Raises:
        RecordError: A file cannot be read.
        SettingsError: There is no such database, or the target is one of the other files.
        BuildError: The file of pairs cannot be written.
    """
    if not Path(database).is_file():
        raise MissingError(f"{database}: no such database file")
    found = chosen_predictions(Path(queries), ids=None if ids is None else Path(ids), limit=limit)
    report = NeededReport(str(target), len(found))
    pairs: dict[tuple[str, str], VqaRequest] = {}
    with (
        reading(
            Path(database),
            Path(queries),
            *map(Path, answers),
            *build_around(Path(database)),
            writing=[Path(target)],
        ),
        Engine(database, _Unasked(), limits=Limits(seconds=timeout)) as engine,
        progress.task("queries", total=len(found), unit="queries") as task,
    ):
        for path in answers:
            engine.remember((request, reply) for request, reply, _ in read_answered(Path(path)))
        for identifier, query in found.items():
            task.advance()
            try:
                waits = () if query is None else engine.needs(query)
            except Abstained:
                waits = ()
            except NeuralSqlError as error:
                report.faulty += 1
                if len(report.reasons) < _REASONS:
                    report.reasons.append(f"{identifier}: {error}")
                continue
            report.ready += not waits
            for request in waits:
                pairs.setdefault(pair_key(request), request)
        report.pairs = write_pairs(Path(target), pairs.values())
    report.images = len({request.image_id for request in pairs.values()})
    return report
