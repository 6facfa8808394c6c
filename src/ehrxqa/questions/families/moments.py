"""Families about when something happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import PATIENT, ROWS, grains_of, single, with_slot
from ehrxqa.questions.template import Template

__all__ = ["moment_templates"]


def moment_templates() -> Iterator[Template]:
    """Its templates."""

    def when(number: int, kind: str, text: str, said: tuple[str, ...], *, named: bool, extra: str = "") -> Template:
        return single(
            number, "when", text, said, f"select <c> from <T> where <in> <nm> {extra} <g1> <e1>", kind=kind, named=named,
            draw="finished" if kind == "dis" else "event",
        )  # fmt: skip

    for number, kind, noun, said in (
        (62, "adm", "hospital admission time", "was {p} [e1] admitted to the hospital"),
        (64, "dis", "hospital discharge time", "was {p} [e1] discharged from the hospital"),
        (67, "px", "procedure time", "did {p} [e1] undergo a procedure"),
        (69, "rx", "prescription time", "was {p} [e1] prescribed a drug"), (73, "lab", "lab test", "did {p} [e1] have a lab test"),
        (76, "spec", "microbiology test", "did {p} [e1] have a microbiology test"),
        (80, "in", "intake time", "did {p} [e1] have an intake"),
    ):  # fmt: skip
        yield when(
            number, kind, f"when was the [e1] {noun} of {PATIENT} [g1]?",
            (f"when {said.format(p=PATIENT)} [g1]?", f"at what time {said.format(p=PATIENT)} [g1]?"),
            named=False, extra="and admissions.dischtime is not null" if kind == "dis" else "",
        )  # fmt: skip
    for number, kind, said in (
        (63, "adm", "was {p} [e1] admitted via {admission_route}"),
        (66, "dx", "was {p} [e1] diagnosed with {diagnosis_name}"),
        (68, "px", "did {p} [e1] undergo the procedure {procedure_name}"), (70, "rx", "was {p} [e1] prescribed {drug_name}"),
        (72, "route", "was {p} [e1] prescribed a drug to be given by route {drug_route}"),
        (74, "lab", "did {p} [e1] have a {lab_name} lab test"), (79, "in", "did {p} [e1] have an intake of {intake_name}"),
        (81, "out", "did {p} [e1] have a {output_name} output"),
        (82, "vit", "was the {vital_name} of {p} [e1] measured"),
        (77, "spec", "was a {culture_name} specimen of {p} [e1] tested in microbiology"),
        (78, "test", "did {p} [e1] have a {test_name} test"),
    ):  # fmt: skip
        event = EVENTS[kind]
        sentence = f"{said} [g1]?".replace("{p}", PATIENT)
        text = f"when was the [e1] time that {PATIENT} {with_slot(event.past, event.slot)} [g1]?"
        if kind == "adm":
            text = (
                f"when was the [e1] hospital admission time that {PATIENT} was admitted via {{admission_route}} [g1]?"
            )
        if kind in ("spec", "test"):
            noun = "{culture_name} microbiology test" if kind == "spec" else "{test_name} test"
            text = f"when was {PATIENT}'s [e1] {noun} [g1]?"
        yield when(number, kind, text, (f"when {sentence}", f"at what time {sentence}"), named=True)
    yield single(
        71, "when together", f"when was the [e1] time that {PATIENT} was prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",
        (f"when was {PATIENT} [e1] prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",),
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
            (f"when was {said} of {PATIENT} [g1] measured for the [e1] time?",
             f"at what time did {PATIENT} [e1] have {said} [g1]?"),
            f"select <c> {ROWS} [sort <v>], [order <c>] limit 1", kind=kind,
        )  # fmt: skip
    yield single(
        83, "when beyond", f"when was the [e1] time that the {{vital_name}} of {PATIENT} was [comparison] than {{vital_value}} [g1]?",
        (f"when was the {{vital_name}} of {PATIENT} [e1] [comparison] than {{vital_value}} [g1]?",
         f"at what time was a {{vital_name}} [comparison] than {{vital_value}} [e1] measured for {PATIENT} [g1]?"),
        "select <c> from <T> where <in> <nm> and <v> [comparison] {vital_value} <g1> <e1>", kind="vit", draw="threshold",
    )  # fmt: skip
