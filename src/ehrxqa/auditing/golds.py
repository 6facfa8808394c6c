"""The questions of a file with their gold programs and answers, whatever form the file has.

| form | where it comes from |
|---|---|
| a list of records with `_gold_program` | EHRXQA, pre-release; answers are taken from the final file beside it |
| a list of records with `query` and `answer` | EHRXQA, final; gold programs come from the pre-release file beside it |
| a list of records with `query` | EHRSQL |
| `{id: SQL}`, with `data.json` and `answer.json` beside it | EHRSQL 2024 |
| `[{id, answer}]` or `{id: answer}` | the challenge form: answers alone |
| any of these, one object a line | JSONL |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ehrxqa.dataset.beside import links_beside
from ehrxqa.dataset.links import LINKS_FILE, LinkTable
from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.answer_files import read_gold, read_rows
from ehrxqa.json_files import parse_json, parse_json_lines, read_json, read_text
from ehrxqa.layout import DATABASE_NAME

__all__ = ["GoldFile", "GoldQuery", "gold_of_record", "read_golds"]

#: Keys of a record that hold its program, the first that is there counts.
_PROGRAM_KEYS: Final = (GOLD_PROGRAM, "query", "sql", "SQL", "label")
#: A program in the place of one: the database does not hold what is asked.
_NONE: Final = "null"

Form = Literal["records", "by id", "answers"]


@dataclass(frozen=True, slots=True)
class GoldQuery:
    """A question with what is held to be its answer.

    Attributes:
        split: Its split; empty if the file says none.
        id: As text.
        question: Its words; empty if the file has none.
        program: Gold program, as the file has it; None if it has none, or none is right.
        answer: Gold answer; None if the file has none.
        official: Whether the program is cleaned up as the official code does it (`sql.official_text`).
        impossible: Whether no program is right.
        alternatives: Reading → its answer, from the links beside the file.
    """

    split: str
    id: str
    question: str
    program: str | None
    answer: Any
    official: bool
    impossible: bool
    alternatives: Mapping[str, list[Any]]


@dataclass(frozen=True)
class GoldFile:
    """A file of questions.

    Attributes:
        path: The file that holds the programs.
        form: How it holds them.
        content: What it holds, to be written again with corrections.
        key: The key of a record that holds the program.
        golds: Its questions, in order.
        beside: Files that were read with it.
    """

    path: Path
    form: Form
    content: Any
    key: str
    golds: tuple[GoldQuery, ...]
    beside: tuple[Path, ...] = ()


def read_golds(path: Path) -> GoldFile:
    """The questions of a file.

    Raises:
        RecordError: It is missing or of none of the forms.
    """
    content = _content(path)
    if isinstance(content, dict):
        return _by_id(path, content)
    if not isinstance(content, list) or not content or not all(isinstance(each, dict) for each in content):
        raise RecordError(f"{path}: must hold question records, {{id: SQL}}, or answers; found none of them")
    for number, record in enumerate(content, start=1):
        if not isinstance(record.get("id"), str | int):
            raise RecordError(f"{path}: record {number} has no id that is a text or a whole number")
    if not any(key in record for record in content for key in _PROGRAM_KEYS):
        return _answers_alone(path, content)
    return _records(path, content)


def _content(path: Path) -> Any:
    text = read_text(path)
    if path.suffix == ".jsonl":
        return [value for _, value in parse_json_lines(path, text)]
    try:
        return parse_json(path, text)
    except RecordError:
        lines = text.strip().split("\n")
        if len(lines) > 1 and lines[0].lstrip().startswith("{"):
            return [value for _, value in parse_json_lines(path, text)]
        raise


def _by_id(path: Path, content: dict[str, Any]) -> GoldFile:
    if isinstance(content.get("data"), list):
        raise RecordError(
            f"{path}: holds questions without SQL; give the file of labels, which is read together with it"
        )
    if not all(value is None or isinstance(value, str) for value in content.values()):
        return _answers_alone(path, content)
    questions = _beside(path, "data")
    texts: dict[str, str] = {}
    if isinstance(questions, dict) and isinstance(questions.get("data"), list):
        texts = {str(each.get("id")): str(each.get("question", "")) for each in questions["data"]}
    answers = {} if _beside(path, "answer") is None else read_gold(_name_beside(path, "answer")).answers
    golds = tuple(
        GoldQuery(
            split="",
            id=identifier,
            question=texts.get(identifier, ""),
            program=None if _is_none(program) else str(program),
            answer=answers.get(identifier),
            official=False,
            impossible=_is_none(program),
            alternatives={},
        )
        for identifier, program in content.items()
    )
    read_too = tuple(_name_beside(path, what) for what in ("data", "answer"))
    return GoldFile(path, "by id", content, "", golds, read_too)


def _name_beside(path: Path, what: str) -> Path:
    """The file of EHRSQL 2024 that goes with one of labels: `train/label.json`, `train/data.json`."""
    return path.with_name(path.name.replace("label", what))


def _beside(path: Path, what: str) -> Any:
    other = _name_beside(path, what)
    return read_json(other) if other != path and other.is_file() else None


def _is_none(program: Any) -> bool:
    return program is None or str(program).strip().rstrip(";").strip().lower() == _NONE


def _answers_alone(path: Path, content: Any) -> GoldFile:
    gold = read_gold(path)
    golds = tuple(
        GoldQuery(
            split=str(gold.records[key].get("split", "")),
            id=str(gold.records[key]["id"]),
            question=str(gold.records[key].get("question", "")),
            program=None,
            answer=answer,
            official=False,
            impossible=answer == _NONE,
            alternatives={},
        )
        for key, answer in gold.answers.items()
    )
    return GoldFile(path, "answers", content, "", golds)


def _records(path: Path, content: list[dict[str, Any]]) -> GoldFile:
    key = next(each for each in _PROGRAM_KEYS if any(each in record for record in content))
    other = path.with_name(path.name.removeprefix("_") if path.name.startswith("_") else f"_{path.name}")
    beside = {_key_of(record): record for record in _records_beside(other)} if other.is_file() else {}
    links = links_beside({path: content})
    golds = tuple(_gold(record, key, beside.get(_key_of(record), {}), links) for record in content)
    return GoldFile(path, "records", content, key, golds, (other, path.parent / LINKS_FILE))


def _records_beside(path: Path) -> Iterable[dict[str, Any]]:
    content = read_json(path)
    return [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []


def _key_of(record: Mapping[str, Any]) -> str:
    return json.dumps([record.get("split"), record.get("id")])


def gold_of_record(record: Mapping[str, Any], links: LinkTable) -> GoldQuery:
    """The question of a record that holds its gold program, and its answer if there is one."""
    return _gold(record, GOLD_PROGRAM, {}, links)


def _gold(record: Mapping[str, Any], key: str, other: Mapping[str, Any], links: LinkTable) -> GoldQuery:
    program = record.get(key)
    if key != GOLD_PROGRAM and GOLD_PROGRAM in other:
        program = other[GOLD_PROGRAM]
    impossible = bool(record.get("is_impossible")) or _is_none(program)
    link = links.of(record)
    answered = {"answer": record.get("answer", other.get("answer"))}
    read_rows(answered)
    return GoldQuery(
        split=str(record.get("split") or ""),
        id=str(record["id"]),
        question=str(record.get("question") or record.get("template") or ""),
        program=None if impossible else str(program),
        answer=answered["answer"],
        official=record.get("db_id") == DATABASE_NAME and "func_vqa" not in str(program).lower(),
        impossible=impossible,
        alternatives={} if link is None else link.alternatives,
    )
