"""The question files of a folder, split by split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ehrxqa.dataset.links import LinkTable, read_links
from ehrxqa.dataset.records import Record
from ehrxqa.errors import RecordError

__all__ = ["SPLITS", "Dataset", "load_records", "read_dataset"]

SPLITS: Final = ("train", "valid", "test")


@dataclass(frozen=True)
class Dataset:
    """Question files of a folder.

    Attributes:
        folder: That holds them.
        splits: Split → records, in the order train, valid, test; final files where they exist, else pre-release ones.
        answered: Splits whose records have answers.
        links: The sidecar; empty if there is none.
    """

    folder: Path
    splits: dict[str, list[Record]]
    answered: frozenset[str]
    links: LinkTable


def read_dataset(out: Path | str) -> Dataset:
    """The question files of an output folder (in its folder `dataset`), or of the folder itself.

    Raises:
        RecordError: There are none, or a file is damaged.
    """
    out = Path(out)
    folders = [out / "dataset", out / "dataset" / "mimic_iv_cxr", out]
    for folder in folders:
        splits: dict[str, list[Record]] = {}
        answered = set()
        for split in SPLITS:
            final, pre_release = folder / f"{split}.json", folder / f"_{split}.json"
            if final.is_file():
                splits[split] = load_records(final)
                if all("answer" in record for record in splits[split]):
                    answered.add(split)
            elif pre_release.is_file():
                splits[split] = load_records(pre_release)
        if splits:
            return Dataset(folder, splits, frozenset(answered), read_links(folder))
    raise RecordError(
        f"{out}: no question files (train.json, valid.json, test.json) there; make some with: ehrxqa generate {out}"
    )


def load_records(path: Path) -> list[Record]:
    """The records of a question file of either form.

    Raises:
        RecordError: It is missing or not a list of records with id, question, query and q_tag; names the record.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read as UTF-8 text") from error
    except ValueError as error:
        raise RecordError(f"{path}: is not JSON ({error})") from error
    if not isinstance(value, list):
        raise RecordError(f"{path}: must be a JSON list of question records")
    for number, record in enumerate(value, start=1):
        if not isinstance(record, dict):
            raise RecordError(f"{path}: record {number} is not a JSON object")
        for key in ("question", "query", "q_tag"):
            if not isinstance(record.get(key), str):
                raise RecordError(f"{path}: record {number} has no {key}")
        if "id" not in record:
            raise RecordError(f"{path}: record {number} has no id")
        if "answer" in record and not isinstance(record["answer"], list) and record["answer"] != "null":
            raise RecordError(f'{path}: record {number}: the answer is neither a list nor "null"')
    return value
