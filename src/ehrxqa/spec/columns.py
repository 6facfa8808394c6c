"""Columns that several tables have, and short ways to declare the others."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.table import Column, Reference, Type

__all__ = ["ADMISSION", "ICU_STAY", "ROW_ID", "SUBJECT", "icd_code", "item", "measure", "text", "time"]

ROW_ID: Final = Column("row_id", "integer", "running number from 0")
SUBJECT: Final = Column("subject_id", "integer", "subject (patient)", references=Reference("patients", "subject_id"))
ADMISSION: Final = Column("hadm_id", "integer", "hospital admission", references=Reference("admissions", "hadm_id"))
ICU_STAY: Final = Column("stay_id", "integer", "ICU stay", references=Reference("icustays", "stay_id"))


def text(name: str, doc: str, note: str = "", *, nullable: bool = False) -> Column:
    """A column of texts, in lower case in the database."""
    return Column(name, "text", doc, note=note, nullable=nullable)


def time(name: str, doc: str, note: str = "", *, nullable: bool = False) -> Column:
    """A column of times, `YYYY-MM-DD HH:MM:SS`."""
    return Column(name, "time", doc, note=note, nullable=nullable)


def measure(name: str, doc: str, unit: str, type_: Type = "number", *, nullable: bool = False) -> Column:
    """A column of measured numbers, with its unit."""
    return Column(name, type_, doc, unit, nullable=nullable)


def item(dictionary: str) -> Column:
    """The item that an event is about."""
    return Column("itemid", "integer", "item", references=Reference(dictionary, "itemid"))


def icd_code(dictionary: str) -> Column:
    """The code of a diagnosis or procedure."""
    return Column("icd_code", "text", "ICD-9 or ICD-10 code", references=Reference(dictionary, "icd_code"))
