"""Files of predicted queries, and the files of what came of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError
from ehrxqa.files import write_text
from ehrxqa.neuralsql.result import Outcome

__all__ = ["Identifier", "read_predictions", "record_of", "write_answers", "write_outcomes"]

Identifier = str | int

#: What stands for an abstention in a file of answers.
NULL = "null"


def read_predictions(path: Path) -> dict[Identifier, str | None]:
    """Query by id, in the order of the file; None where the file has null.

    Three forms are read: an object `{id: query}`, a list of objects with `id` and `query`, and the same objects
    one per line (JSONL). Other keys are ignored. Of several queries with one id the last counts, as in the
    official evaluation.

    Raises:
        RecordError: The file is missing, not JSON, or not of one of these forms; names the record.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not a text file in UTF-8") from error
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        content = _lines(path, text, error)
    if isinstance(content, dict) and not content.keys() >= {"id", "query"}:
        return {key: _query(path, f"id {key}", query) for key, query in content.items()}
    if isinstance(content, dict):
        content = [content]  # a JSONL file of one line
    if not isinstance(content, list):
        raise RecordError(f"{path}: expected an object {{id: query}} or a list of {{id, query}}")
    found: dict[Identifier, str | None] = {}
    for number, record in enumerate(content, start=1):
        if not isinstance(record, dict) or not {"id", "query"} <= record.keys():
            raise RecordError(f"{path}: record {number} has no id or no query")
        identifier = record["id"]
        if isinstance(identifier, bool) or not isinstance(identifier, str | int):
            raise RecordError(f"{path}: record {number}: the id is neither a text nor a whole number")
        found[identifier] = _query(path, f"record {number}", record["query"])
    return found


def _lines(path: Path, text: str, error: json.JSONDecodeError) -> list[Any]:
    records = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as fault:
                what = fault if number > 1 else error
                raise RecordError(
                    f"{path}: line {number if number > 1 else error.lineno} is not JSON ({what.msg})"
                ) from None
    return records


def _query(path: Path, where: str, query: Any) -> str | None:
    if query is None or isinstance(query, str):
        return query
    raise RecordError(f"{path}: {where}: the query is not a text")


def record_of(identifier: Identifier, outcome: Outcome) -> dict[str, Any]:
    """An outcome as it is written: id, status, answer, error, questions, seconds."""
    return {
        "id": identifier,
        "status": outcome.status,
        "answer": outcome.answer,
        "error": outcome.error,
        "questions": outcome.questions,
        "seconds": round(outcome.seconds, 4),
    }


def write_outcomes(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write outcome records as a JSON list, one record per line, whole or not at all."""
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    write_text(path, f"[\n{lines}\n]\n" if records else "[]\n")


def write_answers(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write `{id: answer}` for evaluation, `"null"` for every query that was not answered."""
    answers = {str(record["id"]): record["answer"] if record["status"] == "answered" else NULL for record in records}
    lines = ",\n".join(
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in answers.items()
    )
    write_text(path, f"{{\n{lines}\n}}\n" if answers else "{}\n")
