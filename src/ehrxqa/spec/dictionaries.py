"""Dictionary tables: what codes and items are called. They are the same in every database."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.columns import ROW_ID, text
from ehrxqa.spec.files import mimic_iv
from ehrxqa.spec.table import Column, Table

__all__ = ["D_ICD_DIAGNOSES", "D_ICD_PROCEDURES", "D_ITEMS", "D_LABITEMS"]

D_ICD_DIAGNOSES: Final = Table(
    "d_icd_diagnoses",
    "One row per diagnosis code.",
    (ROW_ID, text("icd_code", "ICD-9 or ICD-10 code"), text("long_title", "title", nullable=True)),
    indexes=("icd_code", "long_title"),
    is_dictionary=True,
    source=mimic_iv(
        "hosp/d_icd_diagnoses.csv",
        "One row per ICD-9 or ICD-10 diagnosis code.",
        "*icd_code:text? icd_version:int *long_title:text?",
    ),
)

D_ICD_PROCEDURES: Final = Table(
    "d_icd_procedures",
    "One row per procedure code.",
    (ROW_ID, text("icd_code", "ICD-9 or ICD-10 code"), text("long_title", "title", nullable=True)),
    indexes=("icd_code", "long_title"),
    is_dictionary=True,
    source=mimic_iv(
        "hosp/d_icd_procedures.csv",
        "One row per ICD-9 or ICD-10 procedure code.",
        "*icd_code:text? icd_version:int *long_title:text?",
    ),
)

D_ITEMS: Final = Table(
    "d_items",
    "One row per ICU item.",
    (
        ROW_ID,
        Column("itemid", "integer", "item"),
        text("label", "name", nullable=True),
        text("abbreviation", "short name", nullable=True),
        text("linksto", "table that holds its events", "chartevents, inputevents or outputevents"),
    ),
    key="itemid",
    indexes=("itemid", "label", "abbreviation"),
    is_dictionary=True,
    source=mimic_iv(
        "icu/d_items.csv",
        "One row per ICU item.",
        """*itemid:int *label:text? *abbreviation:text? *linksto:text? category:text? unitname:text? param_type:text?
        lownormalvalue:num? highnormalvalue:num?""",
    ),
)

D_LABITEMS: Final = Table(
    "d_labitems",
    "One row per laboratory item.",
    (ROW_ID, Column("itemid", "integer", "item"), text("label", "name", nullable=True)),
    key="itemid",
    indexes=("itemid", "label"),
    is_dictionary=True,
    source=mimic_iv(
        "hosp/d_labitems.csv",
        "One row per laboratory item.",
        "*itemid:int *label:text? fluid:text? category:text?",
    ),
)
