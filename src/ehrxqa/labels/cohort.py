"""Which images take part: one frontal image per study, for the silver and the gold cohort.

Silver: images whose 36 boxes look right, at most 20 studies into a subject's history, no gold subject.
Gold: the studies of the subjects whose first study was labelled by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import SourceError
from ehrxqa.sources.chest_imagenome import Boxes
from ehrxqa.sources.cxr_metadata import ImageTable

__all__ = ["BOXES_PER_IMAGE", "MAX_STUDY_ORDER", "frontal_images", "gold_cohort", "silver_cohort"]

#: Silver images have one box for each of 36 objects.
BOXES_PER_IMAGE: Final = 36
#: Later studies of a subject do not take part.
MAX_STUDY_ORDER: Final = 20
#: A box is an outlier beyond this many standard deviations of the widths of its object.
OUTLIER_DEVIATIONS: Final = 3

Rows = npt.NDArray[np.int64]


def frontal_images(images: ImageTable) -> Rows:
    """Rows of `images`: the first frontal image (AP or PA) of each study, by study id.

    First means earliest, then by image id.
    """
    view = images.view_position
    rows = np.fromiter((row for row in range(len(images)) if view[row] in ("AP", "PA")), dtype=np.int64)
    ids = np.array([images.image_id[row] for row in rows], dtype=object)
    by_id = np.empty(len(rows), dtype=np.int64)
    by_id[np.argsort(ids, kind="stable")] = np.arange(len(rows))
    order = np.lexsort((by_id, images.time_ms[rows], images.study_id[rows]))
    rows = rows[order]
    study = images.study_id[rows]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = study[1:] != study[:-1]
    return rows[first]


def silver_cohort(
    images: ImageTable, frontal: Rows, boxes: Boxes, gold_subjects: Sequence[int], *, any_width: bool = False
) -> Rows:
    """Rows of `images` in the silver cohort, by subject and study order.

    An image without any box stays: only images that have boxes, but not 36 different ones, are dropped.
    Widths are compared with mean and standard deviation over the whole box table, so the order of
    filters does not matter.

    Args:
        images: All images.
        frontal: Rows of those that stand for a study.
        boxes: The silver boxes.
        gold_subjects: Subjects that are none of the cohort's.
        any_width: Keep images whose boxes are outliers. A bent spine or a wide mediastinum makes outliers, and the gold
            cohort keeps them: without this the two cohorts differ in what they show.
    """
    dropped = _wrong_count(boxes)
    if not any_width:
        dropped |= _outliers(boxes)
    number_of = {image_id: number for number, image_id in enumerate(boxes.images.texts)}
    keep = np.fromiter(
        (
            not dropped[number_of[image_id]] if (image_id := images.image_id[row]) in number_of else True
            for row in frontal
        ),
        dtype=bool,
        count=len(frontal),
    )
    keep &= images.study_order[frontal] <= MAX_STUDY_ORDER
    keep &= ~np.isin(images.subject_id[frontal], np.asarray(gold_subjects, dtype=np.int64))
    return _by_subject_and_order(images, frontal[keep])


def gold_cohort(
    images: ImageTable, frontal: Rows, gold_subjects: Sequence[int], gold_images: Sequence[str]
) -> tuple[Rows, int]:
    """Rows of `images` in the gold cohort, by subject and study order, and the number of first studies replaced.

    The first study of a gold subject is represented by the image that was labelled by hand, of any view.

    Raises:
        SourceError: A gold image is not in the metadata.
    """
    rows = frontal[images.study_order[frontal] <= MAX_STUDY_ORDER]
    rows = rows[np.isin(images.subject_id[rows], np.asarray(gold_subjects, dtype=np.int64))]
    later = rows[images.study_order[rows] != 1]
    wanted = set(gold_images)
    labelled = np.fromiter((row for row, image_id in enumerate(images.image_id) if image_id in wanted), dtype=np.int64)
    if len(labelled) != len(wanted):
        raise SourceError(
            f"{len(wanted) - len(labelled)} of {len(wanted)} gold images are not in the MIMIC-CXR-JPG metadata; "
            "the two releases do not belong together"
        )
    return _by_subject_and_order(images, np.concatenate([later, labelled])), len(rows) - len(later)


def _by_subject_and_order(images: ImageTable, rows: Rows) -> Rows:
    return rows[np.lexsort((images.study_order[rows], images.subject_id[rows]))]


def _wrong_count(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """For each image of the box table: whether its number of different box names is not 36."""
    names = max(len(boxes.names), 1)
    distinct = np.unique(boxes.image.astype(np.int64) * names + boxes.name)
    result: npt.NDArray[np.bool_] = np.bincount(distinct // names, minlength=len(boxes.images)) != BOXES_PER_IMAGE
    return result


def _outliers(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """For each image of the box table: whether any width is more than three deviations from its name's mean."""
    known = ~np.isnan(boxes.width)
    name, width = boxes.name[known], boxes.width[known]
    count = np.bincount(name, minlength=len(boxes.names)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(name, width, minlength=len(boxes.names)) / count
        squares = np.bincount(name, (width - mean[name]) ** 2, minlength=len(boxes.names))
        deviation = np.sqrt(squares / (count - 1))
    low = (mean - OUTLIER_DEVIATIONS * deviation)[name]
    high = (mean + OUTLIER_DEVIATIONS * deviation)[name]
    outlier = np.zeros(len(boxes.images), dtype=bool)
    outlier[boxes.image[known][(width < low) | (width > high)]] = True
    return outlier
