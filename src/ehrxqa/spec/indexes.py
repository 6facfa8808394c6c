"""Indexes of the copies on which thousands of gold programs and look-ups run. The databases themselves have none."""

from __future__ import annotations

from typing import Final

__all__ = ["INDEXES", "STUDY_INDEXES"]

#: By what the rows of each table are looked up; several columns of one index with a comma between.
INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "patients": ("subject_id",),
    "admissions": ("subject_id", "hadm_id"),
    "d_icd_diagnoses": ("icd_code", "long_title"),
    "d_icd_procedures": ("icd_code", "long_title"),
    "d_items": ("itemid", "label", "abbreviation"),
    "d_labitems": ("itemid", "label"),
    "diagnoses_icd": ("hadm_id", "icd_code", "subject_id"),
    "procedures_icd": ("hadm_id", "icd_code", "subject_id"),
    "labevents": ("hadm_id, itemid", "itemid", "subject_id"),
    "prescriptions": ("hadm_id", "drug", "route", "subject_id"),
    "cost": ("hadm_id", "event_id, event_type", "subject_id"),
    "chartevents": ("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    "inputevents": ("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    "outputevents": ("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    "microbiologyevents": ("hadm_id", "spec_type_desc", "test_name", "subject_id"),
    "icustays": ("hadm_id", "stay_id", "subject_id"),
    "transfers": ("hadm_id", "careunit", "subject_id"),
    "tb_cxr": ("study_id", "subject_id", "hadm_id"),
    "tb_cxr_plus": (
        "study_id, relation, attribute",
        "subject_id, relation, attribute",
        "hadm_id, relation",
        "attribute, relation, object",
        "object, relation, category",
        "category, relation, subject_id",
    ),
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
        "relation, category, object",
        "study_id, studydatetime, subject_id",
    ),
    "cxr_studies": ("study_id", "subject_id, studydatetime", "hadm_id"),
}
