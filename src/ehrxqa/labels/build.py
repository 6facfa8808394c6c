"""The label stage: sources in, `OUT/labels/*.parquet` out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import SourceError
from ehrxqa.labels.cohort import frontal_images, gold_cohort, silver_cohort
from ehrxqa.labels.ontology import Ontology
from ehrxqa.labels.refine import Findings, Refiner
from ehrxqa.labels.split import coherent_valid_studies, valid_studies
from ehrxqa.labels.store import LabelledImages, Labels, LabelSet, SizeBoxes
from ehrxqa.layout import BuildMode
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sources.chest_imagenome import (
    SIZE_OBJECTS,
    Boxes,
    Statements,
    read_gold_boxes,
    read_gold_statements,
    read_semantics,
)
from ehrxqa.sources.cxr_metadata import ImageTable, read_images
from ehrxqa.sources.silver import SilverReader
from ehrxqa.sources.table_stream import read_table
from ehrxqa.sources.tree import SourceTree

__all__ = ["LabelReport", "make_labels"]


@dataclass(frozen=True)
class LabelReport:
    """Counts of the label stage, for the manifest.

    Attributes:
        origin: Which form of the silver part was used: tabular files or scene graphs.
        counts: Rows in, kept and dropped, by reason.
    """

    origin: str
    counts: dict[str, int]


def make_labels(
    tree: SourceTree, *, workers: int, mode: BuildMode = "official", progress: Progress = SILENT
) -> tuple[Labels, LabelReport]:
    """Cohorts, refined labels and split of a source tree.

    Args:
        tree: The sources.
        workers: Worker processes.
        mode: By which rules images are kept and split.
        progress: Told what happens.

    Raises:
        SourceError: A source file is missing, damaged, or does not fit the others.
    """
    with SilverReader(tree, workers=workers, progress=progress) as silver:
        images = read_images(tree)
        ontology = Ontology.from_semantics(read_semantics(tree))
        gold_statements, gold_subjects = read_gold_statements(tree)
        gold_boxes = read_gold_boxes(tree)
        genders = _genders(tree)
        frontal = frontal_images(images)
        frontal_ids = {images.image_id[row] for row in frontal}
        statements, boxes = silver.read(frontal_ids.__contains__)

    with progress.task("refining labels"):
        gold_images = gold_statements.images.texts
        gold_rows, first_studies = gold_cohort(images, frontal, gold_subjects, gold_images)
        silver_rows = silver_cohort(images, frontal, boxes, gold_subjects, any_width=mode == "coherent")
        if first_studies != len(gold_images):
            progress.note(
                f"note: {len(gold_images)} gold images stand for {first_studies} first frontal studies of gold subjects"
            )
        rows = _ordered_rows(images, np.union1d(silver_rows, gold_rows))
        row_of = {images.image_id[row]: number for number, row in enumerate(rows)}
        _check_studies(images, rows, statements, row_of)
        _check_studies(images, rows, gold_statements, row_of)
        in_silver, in_gold = np.isin(rows, silver_rows), np.isin(rows, gold_rows)

        refiner = Refiner(
            ontology,
            objects=[*statements.objects.texts, *gold_statements.objects.texts],
            labels=[*statements.labels.texts, *gold_statements.labels.texts],
            categories=[*statements.categories.texts, *gold_statements.categories.texts],
        )
        silver_found = refiner.refine(statements, _numbers(statements, row_of, in_silver))
        gold_found = refiner.refine(gold_statements, _numbers(gold_statements, row_of, in_gold))
        has_gold = _flags(gold_found.present, len(rows))
        plus_found = refiner.refine_again(gold_found, statements, _numbers(statements, row_of, in_gold & ~has_gold))

    labelled = LabelledImages(
        image_id=[images.image_id[row] for row in rows],
        subject_id=images.subject_id[rows],
        study_id=images.study_id[rows],
        view_position=[images.view_position[row] for row in rows],
        time_ms=images.time_ms[rows],
        study_order=images.study_order[rows],
        metadata_row=rows,
        gender=[genders.get(subject) for subject in images.subject_id[rows].tolist()],
        in_silver_cohort=in_silver,
        in_gold_cohort=in_gold,
        silver_split=_silver_split(images.subject_id[rows], silver_found, mode),
        has_gold=has_gold,
        has_gold_plus=_flags(plus_found.present, len(rows)),
    )
    labels = Labels(
        images=labelled,
        objects=refiner.objects,
        attributes=refiner.labels,
        categories=refiner.categories,
        sets={"silver": _as_set(silver_found), "gold": _as_set(gold_found), "gold+": _as_set(plus_found)},
        pair_object=refiner.pair_object,
        pair_attribute=refiner.pair_label,
        pair_category=refiner.pair_category,
        boxes={"silver": _size_boxes(boxes, row_of), "gold": _size_boxes(gold_boxes, row_of)},
    )
    silver_subjects = labelled.subject_id[labelled.silver_split != ""]
    counts = {
        "images": len(images),
        "frontal studies": len(frontal),
        "silver cohort": int(in_silver.sum()),
        "gold cohort": int(in_gold.sum()),
        "gold subjects": len(gold_subjects),
        "gold images": len(gold_images),
        "objects": len(ontology.objects),
        "attributes": len(ontology.category_of),
        "possible pairs": len(ontology.pairs),
        "silver subjects": len(np.unique(silver_subjects)),
        "valid subjects": len(np.unique(labelled.subject_id[labelled.silver_split == "valid"])),
        "train images": int((labelled.silver_split == "train").sum()),
        "valid images": int((labelled.silver_split == "valid").sum()),
        "test images (gold)": int(has_gold.sum()),
        "test images (gold+)": int(labelled.has_gold_plus.sum()),
    }
    return labels, LabelReport(silver.origin, counts)


def _genders(tree: SourceTree) -> dict[int, str]:
    table = read_table(tree, "patients", ["subject_id", "gender"])
    return dict(zip(table["subject_id"].to_pylist(), table["gender"].to_pylist(), strict=True))


def _ordered_rows(images: ImageTable, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows by subject, study and image id: the order of the label files."""
    by_id = sorted(rows.tolist(), key=images.image_id.__getitem__)
    return np.array(
        sorted(by_id, key=lambda row: (images.subject_id[row], images.study_id[row])), dtype=np.int64
    ).reshape(-1)


