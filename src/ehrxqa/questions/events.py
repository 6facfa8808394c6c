"""Kinds of events: where they lie in the database, and how sentences speak of them.

Sentences about an event are made from its phrases, so that a family is written once for all kinds. In a phrase `{…}`
is the slot of the event's name, `[e1]` the place of first or last, and `<a|b>` means a while the period asked about
goes on, and b when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["EVENTS", "VITALS", "WEIGHT", "EventKind"]

#: Vital sign by its label → name of its normal range, for `<name>_lower` and `<name>_upper`.
VITALS: Final = {
    "temperature celsius": "temperature",
    "o2 saturation pulseoxymetry": "sao2",
    "heart rate": "heart_rate",
    "respiratory rate": "respiration",
    "arterial blood pressure systolic": "systolic_bp",
    "arterial blood pressure diastolic": "diastolic_bp",
    "arterial blood pressure mean": "mean_bp",
}
#: Fixed items of CHARTEVENTS.
WEIGHT, HEIGHT = "admission weight (kg)", "height (cm)"


@dataclass(frozen=True)
class EventKind:
    """One kind of event.

    Attributes:
        table: Its table; `time` its time column.
        slot: Value slot of its name.
        condition: SQL that selects a name; `{}` is the slot.
        visit: Whether a visit is an admission (`hosp`) or an ICU stay (`icu`).
        grain: Finest calendar grain its questions use, `coarse` the one that yes/no and counts may use instead.
        value: Column of its number.
        key: Column that identifies what it is; `dictionary` and `label` say where that is named.
        past: “patient … ⟨was prescribed x⟩”; `were` the same for several patients, `perfect` after “has”.
        any_past, any_perfect: The same without a name.
        did: Our own yes/no question; `any_did` without a name.
        after: “after ⟨having been prescribed x⟩”.
    """

    table: str
    time: str
    slot: str
    condition: str
    visit: str = "hosp"
    grain: str = "month"
    coarse: str = "year"
    value: str = ""
    key: str = ""
    dictionary: str = ""
    label: str = ""
    past: str = ""
    were: str = ""
    perfect: str = ""
    any_perfect: str = ""
    did: str = ""
    any_did: str = ""
    after: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def column(self) -> str:
        """The qualified time column."""
        return f"{self.table}.{self.time}"

    @property
    def inside(self) -> str:
        """The condition that the event belongs to the selected admissions or stays."""
        if self.table == "admissions":
            return "admissions.subject_id = {patient_id}"
        return f"{self.table}.stay_id in <S>" if self.visit == "icu" else f"{self.table}.hadm_id in <H>"

    @property
    def named(self) -> str:
        """Qualified column that a “name of” question returns."""
        return f"{self.dictionary or self.table}.{self.label or self.key}"


def _coded(dictionary: str, key: str, label: str, extra: str = "") -> str:
    return (
        f"( select {dictionary}.{key} from {dictionary} where {dictionary}.{label} = '{{}}'"
        + (f" and {dictionary}.linksto = '{extra}'" if extra else "")
        + " )"
    )


_P = "patient {patient_id}"

EVENTS: Final = {
    "dx": EventKind(
        "diagnoses_icd", "charttime", "diagnosis_name",
        f"diagnoses_icd.icd_code = {_coded('d_icd_diagnoses', 'icd_code', 'long_title')}", grain="year",
        key="icd_code", dictionary="d_icd_diagnoses", label="long_title",
        past="was diagnosed with {}", were="were diagnosed with {}", perfect="been diagnosed with {}",
        any_perfect="received any diagnosis", after="having been diagnosed with {}",
        did=f"<has|was> {_P} <been |>diagnosed with {{}}",
        any_did=f"<has|was> {_P} <been |>given any diagnosis",
    ),
    "px": EventKind(
        "procedures_icd", "charttime", "procedure_name",
        f"procedures_icd.icd_code = {_coded('d_icd_procedures', 'icd_code', 'long_title')}", grain="year",
        key="icd_code", dictionary="d_icd_procedures", label="long_title",
        past="received a {} procedure", were="received a {} procedure", perfect="received a {} procedure",
        any_perfect="received any procedure", after="having received a {} procedure",
        did=f"<has|did> {_P} <undergone|undergo> the procedure {{}}",
        any_did=f"<has|did> {_P} <undergone|undergo> any procedure",
    ),
    "rx": EventKind(
        "prescriptions", "starttime", "drug_name", "prescriptions.drug = '{}'",
        value="dose_val_rx", key="drug",
        past="was prescribed {}", were="were prescribed {}", perfect="been prescribed {}",
        any_perfect="been prescribed any medication", after="having been prescribed with {}",
        did=f"<has|was> {_P} <been |>prescribed {{}}",
        any_did=f"<has|was> {_P} <been |>prescribed any drug",
    ),
    "route": EventKind(
        "prescriptions", "starttime", "drug_route", "prescriptions.route = '{}'", key="drug",
        past="was prescribed a medication via {} route",
    ),
    "lab": EventKind(
        "labevents", "charttime", "lab_name", f"labevents.itemid in {_coded('d_labitems', 'itemid', 'label')}",
        value="valuenum", key="itemid", dictionary="d_labitems", label="label",
        past="received a {} lab test", were="received a {} lab test", perfect="received a {} lab test",
        any_perfect="received any lab test",
        did=f"<has|did> {_P} <had|have> a {{}} lab test",
        any_did=f"<has|did> {_P} <had|have> any lab test",
    ),
    "spec": EventKind(
        "microbiologyevents", "charttime", "culture_name", "microbiologyevents.spec_type_desc = '{}'",
        key="spec_type_desc",
        past="had a {} microbiology test", were="received a {} microbiology test",
        perfect="had any {} microbiology test result", any_perfect="had any microbiology test result",
        did=f"<has|did> {_P} <had|have> a {{}} specimen tested in microbiology",
        any_did=f"<has|did> {_P} <had|have> any microbiology test",
    ),
    "test": EventKind(
        "microbiologyevents", "charttime", "test_name", "microbiologyevents.test_name = '{}'", key="test_name",
        past="had a {} test", were="received a {} test", perfect="had any {} test result",
        did=f"<has|did> {_P} <had|have> a {{}} test in microbiology",
    ),
    "in": EventKind(
        "inputevents", "starttime", "intake_name",
        f"inputevents.itemid in {_coded('d_items', 'itemid', 'label', 'inputevents')}",
        visit="icu", grain="day", coarse="month", value="amount", key="itemid", dictionary="d_items", label="label",
        past="had a {} intake", were="had a {} intake", perfect="had any {} intake",
        did=f"<has|did> {_P} <had|have> any intake of {{}}",
    ),
    "out": EventKind(
        "outputevents", "charttime", "output_name",
        f"outputevents.itemid in {_coded('d_items', 'itemid', 'label', 'outputevents')}",
        visit="icu", grain="day", coarse="month", value="value", key="itemid", dictionary="d_items", label="label",
        past="had a {} output", were="had a {} output", perfect="had any {} output",
        did=f"<has|did> {_P} <had|have> any {{}} output",
    ),
    "vit": EventKind(
        "chartevents", "charttime", "vital_name",
        f"chartevents.itemid in {_coded('d_items', 'itemid', 'label', 'chartevents')}",
        visit="icu", grain="day", coarse="month", value="valuenum", key="itemid", past="had a {} measured",
    ),
    "body": EventKind(
        "chartevents", "charttime", "",
        f"chartevents.itemid in {_coded('d_items', 'itemid', 'label', 'chartevents')}", value="valuenum", key="itemid",
        extra={"inside": "chartevents.stay_id in ( select icustays.stay_id from icustays where icustays.hadm_id in <H> )"},
    ),
    "unit": EventKind(
        "transfers", "intime", "careunit", "transfers.careunit = '{}'", grain="year", key="careunit",
        past="stayed in careunit {}", were="stayed in careunit {}",
    ),
    "adm": EventKind(
        "admissions", "admittime", "admission_route", "admissions.admission_location = '{}'", visit="", grain="year",
        key="hadm_id", any_perfect="been admitted to the hospital",
        any_did=f"<has|was> {_P} <been |>admitted to the hospital",
    ),
    "dis": EventKind("admissions", "dischtime", "", "", visit="", grain="year", key="hadm_id"),
    "icu": EventKind("icustays", "intime", "", "", visit="hosp", grain="year", key="stay_id"),
    "cost": EventKind("cost", "chargetime", "", "", grain="year", key="event_id"),
}  # fmt: skip
