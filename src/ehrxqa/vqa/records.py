"""Question files of MIMIC-CXR-VQA: pre-release records in, records with answers out.

The forms are the official ones: a JSON list; final files are indented by four blanks, ASCII only, and give subject
and study as texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ehrxqa.errors import VqaError
from ehrxqa.files import atomic_path
from ehrxqa.json_files import decoded_file
from ehrxqa.vqa.question import KINDS, VqaQuestion

__all__ = [
    "AnsweredRecord",
    "Arguments",
    "PreRelease",
    "arguments_of",
    "question_of",
    "read_records",
    "write_records",
]

#: Slot → number of the argument as text → value; slots object, attribute, category, viewpos, gender.
Arguments = dict[str, dict[str, str]]

_SLOTS: Final = ("object", "attribute", "category", "viewpos", "gender")
_SLOT_SET: Final = frozenset(_SLOTS)
_RECORDS_AT_ONCE: Final = 1024


class PreRelease(msgspec.Struct, gc=False):
    """A question without its answer; other keys of the file are not carried over.

    `template_arguments` stays as it was written until it is asked for (see `question_of`).
    """

    split: str
    idx: int
    image_id: str
    question: str
    content_type: str
    semantic_type: str
    template: str
    template_program: str
    template_arguments: msgspec.Raw


class AnsweredRecord(msgspec.Struct, gc=False):
    """A question with its answer; the fields in the order of the final files."""

    split: str
    idx: int
    subject_id: str
    study_id: str
    image_id: str
    image_path: str
    question: str
    semantic_type: str
    content_type: str
    template: str
    template_program: str
    template_arguments: Arguments
    answer: list[str]


def read_records(path: Path) -> list[PreRelease]:
    """The records of a pre-release file.

    Raises:
        RecordError: The file is missing or not of that form; names the record.
    """
    return decoded_file(list[PreRelease], path, "a pre-release question file")


_decode_arguments = msgspec.json.Decoder(Arguments).decode


def question_of(program: str, arguments: Arguments) -> VqaQuestion:
    """The question that a record's program and arguments stand for.

    Abnormality kinds ignore categories they are given, and kinds that name both choices (views, genders) ignore
    them as arguments.

    >>> question_of("program_2", {"object": {"0": "left lung"}, "attribute": {"0": "pneumonia"}}).target.value
    'attribute'

    Raises:
        VqaError: There is no such program, or it takes other arguments.
    """
    number = _NUMBER_OF_PROGRAM.get(program)
    if number is None:
        raise VqaError(f'no program "{program}" (program_1 to program_48)')
    kind = KINDS[number]
    if not arguments.keys() <= _SLOT_SET:
        raise VqaError(f"unknown argument slots {', '.join(sorted(arguments.keys() - _SLOT_SET))}")
    return VqaQuestion.of_kind(
        number,
        objects=_values(arguments, "object"),
        attributes=_values(arguments, "attribute"),
        categories=() if kind.categories == 0 and _ignores_category(number) else _values(arguments, "category"),
        view=_single(arguments, "viewpos") if kind.views else None,
        gender=_single(arguments, "gender") if kind.genders else None,
    )


_NUMBER_OF_PROGRAM: Final = {kind.program: number for number, kind in KINDS.items()}


def _ignores_category(number: int) -> bool:
    kind = KINDS[number]
    return kind.attributes == 0 and kind.views == 0 and kind.genders == 0 and kind.content_type == "abnormality"


def _values(arguments: Arguments, slot: str) -> tuple[str, ...]:
    """The values of a slot, in stored order."""
    given = arguments.get(slot)
    return tuple([value.lower() for value in given.values()]) if given else ()


def _single(arguments: Arguments, slot: str) -> str:
    values = _values(arguments, slot)
    if len(values) != 1:
        raise VqaError(f"expected 1 argument {slot}, found {len(values)}")
    return values[0]


def arguments_of(question: VqaQuestion) -> Arguments:
    """The arguments of a question as they stand in a record: views and genders in capitals."""
    values: Mapping[str, tuple[str, ...]] = {
        "object": question.objects,
        "attribute": question.attributes,
        "category": question.categories,
        "viewpos": () if question.view is None else (question.view.upper(),),
        "gender": () if question.gender is None else (question.gender.upper(),),
    }
    return {slot: {str(number): value for number, value in enumerate(values[slot])} for slot in _SLOTS}


def decoded_arguments(record: PreRelease) -> Arguments:
    """The arguments of a record.

    Raises:
        VqaError: They are not of the known form.
    """
    try:
        return _decode_arguments(record.template_arguments)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VqaError(f"template_arguments are not of the known form ({error})") from error


def write_records(path: Path, records: Iterable[AnsweredRecord | Mapping[str, object]]) -> int:
    """Write records as an official file, whole or not at all; returns their number.

    Raises:
        BuildError: The file cannot be written.
    """
    count = 0
    with atomic_path(path) as part, part.open("wb") as stream:
        for chunk in _chunks(records):
            text = msgspec.json.format(msgspec.json.encode(chunk), indent=4)
            stream.write((b"[\n" if count == 0 else b",\n") + _ascii(text)[2:-2])
            count += len(chunk)
        stream.write(b"\n]" if count else b"[]")
    return count


def _chunks(
    records: Iterable[AnsweredRecord | Mapping[str, object]],
) -> Iterator[list[AnsweredRecord | Mapping[str, object]]]:
    chunk: list[AnsweredRecord | Mapping[str, object]] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == _RECORDS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


_BEYOND_ASCII = re.compile("[\x7f-\U0010ffff]")


def _ascii(text: bytes) -> bytes:
    """JSON text with everything beyond printable ASCII escaped, as Python's json writes it."""
    if text.isascii() and b"\x7f" not in text:
        return text

    def escaped(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be")
        return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))

    return _BEYOND_ASCII.sub(escaped, text.decode("utf-8")).encode("ascii")
