"""One question, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ehrxqa.dataset.records import Record
from ehrxqa.loading.origin import Origin

__all__ = ["Answer", "QuestionRecord", "answer_text"]

#: A flat list of values, or the text "null" where the right thing is to abstain.
Answer = list[str | int | float | None] | Literal["null"]


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """A question with all that is known about it.

    Attributes:
        split: train, valid or test.
        id: Its number within the split.
        question: Its text.
        query: NeuralSQL: SQL that may ask images with func_vqa.
        answer: A list of values, or "null" where the database does not hold the answer; None before it is answered.
        modality: Table, Image or Image+Table.
        scope: One of the nine scopes, such as `IMAGE-SINGLE-2`.
        family: What is asked, such as `has`; without links the template.
        answer_type: yes/no, number, text, time, list, null, empty or unanswerable; None without an answer.
        needs: table, image, both or either: what cannot be done without; None where it is not known.
        is_impossible: Whether the database does not hold the answer.
        study_ids: Studies it is about; without links those that its values name.
        image_paths: Their images, below `files` of MIMIC-CXR-JPG; without links none are known.
        template: The template with its values written in.
        q_tag: The template with its slots.
        value: Values by slot.
        record: The record as it lies in the file, with all its keys.
        origin: Where it comes from.
    """

    split: str
    id: int
    question: str
    query: str
    answer: Answer | None
    modality: str
    scope: str
    family: str
    answer_type: str | None
    needs: str | None
    is_impossible: bool
    study_ids: tuple[int, ...]
    image_paths: tuple[str, ...]
    template: str
    q_tag: str
    value: Mapping[str, Any]
    record: Record = field(repr=False, compare=False)
    origin: Origin = field(repr=False, compare=False)

    def __repr__(self) -> str:
        shown = self.question if len(self.question) <= 70 else f"{self.question[:69]}…"
        return f"QuestionRecord({self.split} {self.id}, {self.scope}, {shown!r}, answer={self._answer_short()})"

    @property
    def answer_text(self) -> str | None:
        """The answer in words, see `answer_text`; None without an answer."""
        return None if self.answer is None else answer_text(self.answer, self.answer_type)

    @property
    def gold_program(self) -> str | None:
        """The SQL that the answer comes from; None where there is no pre-release file.

        Raises:
            RecordError: The pre-release file is damaged.
        """
        return self.origin.gold_program(self.split, self.id)

    def show(self, *, pictures: bool | None = None) -> None:
        """Show the question, its NeuralSQL, its answer and its X-rays: in a notebook as HTML, else as text.

        Args:
            pictures: Whether X-rays themselves are shown. By default they are, unless the data are credentialed: what a
                notebook shows is kept in its file. Then, and where pictures are not at hand, their paths are shown.

        Raises:
            VqaError: A picture cannot be read.
        """
        from ehrxqa.loading.showing import show

        show(self, pictures=pictures)

    def _repr_html_(self) -> str:
        from ehrxqa.loading.showing import as_html

        return as_html(self)

    def _answer_short(self) -> str:
        text = self.answer_text
        return "None" if text is None else repr(text if len(text) <= 40 else f"{text[:39]}…")


def answer_text(answer: Answer, answer_type: str | None = None) -> str:
    """An answer in words.

    >>> answer_text([1], "yes/no"), answer_text([1], "number"), answer_text(["edema", None, 2.5], "list")
    ('yes', '1', 'edema, null, 2.5')
    >>> answer_text([], "empty"), answer_text("null", "unanswerable")
    ('none', 'unanswerable')
    """
    if answer == "null":
        return "unanswerable"
    if answer_type == "yes/no":
        return "yes" if answer[0] else "no"
    return ", ".join("null" if value is None else str(value) for value in answer) or "none"
