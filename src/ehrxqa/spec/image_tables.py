"""Tables about chest X-ray studies: the studies, and the labels, which are the answer key."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ehrxqa.spec.columns import ADMISSION, ROW_ID, SUBJECT, measure, text, time
from ehrxqa.spec.table import Column, Reference, Table
from ehrxqa.spec.values import VIEW_POSITIONS

__all__ = ["TB_CXR", "TB_CXR_PLUS"]

_OF_STUDY: Final = replace(ADMISSION, doc="admission during which the study was made, or null", nullable=True)


def _studies(*more: Column) -> tuple[Column, ...]:
    """The columns that say which study and image a row is about, and more."""
    return (
        ROW_ID,
        SUBJECT,
        _OF_STUDY,
        Column("study_id", "integer", "chest X-ray study", references=Reference("tb_cxr", "study_id")),
        text("image_id", "image that stands for the study"),
        Column("viewposition", "text", "ap or pa", values=VIEW_POSITIONS),
        time("studydatetime", "time of the study, shifted"),
        *more,
    )


TB_CXR_PLUS: Final = Table(
    "tb_cxr_plus",
    "One row per study and possible (object, attribute) pair: the labels, which no model may read.",
    _studies(
        Column("studyorder", "number", "rank among all studies of the subject in the source archive"),
        text("object", "anatomical location"),
        Column("relation", "integer", "1 present, 0 absent", values={"1": "present", "0": "absent"}),
        text("attribute", "finding, device or technical remark"),
        text("category", "class of the attribute"),
        measure("ct_ratio", "width of the heart over width of the thorax", "ratio", nullable=True),
        measure("mt_ratio", "width of the upper mediastinum over width of the thorax", "ratio", nullable=True),
    ),
    indexes=(
        "study_id, relation, attribute",
        "subject_id, relation, attribute",
        "hadm_id, relation",
        "attribute, relation, object",
        "object, relation, category",
        "category, relation, subject_id",
    ),
    answer_key=True,
)

TB_CXR: Final = Table(
    "tb_cxr",
    "One row per study.",
    _studies(),
    key="study_id",
    indexes=("study_id", "subject_id", "hadm_id"),
)
