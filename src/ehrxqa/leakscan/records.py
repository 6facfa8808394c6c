"""Question records with their answers, in JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ehrxqa.json_files import json_value
from ehrxqa.layout import DATABASE_NAME
from ehrxqa.leakscan.rules import Hit

__all__ = ["record_hits"]


def record_hits(text: str, name: str) -> Iterator[Hit]:
    """Question records (a JSON list, or one a line) that hold answers."""
    if '"answer"' not in text or '"question"' not in text:
        return
    for line, record in _records(text):
        if isinstance(record, dict) and "answer" in record and "question" in record and _of_ours(record):
            kind = "a pre-release file" if name.startswith("_") else "a file of questions"
            yield Hit("answers", line, f"{kind} with answers")
            return


def _of_ours(record: dict[str, Any]) -> bool:
    """Whether it is a record of EHRXQA or MIMIC-CXR-VQA, not any question with an answer."""
    return record.get("db_id") == DATABASE_NAME or bool(
        {"template", "q_tag", "_gold_program", "template_program", "semantic_type"} & record.keys()
    )


def _records(text: str) -> Iterator[tuple[int | None, Any]]:
    try:
        value = json_value(text)
    except ValueError:
        for number, line in enumerate(text.split("\n"), 1):
            if line.lstrip().startswith("{"):
                try:
                    yield number, json_value(line)
                except ValueError:
                    continue
        return
    values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    flat = [value, *values, *(inner for one in values if isinstance(one, list) for inner in one[:1000])]
    for one in flat:
        yield None, one
