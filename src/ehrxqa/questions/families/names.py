"""Families about what a patient was first or last diagnosed with, given, or tested for; and about drugs."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import AT_THAT_TIME, PATIENT, ROWS, single, with_slot
from ehrxqa.questions.template import Template

__all__ = ["drug_templates", "name_templates"]


def name_templates() -> Iterator[Template]:
    """Its templates."""
    yield single(
        28, "of a stay", f"what was the [e1] hospital admission type of {PATIENT} [g1]?",
        (f"what was the type of the [e1] hospital admission of {PATIENT} [g1]?",
         f"as what type of admission was {PATIENT} [e1] admitted to the hospital [g1]?"),
        "select admissions.admission_type from admissions where <in> <g1> <e1>", kind="adm", named=False,
    )  # fmt: skip
    yield single(
        30, "of a stay", f"what was the [e1] careunit of {PATIENT} [g1]?",
        (f"which care unit was {PATIENT} in [e1] [g1]?", f"what was the [e1] care unit in which {PATIENT} stayed [g1]?"),
        "select transfers.careunit from transfers where <in> and transfers.careunit is not null <g1> <e1>",
        kind="unit", named=False,
    )  # fmt: skip
    for number, kind, named, noun, verb, said in (
        (33, "dx", False, "diagnosis", "[e1] received", "which diagnoses did {p} receive [e1] [g1]?"),
        (34, "px", False, "procedure", "[e1] received", "which procedures did {p} undergo [e1] [g1]?"),
        (35, "route", True, "drug", "was [e1] prescribed via {drug_route} route",
         "which drugs to be given by route {drug_route} was {p} prescribed [e1] [g1]?"),
        (36, "rx", False, "drug", "was [e1] prescribed", "which drugs was {p} prescribed [e1] [g1]?"),
        (44, "lab", False, "lab test", "[e1] received", "which lab tests did {p} have [e1] [g1]?"),
        (50, "spec", False, "specimen", "was [e1] tested", "which specimens of {p} were tested [e1] [g1]?"),
        (51, "test", False, "microbiology test", "[e1] received", "which microbiology tests did {p} have [e1] [g1]?"),
        (52, "in", False, "intake", "[e1] had", "which intakes did {p} have [e1] [g1]?"),
        (55, "out", False, "output", "[e1] had", "which outputs did {p} have [e1] [g1]?"),
    ):  # fmt: skip
        event = EVENTS[kind]
        inner = f"{ROWS} {AT_THAT_TIME}"
        sql = f"select distinct <named> {inner}"
        if event.dictionary:
            sql = f"select distinct <named> from <D> where <D>.<k> in ( select <T>.<k> {inner} )"
        yield single(
            number, "name", f"what was the name of the {noun} that {PATIENT} {verb} [g1]?",
            (said.format(p=PATIENT, drug_route="{drug_route}"), f"name the {noun} that {PATIENT} {verb} [g1]."),
            sql, kind=kind, named=named, answer="list",
        )  # fmt: skip
    organism = "select distinct microbiologyevents.org_name " + ROWS.replace(
        "<g1>", "and <T>.org_name is not null <g1>"
    )
    organism += " and <c> = ( select distinct <c> from <T> where <in> <nm> and <T>.org_name is not null <g1> <e1> )"
    for number, kind, what, said in (
        (48, "spec", "{culture_name} microbiology test", "{culture_name} culture with growth"),
        (49, "test", "{test_name} test", "{test_name} test with growth"),
    ):
        yield single(
            number, "organism", f"what was the organism name found in the [e1] {what} of {PATIENT} [g1]?",
            (f"which organisms grew in the [e1] {said} of {PATIENT} [g1]?",
             f"name the organisms that were found in the [e1] {said} of {PATIENT} [g1]."),
            organism, kind=kind, answer="list", draw="organism",
        )  # fmt: skip


def drug_templates() -> Iterator[Template]:
    """Its templates."""
    after = (
        "select distinct t2.drug from ( select <T>.subject_id, <c>, <T>.hadm_id from <T> where <in> <nm> <g1> ) as t1 join "
        "( select prescriptions.subject_id, prescriptions.drug, prescriptions.starttime, prescriptions.hadm_id from "
        "prescriptions where prescriptions.hadm_id in <H> [G1 prescriptions.starttime] ) as t2 on t1.subject_id = "
        "t2.subject_id where t1.<t> < t2.starttime [W t1.<t> t2.starttime]"
    )
    for number, kind, said in (
        (37, "dx", "being diagnosed with {diagnosis_name}"), (38, "px", "the procedure {procedure_name}"),
    ):  # fmt: skip
        event = EVENTS[kind]
        yield single(
            number, "drug after", f"what was the name of the drug that {PATIENT} was prescribed [w] after "
            f"{with_slot(event.after, event.slot)} [g1]?",
            (f"which drugs was {PATIENT} prescribed [w] after {said} [g1]?",
             f"list the drugs that were prescribed to {PATIENT} [w] after {said} [g1]."),
            after, kinds=(kind, "rx"), slots=(event.slot, ""), answer="list", draw="pair", grains=("year", "hosp"),
            withins=("within-n_day", "within-day", "within-hosp"),
        )  # fmt: skip
    yield single(
        39, "dose", f"what was the dose of {{drug_name}} that {PATIENT} was [e1] prescribed [g1]?",
        (f"what dose of {{drug_name}} was {PATIENT} [e1] prescribed [g1]?",
         f"how much {{drug_name}} did the [e1] prescription of {PATIENT} say [g1]?"),
        f"select <v> {ROWS} {AT_THAT_TIME}", kind="rx",
    )  # fmt: skip
    yield single(
        40, "total", f"what was the total amount of dose of {{drug_name}} that {PATIENT} were prescribed [g1]?",
        (f"what is the total dose of {{drug_name}} that {PATIENT} was prescribed [g1]?",
         f"add up all doses of {{drug_name}} that were prescribed to {PATIENT} [g1]."),
        f"select sum(<v>) {ROWS}", kind="rx",
    )  # fmt: skip
    times = "from ( select <T>.<k>, count( <c> ) as c1 " + ROWS + " group by <T>.<k> ) as t1 where t1.c1 [n_times]"
    yield single(
        41, "n times", f"what was the name of the drug that {PATIENT} were prescribed [n_times] [g1]?",
        (f"which drugs was {PATIENT} prescribed [n_times] [g1]?", f"list the drugs that {PATIENT} was prescribed [n_times] [g1]."),
        f"select t1.drug {times}", kind="rx", named=False, answer="list",
    )  # fmt: skip
    yield single(
        90, "n times", f"what was the name of the procedure that {PATIENT} received [n_times] [g1]?",
        (f"which procedures did {PATIENT} undergo [n_times] [g1]?", f"list the procedures that {PATIENT} received [n_times] [g1]."),
        f"select distinct <named> from <D> where <D>.<k> in ( select t1.icd_code {times} )", kind="px", named=False,
        answer="list", draw="repeated",
    )  # fmt: skip
    yield single(
        42, "new drugs", f"what is the new prescription of {PATIENT} [g2] compared to the prescription [g1]?",
        (f"which drugs were newly prescribed to {PATIENT} [g2], compared to [g1]?",
         f"which drugs prescribed to {PATIENT} [g2] were not prescribed [g1]?"),
        "select prescriptions.drug from prescriptions where <in> [G2 prescriptions.starttime] except select "
        "prescriptions.drug from prescriptions where <in> [G1 prescriptions.starttime]",
        kind="rx", named=False, answer="list", fixed={"g1": "rel-day-last", "g2": "rel-day-this"}, draw="today",
    )  # fmt: skip
