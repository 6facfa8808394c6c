"""Image labels of a split of MIMIC-CXR-VQA, from the label files of an output folder.

Train and valid have the extracted (silver) labels and boxes, test the labels and boxes checked by hand (gold; not
the gold+ labels of the test database).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import SettingsError
from ehrxqa.labels.ontology import MINORITY_LABELS, MINORITY_OBJECTS
from ehrxqa.layout import SPLITS
from ehrxqa.sources.chest_imagenome import SIZE_OBJECTS
from ehrxqa.vqa.image_labels import Finding, ImageLabels, bits_of_rows

if TYPE_CHECKING:
    from ehrxqa.labels.store import Labels

__all__ = ["labels_of_split", "read_split_labels"]


def read_split_labels(folder: Path, split: str) -> ImageLabels:
    """The labels of a split, from `OUT/labels`.

    Raises:
        BuildError: The label files are missing or damaged.
        SettingsError: There is no such split.
    """
    from ehrxqa.labels.store import read_labels

    return labels_of_split(read_labels(folder), split)


def labels_of_split(labels: Labels, split: str) -> ImageLabels:
    """The labels of a split.

    The too rare attributes and the arms are left out once more, as the official answers do.

    Raises:
        SettingsError: There is no such split.
    """
    if split not in SPLITS:
        raise SettingsError(f'split "{split}" is not one of {", ".join(SPLITS)}')
    grade = "gold" if split == "test" else "silver"
    rows = labels.images_of(grade, None if split == "test" else split)
    place = np.full(len(labels.images), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))

    found = labels.sets[grade]
    rare_object = np.array([name in MINORITY_OBJECTS for name in labels.objects], dtype=bool)
    rare_attribute = np.array([name in MINORITY_LABELS for name in labels.attributes], dtype=bool)
    keep = (found.relation == 1) & (place[found.image] >= 0)
    keep &= ~rare_object[found.object] & ~rare_attribute[found.attribute]
    sizes = (len(labels.objects), len(labels.attributes), len(labels.categories))
    keys, numbers = np.unique(
        np.ravel_multi_index((found.object[keep], found.attribute[keep], found.category[keep]), sizes)
        if keep.any()
        else np.empty(0, dtype=np.int64),
        return_inverse=True,
    )
    findings = _findings(labels, *np.unravel_index(keys, sizes))
    pairs = ~rare_object[labels.pair_object] & ~rare_attribute[labels.pair_attribute]

    images = labels.images
    chosen = rows.tolist()
    return ImageLabels(
        image_ids=[images.image_id[row] for row in chosen],
        study_ids=images.study_id[rows].tolist(),
        subject_ids=images.subject_id[rows].tolist(),
        findings=findings,
        present=bits_of_rows(len(rows), len(findings), place[found.image[keep]], numbers.astype(np.int64)),
        views=[_lower(images.view_position[row]) for row in chosen],
        genders=[_lower(images.gender[row]) for row in chosen],
        shares=_shares(labels, grade, place, len(rows)),
        possible=_findings(
            labels, labels.pair_object[pairs], labels.pair_attribute[pairs], labels.pair_category[pairs]
        ),
    )


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _findings(
    labels: Labels, objects: npt.NDArray[np.int64], attributes: npt.NDArray[np.int64], categories: npt.NDArray[np.int64]
) -> list[Finding]:
    return [
        Finding(labels.objects[o].lower(), labels.attributes[a].lower(), labels.categories[c].lower())
        for o, a, c in zip(objects.tolist(), attributes.tolist(), categories.tolist(), strict=True)
    ]


def _shares(labels: Labels, grade: str, place: npt.NDArray[np.int64], images: int) -> dict[str, list[float | None]]:
    """Width of the measured objects as a share of the thorax width, from box edges cut to whole pixels.

    Widths keep their sign: x2 - x1 as annotated, and left lung x2 - right lung x1 for the thorax. None where a box
    is missing, or where an image has two different boxes of one object.
    """
    boxes = labels.boxes[grade]
    x1, x2 = (np.full((len(SIZE_OBJECTS), images), np.nan) for _ in range(2))  # (objects, images), pixels
    keep = place[boxes.image] >= 0
    cell = (boxes.object[keep], place[boxes.image[keep]])
    first, last = np.trunc(boxes.x1[keep]), np.trunc(boxes.x2[keep])
    x1[cell], x2[cell] = first, last
    unlike = (x1[cell] != first) | (x2[cell] != last)
    x1[cell[0][unlike], cell[1][unlike]] = np.nan
    code = {name: number for number, name in enumerate(SIZE_OBJECTS)}
    thorax = x2[code["left lung"]] - x1[code["right lung"]]
    shares: dict[str, list[float | None]] = {}
    for name in ("cardiac silhouette", "upper mediastinum"):
        width = x2[code[name]] - x1[code[name]]
        known = ~np.isnan(width) & ~np.isnan(thorax)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = width / thorax  # nothing is wide in a thorax of width 0 with a box of width 0
        shares[name] = [value if there else None for value, there in zip(share.tolist(), known.tolist(), strict=True)]
    return shares
