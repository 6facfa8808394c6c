"""Tables about subjects: who they are, their admissions, stays in units and ICU stays."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.columns import ADMISSION, ROW_ID, SUBJECT, measure, text, time
from ehrxqa.spec.files import mimic_iv
from ehrxqa.spec.table import Column, Table
from ehrxqa.spec.values import GENDER_WORDS

__all__ = ["ADMISSIONS", "ICUSTAYS", "PATIENTS", "TRANSFERS"]

PATIENTS: Final = Table(
    "patients",
    "One row per subject.",
    (
        ROW_ID,
        SUBJECT,
        Column("gender", "text", "m or f", values=GENDER_WORDS),
        time("dob", "birth", "moved like all times of the subject, so that ages are kept"),
        time("dod", "death, or null", nullable=True),
    ),
    key="subject_id",
    indexes=("subject_id",),
    source=mimic_iv(
        "hosp/patients.csv",
        "One row per subject.",
        "*subject_id:int *gender:text? *anchor_age:int *anchor_year:int anchor_year_group:text? *dod:date?",
    ),
)

ADMISSIONS: Final = Table(
    "admissions",
    "One row per hospital admission.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        time("admittime", "admission"),
        time("dischtime", "discharge; null: still in hospital", nullable=True),
        text("admission_type", "type", "of the admission, such as urgent or elective"),
        text("admission_location", "where the subject came from", nullable=True),
        text("discharge_location", "where the subject went", nullable=True),
        text("insurance", "insurance", nullable=True),
        text("language", "language", "english, or ? for any other", nullable=True),
        text("marital_status", "marital status", nullable=True),
        measure("age", "age in years at admission", "years", "integer"),
    ),
    key="hadm_id",
    indexes=("subject_id", "hadm_id"),
    source=mimic_iv(
        "hosp/admissions.csv",
        "One row per hospital admission.",
        """*subject_id:int *hadm_id:int *admittime:time *dischtime:time deathtime:time? *admission_type:text?
        admit_provider_id:text? *admission_location:text? *discharge_location:text? *insurance:text?
        *language:text? *marital_status:text? race:text? edregtime:time? edouttime:time?
        hospital_expire_flag:int""",
    ),
)

ICUSTAYS: Final = Table(
    "icustays",
    "One row per ICU stay.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        Column("stay_id", "integer", "ICU stay"),
        text("first_careunit", "first unit"),
        text("last_careunit", "last unit"),
        time("intime", "begin"),
        time("outtime", "end; null: still there", nullable=True),
    ),
    key="stay_id",
    indexes=("hadm_id", "stay_id", "subject_id"),
    source=mimic_iv(
        "icu/icustays.csv",
        "One row per ICU stay.",
        """*subject_id:int *hadm_id:int *stay_id:int *first_careunit:text? *last_careunit:text? *intime:time?
        *outtime:time? los:num?""",
    ),
)

TRANSFERS: Final = Table(
    "transfers",
    "One row per stay in a unit.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        Column("transfer_id", "integer", "stay in the unit"),
        text("eventtype", "ed, admit, transfer or discharge"),
        text("careunit", "unit", nullable=True),
        time("intime", "begin"),
        time("outtime", "end", nullable=True),
    ),
    indexes=("hadm_id", "careunit", "subject_id"),
    source=mimic_iv(
        "hosp/transfers.csv",
        "One row per stay of a subject in one unit; without hadm_id for emergency stays without admission.",
        "*subject_id:int *hadm_id:int? *transfer_id:int *eventtype:text? *careunit:text? *intime:time? *outtime:time?",
    ),
)
