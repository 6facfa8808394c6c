"""Families about when something happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import PATIENT, ROWS, Told, grains_of, single, told, with_slot
from ehrxqa.questions.template import Template

__all__ = ["moment_templates"]


def _when(it: Told) -> tuple[str, ...]:
    return (
        f"when {it.verb.did(PATIENT)}?",
        f"[g1], what was the [adj1] time that {it.verb.that(PATIENT, '', '')}?",
        f"tell me when {it.verb.that(PATIENT)}.",
        f"at what time {it.happened.did(it.what)}?",
    )


def moment_templates() -> Iterator[Template]:
    """Its templates."""

    def when(number: int, kind: str, text: str, said: tuple[str, ...], *, named: bool, extra: str = "") -> Template:
        return single(
            number, "when", text, said, f"select <c> from <T> where <in> <nm> {extra} <g1> <e1>", kind=kind, named=named,
            draw="finished" if kind == "dis" else "event",
        )  # fmt: skip

    for number, kind, noun in (
        (62, "adm", "hospital admission time"), (64, "dis", "hospital discharge time"), (67, "px", "procedure time"),
        (69, "rx", "prescription time"), (73, "lab", "lab test"), (76, "spec", "microbiology test"), (80, "in", "intake time"),
    ):  # fmt: skip
        yield when(
            number, kind, f"when was the [e1] {noun} of {PATIENT} [g1]?", _when(told(kind, named=False, some=True)), named=False,
            extra="and admissions.dischtime is not null" if kind == "dis" else "",
        )  # fmt: skip
    for number, kind in (
        (63, "adm"), (66, "dx"), (68, "px"), (70, "rx"), (72, "route"), (74, "lab"), (79, "in"), (81, "out"), (82, "vit"),
        (77, "spec"), (78, "test"),
    ):  # fmt: skip
        event = EVENTS[kind]
        text = f"when was the [e1] time that {PATIENT} {with_slot(event.past, event.slot)} [g1]?"
        if kind == "adm":
            text = (
                f"when was the [e1] hospital admission time that {PATIENT} was admitted via {{admission_route}} [g1]?"
            )
        if kind in ("spec", "test"):
            noun = "{culture_name} microbiology test" if kind == "spec" else "{test_name} test"
            text = f"when was {PATIENT}'s [e1] {noun} [g1]?"
        yield when(number, kind, text, _when(told(kind)), named=True)
    yield single(
        71, "when together", f"when was the [e1] time that {PATIENT} was prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",
        (f"when was {PATIENT} [e1] prescribed both {{drug_name1}} and {{drug_name2}} [w] [g1]?",
         f"[g1], when were {{drug_name1}} and {{drug_name2}} [e1] prescribed [w] to {PATIENT}?",
         f"what was the [adj1] time~( [g1]) that {PATIENT} had prescriptions of {{drug_name1}} and {{drug_name2}} starting [w]?"),
        "select distinct t1.starttime from ( select prescriptions.subject_id, prescriptions.starttime from prescriptions "
        "where <in> <nm> <g1> ) as t1 join ( select prescriptions.subject_id, prescriptions.starttime from prescriptions "
        "where <in> <B.nm> <g1> ) as t2 on t1.subject_id = t2.subject_id where [W t1.starttime t2.starttime] "
        "[E1 t1.starttime]",
        kinds=("rx", "rx"), slots=("drug_name1", "drug_name2"), draw="together", grains=grains_of(EVENTS["rx"]),
        withins=("within-same",),
    )  # fmt: skip
    for number, kind, text, said in (
        (75, "lab", "[sort] value of {lab_name}", "the [sort] {lab_name} value"),
        (84, "vit", "[sort] {vital_name}", "the [sort] {vital_name}"),
    ):  # fmt: skip
        yield single(
            number, "when extreme", f"when was the [e1] time that {PATIENT} had the {text} [g1]?",
            (f"when did {PATIENT} [e1] have {said} [g1]?",
             f"at what time was {PATIENT}'s {said.removeprefix('the ')} [g1] measured, the [adj1] time if there are several?",
             f"[g1], when was {said} of {PATIENT} [e1] recorded?",
             f"tell me the [adj1] time that {said} of {PATIENT} was reached [g1]."),
            f"select <c> {ROWS} [sort <v>], [order <c>] limit 1", kind=kind,
        )  # fmt: skip
    yield single(
        83, "when beyond", f"when was the [e1] time that the {{vital_name}} of {PATIENT} was [comparison] than {{vital_value}} [g1]?",
        (f"when was the {{vital_name}} of {PATIENT} [e1] [comparison] than {{vital_value}} [g1]?",
         f"at what time was a {{vital_name}} [comparison] than {{vital_value}} [e1] measured for {PATIENT} [g1]?",
         f"[g1], when did {PATIENT} [e1] have a {{vital_name}} [comparison] than {{vital_value}}?",
         f"tell me the [adj1] time that {PATIENT}'s {{vital_name}} was [comparison] than {{vital_value}} [g1]."),
        "select <c> from <T> where <in> <nm> and <v> [comparison] {vital_value} <g1> <e1>", kind="vit", draw="threshold",
    )  # fmt: skip
