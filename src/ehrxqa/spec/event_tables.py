"""Event tables, each with the rules by which its rows are made from those of its file; and their made-up cost."""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.columns import ADMISSION, ICU_STAY, ROW_ID, SUBJECT, icd_code, item, measure, text, time
from ehrxqa.spec.files import mimic_iv
from ehrxqa.spec.table import Column, Events, Table

__all__ = [
    "CHARTEVENTS",
    "CHART_ITEMS",
    "COST",
    "DIAGNOSES_ICD",
    "INPUTEVENTS",
    "LABEVENTS",
    "MICROBIOLOGYEVENTS",
    "OUTPUTEVENTS",
    "PRESCRIPTIONS",
    "PROCEDURES_ICD",
]

#: Vital signs, weight and height: the only charted items of the benchmark.
CHART_ITEMS: Final = {
    223762: "temperature celsius",
    220277: "o2 saturation pulseoxymetry",
    220045: "heart rate",
    220210: "respiratory rate",
    220050: "arterial blood pressure systolic",
    220051: "arterial blood pressure diastolic",
    220052: "arterial blood pressure mean",
    226512: "admission weight (kg)",
    226730: "height (cm)",
}

DIAGNOSES_ICD: Final = Table(
    "diagnoses_icd",
    "One row per diagnosis of an admission.",
    (ROW_ID, SUBJECT, ADMISSION, icd_code("d_icd_diagnoses"), time("charttime", "time of admission")),
    indexes=("hadm_id", "icd_code", "subject_id"),
    source=mimic_iv(
        "hosp/diagnoses_icd.csv",
        "One row per diagnosis billed for an admission.",
        "*subject_id:int *hadm_id:int seq_num:int *icd_code:text? icd_version:int",
    ),
    events=Events(
        shuffled=("icd_code",),
        time="charttime",
        time_from="admission",
        dictionary="icd_code",
    ),
)

PROCEDURES_ICD: Final = Table(
    "procedures_icd",
    "One row per procedure of an admission.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        icd_code("d_icd_procedures"),
        time("charttime", "day of the procedure, or time of discharge"),
    ),
    indexes=("hadm_id", "icd_code", "subject_id"),
    source=mimic_iv(
        "hosp/procedures_icd.csv",
        "One row per procedure billed for an admission.",
        "*subject_id:int *hadm_id:int seq_num:int *chartdate:date? *icd_code:text? icd_version:int",
    ),
    events=Events(
        shuffled=("icd_code",),
        time="charttime",
        time_from="procedure_day",
        dictionary="icd_code",
    ),
)

LABEVENTS: Final = Table(
    "labevents",
    "One row per laboratory value.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        item("d_labitems"),
        time("charttime", "time", "when the specimen was taken"),
        measure("valuenum", "value", "see valueuom"),
        text("valueuom", "unit", nullable=True),
    ),
    indexes=("hadm_id, itemid", "itemid", "subject_id"),
    source=mimic_iv(
        "hosp/labevents.csv",
        "One row per laboratory measurement.",
        """labevent_id:int *subject_id:int *hadm_id:int? specimen_id:int *itemid:int order_provider_id:text?
        *charttime:time? storetime:time? value:text? *valuenum:num? *valueuom:text? ref_range_lower:num?
        ref_range_upper:num? flag:text? priority:text? comments:text?""",
    ),
    events=Events(
        shuffled=("itemid", "valuenum", "valueuom"),
        time="charttime",
        required=("hadm_id", "valuenum", "valueuom"),
        dictionary="itemid",
    ),
)

PRESCRIPTIONS: Final = Table(
    "prescriptions",
    "One row per prescription.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        time("starttime", "start"),
        time("stoptime", "end", nullable=True),
        text("drug", "drug", nullable=True),
        measure("dose_val_rx", "dose", "see dose_unit_rx"),
        text("dose_unit_rx", "unit of the dose", "each drug has one unit"),
        text("route", "route", nullable=True),
    ),
    indexes=("hadm_id", "drug", "route", "subject_id"),
    source=mimic_iv(
        "hosp/prescriptions.csv",
        "One row per prescribed drug.",
        """*subject_id:int *hadm_id:int pharmacy_id:int poe_id:text? poe_seq:int? order_provider_id:text?
        *starttime:time? *stoptime:time? drug_type:text? *drug:text? formulary_drug_cd:text? gsn:text? ndc:text?
        prod_strength:text? form_rx:text? *dose_val_rx:text? *dose_unit_rx:text? form_val_disp:text?
        form_unit_disp:text? doses_per_24_hrs:num? *route:text?""",
    ),
    events=Events(
        shuffled=("drug", "dose_val_rx", "dose_unit_rx", "route"),
        time="starttime",
        other_times=("stoptime",),
        required=("starttime", "stoptime", "dose_unit_rx", "route"),
        doses=True,
    ),
)

