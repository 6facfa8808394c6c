"""Families that list or count what happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ehrxqa.questions.events import EVENTS, WEIGHT
from ehrxqa.questions.families.pieces import PATIENT, event_words, rows, single, with_slot
from ehrxqa.questions.program_parts import Parts
from ehrxqa.questions.template import Template

__all__ = ["listing_templates"]


def listing_templates() -> Iterator[Template]:
    """Its templates."""
    yield single(
        official=108,
        family="list visits",
        text=f"list the hospital admission time of {PATIENT} [g1].",
        said=(
            f"list all times at which {PATIENT} <has been|was> admitted to the hospital [g1].",
            f"[g1], when <has|was> {PATIENT} <been |>admitted to the hospital? list every time.",
            f"what <are|were> the times of all hospital admissions of {PATIENT} [g1]?",
            f"{PATIENT}~(, [n1]): all hospital admission times?",
            f"[tell] every time that {PATIENT} <has been|was> admitted to the hospital [g1].",
            f"[can] at which times {PATIENT} <has been|was> admitted to the hospital [g1]?",
            f"hospital admission dates and times of {PATIENT} [g1]?",
            f"[give] all times of hospital admission for {PATIENT} [g1].",
        ),
        sql=lambda q: f"select admissions.admittime {rows(q)}",
        kind="adm",
        named=False,
        answer="list",
    )
    for number, kind, what, said, fixed in (
        (109, "lab", "{lab_name} lab value of {p}", "{lab_name} value", ""),
        (110, "body", "weight of {p}", "weight in kg", WEIGHT),
        (
            111,
            "in",
            "volume of {intake_name} intake that {p} received",
            "volume in ml of a single {intake_name} intake",
            "",
        ),
        (
            112,
            "out",
            "volume of {output_name} output that {p} had",
            "volume in ml of a single {output_name} output",
            "",
        ),
        (113, "vit", "{vital_name} of {p}", "{vital_name}", ""),
    ):
        yield single(
            official=number,
            family="series",
            text=f"list the [unit_average] [agg_function] {what.replace('{p}', PATIENT)} [g1].",
            said=(
                f"for each [period] with a value [g1], what <is|was> the [agg_function] {said} of {PATIENT}?",
                f"list the [agg_function] {said} of {PATIENT} per [period] [g1], in order of time.",
                f"[g1], what <is|was> the [agg_function] {said} of {PATIENT} per [period]?",
                f"what <are|were> the [unit_average] figures [g1] for the [agg_function] {said} of {PATIENT}?",
                f"{PATIENT}~(, [n1]): [agg_function] {said} per [period]?",
                f"[give] the [unit_average] [agg_function] {said} of {PATIENT} [g1], in order of time.",
                f"[unit_average] [agg_function] {said} of {PATIENT} [g1]?",
                f"[tell] the [agg_function] {said} of {PATIENT} for every [period] with a value [g1].",
                f"[can] the [agg_function] {said} of {PATIENT} per [period] [g1]?",
            ),
            sql=_series,
            kind=kind,
            label=fixed,
            draw="series",
            answer="series",
            coarse=True,
        )
    for number, kind, what, column in (
        (114, "adm", "hospital", "admissions.hadm_id"),
        (115, "icu", "icu", "icustays.stay_id"),
    ):
        yield single(
            official=number,
            family="count visits",
            text=f"count the number of {what} visits of {PATIENT} [g1].",
            said=(
                f"how many {what} stays of {PATIENT} <have begun|began> [g1]?",
                f"how many times <has|was> {PATIENT} <been |>admitted to the {what} [g1]?",
                f"[g1], how many admissions to the {what} <has|did> {PATIENT} <had|have>?",
                f"{PATIENT}~(, [n1]): number of {what} stays begun?",
                f"[count] the {what} stays of {PATIENT} that <have begun|began> [g1].",
                f"[tell] how often {PATIENT} <has been|was> admitted to the {what} [g1].",
                f"number of {what} admissions of {PATIENT} [g1]?",
                f"[can] how many times {PATIENT} <has been|was> taken into the {what} [g1]?",
            ),
            sql=partial(_count_distinct, column),
            kind=kind,
            named=False,
            answer="count",
            grains=("year",),
        )
    yield single(
        official=117,
        family="count",
        text=f"count the number of drugs {PATIENT} were prescribed [g1].",
        said=(
            f"how many different drugs <has|was> {PATIENT} <been |>prescribed [g1]?",
            f"[g1], what <is|was> the number of distinct drugs prescribed to {PATIENT}?",
            f"count the different drugs that {PATIENT} <has been|was> prescribed [g1].",
            f"{PATIENT}~(, [n1]): number of different drugs prescribed?",
            f"[tell] how many distinct drugs {PATIENT} <has been|was> prescribed [g1].",
            f"how many different medications <has|was> {PATIENT} <been |>put on by prescription [g1]?",
            f"[can] how many different drugs <have been|were> ordered for {PATIENT} [g1]?",
            f"number of different drugs in {PATIENT}'s prescriptions [g1]?",
        ),
        sql=partial(_count_distinct, "prescriptions.drug"),
        kind="rx",
        named=False,
        answer="count",
        coarse=True,
    )
    for number, kind in ((116, "px"), (118, "rx"), (119, "lab"), (120, "in"), (121, "out")):
        event, it = EVENTS[kind], event_words(kind)
        yield single(
            official=number,
            family="count",
            text=f"count the number of times that {PATIENT} {with_slot(event.were, event.slot)} [g1].",
            said=(
                f"how many times {it.verb.ask(PATIENT)}?",
                f"[g1], how often {it.happened.ask(it.what, '')}?",
                f"[count] the times that {it.verb.clause(PATIENT)}.",
                f"what is the number of times that {it.happened.clause(it.what)}?",
                f"number of times that {it.verb.clause(PATIENT)}?",
                f"how often {it.verb.ask(PATIENT)}?",
                f"[tell] how many times {it.verb.clause(PATIENT)}.",
                f"[can] how often {it.verb.clause(PATIENT)}?",
                f"{PATIENT}~(, [n1]): how often was {it.what} {it.made}?",
                f"[give] the number of times that {it.what} <has been|was> {it.made} {it.to} {PATIENT} [g1].",
            ),
            sql=lambda q: f"select count(*) {rows(q)}",
            kind=kind,
            answer="count",
            coarse=True,
        )


def _series(q: Parts) -> str:
    return f"select {q.option('agg_function')}({q.a.value}) {rows(q)} {q.option('unit_average', q.a.time)}"


def _count_distinct(column: str, q: Parts) -> str:
    return f"select count( distinct {column} ) {rows(q)}"
