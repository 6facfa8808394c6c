"""Putting noted (question, study) pairs to the model: once each, in batches, after memory and cache."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.counting import counted
from ehrxqa.errors import NeuralSqlError, VqaError
from ehrxqa.neuralsql.answers import Known
from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.plan import Plan, Question
from ehrxqa.neuralsql.result import Asked
from ehrxqa.sql.errors import Abstained, CallError, QuestionLimit, TimeLimit
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import Value, open_database
from ehrxqa.vqa.models import ABSTAIN, VqaModel, VqaReply, VqaRequest, as_reply
from ehrxqa.vqa.question import VqaQuestion

__all__ = ["Asker", "Unanswered"]

#: Answers kept in memory between queries of one engine.
MOST_KEPT = 2_000_000

# The list of studies is read by the engine itself, not by a query: it may be longer than any result. But it has to be
# there before the query's time is over: TB_CXR of a database of somebody else may be a view that never ends.
_ALL_STUDIES = Limits(rows=2_000_000, result_bytes=1 << 30, memory=1 << 30)


@dataclass(slots=True)
class _Need:
    """A pair to be answered, and how the query spells its study (1, 1.0 and '1' are one study)."""

    number: int
    study: int
    image: str
    spelled: list[Value]


class Unanswered(Exception):  # noqa: N818 - not an error: a query that only has to be asked for
    """A query needs answers that neither memory nor cache has.

    Attributes:
        requests: The questions, each once, in the order in which the query met them.
    """

    def __init__(self, requests: Sequence[VqaRequest]) -> None:
        super().__init__(f"{counted(len(requests), 'image question is', 'image questions are')} not answered yet")
        self.requests = tuple(requests)


class Asker:
    """Answers the pairs of one query after another.

    Attributes:
        only_note: Whether questions that nothing answers yet are to be told by `Unanswered`, not put to the model.
        asked: (image, question) pairs of the current query that were put to the model.
        cached: Those whose answer was known from an earlier query or run.
        batches: Calls of the model for it.
    """

    def __init__(self, database: Path, model: VqaModel | None, cache: AnswerCache | None) -> None:
        self._database, self._model, self._cache = database, model, cache
        self._images: dict[int, list[str]] | None = None
        self._memory: dict[tuple[VqaQuestion | str, str], VqaReply | NeuralSqlError] = {}
        self._plan: Plan | None = None
        self._known: list[dict[Value, Known]] = []
        self._counts: list[list[int]] = []
        self.only_note = False
        self.asked = self.cached = self.batches = 0

    def reset(self) -> None:
        """Set the counters to nothing."""
        self.asked = self.cached = self.batches = 0
        self._known = []

    def begin(self, plan: Plan, known: list[dict[Value, Known]]) -> None:
        """Get ready for a query; answers will be put into `known`, by question and study."""
        self.reset()
        self._plan, self._known = plan, known
        self._counts = [[0, 0] for _ in plan.questions]
        if len(self._memory) > MOST_KEPT:
            self._memory.clear()

    def studies(self) -> set[int]:
        """Studies that the current query was answered about, as far as it came."""
        return {study for known in self._known for value in known if (study := _study_number(value)) is not None}

    def by_question(self) -> tuple[Asked, ...]:
        """How many studies each question of the current query was asked about."""
        assert self._plan is not None
        return tuple(
            Asked(
                question.text,
                None if question.value is None else question.value.kind.number,
                question.answer_type,
                asked,
                cached,
            )
            for question, (asked, cached) in zip(self._plan.questions, self._counts, strict=True)
        )

    def ask(self, pairs: Iterable[tuple[int, Value]], limits: Limits, until: float) -> None:
        """Find the answer to each pair of question number and study value.

        What cannot be answered (no such study, the model fails) becomes the reason in place of the answer.

        Raises:
            QuestionLimit: The query needs more pairs than allowed.
            TimeLimit: It is past `until`.
            CallError: There is no model.
        """
        self._read_images(until)
        needs = self._distinct(pairs)
        self._check_number(len(needs), limits)
        open_needs = self._from_memory(needs)
        open_needs = self._from_cache(open_needs)
        if not open_needs:
            return
        if self.only_note:
            raise Unanswered([self._request(need) for need in open_needs])
        model = self._model
        if model is None:
            raise CallError("the query asks images, but no model was given to answer")
        for start in range(0, len(open_needs), max(1, model.batch_size)):
            if time.monotonic() > until:
                raise TimeLimit(f"the query takes longer than {limits.seconds:g} seconds")
            self._from_model(model, open_needs[start : start + max(1, model.batch_size)])

    def _check_number(self, more: int, limits: Limits) -> None:
        if self.asked + self.cached + more > limits.questions:
            raise QuestionLimit(f"the query asks more than {limits.questions:,} image questions")

    def _distinct(self, pairs: Iterable[tuple[int, Value]]) -> list[_Need]:
        needs: dict[tuple[int, int], _Need] = {}
        for number, spelled in pairs:
            study = _study_number(spelled)
            images = [] if study is None else self._images_of(study)
            if study is None or len(images) != 1:
                self._known[number][spelled] = _no_image(spelled, study, len(images))
                continue
            need = needs.get((number, study))
            if need is None:
                needs[number, study] = _Need(number, study, images[0], [spelled])
            else:
                need.spelled.append(spelled)
        return list(needs.values())

    def _read_images(self, until: float) -> None:
        if self._images is not None:
            return
        with open_database(self._database, limits=_ALL_STUDIES) as sandbox:
            if "tb_cxr" not in {name.lower() for name in sandbox.tables}:
                raise CallError("func_vqa: the database has no X-ray studies (no table TB_CXR)")
            rows = sandbox.run_rewritten("SELECT study_id, image_id FROM tb_cxr", until=until)
        self._images = {}
        for number, image in rows:
            if isinstance(number, int) and isinstance(image, str):
                images = self._images.setdefault(number, [])
                if image not in images:
                    images.append(image)

    def _images_of(self, study: int) -> list[str]:
        assert self._images is not None
        return self._images.get(study, [])

    def _question(self, need: _Need) -> Question:
        assert self._plan is not None
        return self._plan.questions[need.number]

    def _request(self, need: _Need) -> VqaRequest:
        question = self._question(need)
        return VqaRequest(need.study, need.image, question.value, question.text, question.answer_type)

    def _settle(self, need: _Need, answer: VqaReply | NeuralSqlError, *, asked: bool) -> None:
        known = _known(answer, self._question(need), need.study)
        for spelled in need.spelled:
            self._known[need.number][spelled] = known
        self._counts[need.number][0 if asked else 1] += 1
        if asked:
            self.asked += 1
        else:
            self.cached += 1

    def _from_memory(self, needs: list[_Need]) -> list[_Need]:
        if not self._memory:
            return needs
        rest = []
        for need in needs:
            key = (self._question(need).key, need.image)
            if key in self._memory:
                self._settle(need, self._memory[key], asked=False)
            else:
                rest.append(need)
        return rest

    def _from_cache(self, needs: list[_Need]) -> list[_Need]:
        if self._cache is None or self._model is None or not needs:
            return needs
        by_question: dict[int, list[_Need]] = {}
        for need in needs:
            by_question.setdefault(need.number, []).append(need)
        rest = []
        for some in by_question.values():
            question = self._question(some[0])
            name, version = self._model.name, self._model.version
            found = self._cache.get(name, version, question.canonical, [need.image for need in some])
            for need in some:
                if need.image in found:
                    self._memory[question.key, need.image] = found[need.image]
                    self._settle(need, found[need.image], asked=False)
                else:
                    rest.append(need)
        return rest

    def _from_model(self, model: VqaModel, needs: list[_Need]) -> None:
        requests = [self._request(need) for need in needs]
        answers = self._answers_of(model, requests)
        for need, answer in zip(needs, answers, strict=True):
            if isinstance(answer, NeuralSqlError):  # not for the file: the next run may fare better
                self._memory[self._question(need).key, need.image] = answer
            self._settle(need, answer, asked=True)
        self.remember(
            (request, answer)
            for request, answer in zip(requests, answers, strict=True)
            if not isinstance(answer, NeuralSqlError)
        )

    def remember(self, answers: Iterable[tuple[VqaRequest, VqaReply]]) -> None:
        """Keep answers in memory and in the cache."""
        kept = []
        for request, reply in answers:
            question = Question(request.text, request.question, request.answer_type)
            self._memory[question.key, request.image_id] = reply
            kept.append((question.canonical, request.image_id, reply))
        if self._cache is not None and self._model is not None and kept:
            self._cache.put(self._model.name, self._model.version, kept)

    def _answers_of(self, model: VqaModel, requests: Sequence[VqaRequest]) -> list[VqaReply | NeuralSqlError]:
        """The model's answers; where it fails on a batch, one by one, so that only the studies at fault suffer."""
        self.batches += 1
        try:
            answers: list[VqaReply | NeuralSqlError] = [as_reply(answer) for answer in model.answer(requests)]
        except VqaError as error:
            if len(requests) == 1:
                return [CallError(f"study {requests[0].study_id}: {error}")]
            return [answer for request in requests for answer in self._answers_of(model, [request])]
        if len(answers) != len(requests):
            raise CallError(
                f"the model {model.name} gave {len(answers)} answers to {counted(len(requests), 'question')}"
            )
        return answers


def _study_number(value: Value) -> int | None:
    """The study that a value means, as SQLite compares it with an INTEGER column."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:18])
    return value if isinstance(value, int) else None


def _no_image(spelled: Value, study: int | None, images: int) -> CallError:
    if study is None:
        return CallError(f"func_vqa: {str(spelled)[:40]!r} is not a study id")
    if images:
        return CallError(f"func_vqa: study {study} has {images} images in TB_CXR, expected one")
    return CallError(f"func_vqa: study {study} has no image in TB_CXR")


def _known(reply: VqaReply | NeuralSqlError, question: Question, study: int) -> Known:
    """An answer as SQL sees it, or the reason why there is none."""
    if isinstance(reply, NeuralSqlError):
        return reply
    answer = reply.answer
    if answer is ABSTAIN:
        return Abstained(f"the model abstains on study {study}")
    if answer is None:
        # No value, such as a width without boxes: what the gold programs count as no finding.
        return 0 if question.answer_type == "truth" else ()
    if isinstance(answer, bool):
        if question.answer_type == "truth":
            return int(answer)
        return CallError(f"the model gave a truth value where a list was asked for (study {study})")
    if question.answer_type == "list":
        return answer
    return CallError(f"the model gave a list to a yes/no question (study {study})")
