"""Files of (image, question) pairs, and of their answers: one JSON object per line.

A pair has `study_id`, `image_id` and `question`, and `expects` (`truth` or `list`) if the question is none of the known
kinds. An answered pair has `answer` besides, as `recorded` reads it, the `model` and its `version`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError, VqaError
from ehrxqa.files import write_text
from ehrxqa.json_files import json_text, read_json_lines
from ehrxqa.vqa.models import VqaReply, VqaRequest
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.recorded import answer_from_json, free_key

__all__ = ["pair_key", "read_answered", "read_pairs", "write_pairs"]


def pair_key(request: VqaRequest) -> tuple[str, str]:
    """What makes a pair: its image and the words of its question, but for case and blanks."""
    return request.image_id, free_key(request.text)


def write_pairs(path: Path, requests: Iterable[VqaRequest]) -> int:
    """Write pairs, grouped by image in the order in which images first come; returns their number.

    Raises:
        BuildError: The file cannot be written.
    """
    by_image: dict[str, list[VqaRequest]] = {}
    for request in requests:
        by_image.setdefault(request.image_id, []).append(request)
    ordered = [request for some in by_image.values() for request in some]
    write_text(path, "".join(json_text(_record(request)) + "\n" for request in ordered))
    return len(ordered)


def _record(request: VqaRequest) -> dict[str, Any]:
    record: dict[str, Any] = {"study_id": request.study_id, "image_id": request.image_id, "question": request.text}
    return record if request.question is not None else {**record, "expects": request.answer_type}


def read_pairs(path: Path) -> list[VqaRequest]:
    """The pairs of a file.

    Raises:
        RecordError: The file cannot be read, or a line is no pair; names the line.
    """
    return [_request(f"{path}, line {number}", record) for number, record in read_json_lines(path)]


def read_answered(path: Path) -> Iterator[tuple[VqaRequest, VqaReply, Mapping[str, Any]]]:
    """The answered pairs of a file, each with its whole record.

    Raises:
        RecordError: The file cannot be read, or a line is no answered pair; names the line.
    """
    for number, record in read_json_lines(path):
        where = f"{path}, line {number}"
        request = _request(where, record)
        try:
            answer = answer_from_json(record["answer"], request.question or request.answer_type)
            yield request, VqaReply(answer, record.get("confidence")), record
        except (KeyError, TypeError, VqaError) as error:
            raise RecordError(f"{where}: no answered pair ({error})") from error


def _request(where: str, record: Any) -> VqaRequest:
    try:
        study, image, text = int(record["study_id"]), record["image_id"], record["question"]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{where}: needs study_id, image_id and question") from error
    if not isinstance(image, str) or not isinstance(text, str):
        raise RecordError(f"{where}: image_id and question are texts")
    expects = record.get("expects")
    try:
        return VqaRequest(study, image, parse(text), text)
    except VqaError as error:
        if expects not in ("truth", "list"):
            raise RecordError(f"{where}: {error}") from error
        return VqaRequest(study, image, None, text, expects)
