"""The label files of an output folder: `OUT/labels/*.parquet`.

| file | one row per |
|---|---|
| `images.parquet` | image that is in a cohort or has labels |
| `findings.parquet` | label that is present, or absent where no pair is possible: label set, image, object, attribute |
| `pairs.parquet` | possible (object, attribute) pair; a labelled image without a row in findings lacks it |
| `boxes.parquet` | box of one of the four objects that the size questions need |

Label sets: `silver` (extracted; split into train and valid), `gold` (checked by hand; test labels of the image
questions) and `gold+` (labels of the test database).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ehrxqa.errors import BuildError
from ehrxqa.files import atomic_path

__all__ = ["LABEL_FILES", "LABEL_SETS", "LabelSet", "LabelledImages", "Labels", "read_labels", "write_labels"]

LABEL_SETS: Final = ("silver", "gold", "gold+")
LABEL_FILES: Final = ("images.parquet", "findings.parquet", "pairs.parquet", "boxes.parquet")

_TEXT = pa.dictionary(pa.int32(), pa.utf8())

IMAGES_SCHEMA: Final = pa.schema(
    [
        ("image_id", pa.utf8()),
        ("subject_id", pa.int64()),
        ("study_id", pa.int64()),
        ("view_position", pa.utf8()),
        ("study_datetime", pa.timestamp("ms")),
        ("study_order", pa.int32()),
        ("metadata_row", pa.int64()),
        ("gender", pa.utf8()),
        ("in_silver_cohort", pa.bool_()),
        ("in_gold_cohort", pa.bool_()),
        ("silver_split", pa.utf8()),
        ("has_gold", pa.bool_()),
        ("has_gold_plus", pa.bool_()),
    ]
)
FINDINGS_SCHEMA: Final = pa.schema(
    [
        ("label_set", _TEXT),
        ("image", pa.int32()),
        ("object", _TEXT),
        ("attribute", _TEXT),
        ("category", _TEXT),
        ("relation", pa.int8()),
        ("sentence", pa.float64()),
    ]
)
PAIRS_SCHEMA: Final = pa.schema([("object", pa.utf8()), ("attribute", pa.utf8()), ("category", pa.utf8())])
BOXES_SCHEMA: Final = pa.schema(
    [
        ("origin", _TEXT),
        ("image", pa.int32()),
        ("object", _TEXT),
        ("x1", pa.float64()),
        ("x2", pa.float64()),
    ]
)


@dataclass
class LabelledImages:
    """Images of the cohorts and label sets, sorted by subject, study and image id; parallel arrays.

    Attributes:
        image_id, view_position: Texts; the view may be None.
        time_ms: Milliseconds since 1970.
        study_order: Rank of the study in the subject's history.
        metadata_row: Row of the image in the metadata file.
        gender: `M`/`F`, or None for a subject that MIMIC-IV does not know.
        silver_split: `train`, `valid` or `` (no silver labels).
    """

    image_id: list[str]
    subject_id: npt.NDArray[np.int64]
    study_id: npt.NDArray[np.int64]
    view_position: list[str | None]
    time_ms: npt.NDArray[np.int64]
    study_order: npt.NDArray[np.int64]
    metadata_row: npt.NDArray[np.int64]
    gender: list[str | None]
    in_silver_cohort: npt.NDArray[np.bool_]
    in_gold_cohort: npt.NDArray[np.bool_]
    silver_split: npt.NDArray[np.object_]
    has_gold: npt.NDArray[np.bool_]
    has_gold_plus: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image_id)


@dataclass
class LabelSet:
    """Findings of one label set, sorted by image, object and attribute.

    Attributes:
        image: Row in `LabelledImages`.
        object, attribute, category: Numbers in the text lists of `Labels`.
        relation: 1 present; 0 absent, for pairs outside the possible ones.
        sentence: Position of the deciding sentence, NaN if none.
    """

    image: npt.NDArray[np.int64]
    object: npt.NDArray[np.int64]
    attribute: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    relation: npt.NDArray[np.int8]
    sentence: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[Any]) -> LabelSet:
        """Some of the rows."""
        return LabelSet(*(getattr(self, name)[rows] for name in LabelSet.__dataclass_fields__))


@dataclass
class SizeBoxes:
    """Boxes of the four size objects.

    Attributes:
        image: Row in `LabelledImages`.
        object: Number in `SIZE_OBJECTS`.
        x1, x2: Edges in pixels of the 224 grid, as written.
    """

    image: npt.NDArray[np.int64]
    object: npt.NDArray[np.int64]
    x1: npt.NDArray[np.float64]
    x2: npt.NDArray[np.float64]


@dataclass
class Labels:
    """Everything the label stage hands on.

    Attributes:
        images: The images.
        objects, attributes, categories: Texts sorted by code point; places are codes.
        sets: Findings by label set.
        pair_object, pair_attribute, pair_category: Codes of the possible pairs, by object and attribute.
        boxes: `silver` and `gold` boxes of the size objects.
    """

    images: LabelledImages
    objects: list[str]
    attributes: list[str]
    categories: list[str]
    sets: dict[str, LabelSet]
    pair_object: npt.NDArray[np.int64]
    pair_attribute: npt.NDArray[np.int64]
    pair_category: npt.NDArray[np.int64]
    boxes: dict[str, SizeBoxes]

    def images_of(self, label_set: str, split: str | None = None) -> npt.NDArray[np.int64]:
        """Rows of the images that have labels in a set (for `silver`, of one split if given)."""
        images = self.images
        match label_set:
            case "gold":
                return np.flatnonzero(images.has_gold)
            case "gold+":
                return np.flatnonzero(images.has_gold_plus)
            case _:
                return np.flatnonzero(images.silver_split != "" if split is None else images.silver_split == split)


def _coded(codes: npt.NDArray[Any], texts: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.utf8()))


def write_labels(folder: Path, labels: Labels) -> None:
    """Write the four files of `folder`, each whole or not at all.

    Raises:
        BuildError: They cannot be written.
    """
    images = labels.images
    tables = {
        "images.parquet": pa.table(
            {
                "image_id": images.image_id,
                "subject_id": images.subject_id,
                "study_id": images.study_id,
                "view_position": images.view_position,
                "study_datetime": pa.array(images.time_ms, pa.timestamp("ms")),
                "study_order": images.study_order.astype(np.int32),
                "metadata_row": images.metadata_row,
                "gender": images.gender,
                "in_silver_cohort": images.in_silver_cohort,
                "in_gold_cohort": images.in_gold_cohort,
                "silver_split": images.silver_split.tolist(),
                "has_gold": images.has_gold,
                "has_gold_plus": images.has_gold_plus,
            },
            schema=IMAGES_SCHEMA,
        ),
        "pairs.parquet": pa.table(
            {
                "object": [labels.objects[code] for code in labels.pair_object],
                "attribute": [labels.attributes[code] for code in labels.pair_attribute],
                "category": [labels.categories[code] for code in labels.pair_category],
            },
            schema=PAIRS_SCHEMA,
        ),
        "findings.parquet": pa.concat_tables(
            pa.table(
                {
                    "label_set": _coded(np.full(len(rows.image), number), LABEL_SETS),
                    "image": rows.image.astype(np.int32),
                    "object": _coded(rows.object, labels.objects),
                    "attribute": _coded(rows.attribute, labels.attributes),
                    "category": _coded(rows.category, labels.categories),
                    "relation": rows.relation,
                    "sentence": pa.array(rows.sentence, from_pandas=True),
                },
                schema=FINDINGS_SCHEMA,
            )
            for number, rows in enumerate(labels.sets[name] for name in LABEL_SETS)
        ),
        "boxes.parquet": pa.concat_tables(
            pa.table(
                {
                    "origin": _coded(np.full(len(boxes.image), number), ("silver", "gold")),
                    "image": boxes.image.astype(np.int32),
                    "object": _coded(boxes.object, _size_objects()),
                    "x1": pa.array(boxes.x1, from_pandas=True),
                    "x2": pa.array(boxes.x2, from_pandas=True),
                },
                schema=BOXES_SCHEMA,
            )
            for number, boxes in enumerate(labels.boxes[name] for name in ("silver", "gold"))
        ),
    }
    for name in LABEL_FILES:
        with atomic_path(folder / name) as part:
            pq.write_table(tables[name], part, compression="zstd", write_statistics=False)


def _size_objects() -> tuple[str, ...]:
    from ehrxqa.sources.chest_imagenome import SIZE_OBJECTS

    return SIZE_OBJECTS


def _texts_and_codes(column: Any, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    place = {text: code for code, text in enumerate(texts)}
    parts = []
    for chunk in column.chunks:
        table = np.array([place[text] for text in chunk.dictionary.to_pylist()] or [0], dtype=np.int64)
        parts.append(table[chunk.indices.to_numpy()])
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def read_labels(folder: Path) -> Labels:
    """Read the label files of an output folder (`OUT/labels`).

    Raises:
        BuildError: A file is missing or not ours.
    """
    tables = {}
    for name in LABEL_FILES:
        try:
            tables[name] = pq.read_table(
                folder / name, read_dictionary=["label_set", "origin", "object", "attribute", "category"]
            )
        except FileNotFoundError as error:
            raise BuildError(f"{folder / name} is missing; build the labels first: ehrxqa build SOURCES OUT") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise BuildError(f"{folder / name} is damaged; build again with --force") from error
    try:
        return _labels_of(*(tables[name] for name in LABEL_FILES))
    except (pa.ArrowException, KeyError, ValueError, IndexError, TypeError, OverflowError, AttributeError) as error:
        raise BuildError(f"{folder}: a file in it is damaged; build again with --force") from error


def _labels_of(images: Any, findings: Any, pairs: Any, boxes: Any) -> Labels:
    for numbers in (findings["image"].to_numpy(), boxes["image"].to_numpy()):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(images):
            raise IndexError("an image that is not there")
    objects, attributes, categories = (
        sorted({*_distinct(findings[name]), *pairs[name].unique().cast(pa.utf8()).to_pylist()})
        for name in ("object", "attribute", "category")
    )
    set_code = _texts_and_codes(findings["label_set"], LABEL_SETS)
    every = LabelSet(
        image=findings["image"].to_numpy().astype(np.int64),
        object=_texts_and_codes(findings["object"], objects),
        attribute=_texts_and_codes(findings["attribute"], attributes),
        category=_texts_and_codes(findings["category"], categories),
        relation=findings["relation"].to_numpy(),
        sentence=findings["sentence"].to_numpy(),
    )
    origin = _texts_and_codes(boxes["origin"], ("silver", "gold"))
    box_columns = (
        boxes["image"].to_numpy().astype(np.int64),
        _texts_and_codes(boxes["object"], _size_objects()),
        boxes["x1"].to_numpy(),
        boxes["x2"].to_numpy(),
    )
    return Labels(
        images=LabelledImages(
            image_id=images["image_id"].to_pylist(),
            subject_id=images["subject_id"].to_numpy(),
            study_id=images["study_id"].to_numpy(),
            view_position=images["view_position"].to_pylist(),
            time_ms=images["study_datetime"].cast(pa.int64()).to_numpy(),
            study_order=images["study_order"].to_numpy().astype(np.int64),
            metadata_row=images["metadata_row"].to_numpy(),
            gender=images["gender"].to_pylist(),
            in_silver_cohort=images["in_silver_cohort"].to_numpy(),
            in_gold_cohort=images["in_gold_cohort"].to_numpy(),
            silver_split=np.array(images["silver_split"].to_pylist(), dtype=object),
            has_gold=images["has_gold"].to_numpy(),
            has_gold_plus=images["has_gold_plus"].to_numpy(),
        ),
        objects=objects,
        attributes=attributes,
        categories=categories,
        sets={name: every.take(set_code == number) for number, name in enumerate(LABEL_SETS)},
        pair_object=_codes_of(pairs["object"], objects),
        pair_attribute=_codes_of(pairs["attribute"], attributes),
        pair_category=_codes_of(pairs["category"], categories),
        boxes={
            name: SizeBoxes(*(column[origin == number] for column in box_columns))
            for number, name in enumerate(("silver", "gold"))
        },
    )


def _distinct(column: Any) -> set[str]:
    return {text for chunk in column.chunks for text in chunk.dictionary.to_pylist()}


def _codes_of(column: Any, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    place = {text: code for code, text in enumerate(texts)}
    return np.array([place[text] for text in column.cast(pa.utf8()).to_pylist()], dtype=np.int64)
