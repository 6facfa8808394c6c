"""Indexes of the copies on which thousands of gold programs and look-ups run. The databases themselves have none."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.tables import TABLES

__all__ = ["EVENT_INDEXES", "INDEXES", "STUDY_INDEXES"]

#: By what the rows of each table are looked up; several columns of one index with a comma between.
INDEXES: Final[dict[str, tuple[str, ...]]] = {table.name: table.indexes for table in TABLES.values()}

#: What events are counted by.
_NAMES: Final = frozenset({"itemid", "drug", "icd_code", "spec_type_desc", "test_name"})

#: Where questions are drawn and checked, events are counted by their names over time, for subjects of some age. An
#: index that holds all of this is read in place of the rows, to which it would lead one by one: a sixth of the time.
EVENT_INDEXES: Final[dict[str, tuple[str, ...]]] = {
    table.name: tuple(f"{index}, {time}, subject_id" if index in _NAMES else index for index in table.indexes)
    for table in TABLES.values()
    for time in ("charttime", "starttime")
    if {time, "subject_id"} <= {column.name for column in table.columns}
}

#: Where questions are drawn and checked, studies are looked up by more; `cxr_studies` are the distinct studies of
#: TB_CXR_PLUS, a table of those copies alone.
STUDY_INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "tb_cxr": ("study_id", "subject_id, studydatetime, study_id", "hadm_id"),
    "tb_cxr_plus": (
        "study_id, relation, object, attribute, category",
        "subject_id, studydatetime, study_id",
        "hadm_id, relation",
        "attribute, relation, object",
        # misreadings leave out the study, and then ask of all rows of a category: the index answers without the table
        "relation, category, object, attribute, study_id, subject_id, studydatetime",
        "study_id, studydatetime, subject_id",
    ),
    "cxr_studies": ("study_id", "subject_id, studydatetime", "hadm_id"),
}
