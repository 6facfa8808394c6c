"""Kinds of events: where they lie in the database, and how sentences speak of them.

Sentences about an event are made from its phrases, so that a family is written once for all kinds. In a phrase `{…}`
is the slot of the event's name. The official phrases are given as they are; our own are made from verbs, see `phrases`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ehrxqa.questions.phrases import NO_VERB, Verb, active, passive

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
        after: “after ⟨having been prescribed x⟩”.
        verb: For our own sentences: what happened to the patient, as in “was prescribed x”; `any_verb` without a name.
        what: The event as a subject; `made` what was done, and how the patient is added: “x was ⟨prescribed⟩ ⟨to⟩ …”.
        any_what: The subject without a name; it “was recorded for …”.
        ones: Several things of the kind, as in “the most frequent ⟨diagnoses⟩”.
        noun: “within 2 months after ⟨a diagnosis of x⟩”.
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
    after: str = ""
    verb: Verb = NO_VERB
    any_verb: Verb = NO_VERB
    what: str = ""
    made: tuple[str, str] = ("recorded", "for")
    any_what: str = ""
    ones: str = ""
    noun: str = ""
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


EVENTS: Final = {
    "dx": EventKind(
        table="diagnoses_icd",
        time="charttime",
        slot="diagnosis_name",
        condition=f"diagnoses_icd.icd_code = {_coded('d_icd_diagnoses', 'icd_code', 'long_title')}",
        grain="year",
        key="icd_code",
        dictionary="d_icd_diagnoses",
        label="long_title",
        past="was diagnosed with {}",
        were="were diagnosed with {}",
        perfect="been diagnosed with {}",
        any_perfect="received any diagnosis",
        after="having been diagnosed with {}",
        verb=passive("diagnosed", "with {}", early=True),
        any_verb=active("receive received received", "any diagnosis"),
        what="{}",
        made=("diagnosed", "in"),
        any_what="diagnosis",
        ones="diagnoses",
        noun="a diagnosis of {}",
    ),
    "px": EventKind(
        table="procedures_icd",
        time="charttime",
        slot="procedure_name",
        condition=f"procedures_icd.icd_code = {_coded('d_icd_procedures', 'icd_code', 'long_title')}",
        grain="year",
        key="icd_code",
        dictionary="d_icd_procedures",
        label="long_title",
        past="received a {} procedure",
        were="received a {} procedure",
        perfect="received a {} procedure",
        any_perfect="received any procedure",
        after="having received a {} procedure",
        verb=active("undergo underwent undergone", "the procedure {}"),
        any_verb=active("undergo underwent undergone", "any procedure"),
        what="the procedure {}",
        made=("performed", "on"),
        any_what="procedure",
        ones="procedures",
        noun="the procedure {}",
    ),
    "rx": EventKind(
        table="prescriptions",
        time="starttime",
        slot="drug_name",
        condition="prescriptions.drug = '{}'",
        value="dose_val_rx",
        key="drug",
        past="was prescribed {}",
        were="were prescribed {}",
        perfect="been prescribed {}",
        any_perfect="been prescribed any medication",
        after="having been prescribed with {}",
        verb=passive("prescribed", "{}"),
        any_verb=passive("prescribed", "any drug"),
        what="{}",
        made=("prescribed", "to"),
        any_what="prescription",
        ones="drugs",
        noun="a prescription of {}",
    ),
    "route": EventKind(
        table="prescriptions",
        time="starttime",
        slot="drug_route",
        condition="prescriptions.route = '{}'",
        key="drug",
        past="was prescribed a medication via {} route",
        verb=passive("prescribed", "a drug by the {} route"),
        what="a drug by the {} route",
        made=("prescribed", "to"),
    ),
    "lab": EventKind(
        table="labevents",
        time="charttime",
        slot="lab_name",
        condition=f"labevents.itemid in {_coded('d_labitems', 'itemid', 'label')}",
        value="valuenum",
        key="itemid",
        dictionary="d_labitems",
        label="label",
        past="received a {} lab test",
        were="received a {} lab test",
        perfect="received a {} lab test",
        any_perfect="received any lab test",
        verb=active("have had had", "a {} lab test"),
        any_verb=active("have had had", "any lab test"),
        what="the lab test {}",
        made=("done", "for"),
        any_what="lab test",
        ones="lab tests",
    ),
    "spec": EventKind(
        table="microbiologyevents",
        time="charttime",
        slot="culture_name",
        condition="microbiologyevents.spec_type_desc = '{}'",
        key="spec_type_desc",
        past="had a {} microbiology test",
        were="received a {} microbiology test",
        perfect="had any {} microbiology test result",
        any_perfect="had any microbiology test result",
        verb=active("have had had", "a {} specimen sent to microbiology"),
        any_verb=active("have had had", "any microbiology test"),
        what="a {} specimen",
        made=("taken for microbiology", "from"),
        any_what="microbiology test",
        ones="specimens",
    ),
    "test": EventKind(
        table="microbiologyevents",
        time="charttime",
        slot="test_name",
        condition="microbiologyevents.test_name = '{}'",
        key="test_name",
        past="had a {} test",
        were="received a {} test",
        perfect="had any {} test result",
        verb=active("have had had", "the microbiology test {}"),
        what="the microbiology test {}",
        made=("done", "for"),
        ones="microbiology tests",
    ),
    "in": EventKind(
        table="inputevents",
        time="starttime",
        slot="intake_name",
        condition=f"inputevents.itemid in {_coded('d_items', 'itemid', 'label', 'inputevents')}",
        visit="icu",
        grain="day",
        coarse="month",
        value="amount",
        key="itemid",
        dictionary="d_items",
        label="label",
        past="had a {} intake",
        were="had a {} intake",
        perfect="had any {} intake",
        verb=active("have had had", "a {} intake"),
        any_verb=active("have had had", "any intake"),
        what="{}",
        made=("recorded as an intake", "for"),
        any_what="intake",
        ones="intakes",
    ),
    "out": EventKind(
        table="outputevents",
        time="charttime",
        slot="output_name",
        condition=f"outputevents.itemid in {_coded('d_items', 'itemid', 'label', 'outputevents')}",
        visit="icu",
        grain="day",
        coarse="month",
        value="value",
        key="itemid",
        dictionary="d_items",
        label="label",
        past="had a {} output",
        were="had a {} output",
        perfect="had any {} output",
        verb=active("have had had", "a {} output"),
        what="{}",
        made=("recorded as an output", "for"),
        ones="outputs",
    ),
    "vit": EventKind(
        table="chartevents",
        time="charttime",
        slot="vital_name",
        condition=f"chartevents.itemid in {_coded('d_items', 'itemid', 'label', 'chartevents')}",
        visit="icu",
        grain="day",
        coarse="month",
        value="valuenum",
        key="itemid",
        past="had a {} measured",
        verb=active("have had had", "a {} measurement"),
        what="a {} value",
        made=("measured", "for"),
    ),
    "body": EventKind(
        table="chartevents",
        time="charttime",
        slot="",
        condition=f"chartevents.itemid in {_coded('d_items', 'itemid', 'label', 'chartevents')}",
        value="valuenum",
        key="itemid",
        extra={
            "inside": "chartevents.stay_id in ( select icustays.stay_id from icustays where icustays.hadm_id in <H> )"
        },
    ),
    "unit": EventKind(
        table="transfers",
        time="intime",
        slot="careunit",
        condition="transfers.careunit = '{}'",
        grain="year",
        key="careunit",
        past="stayed in careunit {}",
        were="stayed in careunit {}",
        verb=active("stay stayed stayed", "in the care unit {}"),
        what="a stay in the care unit {}",
    ),
    "adm": EventKind(
        table="admissions",
        time="admittime",
        slot="admission_route",
        condition="admissions.admission_location = '{}'",
        visit="",
        grain="year",
        key="hadm_id",
        any_perfect="been admitted to the hospital",
        verb=passive("admitted", "to the hospital via {}"),
        any_verb=passive("admitted", "to the hospital"),
        what="a hospital admission via {}",
        any_what="hospital admission",
    ),
    "dis": EventKind(
        table="admissions",
        time="dischtime",
        slot="",
        condition="",
        visit="",
        grain="year",
        key="hadm_id",
        any_verb=passive("discharged", "from the hospital"),
        any_what="hospital discharge",
    ),
    "icu": EventKind(
        table="icustays",
        time="intime",
        slot="",
        condition="",
        visit="hosp",
        grain="year",
        key="stay_id",
    ),
    "cost": EventKind(
        table="cost",
        time="chargetime",
        slot="",
        condition="",
        grain="year",
        key="event_id",
    ),
}
