"""Indexes of the copies on which thousands of gold programs and look-ups run. The databases themselves have none."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.tables import TABLES

__all__ = ["INDEXES", "STUDY_INDEXES"]

#: By what the rows of each table are looked up; several columns of one index with a comma between.
INDEXES: Final[dict[str, tuple[str, ...]]] = {table.name: table.indexes for table in TABLES.values()}

#: Where questions are drawn and checked, studies are looked up by more; `cxr_studies` are the distinct studies of
#: TB_CXR_PLUS, a table of those copies alone.
STUDY_INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "tb_cxr": ("study_id", "subject_id, studydatetime, study_id", "hadm_id"),
    "tb_cxr_plus": (
        "study_id, relation, object, attribute, category",
        "subject_id, studydatetime, study_id",
        "hadm_id, relation",
        "attribute, relation, object",
        "relation, category, object",
        "study_id, studydatetime, subject_id",
    ),
    "cxr_studies": ("study_id", "subject_id, studydatetime", "hadm_id"),
}
