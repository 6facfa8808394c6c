"""Families about when something happened to a patient."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import PATIENT, EventWords, event_words, grains_of, rows, single, with_slot
from ehrxqa.questions.program_parts import Parts, bracketed, where, words
from ehrxqa.questions.template import Template

__all__ = ["moment_templates"]


def _when(it: EventWords) -> tuple[str, ...]:
    return (
        f"when {it.verb.did(PATIENT)}?",
        f"[g1], what was the [adj1] time that {it.verb.that(PATIENT, '', '')}?",
        f"[tell] when {it.verb.that(PATIENT)}.",
        f"at what time {it.happened.did(it.what)}?",
        f"[give] the time that {it.verb.that(PATIENT)}.",
        f"date and time that {it.verb.that(PATIENT)}?",
        f"[can] when {it.verb.that(PATIENT)}?",
        f"{PATIENT}~(, [n1]): time that {it.what} was [e1] {it.made}?",
        f"timestamp of {it.what} [e1] {it.made} {it.to} {PATIENT} [g1]?",
        f"on what date {it.verb.did(PATIENT)}, and at what time?",
    )


def moment_templates() -> Iterator[Template]:
    """Its templates."""

    def when(*, official: int, kind: str, text: str, said: tuple[str, ...], named: bool) -> Template:
        return single(
            official=official,
            family="when",
            text=text,
            said=said,
            sql=_time_of_discharge if kind == "dis" else _time,
            kind=kind,
            named=named,
            draw="finished" if kind == "dis" else "event",
        )

    for number, kind, noun in (
        (62, "adm", "hospital admission time"),
        (64, "dis", "hospital discharge time"),
        (67, "px", "procedure time"),
        (69, "rx", "prescription time"),
        (73, "lab", "lab test"),
        (76, "spec", "microbiology test"),
        (80, "in", "intake time"),
    ):
        yield when(
            official=number,
            kind=kind,
            text=f"when was the [e1] {noun} of {PATIENT} [g1]?",
            said=_when(event_words(kind, named=False, some=True)),
            named=False,
        )
    for number, kind in (
        (63, "adm"),
        (66, "dx"),
        (68, "px"),
        (70, "rx"),
        (72, "route"),
        (74, "lab"),
        (79, "in"),
        (81, "out"),
        (82, "vit"),
        (77, "spec"),
        (78, "test"),
    ):
        event = EVENTS[kind]
        text = f"when was the [e1] time that {PATIENT} {with_slot(event.past, event.slot)} [g1]?"
        if kind == "adm":
            text = (
                f"when was the [e1] hospital admission time that {PATIENT} was admitted via {{admission_route}} [g1]?"
            )
        if kind in ("spec", "test"):
            noun = "{culture_name} microbiology test" if kind == "spec" else "{test_name} test"
            text = f"when was {PATIENT}'s [e1] {noun} [g1]?"
        yield when(
            official=number,
            kind=kind,
            text=text,
            said=_when(event_words(kind)),
            named=True,
        )
    yield single(
        official=71,
        family="when together",
        text=f"when was the [e1] time that {PATIENT} was prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",
        said=(
            f"when was {PATIENT} [e1] prescribed both {{drug_name1}} and {{drug_name2}} [w] [g1]?",
            f"[g1], when were {{drug_name1}} and {{drug_name2}} [e1] prescribed [w] to {PATIENT}?",
            f"what was the [adj1] time~( [g1]) that {PATIENT} had prescriptions of {{drug_name1}} and {{drug_name2}} starting [w]?",
            f"[tell] when {PATIENT} was [e1] prescribed {{drug_name1}} together with {{drug_name2}} [w] [g1].",
            f"{PATIENT}~(, [n1]): when did {{drug_name1}} and {{drug_name2}} [e1] start [w]?",
            f"[can] when {PATIENT} was [e1] prescribed {{drug_name1}} plus {{drug_name2}} [w] [g1]?",
            f"[give] the [adj1] time~( [g1]) that {PATIENT} started {{drug_name1}} and {{drug_name2}} [w].",
            f"time at which {PATIENT} was [e1] ordered {{drug_name1}} and {{drug_name2}} [w] [g1]?",
        ),
        sql=_time_of_both,
        kinds=("rx", "rx"),
        slots=("drug_name1", "drug_name2"),
        draw="together",
        grains=grains_of(EVENTS["rx"]),
        withins=("within-same",),
    )
    for number, kind, text, said in (
        (75, "lab", "[sort] value of {lab_name}", "the [sort] {lab_name} value"),
        (84, "vit", "[sort] {vital_name}", "the [sort] {vital_name}"),
    ):
        yield single(
            official=number,
            family="when extreme",
            text=f"when was the [e1] time that {PATIENT} had the {text} [g1]?",
            said=(
                f"when did {PATIENT} [e1] have {said} [g1]?",
                f"at what time was {PATIENT}'s {said.removeprefix('the ')} [g1] measured, the [adj1] time if there are several?",
                f"[g1], when was {said} of {PATIENT} [e1] recorded?",
                f"tell me the [adj1] time that {said} of {PATIENT} was reached [g1].",
                f"{PATIENT}~(, [n1]): when was {said} [e1] measured?",
                f"[can] when {said} of {PATIENT} [g1] was [e1] seen?",
                f"[give] the [adj1] time of {said} of {PATIENT} [g1].",
                f"[adj1] time of {PATIENT}'s {said.removeprefix('the ')} [g1]?",
                f"on what date and time did {PATIENT} [e1] reach {said} [g1]?",
            ),
            sql=_time_of_extreme,
            kind=kind,
        )
    yield single(
        official=83,
        family="when beyond",
        text=f"when was the [e1] time that the {{vital_name}} of {PATIENT} was [comparison] than {{vital_value}} [g1]?",
        said=(
            f"when was the {{vital_name}} of {PATIENT} [e1] [comparison] than {{vital_value}} [g1]?",
            f"at what time was a {{vital_name}} [comparison] than {{vital_value}} [e1] measured for {PATIENT} [g1]?",
            f"[g1], when did {PATIENT} [e1] have a {{vital_name}} [comparison] than {{vital_value}}?",
            f"tell me the [adj1] time that {PATIENT}'s {{vital_name}} was [comparison] than {{vital_value}} [g1].",
            f"{PATIENT}~(, [n1]): when was the {{vital_name}} [e1] [comparison] than {{vital_value}}?",
            f"[can] when {PATIENT} [e1] had a {{vital_name}} [comparison] than {{vital_value}} [g1]?",
            f"[give] the [adj1] time of a {{vital_name}} [comparison] than {{vital_value}} for {PATIENT} [g1].",
            f"[adj1] time that {PATIENT} had a {{vital_name}} [comparison] than {{vital_value}} [g1]?",
        ),
        sql=_time_beyond,
        kind="vit",
        draw="threshold",
    )


def _time(q: Parts) -> str:
    return words(f"select {q.a.time}", rows(q), q.nth(q.a.time))


def _time_of_discharge(q: Parts) -> str:
    ended = where(q.a.inside(), "admissions.dischtime is not null", q.during(q.a.time))
    return words(f"select {q.a.time} from {q.a.table}", ended, q.nth(q.a.time))


def _time_of_both(q: Parts) -> str:
    first, second = (
        bracketed(
            "select prescriptions.subject_id, prescriptions.starttime from prescriptions",
            where(q.a.inside(), name, q.during(q.a.time)),
        )
        for name in (q.a.name, q.b.name)
    )
    return words(
        f"select distinct t1.starttime from {first} as t1 join {second} as t2 on t1.subject_id = t2.subject_id",
        where(q.within("t1.starttime", "t2.starttime")),
        q.nth("t1.starttime"),
    )


def _time_of_extreme(q: Parts) -> str:
    return f"select {q.a.time} {rows(q)} {q.option('sort', q.a.value)}, {q.first_or_last(q.a.time)} limit 1"


def _time_beyond(q: Parts) -> str:
    beyond = f"{q.a.value} {q.option('comparison')} {q.value('vital_value')}"
    conditions = where(q.a.inside(), q.a.name, beyond, q.during(q.a.time))
    return words(f"select {q.a.time} from {q.a.table}", conditions, q.nth(q.a.time))
