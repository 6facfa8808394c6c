"""The seven tools: plain functions over one build, with a budget and a trace for each episode.

An episode is one `Tools`. Every call is counted, bounded and noted, whatever comes of it; a refused call raises an
`EhrxqaError` with one line that a model can read. Nothing here knows a gold answer, and SQL of any kind runs with the
answer key out of reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ehrxqa.agents.budget import Budget, BudgetUsedUp
from ehrxqa.agents.cells import cells_of, id_text, image_answer, number_of
from ehrxqa.agents.opened import Build
from ehrxqa.agents.pictures import MOST_SIDE, picture_of
from ehrxqa.agents.results import (
    AnswerValue,
    FoundValue,
    FoundValues,
    ImageAnswers,
    Picture,
    QueryRows,
    StudyDescription,
    StudyList,
    Submitted,
    Tables,
)
from ehrxqa.agents.schema_words import NOTES
from ehrxqa.agents.trace import CallOutcome, Submission, ToolCall, Trace, shortened
from ehrxqa.errors import EhrxqaError, NeuralSqlError, SettingsError, VqaError
from ehrxqa.neuralsql.result import status_of
from ehrxqa.vqa.models import VqaReply, VqaRequest, as_reply
from ehrxqa.vqa.other_kinds import other_question
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.render import render

__all__ = ["MOST_STUDIES", "Tools"]

#: Calls that are noted beyond the budget: those turned away, and attempts to hand in.
_MOST_TURNED_AWAY: Final = 100
#: Studies that the note of a call names.
MOST_STUDIES: Final = 500


@dataclass
class _Noted:
    """What a call uses up while it runs."""

    rows: int = 0
    image_questions: int = 0
    pictures: int = 0
    studies: Sequence[int] = field(default=())


class Tools:
    """One episode.

    Args:
        build: What the tools work on.
        budget: What the episode may use up.
        clock: Tells seconds.

    Attributes:
        trace: What has happened so far.
    """

    def __init__(self, build: Build, budget: Budget | None = None, *, clock: Callable[[], float] | None = None) -> None:
        self._build, self._clock = build, clock or time.monotonic
        self._began: float | None = None
        self.trace = Trace(budget or Budget())

    def describe_tables(self, tables: Sequence[str] = ()) -> Tables:
        """Describe tables and their columns in words, with keys and example values; all tables if none is named."""
        with self._call("describe_tables", tables=tables):
            known = self._build.tables
            names = [str(name).strip().lower() for name in tables] or list(known)
            if unknown := [name for name in names if name not in known]:
                raise SettingsError(f"there is no table {unknown[0][:80]!r}; there are: {', '.join(known)}")
            return Tables(self._build.now, list(NOTES), [known[name] for name in dict.fromkeys(names)])

    def search_values(self, text: str, column: str | None = None, limit: int = 20) -> FoundValues:
        """Find how the database spells a name: exact, by its beginning, by words, or nearly; best matches first."""
        with self._call("search_values", text=text, column=column, limit=limit) as noted:
            left = self.trace.spent.left(self.trace.budget, "rows")
            found = self._build.values.search(text, column, min(limit, left))
            noted.rows = len(found)
            return FoundValues([FoundValue(each.column, each.value, each.how, each.score) for each in found])

    def run_sql(self, query: str, limit: int = 50) -> QueryRows:
        """Run one SQLite SELECT; func_vqa("question", study_id) in it asks the X-ray of a study."""
        with self._call("run_sql", query=query, limit=limit) as noted:
            spent, budget = self.trace.spent, self.trace.budget
            most = min(limit, spent.left(budget, "rows"))
            began = self._clock()
            result = self._run(query, noted)
            rows, cut = cells_of(result.rows[:most])
            noted.rows = len(rows)
            cut = cut or len(result.rows) > len(rows)
            seconds = round(self._clock() - began, 3)
            counts = len(result.rows), cut, noted.image_questions, seconds
            return QueryRows(list(result.columns), rows, *counts, list(result.notes))

    def list_studies(self, subject_id: str | int, before: str | None = None) -> StudyList:
        """List the X-ray studies of a subject in the order of time, those before a time if one is given."""
        with self._call("list_studies", subject_id=subject_id, before=before) as noted:
            subject, left = number_of(subject_id, "subject_id"), self.trace.spent.left(self.trace.budget, "rows")
            found = self._build.sandbox.run(
                "SELECT study_id, studydatetime, viewposition, hadm_id FROM tb_cxr WHERE subject_id = ? "
                "AND (? IS NULL OR studydatetime < ?) ORDER BY studydatetime, study_id LIMIT ?",
                (subject, before, before, left),
            )
            noted.rows = len(found)
            return StudyList(
                str(subject),
                [
                    StudyDescription(
                        str(study), str(at), "" if view is None else str(view), "" if hadm is None else id_text(hadm)
                    )
                    for study, at, view, hadm in found
                ],
            )

    def show_image(self, study_id: str | int, side: int = 512) -> Picture:
        """Show the X-ray of a study as a picture whose longest side has at most so many pixels."""
        with self._call("show_image", study_id=study_id, side=side) as noted:
            self.trace.spent.left(self.trace.budget, "pictures")
            study, image = self._image(study_id)
            if self._build.pictures is None:
                raise SettingsError("there are no pictures here: the tools were started without a folder of images")
            try:
                path = self._build.pictures.find(study, image)
            except VqaError:  # its message names the folder, which is nobody's business here
                raise VqaError(f"the picture of study {study} is not there") from None
            picture = picture_of(path, study, min(side, MOST_SIDE))
            noted.pictures, noted.studies = 1, (study,)
            return picture

    def ask_image(self, question: str, studies: Sequence[str | int]) -> ImageAnswers:
        """Ask the vision model one question about the X-rays of some studies: yes or no, or a list of findings."""
        with self._call("ask_image", question=question, studies=studies) as noted:
            if self._build.model is None:
                raise SettingsError("no vision model was given, so images cannot be asked; look at them: show_image")
            left = self.trace.spent.left(self.trace.budget, "image_questions")
            if len(studies) > left:
                raise BudgetUsedUp("image_questions", self.trace.budget.image_questions)
            value = self._understood(question)
            images = [self._image(study) for study in studies]
            noted.image_questions, noted.studies = len(images), [study for study, _ in images]
            requests = [VqaRequest(study, image, value, question) for study, image in images]
            answers = [
                image_answer(study, each) for (study, _), each in zip(images, self._asked(requests), strict=True)
            ]
            return ImageAnswers(question if value is None else render(value), answers)

    def submit_answer(
        self, answer: Sequence[AnswerValue] | None = None, query: str | None = None, abstain: bool = False
    ) -> Submitted:
        """Hand in the answer, once: a list of values, or a NeuralSQL query that gives them, or abstain."""
        given = {"answer": answer, "query": query, "abstain": abstain}
        with self._build.lock:
            began = self._clock()
            try:
                if self.trace.submission is not None:
                    raise SettingsError("an answer was handed in already; there is only one")
                if (answer is not None) + (query is not None) + bool(abstain) != 1:
                    raise SettingsError("hand in one of: answer (a list of values), query (NeuralSQL), abstain")
            except SettingsError as error:
                self._note("submit_answer", shortened(given), "refused", str(error), _Noted(), 0.0)
                raise
            noted = _Noted()
            done = self.trace.submission = self._submission(answer, query, noted)
            self.trace.spent.image_questions += noted.image_questions
            self._note("submit_answer", shortened(given), "answered", done.reason, noted, self._clock() - began)
            return Submitted(done.outcome, done.answer, done.reason or "")

    def count_tokens(self, tokens: int) -> None:
        """Count tokens of the language model, which the tools do not see."""
        self.trace.spent.tokens += tokens

    def note_refused(self, tool: str, arguments: dict[str, Any], said: str) -> None:
        """Count and note a call that did not come so far: its arguments are not what the tool takes."""
        with self._build.lock:
            self.trace.spent.check(self.trace.budget)
            self.trace.spent.calls += 1
            self._note(tool, arguments, "refused", said, _Noted(), 0.0)

    def _submission(self, answer: Sequence[AnswerValue] | None, query: str | None, noted: _Noted) -> Submission:
        if answer is not None:
            return Submission("answer", "answered", list(answer))
        if query is None:
            return Submission("abstain", "abstained")
        try:
            result = self._run(query, noted).answer
        except NeuralSqlError as error:
            return Submission("query", status_of(error), None, query, str(error))
        return Submission("query", "answered", result, query)

    def _note(
        self, tool: str, given: dict[str, Any], outcome: CallOutcome, said: str | None, noted: _Noted, seconds: float
    ) -> None:
        if len(self.trace.calls) >= self.trace.budget.calls + _MOST_TURNED_AWAY:
            return  # whoever calls on and on when nothing is left is not kept track of
        studies, counts = tuple(noted.studies)[:MOST_STUDIES], (noted.rows, noted.image_questions, noted.pictures)
        self.trace.calls.append(ToolCall(tool, given, outcome, said, *counts, studies, round(seconds, 6)))

    @contextmanager
    def _call(self, tool: str, **arguments: Any) -> Iterator[_Noted]:
        """Let a call in if the budget allows it, and note what came of it."""
        trace, noted = self.trace, _Noted()
        with self._build.lock:
            began = self._clock()
            if self._began is None:
                self._began = began
            trace.spent.seconds = began - self._began
            outcome: CallOutcome = "refused"
            said: str | None = "a fault of the tool"
            try:
                if trace.submission is not None:
                    raise SettingsError("the answer was handed in; the episode is over")
                trace.spent.check(trace.budget)
                trace.spent.calls += 1
                yield noted
                outcome, said = "answered", None
            except BudgetUsedUp as error:
                outcome, said = "used-up", str(error)
                raise
            except EhrxqaError as error:
                said = str(error)
                raise
            finally:
                now = self._clock()
                spent = trace.spent
                spent.seconds = now - self._began
                spent.rows += noted.rows
                spent.image_questions += noted.image_questions
                spent.pictures += noted.pictures
                self._note(tool, shortened(arguments), outcome, said, noted, now - began)

    def _run(self, query: str, noted: _Noted) -> Any:
        engine, trace = self._build.engine, self.trace
        left = max(0, trace.budget.image_questions - trace.spent.image_questions)
        limits = self._build.limits
        seconds = limits.seconds
        if trace.budget.seconds is not None:
            seconds = max(0.1, min(seconds, trace.budget.seconds - trace.spent.seconds))
        engine.limits = replace(limits, questions=left, seconds=seconds)
        try:
            return engine.run(query)
        finally:
            noted.image_questions = engine.asked.asked + engine.asked.cached
            noted.studies = sorted(engine.studies)

    def _image(self, study_id: str | int) -> tuple[int, str]:
        study = number_of(study_id, "study_id")
        if study not in self._build.studies:
            raise SettingsError(f"there is no study {study}; list_studies and tb_cxr name those there are")
        return study, self._build.studies[study][1]

    def _understood(self, question: str) -> VqaQuestion | None:
        """The question as a value; None if it is none of the known kinds and the model reads any text."""
        try:
            return self._build.engine.parse(question)
        except VqaError:
            if self._build.free_text or other_question(question) is not None:
                return None
            raise

    def _asked(self, requests: Sequence[VqaRequest]) -> list[VqaReply | VqaError]:
        """The model's answers; where it fails on a batch, one by one."""
        model = self._build.model
        assert model is not None
        answers: list[VqaReply | VqaError] = []
        for start in range(0, len(requests), max(1, model.batch_size)):
            batch = requests[start : start + max(1, model.batch_size)]
            try:
                answers.extend(as_reply(each) for each in model.answer(batch))
            except VqaError as error:
                answers.extend([error] if len(batch) == 1 else [each for one in batch for each in self._asked([one])])
        return answers
