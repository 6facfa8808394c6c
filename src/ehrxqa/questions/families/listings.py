"""Families that list or count what happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS, WEIGHT
from ehrxqa.questions.families.pieces import PATIENT, ROWS, single, told, with_slot
from ehrxqa.questions.template import Template

__all__ = ["listing_templates"]


def listing_templates() -> Iterator[Template]:
    """Its templates."""
    yield single(
        108, "list visits", f"list the hospital admission time of {PATIENT} [g1].",
        (f"list all times at which {PATIENT} <has been|was> admitted to the hospital [g1].",
         f"[g1], when <has|was> {PATIENT} <been |>admitted to the hospital? list every time.",
         f"what <are|were> the times of all hospital admissions of {PATIENT} [g1]?"),
        "select admissions.admittime from admissions where <in> <g1>", kind="adm", named=False, answer="list",
    )  # fmt: skip
    for number, kind, what, said, fixed in (
        (109, "lab", "{lab_name} lab value of {p}", "{lab_name} value", ""), (110, "body", "weight of {p}", "weight in kg", WEIGHT),
        (111, "in", "volume of {intake_name} intake that {p} received", "volume in ml of a single {intake_name} intake", ""),
        (112, "out", "volume of {output_name} output that {p} had", "volume in ml of a single {output_name} output", ""),
        (113, "vit", "{vital_name} of {p}", "{vital_name}", ""),
    ):  # fmt: skip
        yield single(
            number, "series", f"list the [unit_average] [agg_function] {what.replace('{p}', PATIENT)} [g1].",
            (f"for each [period] with a value [g1], what <is|was> the [agg_function] {said} of {PATIENT}?",
             f"list the [agg_function] {said} of {PATIENT} per [period] [g1], in order of time.",
             f"[g1], what <is|was> the [agg_function] {said} of {PATIENT} per [period]?",
             f"what <are|were> the [unit_average] figures [g1] for the [agg_function] {said} of {PATIENT}?"),
            f"select [agg_function](<v>) {ROWS} [unit_average <c>]", kind=kind, label=fixed, draw="series", answer="series", coarse=True,
        )  # fmt: skip
    for number, kind, what, column in (
        (114, "adm", "hospital", "admissions.hadm_id"), (115, "icu", "icu", "icustays.stay_id"),
    ):  # fmt: skip
        yield single(
            number, "count visits", f"count the number of {what} visits of {PATIENT} [g1].",
            (f"how many {what} stays of {PATIENT} <have begun|began> [g1]?",
             f"how many times <has|was> {PATIENT} <been |>admitted to the {what} [g1]?",
             f"[g1], how many admissions to the {what} <has|did> {PATIENT} <had|have>?"),
            f"select count( distinct {column} ) from <T> where <in> <g1>", kind=kind, named=False, answer="count",
            grains=("year",),
        )  # fmt: skip
    yield single(
        117, "count", f"count the number of drugs {PATIENT} were prescribed [g1].",
        (f"how many different drugs <has|was> {PATIENT} <been |>prescribed [g1]?",
         f"[g1], what <is|was> the number of distinct drugs prescribed to {PATIENT}?",
         f"count the different drugs that {PATIENT} <has been|was> prescribed [g1]."),
        f"select count( distinct <T>.drug ) {ROWS}", kind="rx", named=False, answer="count", coarse=True,
    )  # fmt: skip
    for number, kind in ((116, "px"), (118, "rx"), (119, "lab"), (120, "in"), (121, "out")):
        event, it = EVENTS[kind], told(kind)
        yield single(
            number, "count", f"count the number of times that {PATIENT} {with_slot(event.were, event.slot)} [g1].",
            (f"how many times {it.verb.ask(PATIENT)}?", f"[g1], how often {it.happened.ask(it.what, '')}?",
             f"count the times that {it.verb.clause(PATIENT)}.",
             f"what is the number of times that {it.happened.clause(it.what)}?"),
            f"select count(*) {ROWS}", kind=kind, answer="count", coarse=True,
        )  # fmt: skip
