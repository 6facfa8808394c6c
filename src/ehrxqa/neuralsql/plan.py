"""What will be run for a query: its rewritten SQL, and the image questions in it."""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.vqa.models import AnswerType
from ehrxqa.vqa.other_kinds import other_question
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.recorded import free_key
from ehrxqa.vqa.render import render

__all__ = ["Plan", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """One image question of a query.

    Attributes:
        text: Its wording, as first written.
        value: What is asked; None if the text is free, that is none of the known kinds.
        answer_type: What it is answered with.
    """

    text: str
    value: VqaQuestion | None
    answer_type: AnswerType

    @property
    def key(self) -> VqaQuestion | str:
        """Equal for wordings of one question."""
        return self.canonical if self.value is None else self.value

    @property
    def canonical(self) -> str:
        """One wording for all wordings of the question, by which a cache knows it."""
        if self.value is not None:
            return render(self.value)
        other = other_question(self.text)
        kind = self.answer_type if other is None else f"{self.answer_type}, {other.name} {other.kind.version}"
        return f"({kind}) {free_key(self.text)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be run for a query.

    Attributes:
        sql: The rewritten query.
        probe: A query for the studies that its select list asks about, where a LIMIT leaves only few of them.
        questions: The distinct image questions.
        question_of: For each call, the number of its question.
        chains: For each call, (chain, place, decides) for each AND/OR chain or choice that holds other calls:
            those at a later place than an unanswered one that decides need not be asked yet.
        probed: Calls whose studies the probe yields.
        items: The select list as the author wrote it, for column names.
        hints: What looks like a slip, if it is run on an integrated database.
    """

    sql: str
    probe: str | None
    questions: tuple[Question, ...]
    question_of: tuple[int, ...]
    chains: tuple[tuple[tuple[int, int, bool], ...], ...]
    probed: tuple[int, ...]
    items: tuple[str, ...]
    hints: tuple[str, ...] = ()
