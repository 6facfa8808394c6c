"""Families about a patient as such, stays, and time since something happened."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import PATIENT, event_words, single, with_slot
from ehrxqa.questions.program_parts import Parts, where, words
from ehrxqa.questions.template import Template

__all__ = ["patient_templates"]


def _length(stay: str) -> tuple[str, ...]:
    return (
        f"how many days did the [e1] completed {stay} stay of {PATIENT} last?",
        f"how long was {PATIENT}'s [adj1] completed {stay} stay, in days?",
        f"how many days did {PATIENT} spend in the {stay} on the [adj1] completed stay?",
        f"what was the length in days of the [adj1] {stay} stay that {PATIENT} completed?",
        f"{PATIENT}: length of the [adj1] completed {stay} stay in days?",
        f"[tell] how many days {PATIENT}'s [adj1] completed {stay} stay lasted.",
        f"[can] how long {PATIENT} was in the {stay}, in days, on the [adj1] completed stay?",
        f"[adj1] completed {stay} stay of {PATIENT}: how many days?",
    )


def patient_templates() -> Iterator[Template]:
    """Its templates."""
    for number, what, text, said in (
        (6, "gender", "gender", ("is {p} male or female?", "what is the sex of {p}?")),
        (7, "dob", "date of birth", ("when was {p} born?", "what is the birth date of {p}?")),
    ):
        yield single(
            official=number,
            family="patient",
            text=f"what is the {text} of {PATIENT}?",
            said=(
                *(each.format(p=PATIENT) for each in said),
                f"[tell] {PATIENT}'s {text}.",
                f"which {text} is recorded for {PATIENT}?",
                f"{PATIENT}: {text}?",
                f"{text} of {PATIENT}?",
                f"[give] the {text} of {PATIENT}.",
                f"[can] the {text} of {PATIENT}?",
            ),
            sql=partial(_of_patient, what),
            draw="patient",
        )
    yield single(
        official=8,
        family="length of stay",
        text=f"what was the [e1] length of hospital stay of {PATIENT}?",
        said=_length("hospital"),
        sql=_length_of_admission,
        kind="dis",
        named=False,
    )
    yield single(
        official=65,
        family="length of stay",
        text=f"what was the [e1] length of icu stay of {PATIENT}?",
        said=_length("icu"),
        sql=_length_of_icu_stay,
        kind="icu",
        named=False,
        draw="finished icu",
    )
    for number, column, text, said in (
        (14, "age", "age", ("how old <is|was> {p} [g1]?", "[tell] how old {p} <is|was> [g1].")),
        (
            15,
            "insurance",
            "name of insurance",
            ("which insurance <does|did> {p} have [g1]?", "[tell] by which insurance {p} <is|was> covered [g1]."),
        ),
        (
            16,
            "marital_status",
            "marital status",
            (
                "what marital status <is|was> recorded for {p} [g1]?",
                "[tell] the marital status that {p} <has|had> [g1].",
            ),
        ),
    ):
        yield single(
            official=number,
            family="of a visit",
            text=f"what is_verb the {text} of {PATIENT} [g1]?",
            said=(
                *(each.format(p=PATIENT) for each in said),
                f"[g1], what <is|was> {PATIENT}'s {text.replace('name of ', '')}?",
                f"{PATIENT}, [n1]: {text.replace('name of ', '')}?",
                f"{text.replace('name of ', '')} of {PATIENT} [g1]?",
                f"[give] the {text.replace('name of ', '')} of {PATIENT} [g1].",
                f"[can] the {text.replace('name of ', '')} of {PATIENT} [g1]?",
                f"which {text.replace('name of ', '')} <is|was> on file for {PATIENT} [g1]?",
            ),
            sql=partial(_of_admission, column),
            kind="adm",
            named=False,
            grains=("hosp!",),
        )
    yield single(
        official=17,
        family="percentile",
        text="what percentile is the value of {lab_value} in a {lab_name} lab test among patients of the same "
        f"age as {PATIENT} [g1]?",
        said=(
            f"among patients as old as {PATIENT} <is|was> [g1], at which percentile, from 0 to 1, is a {{lab_name}} value of {{lab_value}}?",
            f"what is the percentile rank, from 0 to 1, of a {{lab_name}} value of {{lab_value}} among patients of the age that {PATIENT} "
            "<has|had> [g1]?",
            f"compared to patients who are as old as {PATIENT} <is|was> [g1], which percentile rank, from 0 to 1, does {{lab_value}} have "
            "as a result of the lab test {lab_name}?",
            f"{{lab_name}} of {{lab_value}}: percentile rank, from 0 to 1, among patients of {PATIENT}'s age [g1]?",
            f"[tell] the percentile rank (0 to 1) of a {{lab_name}} value of {{lab_value}} among patients of {PATIENT}'s age [g1].",
            f"[can] at which percentile, from 0 to 1, a {{lab_name}} value of {{lab_value}} <is|was> for the age of {PATIENT} [g1]?",
            f"for patients of the age of {PATIENT} [g1], what percentile, from 0 to 1, is a {{lab_name}} value of {{lab_value}}?",
        ),
        sql=_percentile,
        kind="lab",
        grains=("hosp!",),
        draw="measured",
        denominator=lambda q: f"select count( distinct labevents.valuenum ) {_of_same_age(q)}",
        support=5,
        inner=True,
    )
    for number, kind, place, sql in (
        (18, "adm", "hospital", _since_admission),
        (19, "icu", "icu", _since_icu_admission),
    ):
        visit = "hosp" if place == "hospital" else "icu"
        yield single(
            official=number,
            family="since admission",
            text=f"how many [unit_count] have passed since {PATIENT} was admitted to the {place} currently?",
            said=(
                f"for how many [unit_count] has {PATIENT} been in the {place} on the current stay?",
                f"how many [unit_count] ago was {PATIENT} admitted to the {place} for the current stay?",
                f"{PATIENT} is in the {place} at the moment: how many [unit_count] ago did this stay begin?",
                f"how many [unit_count] has the current {place} stay of {PATIENT} lasted so far?",
                f"{PATIENT}: [unit_count] in the {place} so far on the current stay?",
                f"[tell] how many [unit_count] {PATIENT} has been in the {place} on this stay.",
                f"[can] how many [unit_count] ago {PATIENT}'s current {place} stay began?",
                f"[unit_count] since {PATIENT} came to the {place} for the current stay?",
            ),
            sql=sql,
            kind=kind,
            named=False,
            fixed={"g1": f"rel-{visit}-cur"},
        )
    for number, kind, past in (
        (20, "unit", ""),
        (22, "px", "received a procedure"),
        (23, "px", ""),
        (24, "dx", ""),
        (25, "rx", ""),
        (26, "lab", ""),
        (27, "in", ""),
    ):
        event = EVENTS[kind]
        phrase = past or with_slot(event.past, event.slot)
        stay = "icu" if kind == "in" else "hospital"
        verb, now = event_words(kind, named=not past, some=True).verb, f"during the current {stay} stay"
        yield single(
            official=number,
            family="since",
            text=f"how many [unit_count] have passed since the [e1] time {PATIENT} {phrase} on the current {stay} visit?",
            said=(
                f"how many [unit_count] is it since {verb.that(PATIENT, time=now)}?",
                f"how many [unit_count] ago {verb.did(PATIENT, time=now)}?",
                f"since {verb.that(PATIENT, time=now)}: how many [unit_count] by now?",
                f"{now}, {verb.that(PATIENT, time='')}. how many [unit_count] ago was that?",
                f"[tell] how many [unit_count] ago {verb.that(PATIENT, time=now)}.",
                f"[can] how many [unit_count] have passed since {verb.that(PATIENT, time=now)}?",
                f"[unit_count] since {verb.that(PATIENT, time=now)}?",
                f"{now}: how many [unit_count] since {verb.that(PATIENT, time='')}?",
            ),
            sql=_since_event,
            kind=kind,
            named=not past,
            fixed={"g1": f"rel-{'icu' if kind == 'in' else 'hosp'}-cur"},
        )


def _of_patient(column: str, q: Parts) -> str:
    return f"select patients.{column} from patients where patients.subject_id = {q.patient}"


def _of_admission(column: str, q: Parts) -> str:
    return f"select admissions.{column} from admissions {_visit(q)}"


def _visit(q: Parts) -> str:
    return where(f"admissions.subject_id = {q.patient}", q.of_visit())


def _length_of_admission(q: Parts) -> str:
    return words(
        "select strftime('%J',admissions.dischtime) - strftime('%J',admissions.admittime) from admissions",
        where(f"admissions.subject_id = {q.patient}", "admissions.dischtime is not null"),
        q.nth("admissions.admittime"),
    )


def _length_of_icu_stay(q: Parts) -> str:
    return words(
        "select strftime('%J',icustays.outtime) - strftime('%J',icustays.intime) from icustays",
        where(f"icustays.hadm_id in {q.admissions()}", "icustays.outtime is not null"),
        q.nth("icustays.intime"),
    )


def _of_same_age(q: Parts) -> str:
    """FROM and WHERE of the lab results of patients who were as old at an admission as the patient in the visit."""
    age = f"( select admissions.age from admissions {_visit(q)} )"
    admissions = f"select admissions.hadm_id from admissions where admissions.age = {age}"
    return f"from labevents {where(q.a.name, f'labevents.hadm_id in ( {admissions} )')}"


def _percentile(q: Parts) -> str:
    ranked = f"percent_rank() over ( order by labevents.valuenum ) as c1 {_of_same_age(q)}"
    return f"select distinct t1.c1 from ( select labevents.valuenum, {ranked} ) as t1 where t1.valuenum = {q.value('lab_value')}"


def _elapsed(q: Parts) -> str:
    return f"select {q.option('unit_count')}( strftime('%J',current_time) - strftime('%J',{q.a.time}) )"


def _since_admission(q: Parts) -> str:
    current = where(f"admissions.subject_id = {q.patient}", "admissions.dischtime is null")
    return f"{_elapsed(q)} from admissions {current}"


def _since_icu_admission(q: Parts) -> str:
    admissions = f"select admissions.hadm_id from admissions where admissions.subject_id = {q.patient}"
    return f"{_elapsed(q)} from icustays where icustays.hadm_id in ( {admissions} ) and icustays.outtime is null"


def _since_event(q: Parts) -> str:
    return words(f"{_elapsed(q)} from {q.a.table}", where(q.a.inside(), q.a.name), q.nth(q.a.time))
