"""Families that list or count what happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS, WEIGHT
from ehrxqa.questions.families.pieces import PATIENT, ROWS, single, with_slot
from ehrxqa.questions.template import Template

__all__ = ["listing_templates"]


def listing_templates() -> Iterator[Template]:
    """Its templates."""
    yield single(
        108, "list visits", f"list the hospital admission time of {PATIENT} [g1].",
        (f"list all times at which {PATIENT} was admitted to the hospital [g1].", f"when was {PATIENT} admitted to the hospital [g1]? "
         "list every time."),
        "select admissions.admittime from admissions where <in> <g1>", kind="adm", named=False, answer="list",
    )  # fmt: skip
    for number, kind, what, said, fixed in (
        (109, "lab", "{lab_name} lab value of {p}", "{lab_name} value of {p}", ""), (110, "body", "weight of {p}", "", WEIGHT),
        (111, "in", "volume of {intake_name} intake that {p} received", "", ""),
        (112, "out", "volume of {output_name} output that {p} had", "", ""), (113, "vit", "{vital_name} of {p}", "", ""),
    ):  # fmt: skip
        body = (said or what).replace("{p}", PATIENT)
        yield single(
            number, "series", f"list the [unit_average] [agg_function] {what.replace('{p}', PATIENT)} [g1].",
            (f"what <are|were> the [unit_average] [agg_function]s of the {body} [g1]?".replace("[agg_function]s", "[agg_function] values"),
             f"give the [unit_average] [agg_function] {body} [g1], in order of time."),
            f"select [agg_function](<v>) {ROWS} [unit_average <c>]", kind=kind, label=fixed, answer="series", coarse=True,
        )  # fmt: skip
    for number, kind, what, column in (
        (114, "adm", "hospital", "admissions.hadm_id"), (115, "icu", "icu", "icustays.stay_id"),
    ):  # fmt: skip
        yield single(
            number, "count visits", f"count the number of {what} visits of {PATIENT} [g1].",
            (f"how many {what} stays <has|did> {PATIENT} <had|have> [g1]?", f"how often <has|was> {PATIENT} <been |>admitted to the {what} [g1]?"),
            f"select count( distinct {column} ) from <T> where <in> <g1>", kind=kind, named=False, answer="count",
            grains=("year",),
        )  # fmt: skip
    yield single(
        117, "count", f"count the number of drugs {PATIENT} were prescribed [g1].",
        (f"how many different drugs <has|was> {PATIENT} <been |>prescribed [g1]?",),
        f"select count( distinct <T>.drug ) {ROWS}", kind="rx", named=False, answer="count", coarse=True,
    )  # fmt: skip
    for number, kind, said in (
        (116, "px", "<has|did> {p} <undergone|undergo> the procedure {procedure_name}"),
        (118, "rx", "<has|was> {p} <been |>prescribed {drug_name}"), (119, "lab", "<has|did> {p} <had|have> a {lab_name} lab test"),
        (120, "in", "<has|did> {p} <had|have> an intake of {intake_name}"),
        (121, "out", "<has|did> {p} <had|have> a {output_name} output"),
    ):  # fmt: skip
        event = EVENTS[kind]
        asked = said.replace("{p}", PATIENT)
        yield single(
            number, "count", f"count the number of times that {PATIENT} {with_slot(event.were, event.slot)} [g1].",
            (f"how many times {asked} [g1]?", f"how often {asked} [g1]?"),
            f"select count(*) {ROWS}", kind=kind, answer="count", coarse=True,
        )  # fmt: skip
