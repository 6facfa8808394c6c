"""Running the queries of a run: image questions first, each put to the model once, then the SQL.

Queries run in worker processes that can be ended; the model lives in this process alone, or on a cluster. A model that
looks at pictures is asked in rounds: all queries run until they meet answers that are not there, these are asked image
by image, and the queries that lacked them run again. Answers are kept in a file, so that no run asks twice, a killed
one included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from ehrxqa.layout import WORK_FOLDER
from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.noting import NotingModel
from ehrxqa.neuralsql.plan import Question
from ehrxqa.neuralsql.result import Counters, Outcome
from ehrxqa.neuralsql.setup import Setup
from ehrxqa.neuralsql.workers import WorkerPool
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.vqa.models import VqaModel, VqaRequest
from ehrxqa.vqa.shards import Opening, VisionPool

__all__ = ["QueryRunner", "answer_cache", "looks_at_pictures"]

#: Models that answer from labels or a file at no cost: each worker has its own.
_AT_ONCE: Final = ("oracle", "perturbed", "constant", "recorded", "prior", "labels")
#: Rounds after which a query that still finds new questions is given up; queries of the benchmark need three.
_MOST_ROUNDS: Final = 50


class QueryRunner:
    """Runs queries with one vision model.

    Args:
        setup: Database, model, images, limits; its cache is where answers are kept.
        workers: Processes.
        progress: Told what happens.
        cluster: Where a model that looks at pictures is asked instead of in this process; others are not.

    Attributes:
        name: Of the model; `version` likewise.
        asked: (image, question) pairs put to the model by this runner.

    Raises:
        EhrxqaError: The database or the model cannot be opened.
    """

    def __init__(self, setup: Setup, workers: int, progress: Progress = SILENT, cluster: Cluster | None = None) -> None:
        self._setup, self._progress = setup, progress
        self._vision: VisionPool | None = None
        self._failed: dict[tuple[str, str], str] = {}
        self.asked = 0
        if not looks_at_pictures(setup.model):
            self._pool = WorkerPool(dataclasses.replace(setup, cache=None), workers)
            self.name, self.version = self._pool.model()
            return
        assert setup.cache is not None
        AnswerCache(setup.cache).close()  # made once, before several processes open it
        opening = Opening(setup.model, setup.database, setup.images)
        self._vision = VisionPool(opening, cluster=cluster, progress=progress).__enter__()
        self.name, self.version = self._vision.facts.name, self._vision.facts.version
        self._pool = WorkerPool(dataclasses.replace(setup, model=NotingModel(self._vision.facts)), workers)

    def run(self, queries: Sequence[str], what: str = "queries") -> Iterator[tuple[str, Outcome]]:
        """The outcome of each distinct query, in the order in which they end."""
        left = list(dict.fromkeys(queries))
        with self._progress.task(what, total=len(left), unit="queries") as task:
            for _ in range(_MOST_ROUNDS):
                requests: dict[tuple[str, str], VqaRequest] = {}
                waiting = []
                for number, outcome in self._pool.run(left):
                    if outcome.unanswered and (reason := self._failure(outcome.unanswered)) is None:
                        waiting.append(left[number])
                        requests.update((_key(request), request) for request in outcome.unanswered)
                        continue
                    if outcome.unanswered:
                        outcome = Outcome("error", None, reason, 0, outcome.seconds)
                    elif self._vision is None:
                        self.asked += outcome.counters.asked
                    task.advance()
                    yield left[number], outcome
                if not waiting:
                    return
                self._ask(requests)
                left = waiting
            for query in left:
                yield query, Outcome("timeout", None, "its image questions never come to an end", 0, 0.0, Counters())

    def _failure(self, requests: Sequence[VqaRequest]) -> str | None:
        return next((self._failed[key] for request in requests if (key := _key(request)) in self._failed), None)

    def _ask(self, requests: Mapping[tuple[str, str], VqaRequest]) -> None:
        """Put pairs to the model, all questions about an image one after the other; what it cannot answer fails."""
        vision = self._vision
        assert vision is not None
        assert self._setup.cache is not None
        images = {image: place for place, image in enumerate(dict.fromkeys(image for _, image in requests))}
        ordered = sorted(requests.values(), key=lambda request: images[request.image_id])
        left = iter(ordered)
        with (
            AnswerCache(self._setup.cache) as cache,
            self._progress.task("image questions", total=len(ordered), unit="questions") as task,
        ):
            for answered in vision.answer(ordered):
                kept = []
                for reply, request in zip(answered.replies, left, strict=False):
                    if isinstance(reply, str):
                        self._failed[_key(request)] = f"study {request.study_id}: {reply}"
                    else:
                        kept.append((*_key(request), reply))
                cache.put(self.name, self.version, kept)
                self.asked += len(kept)
                task.advance(len(answered.replies))

    def close(self) -> None:
        """End the workers."""
        self._pool.__exit__(None, None, None)
        if self._vision is not None:
            self._vision.__exit__(None, None, None)

    def __enter__(self) -> QueryRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _key(request: VqaRequest) -> tuple[str, str]:
    return Question(request.text, request.question, request.answer_type).canonical, request.image_id


def looks_at_pictures(model: str | VqaModel) -> bool:
    """Whether a model takes its time, which others can share; else it answers from labels or a file at no cost."""
    return not isinstance(model, str) or model.partition(":")[0] not in _AT_ONCE


def answer_cache(out: Path) -> Path:
    """Where answers of vision models are kept for all runs of an output folder."""
    return out / WORK_FOLDER / "vision-answers.db"
