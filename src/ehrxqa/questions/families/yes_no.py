"""Families about whether something happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import PATIENT, EventWords, at_that_time, event_words, rows, single, with_slot
from ehrxqa.questions.program_parts import Parts, where
from ehrxqa.questions.template import Program, Template

__all__ = ["yes_no_templates"]


def _any(q: Parts) -> str:
    return f"select count(*) > 0 {rows(q)}"


def _any_that(q: Parts, condition: str) -> str:
    conditions = where(q.a.inside(), q.a.name, condition, q.during(q.a.time))
    return f"select count(*) > 0 from {q.a.table} {conditions}"


def _any_of_three(q: Parts) -> str:
    drugs = ", ".join(f"'{q.value(f'drug_name{n}')}'" for n in (1, 2, 3))
    return _any_that(q, f"prescriptions.drug in ( {drugs} )")


def yes_no_templates() -> Iterator[Template]:
    """Its templates."""

    def has(
        *, official: int, kind: str, perfect: str, said: tuple[str, ...], named: bool, sql: Program = _any, **more: Any
    ) -> Template:
        return single(
            official=official,
            family="has",
            text=f"has_verb {PATIENT} {perfect} [g1]?",
            said=said,
            sql=sql,
            kind=kind,
            named=named,
            answer="truth",
            coarse=True,
            draw=more.pop("draw", "has"),
            **more,
        )

    for named, each in (
        (False, ((86, "adm"), (88, "px"), (91, "dx"), (94, "rx"), (96, "lab"), (99, "spec"))),
        (
            True,
            ((89, "px"), (92, "dx"), (95, "rx"), (97, "lab"), (100, "spec"), (101, "test"), (104, "in"), (105, "out")),
        ),
    ):
        for number, kind in each:
            event = EVENTS[kind]
            perfect = with_slot(event.perfect, event.slot) if named else event.any_perfect
            yield has(
                official=number,
                kind=kind,
                perfect=perfect,
                said=_did(event_words(kind, named=named)),
                named=named,
            )
    yield has(
        official=87,
        kind="adm",
        perfect="been to an emergency room",
        said=(
            f"<has|was> {PATIENT} <been |>admitted through an emergency room [g1]?",
            f"is there any record that {PATIENT} <has come|came> in through an emergency room [g1]?",
            f"[g1], <has|did> {PATIENT} <entered|enter> the hospital by way of an emergency room?",
            f"did {PATIENT} come in via an emergency room [g1]?",
            f"{PATIENT}~(, [n1]): any admission from an emergency room?",
            f"[check] whether {PATIENT} <has been|was> admitted from an emergency room [g1].",
            f"[can] if {PATIENT} <has come|came> through an emergency room [g1]?",
            f"any emergency room admission for {PATIENT} [g1]?",
            f"[tell] whether an emergency room sent {PATIENT} to the hospital [g1].",
        ),
        named=False,
        sql=lambda q: _any_that(q, "admissions.admission_location = 'emergency room'"),
    )
    yield has(
        official=93,
        kind="rx",
        perfect="been prescribed {drug_name1}, {drug_name2}, or {drug_name3}",
        said=(
            f"<has|was> {PATIENT} <been |>prescribed at least one of {{drug_name1}}, {{drug_name2}} and {{drug_name3}} [g1]?",
            f"[g1], <has|was> any of the drugs {{drug_name1}}, {{drug_name2}} and {{drug_name3}} <been |>prescribed to {PATIENT}?",
            f"is there any record that {PATIENT} <has been|was> prescribed {{drug_name1}}, {{drug_name2}} or {{drug_name3}} [g1]?",
            f"{PATIENT}~(, [n1]): any of {{drug_name1}}, {{drug_name2}} and {{drug_name3}}?",
            f"any prescription of {{drug_name1}}, {{drug_name2}} or {{drug_name3}} for {PATIENT} [g1]?",
            f"[check] whether {PATIENT} <has been|was> prescribed {{drug_name1}}, {{drug_name2}} or {{drug_name3}} [g1].",
            f"[can] if {PATIENT} had an order for {{drug_name1}}, {{drug_name2}} or {{drug_name3}} [g1]?",
            f"[tell] whether any of {{drug_name1}}, {{drug_name2}} and {{drug_name3}} <has been|was> ordered for {PATIENT} [g1].",
        ),
        named=False,
        sql=_any_of_three,
        draw="three",
    )
    for number, kind, what, said in (
        (102, "spec", "{culture_name} microbiology test", "{culture_name} specimen"),
        (103, "test", "{test_name} test", "{test_name} test"),
    ):
        yield single(
            official=number,
            family="has organism",
            text=f"has_verb there been any organism found in the [e1] {what} of {PATIENT} [g1]?",
            said=(
                f"did any organism grow in the [adj1] {said} of {PATIENT} [g1]?",
                f"was an organism found in {PATIENT}'s [adj1] {said} [g1]?",
                f"[g1], did the [adj1] {said} of {PATIENT} show any organism?",
                f"tell me whether the [adj1] {said} of {PATIENT} was positive for an organism [g1].",
                f"any organism in {PATIENT}'s [adj1] {said} [g1]?",
                f"{PATIENT}~(, [n1]): did the [adj1] {said} grow anything?",
                f"[check] whether {PATIENT}'s [adj1] {said} [g1] grew an organism.",
                f"[adj1] {said} of {PATIENT} [g1]: any growth?",
                f"[can] if the [adj1] {said} of {PATIENT} [g1] grew an organism?",
            ),
            sql=lambda q: f"select count(*) > 0 {rows(q, at_that_time(q), f'{q.a.table}.org_name is not null')}",
            kind=kind,
            answer="truth",
            coarse=True,
        )
    yield single(
        official=106,
        family="ever beyond",
        text=f"has_verb the {{vital_name}} of {PATIENT} been ever [comparison] than {{vital_value}} [g1]?",
        said=(
            f"<has|was> the {{vital_name}} of {PATIENT} <ever been|ever> [comparison] than {{vital_value}} [g1]?",
            f"is there any {{vital_name}} measurement of {PATIENT} [g1] that <is|was> [comparison] than {{vital_value}}?",
            f"at any time [g1], <has|was> {PATIENT}'s {{vital_name}} <been |>[comparison] than {{vital_value}}?",
            f"[g1], <has|did> {PATIENT} <had|have> a {{vital_name}} [comparison] than {{vital_value}} at least once?",
            f"any {{vital_name}} [comparison] than {{vital_value}} for {PATIENT} [g1]?",
            f"{PATIENT}~(, [n1]): {{vital_name}} ever [comparison] than {{vital_value}}?",
            f"[check] whether {PATIENT} ever had a {{vital_name}} [comparison] than {{vital_value}} [g1].",
            f"[tell] whether the {{vital_name}} of {PATIENT} <has ever been|was ever> [comparison] than {{vital_value}} [g1].",
            f"[can] if any {{vital_name}} of {PATIENT} [g1] <is|was> [comparison] than {{vital_value}}?",
        ),
        sql=lambda q: _any_that(q, f"{q.a.value} {q.option('comparison')} {q.value('vital_value')}"),
        kind="vit",
        draw="threshold",
        answer="truth",
        coarse=True,
    )
    yield single(
        official=107,
        family="normal",
        text=f"has_verb the {{vital_name}} of {PATIENT} been normal [g1]?",
        said=(
            f"<has|was> the {{vital_name}} of {PATIENT} <been |>within the normal range at least once [g1]?",
            f"is there any normal {{vital_name}} measurement of {PATIENT} [g1]?",
            f"[g1], <has|did> {PATIENT} ever <had|have> a normal {{vital_name}}?",
            f"at any time [g1], <has|was> {PATIENT}'s {{vital_name}} <been |>normal?",
            f"{PATIENT}~(, [n1]): {{vital_name}} normal at least once?",
            f"any normal {{vital_name}} for {PATIENT} [g1]?",
            f"[check] whether {PATIENT} ever had a normal {{vital_name}} [g1].",
            f"[tell] whether any {{vital_name}} of {PATIENT} [g1] <is|was> in the normal range.",
            f"[can] if {PATIENT}'s {{vital_name}} <has ever been|was ever> normal [g1]?",
        ),
        sql=lambda q: _any_that(q, f"{q.a.value} between {' and '.join(q.a.normal_range)}"),
        kind="vit",
        draw="normal",
        answer="truth",
        coarse=True,
    )


def _did(it: EventWords) -> tuple[str, ...]:
    return (
        f"{it.verb.ask(PATIENT)}?",
        f"is there any record that {it.verb.clause(PATIENT)}?",
        f"[g1], {it.happened.ask(it.what, '')}?",
        f"do the records say that {it.happened.clause(it.what)}?",
        f"any record that {it.verb.clause(PATIENT)}?",
        f"[tell] whether {it.verb.clause(PATIENT)}.",
        f"[check] whether {it.verb.clause(PATIENT)}.",
        f"[can] if {it.verb.clause(PATIENT)}?",
        f"{PATIENT}~(, [n1]): {it.what} {it.made}?",
        f"{it.what} {it.made} {it.to} {PATIENT} [g1]?",
    )
