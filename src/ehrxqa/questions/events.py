"""Kinds of events: where they lie in the database, and how sentences speak of them.

Sentences about an event are made from its phrases, so that a family is written once for all kinds. In a phrase `{…}`
is the slot of the event's name. The official phrases are given as they are; our own are made from verbs, see `phrases`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ehrxqa.questions.phrases import NO_VERB, Verb, active, passive

__all__ = ["EVENTS", "VITALS", "WEIGHT", "BelongsTo", "EventKind", "NamedBy"]

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


#: What ties an event to a patient: its admission, its ICU stay, or a stay of which only the admission is asked for.
BelongsTo = Literal["admission", "stay", "stay of admission"]


@dataclass(frozen=True)
class NamedBy:
    """Where the name of an event stands: in a column of its own table, or in a dictionary that the column points to.

    Attributes:
        column: The column, with the table before it.
        dictionary: The table of names; empty where `column` holds them.
        key: Its key, which `column` holds.
        label: Its column of names.
        linksto: Only items of it that stand in this table.
        unique: Whether a name has one key.
    """

    column: str
    dictionary: str = ""
    key: str = ""
    label: str = ""
    linksto: str = ""
    unique: bool = False

    def one(self, name: str) -> str:
        """The condition that an event has this name."""
        if not self.dictionary:
            return f"{self.column} = '{name}'"
        keys = self._keys(f"= '{name}'")
        return f"{self.column} {'=' if self.unique else 'in'} {keys}"

    def any_of(self, names: tuple[str, ...]) -> str:
        """The condition that it has one of these names."""
        quoted = ", ".join(f"'{name}'" for name in names)
        listed = f"in ( {quoted} )"
        return f"{self.column} in {self._keys(listed)}" if self.dictionary else f"{self.column} {listed}"

    def _keys(self, is_named: str) -> str:
        only = f" and {self.dictionary}.linksto = '{self.linksto}'" if self.linksto else ""
        table = self.dictionary
        return f"( select {table}.{self.key} from {table} where {table}.{self.label} {is_named}{only} )"


@dataclass(frozen=True)
class EventKind:
    """One kind of event.

    Attributes:
        table: Its table; `time` its time column.
        slot: Value slot of its name.
        named_by: Where its name is found; None where it has none.
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
        by_admission: Whether an event of an ICU stay is asked for by its admission.
    """

    table: str
    time: str
    slot: str
    named_by: NamedBy | None
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
    by_admission: bool = False

    @property
    def column(self) -> str:
        """The qualified time column."""
        return f"{self.table}.{self.time}"

    @property
    def belongs_to(self) -> BelongsTo:
        """What ties it to a patient."""
        if self.by_admission:
            return "stay of admission"
        return "stay" if self.visit == "icu" else "admission"

    @property
    def named(self) -> str:
        """Qualified column that a “name of” question returns."""
        return f"{self.dictionary or self.table}.{self.label or self.key}"


def _coded(table: str, title_table: str) -> NamedBy:
    return NamedBy(f"{table}.icd_code", title_table, "icd_code", "long_title", unique=True)


def _item(table: str) -> NamedBy:
    return NamedBy(f"{table}.itemid", "d_items", "itemid", "label", linksto=table)


EVENTS: Final = {
    "dx": EventKind(
        table="diagnoses_icd",
        time="charttime",
        slot="diagnosis_name",
        named_by=_coded("diagnoses_icd", "d_icd_diagnoses"),
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
        named_by=_coded("procedures_icd", "d_icd_procedures"),
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
        named_by=NamedBy("prescriptions.drug"),
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
        named_by=NamedBy("prescriptions.route"),
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
        named_by=NamedBy("labevents.itemid", "d_labitems", "itemid", "label"),
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
        named_by=NamedBy("microbiologyevents.spec_type_desc"),
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
        named_by=NamedBy("microbiologyevents.test_name"),
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
        named_by=_item("inputevents"),
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
        named_by=_item("outputevents"),
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
        named_by=_item("chartevents"),
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
        named_by=_item("chartevents"),
        value="valuenum",
        key="itemid",
        by_admission=True,
    ),
    "unit": EventKind(
        table="transfers",
        time="intime",
        slot="careunit",
        named_by=NamedBy("transfers.careunit"),
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
        named_by=NamedBy("admissions.admission_location"),
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
        named_by=None,
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
        named_by=None,
        visit="hosp",
        grain="year",
        key="stay_id",
    ),
    "cost": EventKind(
        table="cost",
        time="chargetime",
        slot="",
        named_by=None,
        grain="year",
        key="event_id",
    ),
}
