"""The 19 tables of the database, in the order in which the official one creates them.

`TABLES` maps a (lower-case) name to its `Table`, with `.doc`, `.key`, `.answer_key` and `.columns`; a column has
`.name`, `.type`, `.doc`, `.note`, `.unit`, `.references` (a `Reference` with `.table` and `.column`, or None),
`.nullable` and `.values`. `open_tables()` are those that models may read: all but the answer key, TB_CXR_PLUS.
`describe(table)` says a table in words, for people and for language models.

>>> TABLES["labevents"].column("itemid").references
Reference(table='d_labitems', column='itemid')
>>> print(describe("outputevents").splitlines()[0])
outputevents: One row per fluid lost, in ml.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.spec.table import Column, Reference, Table, Type
from ehrxqa.spec.values import GENDER_WORDS, VIEW_POSITIONS

__all__ = ["TABLES", "column_help", "describe", "find_table", "open_tables"]

_ROW: Final = Column("row_id", "integer", "running number from 0")
_SUBJECT: Final = Column("subject_id", "integer", "subject (patient)", references=Reference("patients", "subject_id"))
_ADMISSION: Final = Column("hadm_id", "integer", "hospital admission", references=Reference("admissions", "hadm_id"))
_STAY: Final = Column("stay_id", "integer", "ICU stay", references=Reference("icustays", "stay_id"))
_OF_STUDY: Final = replace(_ADMISSION, doc="admission during which the study was made, or null", nullable=True)


def _text(name: str, doc: str, note: str = "", *, nullable: bool = False) -> Column:
    return Column(name, "text", doc, note=note, nullable=nullable)


def _time(name: str, doc: str, note: str = "", *, nullable: bool = False) -> Column:
    return Column(name, "time", doc, note=note, nullable=nullable)


def _measure(name: str, doc: str, unit: str, type_: Type = "number", *, nullable: bool = False) -> Column:
    return Column(name, type_, doc, unit, nullable=nullable)


def _item(dictionary: str) -> Column:
    return Column("itemid", "integer", "item", references=Reference(dictionary, "itemid"))


def _code(dictionary: str) -> Column:
    return Column("icd_code", "text", "ICD-9 or ICD-10 code", references=Reference(dictionary, "icd_code"))


def _studies(*more: Column) -> tuple[Column, ...]:
    """The columns that say which study and image a row is about, and more."""
    return (
        _ROW,
        _SUBJECT,
        _OF_STUDY,
        Column("study_id", "integer", "chest X-ray study", references=Reference("tb_cxr", "study_id")),
        _text("image_id", "image that stands for the study"),
        Column("viewposition", "text", "ap or pa", values=VIEW_POSITIONS),
        _time("studydatetime", "time of the study, shifted"),
        *more,
    )


_DECLARED: Final = (
    Table(
        "tb_cxr_plus",
        "One row per study and possible (object, attribute) pair: the labels, which no model may read.",
        _studies(
            Column("studyorder", "number", "rank among all studies of the subject in the source archive"),
            _text("object", "anatomical location"),
            Column("relation", "integer", "1 present, 0 absent", values={"1": "present", "0": "absent"}),
            _text("attribute", "finding, device or technical remark"),
            _text("category", "class of the attribute"),
            _measure("ct_ratio", "width of the heart over width of the thorax", "ratio", nullable=True),
            _measure("mt_ratio", "width of the upper mediastinum over width of the thorax", "ratio", nullable=True),
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
    ),
    Table("tb_cxr", "One row per study.", _studies(), key="study_id", indexes=("study_id", "subject_id", "hadm_id")),
    Table(
        "patients",
        "One row per subject.",
        (
            _ROW,
            _SUBJECT,
            Column("gender", "text", "m or f", values=GENDER_WORDS),
            _time("dob", "birth", "moved like all times of the subject, so that ages are kept"),
            _time("dod", "death, or null", nullable=True),
        ),
        key="subject_id",
        indexes=("subject_id",),
    ),
    Table(
        "admissions",
        "One row per hospital admission.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _time("admittime", "admission"),
            _time("dischtime", "discharge; null: still in hospital", nullable=True),
            _text("admission_type", "type", "of the admission, such as urgent or elective"),
            _text("admission_location", "where the subject came from", nullable=True),
            _text("discharge_location", "where the subject went", nullable=True),
            _text("insurance", "insurance", nullable=True),
            _text("language", "language", "english, or ? for any other", nullable=True),
            _text("marital_status", "marital status", nullable=True),
            _measure("age", "age in years at admission", "years", "integer"),
        ),
        key="hadm_id",
        indexes=("subject_id", "hadm_id"),
    ),
    Table(
        "d_icd_diagnoses",
        "One row per diagnosis code.",
        (_ROW, _text("icd_code", "ICD-9 or ICD-10 code"), _text("long_title", "title", nullable=True)),
        indexes=("icd_code", "long_title"),
    ),
    Table(
        "d_icd_procedures",
        "One row per procedure code.",
        (_ROW, _text("icd_code", "ICD-9 or ICD-10 code"), _text("long_title", "title", nullable=True)),
        indexes=("icd_code", "long_title"),
    ),
    Table(
        "d_items",
        "One row per ICU item.",
        (
            _ROW,
            Column("itemid", "integer", "item"),
            _text("label", "name", nullable=True),
            _text("abbreviation", "short name", nullable=True),
            _text("linksto", "table that holds its events", "chartevents, inputevents or outputevents"),
        ),
        key="itemid",
        indexes=("itemid", "label", "abbreviation"),
    ),
    Table(
        "d_labitems",
        "One row per laboratory item.",
        (_ROW, Column("itemid", "integer", "item"), _text("label", "name", nullable=True)),
        key="itemid",
        indexes=("itemid", "label"),
    ),
    Table(
        "diagnoses_icd",
        "One row per diagnosis of an admission.",
        (_ROW, _SUBJECT, _ADMISSION, _code("d_icd_diagnoses"), _time("charttime", "time of admission")),
        indexes=("hadm_id", "icd_code", "subject_id"),
    ),
    Table(
        "procedures_icd",
        "One row per procedure of an admission.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _code("d_icd_procedures"),
            _time("charttime", "day of the procedure, or time of discharge"),
        ),
        indexes=("hadm_id", "icd_code", "subject_id"),
    ),
    Table(
        "labevents",
        "One row per laboratory value.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _item("d_labitems"),
            _time("charttime", "time", "when the specimen was taken"),
            _measure("valuenum", "value", "see valueuom"),
            _text("valueuom", "unit", nullable=True),
        ),
        indexes=("hadm_id, itemid", "itemid", "subject_id"),
    ),
    Table(
        "prescriptions",
        "One row per prescription.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _time("starttime", "start"),
            _time("stoptime", "end", nullable=True),
            _text("drug", "drug", nullable=True),
            _measure("dose_val_rx", "dose", "see dose_unit_rx"),
            _text("dose_unit_rx", "unit of the dose", "each drug has one unit"),
            _text("route", "route", nullable=True),
        ),
        indexes=("hadm_id", "drug", "route", "subject_id"),
    ),
    Table(
        "cost",
        "One row per diagnosis, lab value, procedure and prescription: its made-up price.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _text("event_type", "table of the event", "diagnoses_icd, labevents, procedures_icd or prescriptions"),
            Column("event_id", "integer", "row_id of the event", note="in the table that event_type names"),
            _time("chargetime", "time of the event"),
            _measure("cost", "price", "made-up money", nullable=True),
        ),
        indexes=("hadm_id", "event_id, event_type", "subject_id"),
    ),
    Table(
        "chartevents",
        "One row per vital sign, weight or height.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _STAY,
            _time("charttime", "time", "when it was measured"),
            _item("d_items"),
            _measure("valuenum", "value", "see valueuom"),
            _text("valueuom", "unit"),
        ),
        indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    ),
    Table(
        "inputevents",
        "One row per fluid given, in ml.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _STAY,
            _time("starttime", "time", "when it began"),
            _item("d_items"),
            _measure("amount", "amount in ml", "ml"),
        ),
        indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    ),
    Table(
        "outputevents",
        "One row per fluid lost, in ml.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _STAY,
            _time("charttime", "time", "when it was measured"),
            _item("d_items"),
            _measure("value", "amount in ml", "ml"),
        ),
        indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    ),
    Table(
        "microbiologyevents",
        "One row per microbiology test.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            _time("charttime", "time", "when the specimen was taken; 00:00:00 if only the day is known"),
            _text("spec_type_desc", "specimen", nullable=True),
            _text("test_name", "test", nullable=True),
            _text("org_name", "organism that grew, or null", nullable=True),
        ),
        indexes=("hadm_id", "spec_type_desc", "test_name", "subject_id"),
    ),
    Table(
        "icustays",
        "One row per ICU stay.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            Column("stay_id", "integer", "ICU stay"),
            _text("first_careunit", "first unit"),
            _text("last_careunit", "last unit"),
            _time("intime", "begin"),
            _time("outtime", "end; null: still there", nullable=True),
        ),
        key="stay_id",
        indexes=("hadm_id", "stay_id", "subject_id"),
    ),
    Table(
        "transfers",
        "One row per stay in a unit.",
        (
            _ROW,
            _SUBJECT,
            _ADMISSION,
            Column("transfer_id", "integer", "stay in the unit"),
            _text("eventtype", "ed, admit, transfer or discharge"),
            _text("careunit", "unit", nullable=True),
            _time("intime", "begin"),
            _time("outtime", "end", nullable=True),
        ),
        indexes=("hadm_id", "careunit", "subject_id"),
    ),
)

#: Tables by name, in the order of the database.
TABLES: Final = {table.name: table for table in _DECLARED}


def open_tables() -> tuple[Table, ...]:
    """The tables that models may read, in order: all but the answer key."""
    return tuple(table for table in TABLES.values() if not table.answer_key)


def find_table(name: str) -> Table:
    """The table of a name, in either case.

    Raises:
        SettingsError: There is none.
    """
    try:
        return TABLES[name.lower()]
    except KeyError:
        raise SettingsError(f"there is no table {name!r}; there are {', '.join(TABLES)}") from None


def describe(table: str | Table) -> str:
    """A table in words: what a row is, then one line per column with type, meaning, unit, values and reference.

    Raises:
        SettingsError: There is no such table.
    """
    table = find_table(table) if isinstance(table, str) else table
    lines = [f"{table.name}: {table.doc}{' ' * bool(table.note)}{table.note}"]
    lines += [f"  {column.name} ({column.type}): {column_help(table, column)}" for column in table.columns]
    return "\n".join(lines)


def column_help(table: Table, column: Column) -> str:
    """What a column means, in words: meaning, unit, values, what it refers to, and whether it may be null."""
    parts = [column.doc]
    if column.unit and column.unit not in column.doc:
        parts.append(f"unit: {column.unit}")
    if column.values and not all(word in column.doc for word in column.values.values()):
        parts.append(", ".join(f"{value} = {word}" for value, word in column.values.items()))
    if column.name == table.key:
        parts.append("one row each")
    if column.references and str(column.references) != f"{table.name}.{column.name}":
        parts.append(f"refers to {column.references}")
    if column.note:
        parts.append(column.note)
    if column.nullable and "null" not in column.doc:
        parts.append("may be null")
    return "; ".join(parts)
