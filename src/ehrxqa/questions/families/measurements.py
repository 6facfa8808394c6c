"""Families about measured values: one, the change between two, extremes, sums."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import HEIGHT, WEIGHT
from ehrxqa.questions.families.pieces import AT_THAT_TIME, PATIENT, ROWS, single
from ehrxqa.questions.template import Template

__all__ = ["sum_templates", "value_templates"]


def value_templates() -> Iterator[Template]:
    """Its templates."""
    at = "<c> = ( select distinct <c> from <T> where <in{n}> <nm> <g{n}> <e{n}> )"
    one = "( select <v> from <T> where <in{n}> <nm> <g{n}> and " + at + " )"
    value = {n: one.replace("{n}", n) for n in "12"}
    for number, kind, what, fixed in (
        (9, "body", "weight", WEIGHT), (10, "lab", "value of {lab_name}", ""), (11, "vit", "{vital_name}", ""),
    ):  # fmt: skip
        yield single(
            number, "change", f"what is the change in the {what} of {PATIENT} from the [e2] value measured [g2] compared to the "
            "[e1] value measured [g1]?",
            (f"by how much did the {what} of {PATIENT} change between the [e1] measurement [g1] and the [e2] measurement [g2]?",
             f"subtract the [e1] {what} of {PATIENT} measured [g1] from the [e2] one measured [g2]."),
            f"select {value['2']} - {value['1']}", kind=kind, draw="change", label=fixed,
            grains=("hosp" if kind != "vit" else "icu",),
        )  # fmt: skip
    for number, kind, what in ((12, "lab", "value of {lab_name}"), (13, "vit", "{vital_name}")):
        yield single(
            number, "compare", f"is the {what} of {PATIENT} [e2] measured [g2] [comparison] than the [e1] value measured [g1]?",
            (f"was the {what} of {PATIENT} [comparison] at the [e2] measurement [g2] than at the [e1] measurement [g1]?",
             f"is the [e2] {what} of {PATIENT} measured [g2] [comparison] than the [e1] one measured [g1]?"),
            f"select {value['2']} [comparison] {value['1']}", kind=kind, draw="change", answer="truth",
            grains=("hosp" if kind == "lab" else "icu",),
        )  # fmt: skip
    for number, kind, what, said, fixed in (
        (31, "body", "measured height", "height", HEIGHT), (32, "body", "measured weight", "weight", WEIGHT),
        (43, "lab", "measured value of a {lab_name} lab test", "{lab_name} value", ""),
        (59, "vit", "measured {vital_name}", "{vital_name}", ""),
    ):  # fmt: skip
        yield single(
            number, "value", f"what was the [e1] {what} of {PATIENT} [g1]?",
            (f"what was the [e1] recorded {said} of {PATIENT} [g1]?", f"which {said} was measured [e1] for {PATIENT} [g1]?",
             f"tell me the [e1] {said} that was measured for {PATIENT} [g1]."),
            f"select <v> {ROWS} {AT_THAT_TIME}", kind=kind, label=fixed,
        )  # fmt: skip


def sum_templates() -> Iterator[Template]:
    """Its templates."""
    for number, kind, what, said in (
        (45, "lab", "{lab_name} value", "{lab_name} value"), (60, "vit", "{vital_name}", "{vital_name}"),
    ):  # fmt: skip
        yield single(
            number, "extreme", f"what was the [agg_function] {what} of {PATIENT} [g1]?",
            (f"what <is|was> the [agg_function] {said} measured for {PATIENT} [g1]?",
             f"tell me the [agg_function] {said} of {PATIENT} [g1]."),
            f"select [agg_function](<v>) {ROWS}", kind=kind,
        )  # fmt: skip
    for number, kind, named, what, verb, said in (
        (53, "in", True, "{intake_name} intake", "received", "{intake_name}"), (54, "in", False, "intake", "received", "fluid"),
        (56, "out", True, "{output_name} output", "had", "{output_name} output"), (57, "out", False, "output", "had", "output"),
    ):  # fmt: skip
        own = f"received by {PATIENT}" if kind == "in" else f"of {PATIENT}"
        yield single(
            number, "total", f"what was the total volume of {what} that {PATIENT} {verb} [g1]?",
            (f"what <is|was> the total volume of {said} {own} [g1], in ml?", f"how many ml of {said} in total "
             + (f"<has|did> {PATIENT} <received|receive> [g1]?" if kind == "in" else f"<has|did> {PATIENT} <had|have> [g1]?")),
            f"select sum(<v>) {ROWS}", kind=kind, named=named,
        )  # fmt: skip
    yield single(
        58, "balance", f"what is the difference between the total volume of intake and output of {PATIENT} [g1]?",
        (f"by how many ml <does|did> the total intake of {PATIENT} exceed the total output [g1]?",
         f"what <is|was> the fluid balance of {PATIENT} [g1], total intake minus total output?"),
        "select ( select sum(inputevents.amount) from inputevents where inputevents.stay_id in <S> "
        "[G1 inputevents.starttime] ) - ( select sum(outputevents.value) from outputevents where outputevents.stay_id "
        "in <S> [G1 outputevents.charttime] )", kind="in", named=False, draw="both",
    )  # fmt: skip
    yield single(
        61, "hospital cost", f"what is_verb the total hospital cost of {PATIENT} [g1]?",
        (f"how much <does|did> the hospital care of {PATIENT} cost in total [g1]?",
         f"what <is|was> the sum of all hospital charges of {PATIENT} [g1]?"),
        "select sum(cost.cost) from cost where cost.hadm_id in <H> [G1 cost.chargetime]", kind="cost", named=False,
    )  # fmt: skip
