"""Answers given beforehand, kept in a file: by another program, by readers, or by an earlier run.

The file is a JSON list, or JSON lines, of objects with `study_id` or `image_id`, `question` (English) and
`answer`: `["yes"]`, `["no"]`, true or false for yes/no questions, a list of texts for the others, `"null"` for an
abstention, null for an unknown value. `confidence`, from 0 to 1, may stand beside it; files without it are read as
ever. A free text, which is none of the known kinds, says with `expects` (`truth` or `list`) what it is answered with.
A folder stands for all its `.json` and `.jsonl` files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError, VqaError
from ehrxqa.json_files import parse_json, parse_json_lines
from ehrxqa.vqa.models import ABSTAIN, AnswerType, VqaAnswer, VqaReply, VqaRequest
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = ["RecordedModel", "answer_from_json", "answer_to_json", "free_key", "record_of_reply"]

#: A question as a value, or the words of a free text.
_Asked = VqaQuestion | str


class RecordedModel:
    """Looks answers up by study (or image) and question; wordings of one question count as the same.

    Raises:
        RecordError: The file is missing or not of the form above, or answers one question in two ways.
    """

    name = "recorded"
    batch_size = 65536

    def __init__(self, path: Path | str, vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> None:
        self._path = Path(path)
        self._replies: dict[tuple[int | str, _Asked], VqaReply] = {}
        digest = hashlib.sha256()
        for file in _files(self._path):
            try:
                content = file.read_bytes()
            except OSError as error:
                raise RecordError(f"{file}: recorded answers cannot be read ({error.strerror})") from error
            digest.update(content)
            for number, record in _records(content, file):
                self._add(f"{file}, record {number}", record, vocabulary)
        self._digest = digest.hexdigest()[:16]

    @property
    def version(self) -> str:
        """Digest of the file."""
        return self._digest

    def __len__(self) -> int:
        return len(self._replies)

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """The recorded answers, with the confidence that was recorded.

        Raises:
            VqaError: The file has no answer to a request.
        """
        replies: list[VqaReply] = []
        for request in requests:
            asked = free_key(request.text) if request.question is None else request.question
            found = self._replies.get((request.study_id, asked)) or self._replies.get((request.image_id, asked))
            if found is None:
                raise VqaError(f'{self._path}: no recorded answer to "{request.text}" for study {request.study_id}')
            replies.append(found)
        return replies

    def _add(self, where: str, record: Any, vocabulary: Vocabulary) -> None:
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
            asked, expects = _asked(record, vocabulary)
            reply = VqaReply(answer_from_json(record["answer"], expects), _confidence(record.get("confidence")))
        except VqaError as error:
            raise RecordError(f"{where}: {error}") from error
        if self._replies.setdefault((key, asked), reply).answer != reply.answer:
            raise RecordError(f"{where}: another answer was recorded before for the same study and question")


def free_key(text: str) -> str:
    """A free text as it is remembered: case, blanks and the final mark do not matter.

    >>> free_key("Is the  heart enlarged?")
    'is the heart enlarged'
    """
    return " ".join(text.lower().split()).rstrip(" ?.!")


def _asked(record: Mapping[str, Any], vocabulary: Vocabulary) -> tuple[_Asked, AnswerType]:
    """What a record asks, and what that is answered with."""
    text, expects = record["question"], record.get("expects")
    try:
        question = parse(text, vocabulary)
    except VqaError:
        if expects in ("truth", "list"):
            return free_key(text), expects
        raise
    return question, question.answer_type


def _confidence(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise VqaError("the confidence is not a number")
    return float(value)


def answer_from_json(value: Any, question: VqaQuestion | AnswerType) -> VqaAnswer:
    """An answer as it stands in a file.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> answer_from_json(["yes"], VqaQuestion.of_kind(20)), answer_from_json(["picc"], VqaQuestion.of_kind(27))
    (True, ('picc',))

    Raises:
        VqaError: It is not an answer to such a question.
    """
    if value == "null":
        return ABSTAIN
    if (question if isinstance(question, str) else question.answer_type) == "list":
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


def answer_to_json(answer: VqaAnswer) -> Any:
    """An answer as it is written in a file; `answer_from_json` reads it back.

    >>> answer_to_json(True), answer_to_json(("picc",)), answer_to_json(ABSTAIN)
    (['yes'], ['picc'], 'null')
    """
    if answer is ABSTAIN:
        return "null"
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    return list(answer) if isinstance(answer, tuple) else None


def record_of_reply(request: VqaRequest, reply: VqaReply) -> dict[str, Any]:
    """A reply as a record of such a file: study_id, image_id, question, answer, and what else is known."""
    record: dict[str, Any] = {
        "study_id": request.study_id,
        "image_id": request.image_id,
        "question": request.text,
        "answer": answer_to_json(reply.answer),
    }
    if request.question is None:
        record["expects"] = request.answer_type
    if reply.confidence is not None:
        record["confidence"] = round(reply.confidence, 4)
    return record


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = (file for file in path.iterdir() if not file.name.startswith("."))  # macOS puts ._x.json beside x.json
    found = sorted(file for file in files if file.suffix in (".json", ".jsonl"))
    if not found:
        raise RecordError(f"{path}: holds no .json or .jsonl file of recorded answers")
    return found


def _records(content: bytes, path: Path) -> Iterator[tuple[int, Any]]:
    """(number from 1, record) of a JSON list or of JSON lines."""
    text = content.decode("utf-8", errors="replace")
    if text.lstrip().startswith("["):
        yield from enumerate(parse_json(path, text), start=1)
    else:
        yield from parse_json_lines(path, text)
