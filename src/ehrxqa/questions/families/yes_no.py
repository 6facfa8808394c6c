"""Families about whether something happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import AT_THAT_TIME, PATIENT, ROWS, single, with_slot
from ehrxqa.questions.template import Template

__all__ = ["yes_no_templates"]


def yes_no_templates() -> Iterator[Template]:
    """Its templates."""
    count = f"select count(*) > 0 {ROWS}"

    def has(
        number: int, kind: str, perfect: str, did: tuple[str, ...], *, named: bool, sql: str = count, **more: Any
    ) -> Template:
        return single(
            number, "has", f"has_verb {PATIENT} {perfect} [g1]?", tuple(f"{sentence} [g1]?" for sentence in did), sql, kind=kind,
            named=named, answer="truth", coarse=True, draw=more.pop("draw", "has"), **more,
        )  # fmt: skip

    for number, kind in ((86, "adm"), (88, "px"), (91, "dx"), (94, "rx"), (96, "lab"), (99, "spec")):
        event = EVENTS[kind]
        did = event.any_did
        yield has(number, kind, event.any_perfect, (did, f"is there any record that {_tail(did)}"), named=False)
    for number, kind in (
        (89, "px"), (92, "dx"), (95, "rx"), (97, "lab"), (100, "spec"), (101, "test"), (104, "in"), (105, "out"),
    ):  # fmt: skip
        event = EVENTS[kind]
        did = with_slot(event.did, event.slot)
        yield has(
            number,
            kind,
            with_slot(event.perfect, event.slot),
            (did, f"is there any record that {_tail(did)}"),
            named=True,
        )
    yield has(
        87, "adm", "been to an emergency room",
        (f"<has|was> {PATIENT} <been |>admitted through an emergency room", f"<has|did> {PATIENT} <come|come> through an emergency room"),
        named=False, sql="select count(*) > 0 from admissions where <in> and admissions.admission_location = 'emergency room' <g1>",
    )  # fmt: skip
    yield has(
        93, "rx", "been prescribed {drug_name1}, {drug_name2}, or {drug_name3}",
        (f"<has|was> {PATIENT} <been |>prescribed any of {{drug_name1}}, {{drug_name2}} and {{drug_name3}}",
         f"<has|was> {PATIENT} <been |>prescribed {{drug_name1}}, {{drug_name2}} or {{drug_name3}}"), named=False,
        sql="select count(*) > 0 from prescriptions where <in> and prescriptions.drug in ( '{drug_name1}', '{drug_name2}', "
        "'{drug_name3}' ) <g1>", draw="three",
    )  # fmt: skip
    for number, kind, what, said in (
        (102, "spec", "{culture_name} microbiology test", "{culture_name} culture"),
        (103, "test", "{test_name} test", "{test_name} test"),
    ):
        yield single(
            number, "has organism", f"has_verb there been any organism found in the [e1] {what} of {PATIENT} [g1]?",
            (f"did any organism grow in the [e1] {said} of {PATIENT} [g1]?",
             f"was an organism found in the [e1] {said} of {PATIENT} [g1]?"),
            f"select count(*) > 0 {ROWS} {AT_THAT_TIME} and <T>.org_name is not null", kind=kind, answer="truth", coarse=True,
        )  # fmt: skip
    yield single(
        106, "ever beyond", f"has_verb the {{vital_name}} of {PATIENT} been ever [comparison] than {{vital_value}} [g1]?",
        (f"<has|was> the {{vital_name}} of {PATIENT} <ever been|ever> [comparison] than {{vital_value}} [g1]?",
         f"is there any {{vital_name}} of {PATIENT} [comparison] than {{vital_value}} [g1]?"),
        "select count(*) > 0 from <T> where <in> <nm> and <v> [comparison] {vital_value} <g1>", kind="vit", draw="threshold",
        answer="truth", coarse=True,
    )  # fmt: skip
    yield single(
        107, "normal", f"has_verb the {{vital_name}} of {PATIENT} been normal [g1]?",
        (f"<has|was> the {{vital_name}} of {PATIENT} <been |>within the normal range at least once [g1]?",
         f"is there any normal {{vital_name}} value of {PATIENT} [g1]?"),
        "select count(*) > 0 from <T> where <in> <nm> and <v> between <range>_lower and <range>_upper <g1>",
        kind="vit", draw="normal", answer="truth", coarse=True,
    )  # fmt: skip


def _tail(did: str) -> str:
    """A yes/no question as a clause: “⟨has|was⟩ patient 1 ⟨been |⟩prescribed x” → “patient 1 ⟨has been|was⟩ prescribed x”."""
    first, rest = did.split(f" {PATIENT} ", 1)
    verb, rest = rest.split(">", 1)
    going, over = verb.removeprefix("<").split("|")
    if first == "<has|was>":
        return f"{PATIENT} <has {going.strip()}|was> {rest.strip()}"
    return (
        f"{PATIENT} <has {going}|{ {'undergo': 'underwent', 'have': 'had'}[over] }>".replace("{ ", "").replace(" }", "")
        + rest
    )
