"""The eight event tables, declared: where rows come from, which count, what is shuffled, what time they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["CHART_ITEMS", "EVENT_TABLES", "EventTable"]


@dataclass(frozen=True)
class EventTable:
    """One event table.

    Attributes:
        name: Table name, and the catalogue key of its source.
        columns: Columns of the result after row_id, in order.
        shuffled: Columns whose values move together to another row (de-identification).
        time: Time column that decides whether a row has happened and lies in 2100 or later.
        other_times: Time columns that are shifted but may be null.
        required: Source columns that must not be null.
        dictionary: (column, dictionary table) whose known values alone count.
        unit: (column, text): only rows measured in that unit count; the column is then dropped.
        items: Item ids that alone count; then only rows of the database's own subjects take part in the shuffle,
            which comes after the time shift.
        time_from: How a time that the source does not hold in `time` is made; see `event_times.py`.
        doses: Whether the dose and unit rules of prescriptions apply; see `prescriptions.py`.
        icd: Whether it has a column icd_code, which is text whatever it looks like.
    """

    name: str
    columns: tuple[str, ...]
    shuffled: tuple[str, ...]
    time: str
    other_times: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    dictionary: tuple[str, str] | None = None
    unit: tuple[str, str] | None = None
    items: tuple[int, ...] = field(default=())
    time_from: str | None = None
    doses: bool = False

    @property
    def icd(self) -> bool:
        """Whether it has a column icd_code."""
        return "icd_code" in self.columns

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Columns to read."""
        extra = (self.unit[0],) if self.unit else ()
        replaced = {"admission": (), "procedure_day": ("chartdate",), "day_if_null": (self.time, "chartdate")}
        times = replaced[self.time_from] if self.time_from else (self.time,)
        others = tuple(name for name in self.columns if name != self.time)
        return tuple(dict.fromkeys((*others, *times, *extra)))


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

DIAGNOSES_ICD = EventTable(
    name="diagnoses_icd",
    columns=("subject_id", "hadm_id", "icd_code", "charttime"),
    shuffled=("icd_code",),
    time="charttime",
    time_from="admission",
    dictionary=("icd_code", "d_icd_diagnoses"),
)
PROCEDURES_ICD = EventTable(
    name="procedures_icd",
    columns=("subject_id", "hadm_id", "icd_code", "charttime"),
    shuffled=("icd_code",),
    time="charttime",
    time_from="procedure_day",
    dictionary=("icd_code", "d_icd_procedures"),
)
LABEVENTS = EventTable(
    name="labevents",
    columns=("subject_id", "hadm_id", "itemid", "charttime", "valuenum", "valueuom"),
    shuffled=("itemid", "valuenum", "valueuom"),
    time="charttime",
    required=("hadm_id", "valuenum", "valueuom"),
    dictionary=("itemid", "d_labitems"),
)
PRESCRIPTIONS = EventTable(
    name="prescriptions",
    columns=("subject_id", "hadm_id", "starttime", "stoptime", "drug", "dose_val_rx", "dose_unit_rx", "route"),
    shuffled=("drug", "dose_val_rx", "dose_unit_rx", "route"),
    time="starttime",
    other_times=("stoptime",),
    required=("starttime", "stoptime", "dose_unit_rx", "route"),
    doses=True,
)
CHARTEVENTS = EventTable(
    name="chartevents",
    columns=("subject_id", "hadm_id", "stay_id", "charttime", "itemid", "valuenum", "valueuom"),
    shuffled=("itemid", "valuenum", "valueuom"),
    time="charttime",
    required=("hadm_id", "stay_id", "charttime", "valuenum", "valueuom"),
    items=tuple(CHART_ITEMS),
)
INPUTEVENTS = EventTable(
    name="inputevents",
    columns=("subject_id", "hadm_id", "stay_id", "starttime", "itemid", "amount"),
    shuffled=("itemid", "amount"),
    time="starttime",
    required=("hadm_id", "stay_id", "amount"),
    unit=("amountuom", "ml"),
    dictionary=("itemid", "d_items"),
)
OUTPUTEVENTS = EventTable(
    name="outputevents",
    columns=("subject_id", "hadm_id", "stay_id", "charttime", "itemid", "value"),
    shuffled=("itemid", "value"),
    time="charttime",
    required=("hadm_id", "stay_id", "value"),
    unit=("valueuom", "ml"),
    dictionary=("itemid", "d_items"),
)
MICROBIOLOGYEVENTS = EventTable(
    name="microbiologyevents",
    columns=("subject_id", "hadm_id", "charttime", "spec_type_desc", "test_name", "org_name"),
    shuffled=("spec_type_desc", "test_name", "org_name"),
    time="charttime",
    time_from="day_if_null",
)

#: In the order in which they are built.
EVENT_TABLES: Final = (
    DIAGNOSES_ICD,
    PROCEDURES_ICD,
    LABEVENTS,
    PRESCRIPTIONS,
    CHARTEVENTS,
    INPUTEVENTS,
    OUTPUTEVENTS,
    MICROBIOLOGYEVENTS,
)
