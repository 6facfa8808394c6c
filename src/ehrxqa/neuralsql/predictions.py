"""Files of predicted queries, and the files of what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.files import write_text
from ehrxqa.json_files import json_text, parse_json, parse_json_lines, read_ids, read_text
from ehrxqa.neuralsql.result import Outcome
from ehrxqa.sql.errors import QuerySyntaxError
from ehrxqa.sql.tokens import tokenise

__all__ = [
    "DIGEST_SIGNS",
    "OUTCOME_KEYS",
    "Identifier",
    "chosen_predictions",
    "read_predictions",
    "record_of",
    "write_answers",
    "write_outcomes",
]

Identifier = str | int

#: What stands for an abstention in a file of answers.
NULL = "null"


def chosen_predictions(
    path: Path, *, ids: Path | None = None, limit: int | None = None
) -> dict[Identifier, str | None]:
    """The queries of a file that are to be run: those whose ids another file lists, and of these the first few.

    Raises:
        RecordError: A file cannot be read, or an id is listed that has no query.
        SettingsError: The limit makes no sense.
    """
    queries = read_predictions(path)
    if ids is not None:
        wanted = set(read_ids(ids))
        if unknown := sorted(wanted - {str(identifier) for identifier in queries}):
            raise RecordError(f"{ids}: {path} has no query for {len(unknown):,} of the ids, such as {unknown[0][:40]}")
        queries = {identifier: query for identifier, query in queries.items() if str(identifier) in wanted}
    if limit is not None and limit < 1:
        raise SettingsError(f"limit must be at least 1, not {limit}")
    if not queries:
        raise RecordError(f"{ids}: names no id")
    return dict(islice(queries.items(), limit))


def read_predictions(path: Path) -> dict[Identifier, str | None]:
    """Query by id, in the order of the file; None where the file has null.

    Four forms are read: an object `{id: query}`, a list of objects with `id` and `query`, the same objects one per line
    (JSONL), and SQL statements, numbered from 1, in a file that ends in `.sql`. Other keys are ignored.
    Of several queries with one id the last counts, as in the official evaluation; but 1 and "1" are one id to all who
    read answers, so a file may not hold both.

    Raises:
        RecordError: The file is missing, not JSON, not of one of these forms, or holds no query; names the record.
    """
    text = read_text(path)
    if path.suffix.lower() == ".sql":
        return _of_statements(path, text)
    content: Any = None
    try:
        content = parse_json(path, text)
    except RecordError:
        lines = list(parse_json_lines(path, text)) if text.lstrip().startswith("{") and "\n" in text.strip() else []
        if len(lines) < 2:
            raise
        content = [record for _, record in lines]
    if isinstance(content, dict) and not content.keys() >= {"id", "query"}:
        queries: dict[Identifier, str | None] = {
            key: _query(path, f"id {json_text(key)[:80]}", query) for key, query in content.items()
        }
    else:
        queries = _of_records(path, [content] if isinstance(content, dict) else content)
    if not queries:
        raise RecordError(f"{path}: holds no query")
    return queries


def _of_statements(path: Path, text: str) -> dict[Identifier, str | None]:
    """The statements of a file of SQL, by number."""
    try:
        ends = [token.start for token in tokenise(text) if token.text == ";"]
    except QuerySyntaxError as error:
        raise RecordError(f"{path}: cannot be cut into statements ({error})") from None
    cuts = [0, *(end + 1 for end in ends), len(text)]
    statements = [text[start:end].strip().rstrip(";").strip() for start, end in pairwise(cuts)]
    if not any(statements):
        raise RecordError(f"{path}: holds no query")
    return dict(enumerate((statement for statement in statements if statement), start=1))


def _of_records(path: Path, records: Any) -> dict[Identifier, str | None]:
    if not isinstance(records, list):
        raise RecordError(f"{path}: expected an object {{id: query}} or a list of {{id, query}}")
    found: dict[Identifier, str | None] = {}
    kinds: dict[str, type] = {}
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict) or not {"id", "query"} <= record.keys():
            raise RecordError(f"{path}: record {number} has no id or no query")
        identifier = record["id"]
        if isinstance(identifier, bool) or not isinstance(identifier, str | int):
            raise RecordError(f"{path}: record {number}: the id is neither a text nor a whole number")
        if kinds.setdefault(str(identifier), type(identifier)) is not type(identifier):
            raise RecordError(
                f"{path}: record {number}: id {json_text(identifier)[:80]} is there as number and as text"
            )
        found[identifier] = _query(path, f"record {number}", record["query"])
    return found


def _query(path: Path, where: str, query: Any) -> str | None:
    if query is None or isinstance(query, str):
        return query
    raise RecordError(f"{path}: {where}: the query is not a text")


#: Signs of a database's SHA-256 that an outcome says.
DIGEST_SIGNS: Final = 16
#: The keys of an outcome as it is written.
OUTCOME_KEYS: Final = frozenset({"id", "status", "answer", "error", "notes", "questions", "now", "database", "seconds"})


def record_of(identifier: Identifier, outcome: Outcome, now: str, database: str) -> dict[str, Any]:
    """An outcome as it is written.

    Args:
        identifier: Of the query.
        outcome: What came of it.
        now: The time of the database it was found at.
        database: SHA-256 of that database; the outcome says its beginning, so that it cannot be taken for another's.
    """
    return {
        "id": identifier,
        "status": outcome.status,
        "answer": outcome.answer,
        "error": outcome.error,
        "notes": list(outcome.notes),
        "questions": outcome.questions,
        "now": now,
        "database": database[:DIGEST_SIGNS],
        "seconds": round(outcome.seconds, 4),
    }


def write_outcomes(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write outcome records as a JSON list, one record per line, whole or not at all."""
    lines = ",\n".join(json_text(record) for record in records)
    write_text(path, f"[\n{lines}\n]\n" if records else "[]\n")


def write_answers(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write `{id: answer}` for evaluation, `"null"` for every query that was not answered."""
    answers = {str(record["id"]): record["answer"] if record["status"] == "answered" else NULL for record in records}
    lines = ",\n".join(f"{json_text(key)}: {json_text(value)}" for key, value in answers.items())
    write_text(path, f"{{\n{lines}\n}}\n" if answers else "{}\n")
