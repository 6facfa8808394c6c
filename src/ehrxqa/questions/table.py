"""Families of questions about tables: what is asked × the kind of event it is asked about.

Each family is one function call per form; the sentence comes from the phrases of the kind. SQL patterns use the
macros of `expand`: `<T>` table, `<c>` its time column, `<in>` the patient's condition, `<nm>` the name, `<g1>` the time
filter on `<c>`, `<e1>` the order of first and last; `<B.…>` the same of the second event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ehrxqa.questions.events import EVENTS, HEIGHT, WEIGHT, EventKind
from ehrxqa.questions.template import Template

__all__ = ["NO_SOURCE", "table_templates"]

#: Official templates of which MIMIC-IV has no data: number → (sentence, what is missing).
NO_SOURCE: Final = {
    21: ("how many [unit_count] have passed since the [e1] time patient {patient_id} stayed in ward {ward_id} on the "
         "current hospital visit?", "ward"),
    29: ("what was the [e1] ward of patient {patient_id} [g1]?", "ward"),
    46: ("what was the name of the allergy that patient {patient_id} had [g1]?", "allergy"),
    47: ("what was the name of the substance that patient {patient_id} was allergic to [g1]?", "allergy"),
    85: ("has_verb patient {patient_id} received a {procedure_name} procedure in other than the current hospital [g1]?",
         "other hospital"),
    98: ("has_verb patient {patient_id} had any allergy [g1]?", "allergy"),
    137: ("count the number of patients who stayed in ward {ward_id} [g1].", "ward"),
}  # fmt: skip

_P = "patient {patient_id}"
_H = "( select admissions.hadm_id from admissions where admissions.age"
_FROM = "from <T> where <in> <nm> <g1>"
_AT = "and <c> = ( select distinct <c> from <T> where <in> <nm> <g1> <e1> )"


def _name(phrase: str, slot: str) -> str:
    return phrase.replace("{}", f"{{{slot}}}")


def _grains(kind: EventKind, *, coarse: bool = False) -> tuple[str, ...]:
    grains = (kind.coarse, kind.grain) if coarse else (kind.grain,)
    return (*dict.fromkeys(grains), kind.visit) if kind.visit else tuple(dict.fromkeys(grains))


def _single(
    number: int, family: str, text: str, said: tuple[str, ...], sql: str, *, kind: str = "", named: bool = True,
    draw: str = "event", answer: str = "value", coarse: bool = False, grains: tuple[str, ...] | None = None, **more: Any,
) -> Template:  # fmt: skip
    event = EVENTS.get(kind)
    if grains is None:
        grains = _grains(event, coarse=coarse) if event is not None and "[g1]" in text else ()
    more.setdefault("kinds", (kind,) if kind else ())
    more.setdefault("slots", (event.slot if event is not None and named else "",) if kind else ())
    return Template(number, family, "table-single", text, said, sql, draw, answer, grains=grains, **more)


def table_templates() -> Iterator[Template]:
    """All table templates that have a source."""
    yield from _without_patient()
    yield from _patient()
    yield from _values()
    yield from _names()
    yield from _drugs()
    yield from _sums()
    yield from _times()
    yield from _yes_no()
    yield from _lists_and_counts()


def _without_patient() -> Iterator[Template]:
    def none(number: int, family: str, text: str, said: tuple[str, ...], sql: str, kind: str, answer: str) -> Template:
        slots = (EVENTS[kind].slot if kind else "",)
        return Template(number, family, "table-none", text, said, sql, "names", answer, (kind,) if kind else (), slots)

    yield none(
        0, "intake method", "what is the intake method of {drug_name}?",
        ("by which route is {drug_name} given?", "how is {drug_name} administered?"),
        "select distinct prescriptions.route from prescriptions where <nm>", "rx", "list",
    )  # fmt: skip
    for number, kind, text, said in (
        (1, "px", "a procedure named {procedure_name}", "the procedure {procedure_name}"),
        (2, "lab", "a {lab_name} lab test", "one {lab_name} lab test"),
        (3, "rx", "a drug named {drug_name}", "one prescription of {drug_name}"),
        (4, "dx", "diagnosing {diagnosis_name}", "a diagnosis of {diagnosis_name}"),
    ):
        yield none(
            number, "cost", f"what is the cost of {text}?",
            (f"how much does {said} cost?", f"how much is charged for {said}?"),
            "select distinct cost.cost from cost where cost.event_type = '<T>' and cost.event_id in "
            "( select <T>.row_id from <T> where <nm> )", kind, "value",
        )  # fmt: skip
    yield Template(
        5, "abbreviation", "table-none", "what does {abbreviation} stand for?",
        ("what is the meaning of the abbreviation {abbreviation}?", "what is {abbreviation} short for?"),
        "select distinct d_items.label from d_items where d_items.abbreviation = '{abbreviation}'", "abbreviation", "value",
    )  # fmt: skip


def _patient() -> Iterator[Template]:
    for number, what, text, said in (
        (6, "gender", "gender", "sex"), (7, "dob", "date of birth", "birth date"),
    ):  # fmt: skip
        yield _single(
            number, "patient", f"what is the {text} of {_P}?",
            (f"what is the {said} of {_P}?", f"tell me the {text} of {_P}."),
            f"select patients.{what} from patients where patients.subject_id = {{patient_id}}", draw="patient",
        )  # fmt: skip
    yield _single(
        8, "length of stay", f"what was the [e1] length of hospital stay of {_P}?",
        (f"how many days did the [e1] completed hospital stay of {_P} last?",
         f"how long was the [e1] hospital stay of {_P}, in days, counting completed stays only?"),
        "select strftime('%J',admissions.dischtime) - strftime('%J',admissions.admittime) from admissions where "
        "admissions.subject_id = {patient_id} and admissions.dischtime is not null [E1 admissions.admittime]",
        kind="dis", named=False,
    )  # fmt: skip
    yield _single(
        65, "length of stay", f"what was the [e1] length of icu stay of {_P}?",
        (f"how many days did the [e1] completed icu stay of {_P} last?",),
        "select strftime('%J',icustays.outtime) - strftime('%J',icustays.intime) from icustays where "
        "icustays.hadm_id in <H> and icustays.outtime is not null [E1 icustays.intime]",
        kind="icu", named=False, draw="finished icu",
    )  # fmt: skip
    for number, column, text, said in (
        (14, "age", "age", "how old <is|was> {p}"),
        (15, "insurance", "name of insurance", "which insurance <does|did> {p} have"),
        (16, "marital_status", "marital status", "what <is|was> the recorded marital status of {p}"),
    ):
        yield _single(
            number, "of a visit", f"what is_verb the {text} of {_P} [g1]?",
            (f"{said.format(p=_P)} [g1]?", f"what <is|was> the {text} of {_P} [g1]?"),
            f"select admissions.{column} from admissions where admissions.subject_id = {{patient_id}} [V1 hosp]",
            kind="adm", named=False, grains=("hosp!",),
        )  # fmt: skip
    yield _single(
        17, "percentile", "what percentile is the value of {lab_value} in a {lab_name} lab test among patients of the same "
        f"age as {_P} [g1]?",
        (f"among patients as old as {_P} <is|was> [g1], at which percentile is a {{lab_name}} value of {{lab_value}}?",
         f"what is the percentile rank of {{lab_value}} as a {{lab_name}} value among patients of the same age as {_P} [g1]?"),
        "select distinct t1.c1 from ( select labevents.valuenum, percent_rank() over ( order by labevents.valuenum ) as c1 "
        f"from labevents where <nm> and labevents.hadm_id in {_H} = ( select admissions.age from admissions where "
        "admissions.subject_id = {patient_id} [V1 hosp] ) ) ) as t1 where t1.valuenum = {lab_value}",
        kind="lab", grains=("hosp!",), draw="measured",
    )  # fmt: skip
    elapsed = "select [unit_count]( strftime('%J',current_time) - strftime('%J',<c>) )"
    for number, kind, place, rest in (
        (18, "adm", "hospital", "from admissions where admissions.subject_id = {patient_id} and admissions.dischtime is null"),
        (19, "icu", "icu", "from icustays where icustays.hadm_id in ( select admissions.hadm_id from admissions where "
         "admissions.subject_id = {patient_id} ) and icustays.outtime is null"),
    ):  # fmt: skip
        visit = "hosp" if place == "hospital" else "icu"
        yield _single(
            number, "since admission", f"how many [unit_count] have passed since {_P} was admitted to the {place} currently?",
            (f"for how many [unit_count] has {_P} been in the {place} on the current stay?",
             f"how many [unit_count] ago was {_P} admitted to the {place} for the current stay?"),
            f"{elapsed} {rest}", kind=kind, named=False, fixed={"g1": f"rel-{visit}-cur"},
        )  # fmt: skip
    for number, kind, past, said in (
        (20, "unit", "", ""), (22, "px", "received a procedure", "underwent a procedure"),
        (23, "px", "", "underwent the procedure {procedure_name}"), (24, "dx", "", ""), (25, "rx", "", ""), (26, "lab", "", ""),
        (27, "in", "", ""),
    ):  # fmt: skip
        event = EVENTS[kind]
        phrase = past or _name(event.past, event.slot)
        stay = "icu" if kind == "in" else "hospital"
        yield _single(
            number, "since", f"how many [unit_count] have passed since the [e1] time {_P} {phrase} on the current {stay} visit?",
            (f"how many [unit_count] is it since {_P} [e1] {said or phrase} during the current {stay} stay?".replace(
                " was ", " was ") if not (said or phrase).startswith("was ") else
             f"how many [unit_count] is it since {_P} was [e1] {phrase.removeprefix('was ')} during the current {stay} stay?",
             f"counting from the [e1] time {_P} {said or phrase} during the current {stay} stay, how many [unit_count] "
             "have passed?"),
            f"{elapsed} from <T> where <in> <nm> <e1>", kind=kind, named=not past,
            fixed={"g1": f"rel-{'icu' if kind == 'in' else 'hosp'}-cur"},
        )  # fmt: skip


def _values() -> Iterator[Template]:
    at = "<c> = ( select distinct <c> from <T> where <in{n}> <nm> <g{n}> <e{n}> )"
    one = "( select <v> from <T> where <in{n}> <nm> <g{n}> and " + at + " )"
    value = {n: one.replace("{n}", n) for n in "12"}
    for number, kind, what, fixed in (
        (9, "body", "weight", WEIGHT), (10, "lab", "value of {lab_name}", ""), (11, "vit", "{vital_name}", ""),
    ):  # fmt: skip
        yield _single(
            number, "change", f"what is the change in the {what} of {_P} from the [e2] value measured [g2] compared to the "
            "[e1] value measured [g1]?",
            (f"by how much did the {what} of {_P} change between the [e1] measurement [g1] and the [e2] measurement [g2]?",
             f"subtract the [e1] {what} of {_P} measured [g1] from the [e2] one measured [g2]."),
            f"select {value['2']} - {value['1']}", kind=kind, draw="change", label=fixed,
            grains=("hosp" if kind != "vit" else "icu",),
        )  # fmt: skip
    for number, kind, what in ((12, "lab", "value of {lab_name}"), (13, "vit", "{vital_name}")):
        yield _single(
            number, "compare", f"is the {what} of {_P} [e2] measured [g2] [comparison] than the [e1] value measured [g1]?",
            (f"was the {what} of {_P} [comparison] at the [e2] measurement [g2] than at the [e1] measurement [g1]?",
             f"is the [e2] {what} of {_P} measured [g2] [comparison] than the [e1] one measured [g1]?"),
            f"select {value['2']} [comparison] {value['1']}", kind=kind, draw="change", answer="truth",
            grains=("hosp" if kind == "lab" else "icu",),
        )  # fmt: skip
    for number, kind, what, said, fixed in (
        (31, "body", "measured height", "height", HEIGHT), (32, "body", "measured weight", "weight", WEIGHT),
        (43, "lab", "measured value of a {lab_name} lab test", "{lab_name} value", ""),
        (59, "vit", "measured {vital_name}", "{vital_name}", ""),
    ):  # fmt: skip
        yield _single(
            number, "value", f"what was the [e1] {what} of {_P} [g1]?",
            (f"what was the [e1] recorded {said} of {_P} [g1]?", f"which {said} was measured [e1] for {_P} [g1]?",
             f"tell me the [e1] {said} that was measured for {_P} [g1]."),
            f"select <v> {_FROM} {_AT}", kind=kind, label=fixed,
        )  # fmt: skip


def _names() -> Iterator[Template]:
    yield _single(
        28, "of a stay", f"what was the [e1] hospital admission type of {_P} [g1]?",
        (f"what was the type of the [e1] hospital admission of {_P} [g1]?",
         f"as what type of admission was {_P} [e1] admitted to the hospital [g1]?"),
        "select admissions.admission_type from admissions where <in> <g1> <e1>", kind="adm", named=False,
    )  # fmt: skip
    yield _single(
        30, "of a stay", f"what was the [e1] careunit of {_P} [g1]?",
        (f"which care unit was {_P} in [e1] [g1]?", f"what was the [e1] care unit in which {_P} stayed [g1]?"),
        "select transfers.careunit from transfers where <in> and transfers.careunit is not null <g1> <e1>",
        kind="unit", named=False,
    )  # fmt: skip
    for number, kind, named, noun, verb, said in (
        (33, "dx", False, "diagnosis", "[e1] received", "which diagnoses did {p} receive [e1] [g1]?"),
        (34, "px", False, "procedure", "[e1] received", "which procedures did {p} undergo [e1] [g1]?"),
        (35, "route", True, "drug", "was [e1] prescribed via {drug_route} route",
         "which drugs to be given by route {drug_route} was {p} prescribed [e1] [g1]?"),
        (36, "rx", False, "drug", "was [e1] prescribed", "which drugs was {p} prescribed [e1] [g1]?"),
        (44, "lab", False, "lab test", "[e1] received", "which lab tests did {p} have [e1] [g1]?"),
        (50, "spec", False, "specimen", "was [e1] tested", "which specimens of {p} were tested [e1] [g1]?"),
        (51, "test", False, "microbiology test", "[e1] received", "which microbiology tests did {p} have [e1] [g1]?"),
        (52, "in", False, "intake", "[e1] had", "which intakes did {p} have [e1] [g1]?"),
        (55, "out", False, "output", "[e1] had", "which outputs did {p} have [e1] [g1]?"),
    ):  # fmt: skip
        event = EVENTS[kind]
        inner = f"{_FROM} {_AT}"
        sql = f"select distinct <named> {inner}"
        if event.dictionary:
            sql = f"select distinct <named> from <D> where <D>.<k> in ( select <T>.<k> {inner} )"
        yield _single(
            number, "name", f"what was the name of the {noun} that {_P} {verb} [g1]?",
            (said.format(p=_P, drug_route="{drug_route}"), f"name the {noun} that {_P} {verb} [g1]."),
            sql, kind=kind, named=named, answer="list",
        )  # fmt: skip
    organism = "select distinct microbiologyevents.org_name " + _FROM.replace(
        "<g1>", "and <T>.org_name is not null <g1>"
    )
    organism += " and <c> = ( select distinct <c> from <T> where <in> <nm> and <T>.org_name is not null <g1> <e1> )"
    for number, kind, what, said in (
        (48, "spec", "{culture_name} microbiology test", "{culture_name} culture with growth"),
        (49, "test", "{test_name} test", "{test_name} test with growth"),
    ):
        yield _single(
            number, "organism", f"what was the organism name found in the [e1] {what} of {_P} [g1]?",
            (f"which organisms grew in the [e1] {said} of {_P} [g1]?",
             f"name the organisms that were found in the [e1] {said} of {_P} [g1]."),
            organism, kind=kind, answer="list", draw="organism",
        )  # fmt: skip


def _drugs() -> Iterator[Template]:
    after = (
        "select distinct t2.drug from ( select <T>.subject_id, <c>, <T>.hadm_id from <T> where <in> <nm> <g1> ) as t1 join "
        "( select prescriptions.subject_id, prescriptions.drug, prescriptions.starttime, prescriptions.hadm_id from "
        "prescriptions where prescriptions.hadm_id in <H> [G1 prescriptions.starttime] ) as t2 on t1.subject_id = "
        "t2.subject_id where t1.<t> < t2.starttime [W t1.<t> t2.starttime]"
    )
    for number, kind, said in (
        (37, "dx", "being diagnosed with {diagnosis_name}"), (38, "px", "the procedure {procedure_name}"),
    ):  # fmt: skip
        event = EVENTS[kind]
        yield _single(
            number, "drug after", f"what was the name of the drug that {_P} was prescribed [w] after "
            f"{_name(event.after, event.slot)} [g1]?",
            (f"which drugs was {_P} prescribed [w] after {said} [g1]?",
             f"list the drugs that were prescribed to {_P} [w] after {said} [g1]."),
            after, kinds=(kind, "rx"), slots=(event.slot, ""), answer="list", draw="pair", grains=("year", "hosp"),
            withins=("within-n_day", "within-day", "within-hosp"),
        )  # fmt: skip
    yield _single(
        39, "dose", f"what was the dose of {{drug_name}} that {_P} was [e1] prescribed [g1]?",
        (f"what dose of {{drug_name}} was {_P} [e1] prescribed [g1]?",
         f"how much {{drug_name}} did the [e1] prescription of {_P} say [g1]?"),
        f"select <v> {_FROM} {_AT}", kind="rx",
    )  # fmt: skip
    yield _single(
        40, "total", f"what was the total amount of dose of {{drug_name}} that {_P} were prescribed [g1]?",
        (f"what is the total dose of {{drug_name}} that {_P} was prescribed [g1]?",
         f"add up all doses of {{drug_name}} that were prescribed to {_P} [g1]."),
        f"select sum(<v>) {_FROM}", kind="rx",
    )  # fmt: skip
    times = "from ( select <T>.<k>, count( <c> ) as c1 " + _FROM + " group by <T>.<k> ) as t1 where t1.c1 [n_times]"
    yield _single(
        41, "n times", f"what was the name of the drug that {_P} were prescribed [n_times] [g1]?",
        (f"which drugs was {_P} prescribed [n_times] [g1]?", f"list the drugs that {_P} was prescribed [n_times] [g1]."),
        f"select t1.drug {times}", kind="rx", named=False, answer="list",
    )  # fmt: skip
    yield _single(
        90, "n times", f"what was the name of the procedure that {_P} received [n_times] [g1]?",
        (f"which procedures did {_P} undergo [n_times] [g1]?", f"list the procedures that {_P} received [n_times] [g1]."),
        f"select distinct <named> from <D> where <D>.<k> in ( select t1.icd_code {times} )", kind="px", named=False,
        answer="list", draw="repeated",
    )  # fmt: skip
    yield _single(
        42, "new drugs", f"what is the new prescription of {_P} [g2] compared to the prescription [g1]?",
        (f"which drugs were newly prescribed to {_P} [g2], compared to [g1]?",
         f"which drugs prescribed to {_P} [g2] were not prescribed [g1]?"),
        "select prescriptions.drug from prescriptions where <in> [G2 prescriptions.starttime] except select "
        "prescriptions.drug from prescriptions where <in> [G1 prescriptions.starttime]",
        kind="rx", named=False, answer="list", fixed={"g1": "rel-day-last", "g2": "rel-day-this"}, draw="today",
    )  # fmt: skip


def _sums() -> Iterator[Template]:
    for number, kind, what, said in (
        (45, "lab", "{lab_name} value", "{lab_name} value"), (60, "vit", "{vital_name}", "{vital_name}"),
    ):  # fmt: skip
        yield _single(
            number, "extreme", f"what was the [agg_function] {what} of {_P} [g1]?",
            (f"what <is|was> the [agg_function] {said} measured for {_P} [g1]?",
             f"tell me the [agg_function] {said} of {_P} [g1]."),
            f"select [agg_function](<v>) {_FROM}", kind=kind,
        )  # fmt: skip
    for number, kind, named, what, verb, said in (
        (53, "in", True, "{intake_name} intake", "received", "{intake_name}"), (54, "in", False, "intake", "received", "fluid"),
        (56, "out", True, "{output_name} output", "had", "{output_name} output"), (57, "out", False, "output", "had", "output"),
    ):  # fmt: skip
        own = f"received by {_P}" if kind == "in" else f"of {_P}"
        yield _single(
            number, "total", f"what was the total volume of {what} that {_P} {verb} [g1]?",
            (f"what <is|was> the total volume of {said} {own} [g1], in ml?", f"how many ml of {said} in total "
             + (f"<has|did> {_P} <received|receive> [g1]?" if kind == "in" else f"<has|did> {_P} <had|have> [g1]?")),
            f"select sum(<v>) {_FROM}", kind=kind, named=named,
        )  # fmt: skip
    yield _single(
        58, "balance", f"what is the difference between the total volume of intake and output of {_P} [g1]?",
        (f"by how many ml <does|did> the total intake of {_P} exceed the total output [g1]?",
         f"what <is|was> the fluid balance of {_P} [g1], total intake minus total output?"),
        "select ( select sum(inputevents.amount) from inputevents where inputevents.stay_id in <S> "
        "[G1 inputevents.starttime] ) - ( select sum(outputevents.value) from outputevents where outputevents.stay_id "
        "in <S> [G1 outputevents.charttime] )", kind="in", named=False, draw="both",
    )  # fmt: skip
    yield _single(
        61, "hospital cost", f"what is_verb the total hospital cost of {_P} [g1]?",
        (f"how much <does|did> the hospital care of {_P} cost in total [g1]?",
         f"what <is|was> the sum of all hospital charges of {_P} [g1]?"),
        "select sum(cost.cost) from cost where cost.hadm_id in <H> [G1 cost.chargetime]", kind="cost", named=False,
    )  # fmt: skip


def _times() -> Iterator[Template]:
    def when(number: int, kind: str, text: str, said: tuple[str, ...], *, named: bool, extra: str = "") -> Template:
        return _single(
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
            number, kind, f"when was the [e1] {noun} of {_P} [g1]?",
            (f"when {said.format(p=_P)} [g1]?", f"at what time {said.format(p=_P)} [g1]?"),
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
        sentence = f"{said} [g1]?".replace("{p}", _P)
        text = f"when was the [e1] time that {_P} {_name(event.past, event.slot)} [g1]?"
        if kind == "adm":
            text = f"when was the [e1] hospital admission time that {_P} was admitted via {{admission_route}} [g1]?"
        if kind in ("spec", "test"):
            noun = "{culture_name} microbiology test" if kind == "spec" else "{test_name} test"
            text = f"when was {_P}'s [e1] {noun} [g1]?"
        yield when(number, kind, text, (f"when {sentence}", f"at what time {sentence}"), named=True)
    yield _single(
        71, "when together", f"when was the [e1] time that {_P} was prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",
        (f"when was {_P} [e1] prescribed {{drug_name1}} and {{drug_name2}} [w] [g1]?",),
        "select distinct t1.starttime from ( select prescriptions.subject_id, prescriptions.starttime from prescriptions "
        "where <in> <nm> <g1> ) as t1 join ( select prescriptions.subject_id, prescriptions.starttime from prescriptions "
        "where <in> <B.nm> <g1> ) as t2 on t1.subject_id = t2.subject_id where [W t1.starttime t2.starttime] "
        "[E1 t1.starttime]",
        kinds=("rx", "rx"), slots=("drug_name1", "drug_name2"), draw="together", grains=_grains(EVENTS["rx"]),
        withins=("within-same",),
    )  # fmt: skip
    for number, kind, text, said in (
        (75, "lab", "[sort] value of {lab_name}", "the [sort] {lab_name} value"),
        (84, "vit", "[sort] {vital_name}", "the [sort] {vital_name}"),
    ):  # fmt: skip
        yield _single(
            number, "when extreme", f"when was the [e1] time that {_P} had the {text} [g1]?",
            (f"when was {said} of {_P} [g1] measured for the [e1] time?",
             f"at what time did {_P} [e1] have {said} [g1]?"),
            f"select <c> {_FROM} [sort <v>], [order <c>] limit 1", kind=kind,
        )  # fmt: skip
    yield _single(
        83, "when beyond", f"when was the [e1] time that the {{vital_name}} of {_P} was [comparison] than {{vital_value}} [g1]?",
        (f"when was the {{vital_name}} of {_P} [e1] [comparison] than {{vital_value}} [g1]?",
         f"at what time was a {{vital_name}} [comparison] than {{vital_value}} [e1] measured for {_P} [g1]?"),
        "select <c> from <T> where <in> <nm> and <v> [comparison] {vital_value} <g1> <e1>", kind="vit", draw="threshold",
    )  # fmt: skip


def _yes_no() -> Iterator[Template]:
    count = f"select count(*) > 0 {_FROM}"

    def has(
        number: int, kind: str, perfect: str, did: tuple[str, ...], *, named: bool, sql: str = count, **more: Any
    ) -> Template:
        return _single(
            number, "has", f"has_verb {_P} {perfect} [g1]?", tuple(f"{sentence} [g1]?" for sentence in did), sql, kind=kind,
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
        did = _name(event.did, event.slot)
        yield has(
            number, kind, _name(event.perfect, event.slot), (did, f"is there any record that {_tail(did)}"), named=True
        )
    yield has(
        87, "adm", "been to an emergency room",
        (f"<has|was> {_P} <been |>admitted through an emergency room", f"<has|did> {_P} <come|come> through an emergency room"),
        named=False, sql="select count(*) > 0 from admissions where <in> and admissions.admission_location = 'emergency room' <g1>",
    )  # fmt: skip
    yield has(
        93, "rx", "been prescribed {drug_name1}, {drug_name2}, or {drug_name3}",
        (f"<has|was> {_P} <been |>prescribed any of {{drug_name1}}, {{drug_name2}} and {{drug_name3}}",
         f"<has|was> {_P} <been |>prescribed {{drug_name1}}, {{drug_name2}} or {{drug_name3}}"), named=False,
        sql="select count(*) > 0 from prescriptions where <in> and prescriptions.drug in ( '{drug_name1}', '{drug_name2}', "
        "'{drug_name3}' ) <g1>", draw="three",
    )  # fmt: skip
    for number, kind, what, said in (
        (102, "spec", "{culture_name} microbiology test", "{culture_name} culture"),
        (103, "test", "{test_name} test", "{test_name} test"),
    ):
        yield _single(
            number, "has organism", f"has_verb there been any organism found in the [e1] {what} of {_P} [g1]?",
            (f"did any organism grow in the [e1] {said} of {_P} [g1]?",
             f"was an organism found in the [e1] {said} of {_P} [g1]?"),
            f"select count(*) > 0 {_FROM} {_AT} and <T>.org_name is not null", kind=kind, answer="truth", coarse=True,
        )  # fmt: skip
    yield _single(
        106, "ever beyond", f"has_verb the {{vital_name}} of {_P} been ever [comparison] than {{vital_value}} [g1]?",
        (f"<has|was> the {{vital_name}} of {_P} <ever been|ever> [comparison] than {{vital_value}} [g1]?",
         f"is there any {{vital_name}} of {_P} [comparison] than {{vital_value}} [g1]?"),
        "select count(*) > 0 from <T> where <in> <nm> and <v> [comparison] {vital_value} <g1>", kind="vit", draw="threshold",
        answer="truth", coarse=True,
    )  # fmt: skip
    yield _single(
        107, "normal", f"has_verb the {{vital_name}} of {_P} been normal [g1]?",
        (f"<has|was> the {{vital_name}} of {_P} <been |>within the normal range at least once [g1]?",
         f"is there any normal {{vital_name}} value of {_P} [g1]?"),
        "select count(*) > 0 from <T> where <in> <nm> and <v> between <range>_lower and <range>_upper <g1>",
        kind="vit", draw="normal", answer="truth", coarse=True,
    )  # fmt: skip


def _tail(did: str) -> str:
    """A yes/no question as a clause: “⟨has|was⟩ patient 1 ⟨been |⟩prescribed x” → “patient 1 ⟨has been|was⟩ prescribed x”."""
    first, rest = did.split(f" {_P} ", 1)
    verb, rest = rest.split(">", 1)
    going, over = verb.removeprefix("<").split("|")
    if first == "<has|was>":
        return f"{_P} <has {going.strip()}|was> {rest.strip()}"
    return (
        f"{_P} <has {going}|{ {'undergo': 'underwent', 'have': 'had'}[over] }>".replace("{ ", "").replace(" }", "")
        + rest
    )


def _lists_and_counts() -> Iterator[Template]:
    yield _single(
        108, "list visits", f"list the hospital admission time of {_P} [g1].",
        (f"list all times at which {_P} was admitted to the hospital [g1].", f"when was {_P} admitted to the hospital [g1]? "
         "list every time."),
        "select admissions.admittime from admissions where <in> <g1>", kind="adm", named=False, answer="list",
    )  # fmt: skip
    for number, kind, what, said, fixed in (
        (109, "lab", "{lab_name} lab value of {p}", "{lab_name} value of {p}", ""), (110, "body", "weight of {p}", "", WEIGHT),
        (111, "in", "volume of {intake_name} intake that {p} received", "", ""),
        (112, "out", "volume of {output_name} output that {p} had", "", ""), (113, "vit", "{vital_name} of {p}", "", ""),
    ):  # fmt: skip
        body = (said or what).replace("{p}", _P)
        yield _single(
            number, "series", f"list the [unit_average] [agg_function] {what.replace('{p}', _P)} [g1].",
            (f"what <are|were> the [unit_average] [agg_function]s of the {body} [g1]?".replace("[agg_function]s", "[agg_function] values"),
             f"give the [unit_average] [agg_function] {body} [g1], in order of time."),
            f"select [agg_function](<v>) {_FROM} [unit_average <c>]", kind=kind, label=fixed, answer="series", coarse=True,
        )  # fmt: skip
    for number, kind, what, column in (
        (114, "adm", "hospital", "admissions.hadm_id"), (115, "icu", "icu", "icustays.stay_id"),
    ):  # fmt: skip
        yield _single(
            number, "count visits", f"count the number of {what} visits of {_P} [g1].",
            (f"how many {what} stays <has|did> {_P} <had|have> [g1]?", f"how often <has|was> {_P} <been |>admitted to the {what} [g1]?"),
            f"select count( distinct {column} ) from <T> where <in> <g1>", kind=kind, named=False, answer="count",
            grains=("year",),
        )  # fmt: skip
    yield _single(
        117, "count", f"count the number of drugs {_P} were prescribed [g1].",
        (f"how many different drugs <has|was> {_P} <been |>prescribed [g1]?",),
        f"select count( distinct <T>.drug ) {_FROM}", kind="rx", named=False, answer="count", coarse=True,
    )  # fmt: skip
    for number, kind, said in (
        (116, "px", "<has|did> {p} <undergone|undergo> the procedure {procedure_name}"),
        (118, "rx", "<has|was> {p} <been |>prescribed {drug_name}"), (119, "lab", "<has|did> {p} <had|have> a {lab_name} lab test"),
        (120, "in", "<has|did> {p} <had|have> an intake of {intake_name}"),
        (121, "out", "<has|did> {p} <had|have> a {output_name} output"),
    ):  # fmt: skip
        event = EVENTS[kind]
        asked = said.replace("{p}", _P)
        yield _single(
            number, "count", f"count the number of times that {_P} {_name(event.were, event.slot)} [g1].",
            (f"how many times {asked} [g1]?", f"how often {asked} [g1]?"),
            f"select count(*) {_FROM}", kind=kind, answer="count", coarse=True,
        )  # fmt: skip