CHARTEVENTS: Final = Table(
    "chartevents",
    "One row per vital sign, weight or height.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        ICU_STAY,
        time("charttime", "time", "when it was measured"),
        item("d_items"),
        measure("valuenum", "value", "see valueuom"),
        text("valueuom", "unit"),
    ),
    indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    source=mimic_iv(
        "icu/chartevents.csv",
        "One row per charted item of an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *charttime:time? storetime:time? *itemid:int
        value:text? *valuenum:num? *valueuom:text? warning:int?""",
    ),
    events=Events(
        shuffled=("itemid", "valuenum", "valueuom"),
        time="charttime",
        required=("hadm_id", "stay_id", "charttime", "valuenum", "valueuom"),
        items=tuple(CHART_ITEMS),
    ),
)

INPUTEVENTS: Final = Table(
    "inputevents",
    "One row per fluid given, in ml.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        ICU_STAY,
        time("starttime", "time", "when it began"),
        item("d_items"),
        measure("amount", "amount in ml", "ml"),
    ),
    indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    source=mimic_iv(
        "icu/inputevents.csv",
        "One row per fluid or drug given in an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *starttime:time? endtime:time? storetime:time?
        *itemid:int *amount:num? *amountuom:text? rate:num? rateuom:text? orderid:int? linkorderid:int?
        ordercategoryname:text? secondaryordercategoryname:text? ordercomponenttypedescription:text?
        ordercategorydescription:text? patientweight:num? totalamount:num? totalamountuom:text? isopenbag:int?
        continueinnextdept:int? statusdescription:text? originalamount:num? originalrate:num?""",
    ),
    events=Events(
        shuffled=("itemid", "amount"),
        time="starttime",
        required=("hadm_id", "stay_id", "amount"),
        unit=("amountuom", "ml"),
        dictionary="itemid",
    ),
)

OUTPUTEVENTS: Final = Table(
    "outputevents",
    "One row per fluid lost, in ml.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        ICU_STAY,
        time("charttime", "time", "when it was measured"),
        item("d_items"),
        measure("value", "amount in ml", "ml"),
    ),
    indexes=("stay_id, itemid", "hadm_id", "itemid", "subject_id"),
    source=mimic_iv(
        "icu/outputevents.csv",
        "One row per fluid that left the body in an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *charttime:time? storetime:time? *itemid:int
        *value:num? *valueuom:text?""",
    ),
    events=Events(
        shuffled=("itemid", "value"),
        time="charttime",
        required=("hadm_id", "stay_id", "value"),
        unit=("valueuom", "ml"),
        dictionary="itemid",
    ),
)

MICROBIOLOGYEVENTS: Final = Table(
    "microbiologyevents",
    "One row per microbiology test.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        time("charttime", "time", "when the specimen was taken; 00:00:00 if only the day is known"),
        text("spec_type_desc", "specimen", nullable=True),
        text("test_name", "test", nullable=True),
        text("org_name", "organism that grew, or null", nullable=True),
    ),
    indexes=("hadm_id", "spec_type_desc", "test_name", "subject_id"),
    source=mimic_iv(
        "hosp/microbiologyevents.csv",
        "One row per microbiology test, organism and antibiotic.",
        """microevent_id:int *subject_id:int *hadm_id:int? micro_specimen_id:int order_provider_id:text?
        *chartdate:time? *charttime:time? spec_itemid:int *spec_type_desc:text? test_seq:int storedate:time?
        storetime:time? test_itemid:int *test_name:text? org_itemid:int? *org_name:text? isolate_num:int?
        quantity:text? ab_itemid:int? ab_name:text? dilution_text:text? dilution_comparison:text?
        dilution_value:num? interpretation:text? comments:text?""",
    ),
    events=Events(
        shuffled=("spec_type_desc", "test_name", "org_name"),
        time="charttime",
        time_from="day_if_null",
    ),
)

COST: Final = Table(
    "cost",
    "One row per diagnosis, lab value, procedure and prescription: its made-up price.",
    (
        ROW_ID,
        SUBJECT,
        ADMISSION,
        text("event_type", "table of the event", "diagnoses_icd, labevents, procedures_icd or prescriptions"),
        Column("event_id", "integer", "row_id of the event", note="in the table that event_type names"),
        time("chargetime", "time of the event"),
        measure("cost", "price", "made-up money", nullable=True),
    ),
    indexes=("hadm_id", "event_id, event_type", "subject_id"),
)
