"""Answers given beforehand, kept in a file: by another program, by readers, or by an earlier run.

The file is a JSON list, or JSON lines, of objects with `study_id` or `image_id`, `question` (English) and
`answer`: `["yes"]`, `["no"]`, true or false for yes/no questions, a list of texts for the others, `"null"` for an
abstention, null for an unknown value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError, VqaError
from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaRequest
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = ["RecordedModel", "answer_from_json"]


class RecordedModel:
    """Looks answers up by study (or image) and question; wordings of one question count as the same.

    Raises:
        RecordError: The file is missing or not of the form above, or answers one question in two ways.
    """

    name = "recorded"
    batch_size = 65536

    def __init__(self, path: Path | str, vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> None:
        self._path = Path(path)
        self._answers: dict[tuple[int | str, VqaQuestion], VqaAnswer] = {}
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise RecordError(f"{self._path}: recorded answers cannot be read ({error.strerror})") from error
        self._digest = hashlib.sha256(content).hexdigest()[:16]
        for number, record in _records(content, self._path):
            self._add(number, record, vocabulary)

    @property
    def version(self) -> str:
        """Digest of the file."""
        return self._digest

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """The recorded answers.

        Raises:
            VqaError: The file has no answer to a request.
        """
        answers: list[VqaAnswer] = []
        for request in requests:
            for key in ((request.study_id, request.question), (request.image_id, request.question)):
                if key in self._answers:
                    answers.append(self._answers[key])
                    break
            else:
                raise VqaError(f'{self._path}: no recorded answer to "{request.text}" for study {request.study_id}')
        return answers

    def _add(self, number: int, record: Any, vocabulary: Vocabulary) -> None:
        where = f"{self._path}, record {number}"
        if not isinstance(record, dict):
            raise RecordError(f"{where}: expected an object, found {type(record).__name__}")
        subject = record.get("study_id", record.get("image_id"))
        if "answer" not in record or not isinstance(record.get("question"), str) or subject is None:
            raise RecordError(f"{where}: needs study_id or image_id, question and answer")
        key: int | str = subject
        if "study_id" in record:
            if not str(subject).isdecimal():
                raise RecordError(f"{where}: study_id is not a number")
            key = int(subject)
        elif not isinstance(subject, str):
            raise RecordError(f"{where}: image_id is not a text")
        try:
            question = parse(record["question"], vocabulary)
            answer = answer_from_json(record["answer"], question)
        except VqaError as error:
            raise RecordError(f"{where}: {error}") from error
        if self._answers.setdefault((key, question), answer) != answer:
            raise RecordError(f"{where}: another answer was recorded before for the same study and question")


def answer_from_json(value: Any, question: VqaQuestion) -> VqaAnswer:
    """An answer as it stands in a file.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> answer_from_json(["yes"], VqaQuestion.of_kind(20)), answer_from_json(["picc"], VqaQuestion.of_kind(27))
    (True, ('picc',))

    Raises:
        VqaError: It is not an answer to such a question.
    """
    if value == "null":
        return ABSTAIN
    if question.answer_type == "list":
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(element, str) for element in value):
            return tuple(sorted({element.lower() for element in value}))
        raise VqaError("the answer to this question is a list of texts")
    if value is None or isinstance(value, bool):
        return value
    if value in (["yes"], ["no"]):
        return bool(value == ["yes"])
    raise VqaError('the answer to this question is ["yes"] or ["no"]')


def _records(content: bytes, path: Path) -> Iterator[tuple[int, Any]]:
    """(number from 1, record) of a JSON list or of JSON lines."""
    text = content.decode("utf-8", errors="replace")
    try:
        if text.lstrip().startswith("["):
            yield from enumerate(json.loads(text), start=1)
            return
        number = 0
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield number, json.loads(line)
    except ValueError as error:
        raise RecordError(f"{path}: neither a JSON list nor JSON lines ({error})") from error
