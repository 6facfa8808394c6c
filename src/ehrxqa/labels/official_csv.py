"""Cohorts and labels as the CSV files of the official builder, byte for byte."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.files import atomic_path
from ehrxqa.labels.store import Labels
from ehrxqa.sources.cxr_metadata import format_ms

__all__ = ["OFFICIAL_FILES", "official_rows", "write_official_csv"]

COHORT_COLUMNS: Final = ("subject_id", "study_id", "image_id", "ViewPosition", "StudyDateTime", "StudyOrder")
LABEL_COLUMNS: Final = (
    "subject_id",
    "study_id",
    "image_id",
    "sent_loc",
    "bbox",
    "relation",
    "label_name",
    "categoryID",
    "annot_id",
    "object_id",
)

#: The official writer settles how times are printed for this many rows at once.
ROWS_PRINTED_ALIKE: Final = 16_666

#: File name → (label set, split) of each label file.
_LABEL_FILES: Final[dict[str, tuple[str, str | None]]] = {
    "silver_dataset.csv": ("silver", None),
    "train_dataset.csv": ("silver", "train"),
    "valid_dataset.csv": ("silver", "valid"),
    "gold_dataset.csv": ("gold", None),
    "test_dataset.csv": ("gold", None),
    "gold+_dataset.csv": ("gold+", None),
}
#: Names of the files that `write_official_csv` can write.
OFFICIAL_FILES: Final = ("cohort_silver.csv", "cohort_gold.csv", *_LABEL_FILES)


def write_official_csv(labels: Labels, path: Path, name: str) -> None:
    """Write one of `OFFICIAL_FILES` to `path`, packed if it ends in `.gz`.

    Raises:
        BuildError: It cannot be written.
    """
    rows = official_rows(labels, name)
    with atomic_path(path) as part, part.open("wb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                _write(packed.write, rows)
        else:
            _write(raw.write, rows)


def official_rows(labels: Labels, name: str) -> Iterator[str]:
    """The lines of one of `OFFICIAL_FILES`, header first, each with its line end."""
    return _cohort_rows(labels, name) if name.startswith("cohort") else _label_rows(labels, *_LABEL_FILES[name])


def _write(write: Callable[[bytes], object], rows: Iterator[str]) -> None:
    buffer: list[str] = []
    for row in rows:
        buffer.append(row)
        if len(buffer) >= 4096:
            write("".join(buffer).encode("utf-8"))
            buffer.clear()
    write("".join(buffer).encode("utf-8"))


def _quoted(text: str) -> str:
    if not any(character in text for character in ',"\r\n'):
        return text
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([text])
    return out.getvalue()


def _cohort_rows(labels: Labels, name: str) -> Iterator[str]:
    images = labels.images
    member = images.in_silver_cohort if name == "cohort_silver.csv" else images.in_gold_cohort
    rows = np.flatnonzero(member)
    rows = rows[np.lexsort((images.study_id[rows], images.study_order[rows], images.subject_id[rows]))]
    yield ",".join(COHORT_COLUMNS) + "\n"
    for number, row in enumerate(rows.tolist()):
        if number % ROWS_PRINTED_ALIKE == 0:
            length = _printed_length(images.time_ms[rows[number : number + ROWS_PRINTED_ALIKE]])
        yield (
            f"{images.subject_id[row]},{images.study_id[row]},{images.image_id[row]},"
            f"{_quoted(images.view_position[row] or '')},{format_ms(int(images.time_ms[row]))[:length]},"
            f"{images.study_order[row]}.0\n"
        )


def _printed_length(time_ms: npt.NDArray[np.int64]) -> int:
    """Characters of a printed time: milliseconds, or the time of day, are left out if all times lack them."""
    if (time_ms % 1000).any() or not len(time_ms):
        return len("2100-01-01 00:00:00.000")
    return len("2100-01-01 00:00:00") if (time_ms % 86_400_000).any() else len("2100-01-01")


def _label_rows(labels: Labels, label_set: str, split: str | None) -> Iterator[str]:
    images = labels.images
    found = labels.sets[label_set]
    rows = labels.images_of(label_set, split)
    size = len(labels.attributes)
    pair_key = labels.pair_object * size + labels.pair_attribute
    pairs = dict(
        zip(
            pair_key.tolist(),
            zip(
                labels.pair_object.tolist(),
                labels.pair_attribute.tolist(),
                labels.pair_category.tolist(),
                strict=True,
            ),
            strict=True,
        )
    )
    absent = {key: (labels.objects[o], labels.attributes[a], labels.categories[c]) for key, (o, a, c) in pairs.items()}
    first = np.searchsorted(found.image, rows)
    last = np.searchsorted(found.image, rows, side="right")
    keys = found.object * size + found.attribute
    yield ",".join(LABEL_COLUMNS) + "\n"
    for row, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        listed = {int(keys[place]): place for place in range(start, end)}
        every = sorted(listed.keys() | absent.keys())
        subject, study, image_id = images.subject_id[row], images.study_id[row], images.image_id[row]
        lines = []
        for key in every:
            place = listed.get(key)
            if place is None:
                name, attribute, category = absent[key]
                relation, sentence = 0, ""
            else:
                name, attribute = (
                    labels.objects[found.object[place]],
                    labels.attributes[found.attribute[place]],
                )
                category, relation = labels.categories[found.category[place]], int(found.relation[place])
                sentence = _sentence(found.sentence, place)
            lines.append(
                f"{subject},{study},{image_id},{sentence},{_quoted(name)},{relation},{_quoted(attribute)},{_quoted(category)},"
                f"{_quoted(f'{study}|{name}|{relation}|{attribute}')},{_quoted(f'{image_id}_{name}')}\n"
            )
        yield from lines


def _sentence(sentence: npt.NDArray[np.float64], place: int) -> str:
    value = float(sentence[place])
    return "" if np.isnan(value) else repr(value)
