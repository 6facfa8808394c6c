"""Answers that are given as Python objects instead of files, in the forms that files have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.dataset.links import LinkTable
from ehrxqa.errors import RecordError
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.loading.question_records import QuestionRecords

__all__ = ["Answers", "Given", "Pairs", "given"]

#: What answers may be given as: a file, an object by id, records, or loaded questions.
Answers = Path | str | Mapping[Any, Any] | Iterable[Any]

#: Deepest lists within an answer; deeper ones are no answers, and may hold themselves.
_DEEPEST: Final = 20


class Pairs(dict[str, Any]):
    """A JSON object that remembers keys given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        # kept only if a key repeats: nearly none does, and a file has an object for every record
        self._repeating = pairs if len(pairs) > len(self) else None

    @property
    def pairs(self) -> Iterable[tuple[str, Any]]:
        """Keys and values as the file has them."""
        return self.items() if self._repeating is None else self._repeating


@dataclass(frozen=True)
class Given:
    """Answers or questions in memory.

    Attributes:
        name: What they are called in messages.
        content: As a JSON file would hold it.
        links: Of loaded questions.
    """

    name: str
    content: Any
    links: LinkTable | None = None

    def __str__(self) -> str:
        return self.name


def given(value: Answers, name: str) -> Path | Given:
    """What an argument holds: a path as it is, objects in the form of JSON.

    Tuples count as lists, numbers of NumPy as numbers, and what has an `answer`, such as a result of `ehrxqa.query` or
    a loaded question, as that answer.

    Raises:
        RecordError: Something within is none of what JSON can hold; names the id.
    """
    if isinstance(value, str | Path):
        return Path(value)
    if isinstance(value, Mapping):
        return Given(name, Pairs([(str(key), _plain(one, f"{name}: id {key}")) for key, one in value.items()]))
    links = value.links if isinstance(value, QuestionRecords) else None
    return Given(name, [_record(one, f"{name}: record {place}") for place, one in enumerate(value, start=1)], links)


def _record(value: Any, where: str) -> Any:
    if isinstance(value, QuestionRecord):
        return dict(value.record)
    if not isinstance(value, Mapping):
        raise RecordError(f"{where} is {type(value).__name__}, not a mapping with id and answer, or a loaded question")
    return {str(key): _plain(one, where) for key, one in value.items()}


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """A value as JSON would give it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth > _DEEPEST:
        raise RecordError(f"{where}: lists are nested more than {_DEEPEST} times")
    if isinstance(value, list | tuple):
        return [_plain(one, where, depth + 1) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one, where, depth + 1) for key, one in value.items()}
    if hasattr(value, "answer"):
        return _plain(value.answer, where, depth + 1)
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy and its kind
        return _plain(value.tolist(), where, depth + 1)
    raise RecordError(f'{where}: an answer is a list or the text "null", not {type(value).__name__}')
