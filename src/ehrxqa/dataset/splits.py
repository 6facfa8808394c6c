"""The question files of a folder, split by split."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.dataset.beside import links_beside
from ehrxqa.dataset.links import LinkTable
from ehrxqa.dataset.records import Record
from ehrxqa.errors import RecordError
from ehrxqa.json_files import lone_surrogate, parse_json, read_text
from ehrxqa.layout import SPLITS

__all__ = ["Dataset", "load_records", "read_dataset"]


@dataclass(frozen=True)
class Dataset:
    """Question files of a folder.

    Attributes:
        folder: That holds them.
        splits: Split → records, in the order train, valid, test; final files where they exist, else pre-release ones.
        paths: Split → the file its records come from.
        answered: Splits whose records have answers.
        links: The sidecar; empty if there is none.
    """

    folder: Path
    splits: dict[str, list[Record]]
    paths: dict[str, Path]
    answered: frozenset[str]
    links: LinkTable


def read_dataset(out: Path | str) -> Dataset:
    """The question files of an output folder (in its folder `dataset`), or of the folder itself.

    Raises:
        RecordError: There are none, or a file is damaged, or not the one that belongs to the others.
    """
    out = Path(out)
    folders = [out / "dataset", out / "dataset" / "mimic_iv_cxr", out]
    for folder in folders:
        splits: dict[str, list[Record]] = {}
        paths: dict[str, Path] = {}
        answered = set()
        for split in SPLITS:
            final, pre_release = folder / f"{split}.json", folder / f"_{split}.json"
            path = final if final.exists() else pre_release
            if not path.exists():
                continue
            paths[split] = path
            splits[split] = records = load_records(path)
            _check_split(path, split, records)
            if path == final and all("answer" in record for record in records):
                answered.add(split)
        if splits:
            links = links_beside({path: splits[split] for split, path in paths.items()})
            return Dataset(folder, splits, paths, frozenset(answered), links)
    raise RecordError(
        f"{out}: no question files (train.json, valid.json, test.json) there; make some with: ehrxqa generate {out}"
    )


def load_records(path: Path) -> list[Record]:
    """The records of a question file of either form.

    Raises:
        RecordError: It is missing or not a list of records with id, question, query and q_tag, or an id occurs twice,
            or an answer is none; names the record.
    """
    text = read_text(path)
    value = parse_json(path, text)
    if not isinstance(value, list):
        raise RecordError(f"{path}: must be a JSON list of question records")
    seen = set[int]()
    for number, record in enumerate(value, start=1):
        if not isinstance(record, dict):
            raise RecordError(f"{path}: record {number} is not a JSON object")
        if "id" not in record:
            raise RecordError(f"{path}: record {number} has no id")
        if type(identifier := record["id"]) is not int:
            raise RecordError(f"{path}: record {number}: the id must be a whole number, not {identifier!r}")
        where = f"{path}: record {number} (id {identifier})"
        if identifier in seen:
            raise RecordError(f"{where}: an earlier record has the same id")
        seen.add(identifier)
        for key in ("question", "query", "q_tag"):
            if not isinstance(record.get(key), str):
                raise RecordError(f"{where} has no {key}")
        for key in ("value", "v_tag"):
            if not isinstance(record.get(key), dict | None):
                raise RecordError(f"{where}: {key} must be a JSON object")
        if "answer" in record and (fault := _answer_fault(record["answer"])):
            raise RecordError(f"{where}: {fault}")
    # looked for only where the text can hold one: encoding every record would take as long as reading them
    if _SURROGATE.search(text) and (half := lone_surrogate(value)) is not None:
        raise RecordError(f"{path}: record {half + 1} holds half a character (a lone \\ud800 to \\udfff)")
    return value


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _answer_fault(answer: Any) -> str | None:
    if answer == "null":
        return None
    if not isinstance(answer, list):
        return 'the answer is neither a list nor "null"'
    for value in answer:
        if isinstance(value, list | dict):
            return "the answer must be a flat list of texts, numbers and nulls"
        if isinstance(value, float) and not math.isfinite(value):
            return f"the answer holds {value}, which is no JSON number and equals nothing"
    return None


def _check_split(path: Path, split: str, records: list[Record]) -> None:
    for number, record in enumerate(records, start=1):
        if record.get("split") != split:
            named = f"is of split {record['split']!r}" if "split" in record else "has no split"
            raise RecordError(f"{path}: record {number} (id {record['id']}) {named}, but this is the file of {split!r}")
