"""`ehrxqa.load`: the questions of a build, or of a folder of question files, as typed records."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ehrxqa.arguments import checked
from ehrxqa.dataset.placement import placement_of
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import Dataset, read_dataset
from ehrxqa.dataset.stats import answer_type
from ehrxqa.errors import MissingError
from ehrxqa.loading.origin import Origin
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.loading.question_records import QuestionRecords
from ehrxqa.runs.manifest import read_manifest

__all__ = ["load", "records_of"]

#: Where a demo keeps its hospital: beside the output folder.
_HOSPITAL: Final = "hospital"


@checked
def load(out: Path | str, *, images: Path | str | None = None) -> QuestionRecords:
    """The questions of a folder, in the order train, valid, test.

    >>> ds = load("demo/ehrxqa")  # doctest: +SKIP
    >>> ds.test[0].show()  # doctest: +SKIP

    Args:
        out: Output folder of a build, or a folder of question files (`train.json`, `_train.json` …).
        images: Folder of MIMIC-CXR-JPG (or of a synthetic hospital) from which `show` takes pictures. By default the
            folder `hospital` beside `out`, where a demo keeps it, unless the data are credentialed.

    Raises:
        RecordError: There are no question files, or they are damaged.
        SettingsError: There is no such folder of images.
    """
    out = Path(out)
    dataset = read_dataset(out)
    manifest = read_manifest(out)
    kind = "credentialed" if manifest is None else manifest.kind
    folder = None if images is None else Path(images)
    if folder is not None and not folder.is_dir():
        raise MissingError(f"{folder}: no such folder of images")
    if folder is None and kind != "credentialed" and (beside := out.absolute().parent / _HOSPITAL).is_dir():
        folder = beside
    return records_of(dataset, Origin(dataset.folder, kind, folder))


def records_of(dataset: Dataset, origin: Origin) -> QuestionRecords:
    """The records of question files that were read before."""
    found = [_typed(record, dataset, origin) for records in dataset.splits.values() for record in records]
    return QuestionRecords(found, tuple(dataset.splits), origin, dataset.links)


def _typed(record: Record, dataset: Dataset, origin: Origin) -> QuestionRecord:
    place, link = placement_of(record, dataset.links), dataset.links.of(record)
    value = record.get("value") or {}
    answer = record.get("answer")
    return QuestionRecord(
        split=record["split"],
        id=record["id"],
        question=record["question"],
        query=record["query"],
        answer=answer,
        modality=place.modality,
        scope=place.scope,
        family=place.family,
        answer_type=None if answer is None else answer_type(answer, record["q_tag"]),
        needs=(link.needs or None) if link else None,
        is_impossible=bool(record.get("is_impossible", False)),
        study_ids=tuple(link.study_ids) if link else _studies_named(value),
        image_paths=tuple(link.image_paths) if link else (),
        template=str(record.get("template", "")),
        q_tag=record["q_tag"],
        value=value,
        record=record,
        origin=origin,
    )


def _studies_named(value: dict[str, object]) -> tuple[int, ...]:
    """Studies that the slots of a question hold: all that is known where there are no links."""
    return tuple(one for slot, one in value.items() if slot.startswith("study_id") and isinstance(one, int))
