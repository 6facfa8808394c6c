"""The 19 tables: names, columns and what they mean, in the order in which the official database creates them.

Types are not declared here: the official builder lets them follow the data (an identifier column that had a
null in its source is REAL, a column without any value is REAL), and so do we; see `stored.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["TABLES", "TableSpec", "table_spec"]


@dataclass(frozen=True)
class TableSpec:
    """One table of the integrated database.

    Attributes:
        name: Name in lower case; the database stores it in upper case.
        doc: What one row is.
        columns: Column → meaning, in order.
    """

    name: str
    doc: str
    columns: dict[str, str]


_SUBJECT = "subject (patient)"
_HADM = "hospital admission"
_ROW = "running number from 0"


def _table(name: str, doc: str, **columns: str) -> TableSpec:
    return TableSpec(name, doc, {"row_id": _ROW, **columns})


TABLES: Final = (
    _table(
        "tb_cxr_plus",
        "One row per study and possible (object, attribute) pair: the labels, which no model may read.",
        subject_id=_SUBJECT,
        hadm_id="admission during which the study was made, or null",
        study_id="chest X-ray study",
        image_id="image that stands for the study",
        viewposition="ap or pa",
        studydatetime="time of the study, shifted",
        studyorder="rank among all studies of the subject in the source archive",
        object="anatomical location",
        relation="1 present, 0 absent",
        attribute="finding, device or technical remark",
        category="class of the attribute",
        ct_ratio="width of the heart over width of the thorax",
        mt_ratio="width of the upper mediastinum over width of the thorax",
    ),
    _table(
        "tb_cxr",
        "One row per study.",
        subject_id=_SUBJECT,
        hadm_id="admission during which the study was made, or null",
        study_id="chest X-ray study",
        image_id="image that stands for the study",
        viewposition="ap or pa",
        studydatetime="time of the study, shifted",
    ),
    _table("patients", "One row per subject.", subject_id=_SUBJECT, gender="m or f", dob="birth", dod="death, or null"),
    _table(
        "admissions",
        "One row per hospital admission.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        admittime="admission",
        dischtime="discharge; null: still in hospital",
        admission_type="type",
        admission_location="where the subject came from",
        discharge_location="where the subject went",
        insurance="insurance",
        language="language",
        marital_status="marital status",
        age="age in years at admission",
    ),
    _table("d_icd_diagnoses", "One row per diagnosis code.", icd_code="ICD-9 or ICD-10 code", long_title="title"),
    _table("d_icd_procedures", "One row per procedure code.", icd_code="ICD-9 or ICD-10 code", long_title="title"),
    _table(
        "d_items",
        "One row per ICU item.",
        itemid="item",
        label="name",
        abbreviation="short name",
        linksto="table that holds its events",
    ),
    _table("d_labitems", "One row per laboratory item.", itemid="item", label="name"),
    _table(
        "diagnoses_icd",
        "One row per diagnosis of an admission.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        icd_code="ICD-9 or ICD-10 code",
        charttime="time of admission",
    ),
    _table(
        "procedures_icd",
        "One row per procedure of an admission.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        icd_code="ICD-9 or ICD-10 code",
        charttime="day of the procedure, or time of discharge",
    ),
    _table(
        "labevents",
        "One row per laboratory value.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        itemid="item",
        charttime="time",
        valuenum="value",
        valueuom="unit",
    ),
    _table(
        "prescriptions",
        "One row per prescription.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        starttime="start",
        stoptime="end",
        drug="drug",
        dose_val_rx="dose",
        dose_unit_rx="unit of the dose",
        route="route",
    ),
    _table(
        "cost",
        "One row per diagnosis, lab value, procedure and prescription: its made-up price.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        event_type="table of the event",
        event_id="row_id of the event",
        chargetime="time of the event",
        cost="price",
    ),
    _table(
        "chartevents",
        "One row per vital sign, weight or height.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        stay_id="ICU stay",
        charttime="time",
        itemid="item",
        valuenum="value",
        valueuom="unit",
    ),
    _table(
        "inputevents",
        "One row per fluid given, in ml.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        stay_id="ICU stay",
        starttime="time",
        itemid="item",
        amount="amount in ml",
    ),
    _table(
        "outputevents",
        "One row per fluid lost, in ml.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        stay_id="ICU stay",
        charttime="time",
        itemid="item",
        value="amount in ml",
    ),
    _table(
        "microbiologyevents",
        "One row per microbiology test.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        charttime="time",
        spec_type_desc="specimen",
        test_name="test",
        org_name="organism that grew, or null",
    ),
    _table(
        "icustays",
        "One row per ICU stay.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        stay_id="ICU stay",
        first_careunit="first unit",
        last_careunit="last unit",
        intime="begin",
        outtime="end; null: still there",
    ),
    _table(
        "transfers",
        "One row per stay in a unit.",
        subject_id=_SUBJECT,
        hadm_id=_HADM,
        transfer_id="stay in the unit",
        eventtype="ed, admit, transfer or discharge",
        careunit="unit",
        intime="begin",
        outtime="end",
    ),
)

_BY_NAME: Final = {table.name: table for table in TABLES}


def table_spec(name: str) -> TableSpec:
    """The table of that (lower-case) name."""
    return _BY_NAME[name]
