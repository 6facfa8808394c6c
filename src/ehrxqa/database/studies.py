"""The X-ray studies of one database: tb_cxr, and the images behind tb_cxr_plus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.database.frame import NAT, ColumnKind, Frame
from ehrxqa.errors import SourceError
from ehrxqa.labels.store import Labels, SizeBoxes

__all__ = ["LABEL_SET_OF", "Studies", "admission_of_studies", "ratios", "studies_of"]

#: Label set of each database; `train` holds the valid images, and valid questions are asked of it too.
LABEL_SET_OF: Final = {"train": "silver", "test": "gold+"}
#: The one subject whose study may lie in two transfers at once; the study then has no admission.
TWO_TRANSFERS_ALLOWED: Final = 13891219

Rows = npt.NDArray[np.int64]


@dataclass
class Studies:
    """Studies of one database, in the order of the metadata file, before any shift.

    Attributes:
        image: Row of each in the labelled images.
        subject_id, study_id: Ids.
        seconds: Time of the study, cut to seconds.
        hadm_id: Admission during which it was made (NaN: none).
        hadm_kind: INT only if no transfer and no study lacks an admission.
        labelled: Rows in the labelled images that have labels, in the order of the label file.
    """

    image: Rows
    subject_id: Rows
    study_id: Rows
    seconds: Rows
    hadm_id: npt.NDArray[np.float64]
    hadm_kind: ColumnKind
    labelled: Rows

    @property
    def subjects(self) -> Rows:
        """Subjects in order of first appearance."""
        _, first = np.unique(self.subject_id, return_index=True)
        return self.subject_id[np.sort(first)]


def studies_of(labels: Labels, split: str) -> Studies:
    """The studies of a database, admissions still unknown.

    `test` has all images of the gold cohort, labelled or not; `train` has the valid images.
    """
    images = labels.images
    labelled = labels.images_of(LABEL_SET_OF[split], "valid" if split == "train" else None)
    rows = np.flatnonzero(images.in_gold_cohort) if split == "test" else labelled
    rows = rows[np.argsort(images.metadata_row[rows], kind="stable")]
    return Studies(
        image=rows,
        subject_id=images.subject_id[rows],
        study_id=images.study_id[rows],
        seconds=images.time_ms[rows] // 1000,
        hadm_id=np.full(len(rows), np.nan),
        hadm_kind=ColumnKind.REAL,
        labelled=labelled,
    )


def admission_of_studies(studies: Studies, transfers: Frame, *, transfers_had_null: bool) -> None:
    """Find the admission of each study: that of the one transfer that contains its time, both ends included.

    Raises:
        SourceError: A study lies in several transfers.
    """
    subject, begin, end = (transfers.data(name) for name in ("subject_id", "intime", "outtime"))
    hadm_id = transfers.data("hadm_id").astype(np.float64)
    closed = (begin != NAT) & (end != NAT)
    order = np.argsort(subject, kind="stable")
    order = order[closed[order]]
    subject, begin, end, hadm_id = subject[order], begin[order], end[order], hadm_id[order]
    first = np.searchsorted(subject, studies.subject_id)
    last = np.searchsorted(subject, studies.subject_id, side="right")
    counts = last - first
    study = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(study)) - np.repeat(np.cumsum(counts) - counts, counts) + first[study]
    time = studies.seconds[study]
    hit = (begin[place] <= time) & (time <= end[place])
    study, place = study[hit], place[hit]
    matches = np.bincount(study, minlength=len(counts))
    several = (matches > 1) & (studies.subject_id != TWO_TRANSFERS_ALLOWED)
    if several.any():
        raise SourceError(
            f"hosp/transfers: {int(several.sum())} X-ray studies lie in several transfers at once; the transfers of a "
            "subject must not overlap"
        )
    single = matches[study] == 1
    studies.hadm_id[study[single]] = hadm_id[place[single]]
    if not transfers_had_null and not np.isnan(studies.hadm_id).any():
        studies.hadm_kind = ColumnKind.INT


def ratios(labels: Labels, split: str, images: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cardiothoracic and mediastinal-thoracic ratio of some images; NaN where a box is missing.

    Boxes are silver, with coordinates cut to integers; for `test`, gold where an image has any gold box. Widths are
    cut to integers.

    Raises:
        SourceError: The two lungs of an image have no width together.
    """
    count = len(labels.images)
    edges = np.trunc(_edges(labels.boxes["silver"], count))
    if split == "test":
        gold = labels.boxes["gold"]
        edges[np.unique(gold.image)] = _edges(gold, count)[np.unique(gold.image)]
    left, right, heart, mediastinum = (edges[images, number] for number in range(4))
    with np.errstate(invalid="ignore"):
        thorax = np.trunc(left.max(axis=1) - right.min(axis=1))
        incomplete = np.isnan(edges[images]).any(axis=(1, 2))
        if (thorax[~incomplete] == 0).any():
            raise SourceError(f"{int((thorax[~incomplete] == 0).sum())} images have lung boxes without any width")
        result = [
            np.trunc(np.abs(box[:, 1] - box[:, 0])) / np.where(incomplete, 1, thorax) for box in (heart, mediastinum)
        ]
    for ratio in result:
        ratio[incomplete] = np.nan
    return result[0], result[1]


def _edges(boxes: SizeBoxes, count: int) -> npt.NDArray[np.float64]:
    """(images, 4 objects, 2 edges) in pixels of the 224 grid; NaN where there is no box."""
    edges = np.full((count, 4, 2), np.nan)
    # the first box of an object wins, so write in reverse
    edges[boxes.image[::-1], boxes.object[::-1], 0] = boxes.x1[::-1]
    edges[boxes.image[::-1], boxes.object[::-1], 1] = boxes.x2[::-1]
    return edges
