"""Question records as they lie on disk.

A pre-release file (`_train.json`, `_valid.json`, `_test.json`) holds a list of records with `_gold_program` and no
answer; a final file (`train.json` …) the same records in the same order, without keys that start with `_` and
with `answer` as the last key. Unknown keys are kept: they belong to whoever wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import RecordError
from ehrxqa.files import atomic_path
from ehrxqa.json_files import read_json
from ehrxqa.layout import DATABASE_NAME

__all__ = ["GOLD_PROGRAM", "final_record", "read_records", "write_records"]

#: The one database name of the benchmark; another is an error.
GOLD_PROGRAM: Final = "_gold_program"

Record = dict[str, Any]


def read_records(path: Path, *, any_database: bool = False) -> list[Record]:
    """The records of a pre-release file, checked.

    Args:
        path: The file.
        any_database: Whether its records may be about another database than ours, by their `db_id`.

    Raises:
        RecordError: The file is missing, is not a JSON list of records, or a record lacks what is needed.
    """
    value = read_json(path)
    if not isinstance(value, list):
        raise RecordError(f"{path}: must be a JSON list of question records, not a JSON {_json_kind(value)}")
    for place, record in enumerate(value, start=1):
        _check(path, place, record, any_database=any_database)
    return value


def _check(path: Path, place: int, record: Any, *, any_database: bool) -> None:
    where = f"{path}: record {place}"
    if not isinstance(record, dict):
        raise RecordError(f"{where} is not a JSON object")
    if "id" in record:
        where += f" (id {record['id']})"
    if not isinstance(record.get("split"), str | None):
        raise RecordError(f"{where}: the split is not a text")
    if record.get("db_id") != DATABASE_NAME and not any_database:
        raise RecordError(
            f"{where}: db_id must be {DATABASE_NAME!r}, not {record.get('db_id')!r}; "
            "for records about another database give the database file itself"
        )
    if not isinstance(record.get(GOLD_PROGRAM), str):
        hint = "; it has an answer, so the file is a final one" if "answer" in record else ""
        raise RecordError(f"{where}: {GOLD_PROGRAM} is missing{hint}; give a pre-release file such as _train.json")


def _json_kind(value: Any) -> str:
    kinds: dict[type, str] = {dict: "object", str: "string", int: "number", float: "number", bool: "truth value"}
    return kinds.get(type(value), "null")


def final_record(record: Mapping[str, Any], answer: list[Any]) -> Record:
    """The record as it is published: without private keys, with the answer last."""
    return {**{key: value for key, value in record.items() if not key.startswith("_")}, "answer": answer}


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as the official files are written: a list, indented by 4, non-ASCII characters escaped.

    What JSON cannot encode becomes its text.

    Raises:
        BuildError: The file cannot be written.
    """
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as stream:
        first = True
        for record in records:
            stream.write(f"{'[' if first else ','}\n    {_indented(record, '    ')}")
            first = False
        stream.write("[]" if first else "\n]")


_COMPACT: Final = json.JSONEncoder(default=str).encode


def _indented(value: Any, before: str) -> str:
    """What `json.dumps(value, indent=4, default=str)` gives, in a third of the time; its lines begin with `before`."""
    inner = f"{before}    "
    if isinstance(value, dict) and value:
        lines = [f"{_key(key)}: {_indented(each, inner)}" for key, each in value.items()]
        return f"{{\n{inner}" + f",\n{inner}".join(lines) + f"\n{before}}}"
    if isinstance(value, list | tuple) and value:
        return f"[\n{inner}" + f",\n{inner}".join([_indented(each, inner) for each in value]) + f"\n{before}]"
    return _COMPACT(value)


def _key(key: Any) -> str:
    return _COMPACT(key) if isinstance(key, str) else _COMPACT({key: 0})[1:-4]  # a number has its text
