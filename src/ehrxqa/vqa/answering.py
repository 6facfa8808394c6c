"""Answers of MIMIC-CXR-VQA questions from labels: pre-release files in, final file out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.counting import counted
from ehrxqa.errors import RecordError, VqaError
from ehrxqa.layout import image_path
from ehrxqa.progress import SILENT, Progress
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.question import Target, VqaQuestion
from ehrxqa.vqa.records import AnsweredRecord, Arguments, PreRelease, decoded_arguments, question_of, read_records
from ehrxqa.vqa.records import write_records as _write
from ehrxqa.vqa.rules import Rule, rule_for

__all__ = ["AnswerReport", "answer_files", "answer_text", "answered"]

#: Faults that are listed one by one in an error.
_LISTED = 3
#: Questions whose rule is kept for the next image that is asked the same.
_QUESTIONS_KEPT = 4096


@dataclass(frozen=True)
class AnswerReport:
    """What was done.

    Attributes:
        questions: How many were answered.
        empty: How many have the empty list as answer.
        kinds: How many of the 48 kinds occur.
    """

    questions: int
    empty: int
    kinds: int


def answer_files(
    labels: ImageLabels, files: Sequence[Path], split: str, target: Path, *, progress: Progress = SILENT
) -> AnswerReport:
    """Answer the questions of `files`, one after the other, and write them to `target`.

    Raises:
        RecordError: A file is not of the pre-release form, or some of its questions cannot be answered from the
            labels of the split; says which and why.
        BuildError: `target` cannot be written.
    """
    empty = 0
    kinds: set[str] = set()

    def records() -> Iterator[AnsweredRecord]:
        nonlocal empty
        for path in files:
            with progress.task(f"answering {path.name}"):
                for record in answered(read_records(path), labels, split, path):
                    empty += not record.answer
                    kinds.add(record.template_program)
                    yield record

    with _without_collector():
        count = _write(target, records())
    return AnswerReport(count, empty, len(kinds))


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for reference cycles: there are none here, and it would walk all records again and again."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def answered(
    records: Sequence[PreRelease], labels: ImageLabels, split: str, path: Path | str
) -> Iterator[AnsweredRecord]:
    """The records with their answers, in their order.

    Raises:
        RecordError: Questions that cannot be answered, at the end; names `path`, the first few and their number.
    """
    answerer = _Answerer(labels, split)
    faults: list[str] = []
    for record in records:
        try:
            answer = answerer.answered(record)
        except VqaError as error:
            faults.append(f"question {record.idx}: {error}")
            continue
        if not faults:
            yield answer
    if faults:
        more = f" (and {len(faults) - _LISTED} more)" if len(faults) > _LISTED else ""
        raise RecordError(
            f"{path}: {len(faults)} of {counted(len(records), 'question cannot', 'questions cannot')} be "
            f"answered: {'; '.join(faults[:_LISTED])}{more}"
        )


class _Answerer:
    """Keeps what one question needs and another may need again."""

    def __init__(self, labels: ImageLabels, split: str) -> None:
        self._labels, self._split = labels, split
        self._known: dict[tuple[str, bytes], tuple[VqaQuestion, Rule]] = {}

    def answered(self, record: PreRelease) -> AnsweredRecord:
        if record.split != self._split:
            raise VqaError(f'it belongs to split "{record.split}", not "{self._split}"')
        labels = self._labels
        row = labels.row_of_image.get(record.image_id)
        if row is None:
            raise VqaError(f"its image has no labels in split {self._split}")
        arguments = decoded_arguments(record)
        question, rule = self._rule(record, arguments)
        subject, study = labels.subject_ids[row], labels.study_ids[row]
        return AnsweredRecord(
            split=record.split,
            idx=record.idx,
            subject_id=str(subject),
            study_id=str(study),
            image_id=record.image_id,
            image_path=image_path(subject, study, record.image_id),
            question=record.question,
            semantic_type=record.semantic_type,
            content_type=record.content_type,
            template=record.template,
            template_program=record.template_program,
            template_arguments=arguments,
            answer=answer_text(question, rule(row)),
        )

    def _rule(self, record: PreRelease, arguments: Arguments) -> tuple[VqaQuestion, Rule]:
        key = (record.template_program, bytes(record.template_arguments))
        known = self._known.get(key)
        if known is None:
            question = question_of(record.template_program, arguments)
            if len(self._known) == _QUESTIONS_KEPT:
                self._known.clear()
            known = self._known[key] = question, rule_for(question, self._labels)
        return known


def answer_text(question: VqaQuestion, answer: bool | tuple[str, ...] | None) -> list[str]:
    """An answer as it is written: `["yes"]`, `["no"]` or the sorted list.

    Raises:
        VqaError: No value is known: a box is missing, or the view or gender of the image is unknown.
    """
    if answer is None or (answer == () and question.target in (Target.VIEW, Target.GENDER)):
        what = "the boxes it needs" if question.target is Target.SIZE else f"a known {question.target.value}"
        raise VqaError(f"its image lacks {what}")
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    return list(answer)
