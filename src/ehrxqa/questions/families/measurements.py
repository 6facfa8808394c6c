"""Families about measured values: one, the change between two, extremes, sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ehrxqa.questions.events import EVENTS, HEIGHT, WEIGHT
from ehrxqa.questions.families.pieces import PATIENT, grains_of, rows, rows_at_that_time, single
from ehrxqa.questions.program_parts import EventParts, Parts, bracketed, where
from ehrxqa.questions.template import Template

__all__ = ["sum_templates", "value_templates"]


#: Our words for what is measured, where the official ones are not the best.
_OURS: Final = {"value of {lab_name}": "{lab_name} value", "weight": "weight in kg"}


def value_templates() -> Iterator[Template]:
    """Its templates."""
    for number, kind, what, fixed in (
        (9, "body", "weight", WEIGHT),
        (10, "lab", "value of {lab_name}", ""),
        (11, "vit", "{vital_name}", ""),
    ):
        said = _OURS.get(what, what)
        yield single(
            official=number,
            family="change",
            text=f"what is the change in the {what} of {PATIENT} from the [e2] value measured [g2] compared to the "
            "[e1] value measured [g1]?",
            said=(
                f"by how much did the {said} of {PATIENT} change from the [adj1] to the [adj2] measurement [g1]?",
                f"what was {PATIENT}'s [adj2] {said} minus the [adj1] one~(, both measured [g1])?",
                f"subtract {PATIENT}'s [adj1] {said} from the [adj2] one~(, taking measurements [g1]).",
                f"[g1], what was the difference in {PATIENT}'s {said}, the [adj2] measurement minus the [adj1] one?",
                f"{PATIENT}~(, [n1]): [adj2] {said} minus the [adj1] one?",
                f"change in {PATIENT}'s {said} [g1] from the [adj1] to the [adj2] measurement?",
                f"[tell] how much {PATIENT}'s {said} changed from the [adj1] to the [adj2] value~(, both [g1]).",
                f"[can] by how much the {said} of {PATIENT} changed [g1] from the [adj1] to the [adj2] measurement?",
            ),
            sql=lambda q: f"select {_value(q, 2)} - {_value(q, 1)}",
            kind=kind,
            draw="change",
            label=fixed,
            grains=("hosp" if kind != "vit" else "icu",),
            said_at=(
                f"by how much did the {said} of {PATIENT} change from [at1] to [at2]?",
                f"subtract the {said} of {PATIENT} measured at [at1] from the one measured at [at2].",
                f"what was {PATIENT}'s {said} at [at2] minus the one at [at1]?",
                f"{PATIENT}: {said} at [at2] minus {said} at [at1]?",
                f"change in {PATIENT}'s {said} from [at1] to [at2]?",
                f"[tell] how much the {said} of {PATIENT} changed from [at1] to [at2].",
            ),
        )
    for number, kind, what in ((12, "lab", "value of {lab_name}"), (13, "vit", "{vital_name}")):
        said = _OURS.get(what, what)
        yield single(
            official=number,
            family="compare",
            text=f"is the {what} of {PATIENT} [e2] measured [g2] [comparison] than the [e1] value measured [g1]?",
            said=(
                f"was the {said} of {PATIENT} [comparison] at the [adj2] measurement than at the [adj1] one [g1]?",
                f"was {PATIENT}'s [adj2] {said} [comparison] than the [adj1] one~(, both measured [g1])?",
                f"[g1], did {PATIENT} have a [comparison] {said} at the [adj2] measurement than at the [adj1] one?",
                f"comparing two measurements of {PATIENT} [g1], was the [adj2] {said} [comparison] than the [adj1] one?",
                f"{PATIENT}~(, [n1]): [adj2] {said} [comparison] than the [adj1] one?",
                f"[check] whether {PATIENT}'s [adj2] {said} was [comparison] than the [adj1] one~(, both [g1]).",
                f"[can] if the [adj2] {said} of {PATIENT} [g1] was [comparison] than the [adj1] one?",
                f"[tell] whether {PATIENT} had a [comparison] {said} at the [adj2] than at the [adj1] measurement [g1].",
            ),
            sql=lambda q: f"select {_value(q, 2)} {q.option('comparison')} {_value(q, 1)}",
            kind=kind,
            draw="change",
            answer="truth",
            grains=("hosp" if kind == "lab" else "icu",),
            said_at=(
                f"was the {said} of {PATIENT} [comparison] at [at2] than at [at1]?",
                f"was {PATIENT}'s {said} measured at [at2] [comparison] than the one measured at [at1]?",
                f"comparing two measurements of {PATIENT}, was the {said} at [at2] [comparison] than that at [at1]?",
                f"{PATIENT}: {said} at [at2] [comparison] than at [at1]?",
                f"[check] whether {PATIENT}'s {said} at [at2] was [comparison] than at [at1].",
                f"[tell] whether the {said} of {PATIENT} at [at2] was [comparison] than at [at1].",
            ),
        )
    for number, kind, what, said, fixed in (
        (31, "body", "measured height", "height in cm", HEIGHT),
        (32, "body", "measured weight", "weight in kg", WEIGHT),
        (43, "lab", "measured value of a {lab_name} lab test", "{lab_name} value", ""),
        (59, "vit", "measured {vital_name}", "{vital_name}", ""),
    ):
        yield single(
            official=number,
            family="value",
            text=f"what was the [e1] {what} of {PATIENT} [g1]?",
            said=(
                f"what was the [adj1] {said} recorded for {PATIENT} [g1]?",
                f"what was {PATIENT}'s {said} when it was [e1] measured [g1]?",
                f"[tell] the [adj1] {said} of {PATIENT} [g1].",
                f"which {said} did the [adj1] measurement of {PATIENT} [g1] show?",
                f"[adj1] {said} of {PATIENT} [g1]?",
                f"how high was the [adj1] {said} of {PATIENT} [g1]?",
                f"{PATIENT}~(, [n1]): what was the [adj1] {said}?",
                f"[give] the [adj1] {said} of {PATIENT} [g1].",
                f"[can] the [adj1] {said} of {PATIENT} [g1]?",
            ),
            sql=lambda q: f"select {q.a.value} {rows_at_that_time(q)}",
            kind=kind,
            label=fixed,
        )


def sum_templates() -> Iterator[Template]:
    """Its templates."""
    for number, kind, what, said in (
        (45, "lab", "{lab_name} value", "{lab_name} value"),
        (60, "vit", "{vital_name}", "{vital_name}"),
    ):
        yield single(
            official=number,
            family="extreme",
            text=f"what was the [agg_function] {what} of {PATIENT} [g1]?",
            said=(
                f"what <is|was> the [agg_function] {said} measured for {PATIENT} [g1]?",
                f"[tell] {PATIENT}'s [agg_function] {said} [g1].",
                f"over all measurements [g1], what <is|was> the [agg_function] {said} of {PATIENT}?",
                f"find the [agg_function] {said} that {PATIENT} <has had|had> [g1].",
                f"[agg_function] {said} of {PATIENT} [g1]?",
                f"{PATIENT}~(, [n1]): what is the [agg_function] {said}?",
                f"[give] the [agg_function] {said} of {PATIENT} [g1].",
                f"[can] the [agg_function] {said} of {PATIENT} [g1]?",
            ),
            sql=lambda q: f"select {q.option('agg_function')}({q.a.value}) {rows(q)}",
            kind=kind,
        )
    for number, kind, named, what, verb, said in (
        (53, "in", True, "{intake_name} intake", "received", "{intake_name}"),
        (54, "in", False, "intake", "received", "fluid"),
        (56, "out", True, "{output_name} output", "had", "{output_name} output"),
        (57, "out", False, "output", "had", "output"),
    ):
        verbs = "<received|receive>" if kind == "in" else "<had|have>"
        of = f"received by {PATIENT}" if kind == "in" else f"recorded for {PATIENT}"
        yield single(
            official=number,
            family="total",
            text=f"what was the total volume of {what} that {PATIENT} {verb} [g1]?",
            said=(
                f"what <is|was> the total volume, in ml, of {said} {of} [g1]?",
                f"how many ml of {said} in total <has|did> {PATIENT} {verbs} [g1]?",
                f"[g1], how much {said} <has|did> {PATIENT} {verbs} in all, in ml?",
                f"add up all volumes, in ml, of {said} {of} [g1].",
                f"total ml of {said} for {PATIENT} [g1]?",
                f"{PATIENT}~(, [n1]): total {said} in ml?",
                f"[tell] how many ml of {said} {PATIENT} <has|had> in total [g1].",
                f"[can] the total volume in ml of {said} {of} [g1]?",
                f"[give] the total volume of {said}, in ml, {of} [g1].",
            ),
            sql=lambda q: f"select sum({q.a.value}) {rows(q)}",
            kind=kind,
            named=named,
        )
    yield single(
        official=58,
        family="balance",
        text=f"what is the difference between the total volume of intake and output of {PATIENT} [g1]?",
        said=(
            f"what <is|was> the fluid balance of {PATIENT} [g1], total intake minus total output, in ml?",
            f"subtract {PATIENT}'s total output from the total intake, in ml~(, counting only what was recorded [g1]).",
            f"[g1], what <is|was> the difference in ml between the total intake and the total output of {PATIENT}?",
            f"how many ml <is|was> {PATIENT}'s total intake minus the total output [g1]?",
            f"{PATIENT}~(, [n1]): total intake minus total output, in ml?",
            f"net fluid balance (total intake minus total output) of {PATIENT} [g1], in ml?",
            f"[tell] {PATIENT}'s total intake minus total output [g1], in ml.",
            f"[can] how many ml the total intake of {PATIENT} <exceeds|exceeded> the total output by [g1]?",
        ),
        sql=lambda q: f"select {_sum(q, q.a)} - {_sum(q, q.b)}",
        kinds=("in", "out"),
        slots=("", ""),
        grains=grains_of(EVENTS["in"]),
        draw="both",
    )
    yield single(
        official=61,
        family="hospital cost",
        text=f"what is_verb the total hospital cost of {PATIENT} [g1]?",
        said=(
            f"how much <has|did> the hospital care of {PATIENT} cost in total [g1]?",
            f"what <is|was> the sum of all hospital charges of {PATIENT} [g1]?",
            f"[g1], what <do|did> the hospital costs of {PATIENT} add up to?",
            f"add up everything that {PATIENT} <has been|was> charged for hospital care [g1].",
            f"{PATIENT}~(, [n1]): total hospital cost?",
            f"total hospital bill of {PATIENT} [g1]?",
            f"[tell] how much {PATIENT}'s hospital care <has cost|cost> in total [g1].",
            f"[can] the total of all hospital charges to {PATIENT} [g1]?",
            f"[give] {PATIENT}'s total hospital charges [g1].",
        ),
        sql=lambda q: f"select sum(cost.cost) {rows(q)}",
        kind="cost",
        named=False,
    )


def _value(q: Parts, n: int) -> str:
    """The value at the n-th of two times."""
    rows_meant = (q.a.inside(n), q.a.name, q.during(q.a.time, n))
    at = where(*rows_meant, q.at_moment(q.a.time, n))
    time = bracketed(f"select distinct {q.a.time} from {q.a.table}", at, q.nth(q.a.time, n))
    return bracketed(f"select {q.a.value} from {q.a.table}", where(*rows_meant, f"{q.a.time} = {time}"))


def _sum(q: Parts, it: EventParts) -> str:
    return bracketed(f"select sum({it.value}) from {it.table}", where(it.inside(), q.during(it.time)))
