"""The question files of an output folder: both forms of a split, which hold the same questions in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from ehrxqa.dataset.records import Record, read_records, write_records
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.files import sha256_of
from ehrxqa.json_files import read_json
from ehrxqa.layout import SPLITS
from ehrxqa.runs.manifest import FileRecord, Manifest
from ehrxqa.runs.replacing import replace_together, staged_path

__all__ = ["MACHINE", "SplitFiles", "read_splits", "rewrite"]

#: `para_type` of a question that was worded from our own sentences.
MACHINE: Final = "machine"


@dataclass(frozen=True)
class SplitFiles:
    """One split.

    Attributes:
        name: train, valid or test.
        forms: Path below the output folder → its records; one or both of the two forms.
    """

    name: str
    forms: Mapping[str, list[Record]]

    @property
    def records(self) -> list[Record]:
        """The records of the first form."""
        return next(iter(self.forms.values()))


def read_splits(out: Path, names: Sequence[str]) -> list[SplitFiles]:
    """The splits of these names, or all that there are if none is named.

    Raises:
        SettingsError: A name is no split.
        RecordError: A file cannot be read, or the two forms of a split do not hold the same questions.
    """
    if unknown := sorted(set(names) - set(SPLITS)):
        raise SettingsError(f"unknown split {unknown[0]!r}: one of {', '.join(SPLITS)}")
    found = []
    for name in names or SPLITS:
        forms: dict[str, list[Record]] = {}
        for path, read in ((f"dataset/_{name}.json", read_records), (f"dataset/{name}.json", _read_final)):
            if (out / path).is_file():
                forms[path] = read(out / path)
        if forms:
            found.append(SplitFiles(name, forms))
            _check_forms(out, forms)
        elif names:
            raise RecordError(f"{out}: holds no questions of the split {name}; make some with: ehrxqa generate {out}")
    if not found:
        raise RecordError(f"{out}: holds no question files; make some with: ehrxqa generate {out}")
    return found


def _read_final(path: Path) -> list[Record]:
    value = read_json(path)
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise RecordError(f"{path}: must be a JSON list of question records")
    return value


def _check_forms(out: Path, forms: Mapping[str, list[Record]]) -> None:
    for path, records in forms.items():
        for place, record in enumerate(records, start=1):
            if not isinstance(record.get("question"), str):
                raise RecordError(f"{out / path}: record {place} has no question")
    if len(forms) == 2:
        before, after = ([(r.get("id"), r["question"], r.get("para_type")) for r in each] for each in forms.values())
        if before != after:
            raise RecordError(
                f"{out}: {' and '.join(forms)} do not hold the same questions; make the latter anew with: ehrxqa answer"
            )


def rewrite(
    out: Path,
    splits: Sequence[SplitFiles],
    wordings: Mapping[tuple[str, int], str],
    model: str,
    manifest: Manifest,
    counts: Mapping[str, Any],
) -> None:
    """Give questions their new wordings in all forms, and the manifest their checksums; all together or not at all.

    Args:
        out: The output folder.
        splits: As read.
        wordings: (split, place) → the new question.
        model: Its `para_type`.
        manifest: As read; it gets the new checksums.
        counts: What is said of this run in the manifest.
    """
    writers: dict[str, Callable[[Path], None]] = {}
    for split in splits:
        if any(name == split.name for name, _ in wordings):
            for path, records in split.forms.items():
                writers[path] = partial(_write, split.name, records, wordings, model)

    def stage_manifest() -> None:
        stage = manifest.stages.get("questions")
        if stage is None:
            return
        for path in writers:
            if path in stage.outputs:
                staged = staged_path(out, path)
                stage.outputs[path] = FileRecord(sha256_of(staged), staged.stat().st_size)
        stage.counts["paraphrase"] = [*stage.counts.get("paraphrase", []), dict(counts)]
        manifest.write(out, name=staged_path(out, "manifest.json").name)

    replace_together(out, writers, stage_manifest)


def _write(split: str, records: list[Record], wordings: Mapping[tuple[str, int], str], model: str, path: Path) -> None:
    def changed() -> Iterator[Record]:
        for place, record in enumerate(records):
            new = wordings.get((split, place))
            yield record if new is None else {**record, "question": new, "para_type": model}

    write_records(path, changed())
