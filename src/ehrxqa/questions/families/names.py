"""Families about what a patient was first or last diagnosed with, given, or tested for; and about drugs."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import (
    PATIENT,
    named_of,
    one_after_other,
    rows,
    rows_at_that_time,
    single,
    with_slot,
)
from ehrxqa.questions.program_parts import Parts, bracketed, where, words
from ehrxqa.questions.template import Template

__all__ = ["drug_templates", "name_templates"]


def name_templates() -> Iterator[Template]:
    """Its templates."""
    yield single(
        official=28,
        family="of a stay",
        text=f"what was the [e1] hospital admission type of {PATIENT} [g1]?",
        said=(
            f"of what type was the [adj1] hospital admission of {PATIENT} [g1]?",
            f"which type of admission was recorded when {PATIENT} was [e1] admitted to the hospital [g1]?",
            f"[g1], with what admission type did {PATIENT} [e1] come to the hospital?",
            f"tell me the type of {PATIENT}'s [adj1] admission to the hospital [g1].",
            f"{PATIENT}~(, [n1]): [adj1] hospital admission, which type?",
            f"[adj1] admission type of {PATIENT} [g1]?",
            f"[can] what kind of admission {PATIENT}'s [adj1] hospital admission [g1] was?",
            f"[give] the admission type of {PATIENT}'s [adj1] hospital admission [g1].",
        ),
        sql=lambda q: words("select admissions.admission_type", rows(q), q.nth(q.a.time)),
        kind="adm",
        named=False,
    )
    yield single(
        official=30,
        family="of a stay",
        text=f"what was the [e1] careunit of {PATIENT} [g1]?",
        said=(
            f"in which care unit did {PATIENT} [e1] stay [g1]?",
            f"what was the [adj1] care unit of {PATIENT} [g1]?",
            f"[g1], which care unit was {PATIENT} [e1] moved to?",
            f"name the [adj1] care unit in which {PATIENT} stayed [g1].",
            f"{PATIENT}~(, [n1]): [adj1] care unit?",
            f"[tell] in which care unit {PATIENT} was [e1] cared for [g1].",
            f"[can] where {PATIENT} was [e1] placed [g1], by care unit?",
            f"[adj1] care unit for {PATIENT} [g1]?",
        ),
        sql=_care_unit,
        kind="unit",
        named=False,
    )
    for number, kind, named, noun, verb, said in (
        (33, "dx", False, "diagnosis", "[e1] received", "receive received diagnoses"),
        (34, "px", False, "procedure", "[e1] received", "undergo underwent procedures"),
        (
            35,
            "route",
            True,
            "drug",
            "was [e1] prescribed via {drug_route} route",
            "prescribed drugs by the {drug_route} route",
        ),
        (36, "rx", False, "drug", "was [e1] prescribed", "prescribed drugs"),
        (44, "lab", False, "lab test", "[e1] received", "have had lab tests"),
        (50, "spec", False, "specimen", "was [e1] tested", "give gave specimens for microbiology"),
        (51, "test", False, "microbiology test", "[e1] received", "have had microbiology tests"),
        (52, "in", False, "intake", "[e1] had", "have had intakes"),
        (55, "out", False, "output", "[e1] had", "have had outputs"),
    ):
        forms, ones = said.split(" ", 1) if kind in ("rx", "route") else ("", said)
        base, past, ones = ("", "", ones) if forms else ones.split(" ", 2)
        asked, done = (
            (f"was {PATIENT} {forms}", f"{PATIENT} was {forms}")
            if forms
            else (
                f"did {PATIENT} {base}",
                f"{PATIENT} {past}",
            )
        )
        # “drugs that were first prescribed” would be taken for those that were new
        time = "when any were [e1] recorded"
        yield single(
            official=number,
            family="name",
            text=f"what was the name of the {noun} that {PATIENT} {verb} [g1]?",
            said=(
                f"which {ones} {asked} {time} [g1]?",
                f"[list] the {ones} that {done} {time} [g1].",
                f"[g1], what were the {ones} that {done} {time}?",
                f"which {ones} does {PATIENT} have from the [adj1] recording of any [g1]?",
                f"{PATIENT}~(, [n1]): {ones} at the [adj1] recording of any?",
                f"[tell] which {ones} {done} {time} [g1].",
                f"[can] what {ones} {done} {time} [g1]?",
                f"[give] the {ones} of {PATIENT} at the [adj1] recording of any [g1].",
            ),
            sql=_names,
            kind=kind,
            named=named,
            answer="list",
        )
    for number, kind, what, said in (
        (48, "spec", "{culture_name} microbiology test", "{culture_name} specimen"),
        (49, "test", "{test_name} test", "{test_name} test"),
    ):
        yield single(
            official=number,
            family="organism",
            text=f"what was the organism name found in the [e1] {what} of {PATIENT} [g1]?",
            said=(
                f"which organisms were found in the [adj1] positive {said} of {PATIENT} [g1]?",
                f"name the organisms that grew in {PATIENT}'s [adj1] {said} with any growth [g1].",
                f"[g1], what organisms did {PATIENT} have in the [adj1] {said} that showed any?",
                f"{PATIENT}~(, [n1]): organisms in the [adj1] {said} with growth?",
                f"[tell] what grew in {PATIENT}'s [adj1] {said} with any growth [g1].",
                f"organisms from the [adj1] positive {said} of {PATIENT} [g1]?",
                f"[can] which organisms grew in the [adj1] positive {said} of {PATIENT} [g1]?",
                f"what grew in {PATIENT}'s [adj1] positive {said} [g1]?",
            ),
            sql=_organisms,
            kind=kind,
            answer="list",
            draw="organism",
        )


def drug_templates() -> Iterator[Template]:
    """Its templates."""
    for number, kind, said in (
        (37, "dx", "being diagnosed with {diagnosis_name}"),
        (38, "px", "the procedure {procedure_name}"),
    ):
        event = EVENTS[kind]
        yield single(
            official=number,
            family="drug after",
            text=f"what was the name of the drug that {PATIENT} was prescribed [w] after "
            f"{with_slot(event.after, event.slot)} [g1]?",
            said=(
                f"[g1], which drugs was {PATIENT} prescribed [w] after {said}?",
                f"~(looking only at what happened [g1], )list the drugs that were prescribed to {PATIENT} [w] after {said}.",
                f"[g1], what drugs did {PATIENT} receive a prescription for [w] after {said}?",
                f"name the drugs that {PATIENT} was prescribed~( [g1],) [w] after {said}.",
                f"{PATIENT}~(, [n1]): drugs prescribed [w] after {said}?",
                f"[tell] which drugs~(, [g1],) {PATIENT} was prescribed [w] after {said}.",
                f"[g1], what was ordered for {PATIENT} [w] after {said}? drugs only.",
                f"[can] which drugs~(, [g1],) {PATIENT} was prescribed [w] after {said}?",
            ),
            sql=_drugs_after,
            kinds=(kind, "rx"),
            slots=(event.slot, ""),
            answer="list",
            draw="pair",
            grains=("year", "hosp"),
            withins=("within-n_day", "within-day", "within-hosp"),
        )
    yield single(
        official=39,
        family="dose",
        text=f"what was the dose of {{drug_name}} that {PATIENT} was [e1] prescribed [g1]?",
        said=(
            f"what dose of {{drug_name}} was {PATIENT} [e1] prescribed [g1]?",
            f"what was the dose in {PATIENT}'s [adj1] prescription of {{drug_name}} [g1]?",
            f"[g1], how large was the dose when {PATIENT} was [e1] prescribed {{drug_name}}?",
            f"tell me the dose of the [adj1] {{drug_name}} prescription of {PATIENT} [g1].",
            f"{PATIENT}~(, [n1]): dose of the [adj1] {{drug_name}} order?",
            f"[adj1] {{drug_name}} dose for {PATIENT} [g1]?",
            f"[can] how much {{drug_name}} {PATIENT} was [e1] prescribed per dose [g1]?",
            f"[give] the dose at which {{drug_name}} was [e1] prescribed to {PATIENT} [g1].",
        ),
        sql=lambda q: f"select {q.a.value} {rows_at_that_time(q)}",
        kind="rx",
    )
    yield single(
        official=40,
        family="total",
        text=f"what was the total amount of dose of {{drug_name}} that {PATIENT} were prescribed [g1]?",
        said=(
            f"what is the total dose of {{drug_name}} that {PATIENT} <has been|was> prescribed [g1]?",
            f"add up all doses of {{drug_name}} that <have been|were> prescribed to {PATIENT} [g1].",
            f"[g1], how much {{drug_name}} <has|was> {PATIENT} <been |>prescribed in total?",
            f"what do the doses in all of {PATIENT}'s prescriptions of {{drug_name}} [g1] sum to?",
            f"{PATIENT}~(, [n1]): total prescribed dose of {{drug_name}}?",
            f"sum of all {{drug_name}} doses prescribed to {PATIENT} [g1]?",
            f"[tell] the total dose of {{drug_name}} prescribed to {PATIENT} [g1].",
            f"[can] the total {{drug_name}} dose in {PATIENT}'s prescriptions [g1]?",
        ),
        sql=lambda q: f"select sum({q.a.value}) {rows(q)}",
        kind="rx",
    )
    yield single(
        official=41,
        family="n times",
        text=f"what was the name of the drug that {PATIENT} were prescribed [n_times] [g1]?",
        said=(
            f"which drugs <has|was> {PATIENT} <been |>prescribed [n_times] [g1]?",
            f"list the drugs that <have been|were> prescribed to {PATIENT} [n_times] [g1].",
            f"[g1], what drugs <appear|appeared> [n_times] in {PATIENT}'s prescriptions?",
            f"{PATIENT}~(, [n1]): drugs prescribed [n_times]?",
            f"[tell] which drugs {PATIENT} <has been|was> prescribed [n_times] [g1].",
            f"which drugs were ordered [n_times] for {PATIENT} [g1]?",
            f"[can] what {PATIENT} <has been|was> prescribed [n_times] [g1]?",
            f"drugs with prescriptions recorded [n_times] for {PATIENT} [g1]?",
        ),
        sql=_that_often,
        kind="rx",
        named=False,
        answer="list",
    )
    yield single(
        official=90,
        family="n times",
        text=f"what was the name of the procedure that {PATIENT} received [n_times] [g1]?",
        said=(
            f"which procedures <has|did> {PATIENT} <undergone|undergo> [n_times] [g1]?",
            f"list the procedures that <have been|were> performed on {PATIENT} [n_times] [g1].",
            f"[g1], what procedures <has|did> {PATIENT} <had|have> [n_times]?",
            f"{PATIENT}~(, [n1]): procedures done [n_times]?",
            f"[tell] which procedures {PATIENT} <has had|had> [n_times] [g1].",
            f"which procedures were done [n_times] on {PATIENT} [g1]?",
            f"[can] what procedures {PATIENT} <has undergone|underwent> [n_times] [g1]?",
            f"procedures recorded [n_times] for {PATIENT} [g1]?",
        ),
        sql=lambda q: named_of(q.a, _that_often(q)),
        kind="px",
        named=False,
        answer="list",
        draw="repeated",
    )
    yield single(
        official=42,
        family="new drugs",
        text=f"what is the new prescription of {PATIENT} [g2] compared to the prescription [g1]?",
        said=(
            f"which drugs were newly prescribed to {PATIENT} [g2], compared to [g1]?",
            f"which drugs prescribed to {PATIENT} [g2] were not prescribed [g1]?",
            f"list the drugs that {PATIENT} has been prescribed [g2] but was not prescribed [g1].",
            f"what is new in {PATIENT}'s prescriptions [g2] that was not there [g1]?",
            f"{PATIENT}: drugs prescribed [g2] but not [g1]?",
            f"new drugs for {PATIENT} [g2], compared to [g1]?",
            f"[tell] which drugs {PATIENT} was prescribed [g2] but not [g1].",
            f"[can] what was added to {PATIENT}'s prescriptions [g2] compared to [g1]?",
        ),
        sql=_new_drugs,
        kind="rx",
        named=False,
        answer="list",
        fixed={"g1": "rel-day-last", "g2": "rel-day-this"},
        draw="today",
    )


def _care_unit(q: Parts) -> str:
    known = where(q.a.inside(), "transfers.careunit is not null", q.during(q.a.time))
    return words("select transfers.careunit from transfers", known, q.nth(q.a.time))


def _names(q: Parts) -> str:
    if not q.a.dictionary:
        return f"select distinct {q.a.named} {rows_at_that_time(q)}"
    return named_of(q.a, f"select {q.a.table}.{q.a.key} {rows_at_that_time(q)}")


def _organisms(q: Parts) -> str:
    grown = (q.a.inside(), q.a.name, f"{q.a.table}.org_name is not null", q.during(q.a.time))
    time = bracketed(f"select distinct {q.a.time} from {q.a.table}", where(*grown), q.nth(q.a.time))
    return f"select distinct microbiologyevents.org_name from {q.a.table} {where(*grown, f'{q.a.time} = {time}')}"


def _drugs_after(q: Parts) -> str:
    event = bracketed(f"select {q.a.table}.subject_id, {q.a.time}, {q.a.table}.hadm_id", rows(q))
    drug = bracketed(
        "select prescriptions.subject_id, prescriptions.drug, prescriptions.starttime, prescriptions.hadm_id",
        "from prescriptions",
        where(q.b.inside(), q.during("prescriptions.starttime")),
    )
    return words(
        f"select distinct t2.drug from {event} as t1 join {drug} as t2 on t1.subject_id = t2.subject_id",
        where(*one_after_other(q)),
    )


def _that_often(q: Parts) -> str:
    key = f"{q.a.table}.{q.a.key}"
    counted = f"select {key}, count( {q.a.time} ) as c1 {rows(q)} group by {key}"
    return f"select t1.{q.a.key} from ( {counted} ) as t1 where t1.c1 {q.option('n_times')}"


def _new_drugs(q: Parts) -> str:
    today, yesterday = (
        words("select prescriptions.drug from prescriptions", where(q.a.inside(), q.during(q.a.time, n)))
        for n in (2, 1)
    )
    return f"{today} except {yesterday}"
