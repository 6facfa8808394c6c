"""What will be run for a query: its rewritten SQL, and the image questions in it."""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.vqa.question import VqaQuestion

__all__ = ["Plan", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """One image question of a query.

    Attributes:
        text: Its wording, as first written.
        value: What is asked.
    """

    text: str
    value: VqaQuestion


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
    """

    sql: str
    probe: str | None
    questions: tuple[Question, ...]
    question_of: tuple[int, ...]
    chains: tuple[tuple[tuple[int, int, bool], ...], ...]
    probed: tuple[int, ...]
    items: tuple[str, ...]