def _numbers(statements: Statements, row_of: dict[str, int], member: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each image of `statements`: its row among the labelled images if it is a member, else -1."""
    numbers = np.array([row_of.get(image_id, -1) for image_id in statements.images.texts], dtype=np.int64)
    numbers[(numbers >= 0) & ~member[numbers]] = -1
    return numbers


def _check_studies(
    images: ImageTable, rows: npt.NDArray[np.int64], statements: Statements, row_of: dict[str, int]
) -> None:
    """An image belongs to one study; sources that say otherwise do not belong together."""
    if not len(statements) or not len(rows):
        return
    numbers = np.array([row_of.get(image_id, -1) for image_id in statements.images.texts], dtype=np.int64)
    number = numbers[statements.image]
    wrong = (number >= 0) & (statements.study != images.study_id[rows][number])
    if wrong.any():
        raise SourceError(
            f"{int(wrong.sum())} statements of Chest ImaGenome give an image another study_id than MIMIC-CXR-JPG does; "
            "the two releases do not belong together"
        )


def _flags(numbers: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros(size, dtype=bool)
    flags[numbers] = True
    return flags


def _silver_split(subject: npt.NDArray[np.int64], found: Findings, mode: BuildMode) -> npt.NDArray[np.object_]:
    """`train`, `valid` or empty for each labelled image; silver images are one per study, in file order."""
    split = np.full(len(subject), "", dtype=object)
    if mode == "coherent":
        valid = coherent_valid_studies(subject[found.present])
    else:
        valid = valid_studies(subject[found.present], np.isin(found.present, found.image[found.relation == 1]))
    split[found.present] = np.where(valid, "valid", "train")
    return split


def _as_set(found: Findings) -> LabelSet:
    return LabelSet(found.image, found.object, found.label, found.category, found.relation, found.sentence)


def _size_boxes(boxes: Boxes, row_of: dict[str, int]) -> SizeBoxes:
    """The boxes of the four size objects on labelled images."""
    size_object = np.full(len(boxes.names) + 1, -1, dtype=np.int64)
    for number, name in enumerate(SIZE_OBJECTS):
        if (code := boxes.names.find(name)) >= 0:
            size_object[code] = number
    numbers = np.array([row_of.get(image_id, -1) for image_id in boxes.images.texts], dtype=np.int64)
    image: Any = numbers[boxes.image] if len(numbers) else np.empty(0, dtype=np.int64)
    keep = (image >= 0) & (size_object[boxes.name] >= 0)
    return SizeBoxes(image[keep], size_object[boxes.name][keep], boxes.x1[keep], boxes.x2[keep])
