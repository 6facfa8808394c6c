"""Gold and predicted answers, from files or given as objects, and the records that say what the questions are about.

Gold: a final file (records with `answer`), the challenge form `[{id, answer}]`, or `{id: answer}`. Predictions:
`{id: answer}`, `[{id, answer}]`, the same objects one per line, or the outcomes of `ehrxqa execute`
(`{id, status, answer, …}`). An answer is a list, or the text "null" for an abstention. EHRSQL 2024 writes the rows of
an answer as the text of a Python list, `"[['iv'], ['po']]"`; it is read as those rows, rows of one column as values.

Ids are unique within a split. A file of one split is keyed by id; where a gold file mixes splits, the key is
`split/id`, and predictions must say the split too.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ehrxqa.counting import counted
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.given import Given, Pairs
from ehrxqa.json_files import parse_json, read_text

__all__ = ["Gold", "Predicted", "Predictions", "read_gold", "read_predicted_answers", "read_questions", "read_rows"]

Record = dict[str, Any]


@dataclass(frozen=True)
class Predicted:
    """What was predicted for one id.

    Attributes:
        status: answered, abstained, or failed (error or timeout of the query).
        answer: The answer if answered; anything JSON can hold.
    """

    status: Literal["answered", "abstained", "failed"]
    answer: Any = None


@dataclass(frozen=True)
class Gold:
    """Gold answers.

    Attributes:
        answers: Key → answer, in the order of the file.
        records: Key → record, as far as the file holds records.
        mixes_splits: Whether the keys are `split/id`.
        split: The one split of the file, if its records say so.
        as_text: Whether answers are the texts of lists of rows, as EHRSQL 2024 writes them; predictions may be, too.
    """

    answers: dict[str, Any]
    records: dict[str, Record]
    mixes_splits: bool
    split: str | None
    as_text: bool = False


@dataclass(frozen=True)
class Predictions:
    """Predicted answers.

    Attributes:
        outcomes: Key → what was predicted, in the order of the file.
        duplicates: Keys that occur several times.
        not_lists: Answers that are neither a list nor "null"; they equal no list.
        nested: Answers that hold a list inside the list, such as rows; answers are flat.
        databases: Beginnings of the checksums of the databases that they were found on, where they say it.
    """

    outcomes: dict[str, Predicted]
    duplicates: tuple[str, ...]
    not_lists: int
    nested: int
    databases: frozenset[str] = frozenset()


def read_gold(path: Path | Given) -> Gold:
    """The gold answers of a file.

    Raises:
        RecordError: The file is missing, not of one of the forms, has no answers, an id twice, or is empty; names the
            record.
    """
    records = list(_records(path, _load(path), "answer"))
    if not records:
        raise RecordError(f"{path}: holds no gold answers, so nothing can be evaluated")
    as_text = [read_rows(record) for record in records]
    for number, record in enumerate(records, start=1):
        if "answer" not in record:
            hint = ""
            if "_gold_program" in record:
                hint = "; it is a pre-release file: fill its answers with ehrxqa answer"
            raise RecordError(f"{path}: record {number}{_named(record)} has no answer{hint}")
        if not isinstance(record.get("split"), str | None):
            raise RecordError(f"{path}: record {number}{_named(record)}: the split is not a text")
        if not isinstance(record["answer"], list) and record["answer"] != "null":
            _check_scalar(path, number, record)
        _check_gold(path, number, record)
    splits = {record.get("split") for record in records}
    mixes = len(splits) > 1
    answers: dict[str, Any] = {}
    kept: dict[str, Record] = {}
    for number, record in enumerate(records, start=1):
        key = _key(path, number, record, mixes_splits=mixes)
        if key in answers:
            raise RecordError(f"{path}: record {number}: id {key[:40]} is there twice; gold answers have one each")
        answers[key] = record["answer"]
        kept[key] = record
    only = None if mixes else splits.pop()
    return Gold(answers, kept, mixes, only if isinstance(only, str) else None, any(as_text))


def read_questions(path: Path | Given, gold: Gold) -> dict[str, Record]:
    """The records of a question file by the keys of a gold file that holds only ids and answers.

    Raises:
        RecordError: The file cannot be read, or lacks a gold id.
    """
    found: dict[str, Record] = {}
    for number, record in enumerate(_records(path, _load(path), "q_tag"), start=1):
        found[_key(path, number, record, mixes_splits=gold.mixes_splits)] = record
    lacking = [key for key in gold.answers if key not in found]
    if lacking:
        raise RecordError(
            f"{path}: {counted(len(lacking), 'gold id is', 'gold ids are')} not there, the first is {lacking[0]}"
        )
    return found


def read_predicted_answers(path: Path | Given, gold: Gold) -> Predictions:
    """The predictions of a file, keyed as the gold answers are.

    Raises:
        RecordError: The file is missing or not of one of the forms; names the record.
    """
    outcomes: dict[str, Predicted] = {}
    duplicates = []
    databases: set[str] = set()
    not_lists = nested = 0
    for number, record in enumerate(_records(path, _load(path), "answer"), start=1):
        if "answer" not in record and "status" not in record:
            raise RecordError(f"{path}: record {number}{_named(record)} has no answer")
        split = record.get("split")
        if gold.split is not None and split is not None and split != gold.split:
            raise RecordError(f"{path}: record {number} is of split {split!r}, the gold answers are of {gold.split!r}")
        if gold.as_text:
            read_rows(record)
        if isinstance(record.get("database"), str):
            databases.add(record["database"])
        key = _key(path, number, record, mixes_splits=gold.mixes_splits)
        if key in outcomes:
            duplicates.append(key)
        outcome = outcomes[key] = _outcome(path, number, record)
        not_lists += outcome.status == "answered" and not isinstance(outcome.answer, list)
        nested += isinstance(outcome.answer, list) and any(isinstance(value, list | dict) for value in outcome.answer)
    return Predictions(outcomes, tuple(duplicates), not_lists, nested, frozenset(databases))


def _outcome(path: Path | Given, number: int, record: Mapping[str, Any]) -> Predicted:
    match record.get("status", "answered"):
        case "answered":
            if record.get("answer") == "null":
                return Predicted("abstained")
            if not isinstance(record.get("answer"), list):
                _check_scalar(path, number, record)
            return Predicted("answered", record.get("answer"))
        case "abstained":
            return Predicted("abstained")
        case "error" | "timeout":
            return Predicted("failed")
        case other:
            raise RecordError(
                f"{path}: record {number}: status must be answered, abstained, error or timeout, not {other!r}"
            )


def _check_scalar(path: Path | Given, number: int, record: Mapping[str, Any]) -> None:
    if isinstance(record.get("answer"), dict):
        raise RecordError(
            f'{path}: record {number}{_named(record)}: an answer is a list or the text "null", not a JSON object'
        )


def read_rows(record: Record) -> bool:
    """Replace rows that are written as the text of a list by what it says; whether they were."""
    text = record.get("answer")
    if text == "[]":
        record["answer"] = []
        return True
    if not isinstance(text, str) or not text.lstrip().startswith("[["):
        return False
    try:
        rows = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False  # a text that only begins like a list
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return False
    record["answer"] = [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows
    return True


def _check_gold(path: Path | Given, number: int, record: Mapping[str, Any]) -> None:
    """Refuse gold answers that no prediction could meet."""
    answer = record["answer"]
    if answer is None:
        raise RecordError(
            f"{path}: record {number}{_named(record)}: the gold answer is JSON null; an answer is a list or the text "
            '"null"'
        )
    if isinstance(answer, str) and answer != "null" and re.match(r"\s*(select|with)\b", answer, re.IGNORECASE):
        raise RecordError(
            f"{path}: record {number}{_named(record)}: the gold answer is SQL; give the file of answers, or run the "
            "queries first: ehrxqa execute"
        )
    for value in answer if isinstance(answer, list) else [answer]:
        if isinstance(value, float) and not math.isfinite(value):
            raise RecordError(
                f"{path}: record {number}{_named(record)}: the gold answer holds {value}, which is no JSON number"
            )


def _load(path: Path | Given) -> Any:
    """The content of a JSON or JSONL file, or what was given instead of one."""
    if isinstance(path, Given):
        return path.content
    text = read_text(path)
    try:
        return parse_json(path, text, hook=Pairs)
    except RecordError as error:
        whole = error
    lines: list[Any] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                lines.append(parse_json(path, line, where=f"line {number} ", hook=Pairs))
            except RecordError as error:
                # what the whole file lacks is the better message, unless lines before were records
                raise (error if any(isinstance(record, dict) for record in lines) else whole) from None
    return lines


def _records(path: Path | Given, content: Any, wanted: str) -> Iterable[Record]:
    """The records of any form; an object by id gives `{id, answer}`."""
    if isinstance(content, Pairs):
        if "id" in content and (wanted in content or "status" in content):
            content = [content]  # JSONL of one line
        else:
            return [{"id": key, "answer": value} for key, value in content.pairs]
    if not isinstance(content, list):
        raise RecordError(f"{path}: must be a JSON object {{id: answer}}, a list of {{id, answer}}, or one per line")
    for number, record in enumerate(content, start=1):
        if not isinstance(record, dict):
            raise RecordError(f"{path}: record {number} is not a JSON object with id and answer")
        if "id" not in record:
            raise RecordError(f"{path}: record {number} has no id")
    return content


def _key(path: Path | Given, number: int, record: Mapping[str, Any], *, mixes_splits: bool) -> str:
    identifier = record["id"]
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise RecordError(f"{path}: record {number}: the id is neither a text nor a whole number")
    if not mixes_splits:
        return str(identifier)
    split = record.get("split")
    if isinstance(split, str):
        return f"{split}/{identifier}"
    if isinstance(identifier, str) and "/" in identifier:
        return identifier
    raise RecordError(
        f"{path}: record {number}{_named(record)} has no split, but the gold answers mix splits; add a key split, "
        "or write ids as split/id"
    )


def _named(record: Mapping[str, Any]) -> str:
    return f" (id {record['id']})" if isinstance(record.get("id"), str | int) else ""
