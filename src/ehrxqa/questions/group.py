"""Families of questions about groups of patients: counts, costs, survival, and what is most frequent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.template import Template

__all__ = ["group_templates"]

_WITHIN: Final = ("within-n_month", "within-month", "within-hosp")
_AGED: Final = (
    "<T>.hadm_id in ( select admissions.hadm_id from admissions where admissions.age is not null [age_group] )"
)


def _group(
    number: int, family: str, text: str, said: tuple[str, ...], sql: str, *, kinds: tuple[str, ...] = (),
    slots: tuple[str, ...] | None = None, draw: str = "group", answer: str = "count", grains: tuple[str, ...] = ("year",),
    **more: Any,
) -> Template:  # fmt: skip
    if slots is None:
        slots = tuple(EVENTS[kind].slot for kind in kinds)
    if "[g1]" not in text:
        grains = ()
    return Template(number, family, "table-group", text, said, sql, draw, answer, kinds, slots, grains, **more)


def group_templates() -> Iterator[Template]:
    """All templates about groups of patients that have a source."""
    yield from _current()
    yield from _survival()
    yield from _costs()
    yield from _patients()
    yield from _after()
    yield from _top()
    yield from _top_after()


def _current() -> Iterator[Template]:
    for number, aged, said in ((122, "", ""), (123, " aged [age_group]", " [age_group]")):
        who = said if not aged else " aged [age_group]"
        yield _group(
            number, "current", f"count the number of current patients{aged}.",
            (f"how many patients{who} are in the hospital now?", f"how many patients{who} are currently admitted?"),
            "select count( distinct admissions.subject_id ) from admissions where admissions.dischtime is null"
            + (" [age_group]" if aged else ""), draw="nothing", fixed={"g1": "rel-hosp-cur"},
        )  # fmt: skip


def _survival() -> Iterator[Template]:
    first = (
        "select admissions.subject_id, diagnoses_icd.icd_code, diagnoses_icd.charttime from diagnoses_icd join admissions on "
        "diagnoses_icd.hadm_id = admissions.hadm_id where {nm} strftime('%J',current_time) - "
        "strftime('%J',diagnoses_icd.charttime) >= [n_survival_period] group by admissions.subject_id{by} having "
        "min(diagnoses_icd.charttime) = diagnoses_icd.charttime"
    )
    dead = "( case when strftime('%J',patients.dod) - strftime('%J',{t}.charttime) < [n_survival_period] then {yes} else {no} end )"
    years = tuple(f"{word} year" for word in ("one", "two", "three", "four"))
    of_one = first.format(nm="<A.nm> and", by="")
    yield _group(
        124, "survival", "what is the [n_survival_period] survival rate of patients diagnosed with {diagnosis_name}?",
        ("what share of patients diagnosed with {diagnosis_name} survived for the [n_survival_period] survival period?",
         "how likely are patients diagnosed with {diagnosis_name} to survive, by the [n_survival_period] survival rate?"),
        f"select avg(c1) from ( select {dead.format(t='t1', yes=0, no=1)} as c1 from ( {of_one} ) as t1 join patients on "
        "t1.subject_id = patients.subject_id )", kinds=("dx",), answer="value", options={"n_survival_period": years},
    )  # fmt: skip
    yield _group(
        125, "survival", "what is the [n_survival_period] survival rate of patients who were prescribed {drug_name} after "
        "having been diagnosed with {diagnosis_name}?",
        ("what share of patients who got {drug_name} after being diagnosed with {diagnosis_name} survived for the "
         "[n_survival_period] survival period?",),
        f"select avg(c1) from ( select {dead.format(t='t1', yes=0, no=1)} as c1 from ( {of_one} ) as t1 join patients on "
        "t1.subject_id = patients.subject_id where t1.subject_id in ( select t2.subject_id from prescriptions as t2 where "
        "t2.drug = '{drug_name}' and t2.subject_id = t1.subject_id and t1.charttime < t2.starttime ) )",
        kinds=("dx", "rx"), draw="group pair", answer="value", options={"n_survival_period": years},
    )  # fmt: skip
    per_code = first.format(nm="", by=", diagnoses_icd.icd_code")
    yield _group(
        126, "mortality", "what are the top [n_rank] diagnoses that have the highest [n_survival_period] mortality rate?",
        ("which [n_rank] diagnoses have the highest [n_survival_period] mortality rates?",),
        "select d_icd_diagnoses.long_title from d_icd_diagnoses where d_icd_diagnoses.icd_code in ( select t4.icd_code from "
        "( select t3.icd_code, dense_rank() over ( order by avg(t3.c1) desc ) as c2 from ( select t2.icd_code, "
        f"{dead.format(t='t2', yes=1, no=0)} as c1 from ( {per_code} ) as t2 join patients on t2.subject_id = "
        "patients.subject_id ) as t3 group by t3.icd_code ) as t4 where t4.c2 <= [n_rank] )", draw="nothing", answer="top",
        options={"n_survival_period": years},
    )  # fmt: skip


def _costs() -> Iterator[Template]:
    for number, kind, what, said in (
        (127, "px", "a procedure named {procedure_name}", "the procedure {procedure_name}"),
        (128, "lab", "a {lab_name} lab test", "a {lab_name} lab test"),
        (129, "rx", "a drug named {drug_name}", "the drug {drug_name}"),
        (130, "dx", "a diagnosis named {diagnosis_name}", "the diagnosis {diagnosis_name}"),
    ):
        yield _group(
            number, "cost of visits", f"what is_verb the [agg_function] total hospital cost that involves {what} [g1]?",
            (f"what <is|was> the [agg_function] total cost of hospital stays with {said} [g1]?",
             f"how much is charged in total for a hospital stay with {said} [g1], taking the [agg_function] over all stays?"),
            "select [agg_function](t1.c1) from ( select sum(cost.cost) as c1 from cost where cost.hadm_id in ( select "
            "<T>.hadm_id from <T> where <nm> ) [G1 cost.chargetime] group by cost.hadm_id ) as t1",
            kinds=(kind,), answer="value",
        )  # fmt: skip


def _patients() -> Iterator[Template]:
    yield _group(
        131, "ids", "list the ids of patients diagnosed with {diagnosis_name} [g1].",
        ("which patients <have been|were> diagnosed with {diagnosis_name} [g1]? list their ids.",
         "give the ids of all patients who were diagnosed with {diagnosis_name} [g1]."),
        "select distinct admissions.subject_id from admissions where admissions.hadm_id in ( select <T>.hadm_id from <T> where "
        "<nm> <g1> )", kinds=("dx",), answer="list",
    )  # fmt: skip
    yield _group(
        132, "per period", "what is the [agg_function] [unit_average] number of patient records diagnosed with "
        "{diagnosis_name} [g1]?",
        ("what <is|was> the [agg_function] of the [unit_average] numbers of hospital stays with the diagnosis "
         "{diagnosis_name} [g1]?",),
        "select [agg_function](t1.c1) from ( select count( distinct diagnoses_icd.hadm_id ) as c1 from diagnoses_icd where "
        "<nm> <g1> [unit_average diagnoses_icd.charttime] ) as t1", kinds=("dx",), answer="value",
    )  # fmt: skip
    for number, column, text, said, more in (
        (135, "admittime", "admitted to", "admitted to", ""),
        (136, "dischtime", "discharged from", "discharged from", "admissions.dischtime is not null"),
    ):
        yield _group(
            number, "patients", f"count the number of patients who were {text} the hospital [g1].",
            (f"how many patients <have been|were> {said} the hospital [g1]?",),
            f"select count( distinct admissions.subject_id ) from admissions where {more} [G1 admissions.{column}]",
            kinds=("dis" if more else "adm",), slots=("",),
        )  # fmt: skip
    counted = (
        "select count( distinct admissions.subject_id ) from admissions where admissions.hadm_id in ( select <T>.hadm_id from "
        "<T> where <nm> <g1> )"
    )
    for number, kind, said in (
        (138, "unit", "<have stayed|stayed> in the care unit {careunit}"),
        (141, "dx", "<have been|were> diagnosed with {diagnosis_name}"),
        (142, "px", "<have undergone|underwent> the procedure {procedure_name}"),
        (147, "rx", "<have been|were> prescribed {drug_name}"), (151, "lab", "<have had|had> a {lab_name} lab test"),
        (152, "spec", "<have had|had> a {culture_name} specimen tested in microbiology"),
        (153, "test", "<have had|had> a {test_name} test"), (154, "in", "<have had|had> an intake of {intake_name}"),
    ):  # fmt: skip
        event = EVENTS[kind]
        were = event.were.replace("{}", f"{{{event.slot}}}")
        yield _group(
            number, "patients", f"count the number of patients who {were} [g1].",
            (f"how many patients {said} [g1]?", f"what is the number of patients who {said} [g1]?"), counted, kinds=(kind,),
        )  # fmt: skip
    yield _group(
        143, "patients n times", "count the number of patients who received a {procedure_name} procedure [n_times] [g1].",
        ("how many patients <have undergone|underwent> the procedure {procedure_name} [n_times] [g1]?",),
        "select count( distinct t1.subject_id ) from ( select admissions.subject_id, count(*) as c1 from procedures_icd join "
        "admissions on procedures_icd.hadm_id = admissions.hadm_id where <nm> <g1> group by admissions.subject_id ) as t1 "
        "where t1.c1 [n_times]", kinds=("px",), draw="group repeated",
    )  # fmt: skip
    for number, kind, text, said in (
        (146, "px", "{procedure_name} procedure cases", "<has|was> the procedure {procedure_name} <been |>performed"),
        (148, "rx", "{drug_name} prescription cases", "<has|was> {drug_name} <been |>prescribed"),
    ):
        yield _group(
            number, "cases", f"count the number of {text} [g1].",
            (f"how many times {said} [g1]?", f"how often {said} [g1]?"), "select count(*) from <T> where <nm> <g1>",
            kinds=(kind,),
        )  # fmt: skip


def _event(letter: str, alias: str, key: str = "", extra: str = "") -> str:
    """One side of a pair of events of a patient."""
    m = f"{letter}."
    columns = f"admissions.subject_id, <{m}c>, admissions.hadm_id" + (f", <{m}T>.{key}" if key else "")
    return (
        f"( select {columns} from <{m}T> join admissions on <{m}T>.hadm_id = admissions.hadm_id where <{m}nm> "
        f"[G1 <{m}c>] {extra} ) as {alias}"
    )


def _after() -> Iterator[Template]:
    pair = (
        f"from {_event('A', 't1')} join {_event('B', 't2')} on t1.subject_id = t2.subject_id where t1.<A.t> < t2.<B.t> "
    )
    pair += "[W t1.<A.t> t2.<B.t>]"
    after = {
        "px": "having received a {} procedure", "dx": "having been diagnosed with {}", "rx": "having been prescribed {}",
    }  # fmt: skip
    our = {"px": "the procedure {}", "dx": "a diagnosis of {}"}
    for number, a, b in (
        (139, "px", "dx"), (140, "dx", "dx"), (144, "px", "px"), (145, "dx", "px"), (149, "px", "rx"), (150, "dx", "rx"),
    ):  # fmt: skip
        slot_a, slot_b = EVENTS[a].slot, EVENTS[b].slot
        if a == b:
            slot_a, slot_b = f"{slot_a}1", f"{slot_b}2"
        were = EVENTS[b].were.replace("{}", f"{{{slot_b}}}")
        yield _group(
            number, "patients after", f"count the number of patients who {were} [w] after "
            + after[a].replace("{}", f"{{{slot_a}}}") + " [g1].",
            (f"how many patients {were} [w] after {our[a].replace('{}', '{' + slot_a + '}')} [g1]?",),
            f"select count( distinct t1.subject_id ) {pair}", kinds=(a, b), slots=(slot_a, slot_b), draw="group pair",
            withins=_WITHIN,
        )  # fmt: skip
    yield _group(
        133, "dead after", "count the number of patients who were dead after having been diagnosed with {diagnosis_name} [w] "
        "[g1].",
        ("how many patients died [w] of being diagnosed with {diagnosis_name} [g1]?",),
        f"select count( distinct t1.subject_id ) from {_event('A', 't1')} join ( select patients.subject_id, patients.dod from "
        "patients where patients.dod is not null [G1 patients.dod] ) as t2 on t1.subject_id = t2.subject_id where "
        "t1.charttime < t2.dod [W t1.charttime t2.dod]", kinds=("dx",), draw="group dead",
        withins=("within-n_month", "within-month"),
    )  # fmt: skip
    yield _group(
        134, "not back", "count the number of patients who did not come back to the hospital [w] after diagnosed with "
        "{diagnosis_name} [g1].",
        ("how many patients diagnosed with {diagnosis_name} [g1] did not come back to the hospital [w]?",),
        f"select count( distinct t3.subject_id ) from {_event('A', 't3')} where t3.subject_id not in ( select t1.subject_id from "
        f"{_event('A', 't1')} join ( select admissions.subject_id, admissions.admittime, admissions.hadm_id from admissions ) "
        "as t2 on t1.subject_id = t2.subject_id where t1.charttime < t2.admittime [W t1.charttime t2.admittime] )",
        kinds=("dx",), withins=("within-n_month", "within-month"),
    )  # fmt: skip


_TOP: Final = {
    "dx": ("frequent diagnoses", "the most frequent diagnoses"), "px": ("frequent procedures", "the most frequent procedures"),
    "rx": ("frequently prescribed drugs", "the most frequently prescribed drugs"),
    "lab": ("frequent lab tests", "the most frequent lab tests"),
    "spec": ("frequent specimens tested", "the most frequently tested specimens"),
    "test": ("frequent microbiology tests", "the most frequent microbiology tests"),
    "in": ("frequent intake events", "the most frequent intakes"), "out": ("frequent output events", "the most frequent outputs"),
}  # fmt: skip


def _named(kind: str, inner: str, letter: str) -> str:
    """The names of the keys that `inner` selects."""
    if not EVENTS[kind].dictionary:
        return inner
    return f"select distinct <{letter}.named> from <{letter}.D> where <{letter}.D>.<{letter}.k> in ( {inner} )"


def _top() -> Iterator[Template]:
    for number, kind, aged in (
        (155, "dx", 156), (159, "px", 160), (163, "rx", 164), (171, "lab", 172), (175, "spec", 0), (176, "test", 0),
        (181, "in", 0), (182, "out", 0),
    ):  # fmt: skip
        official, said = _TOP[kind]
        for which in filter(None, (number, aged)):
            of_age = " of patients aged [age_group]" if which == aged else ""
            inner = (
                "select t1.<k> from ( select <T>.<k>, dense_rank() over ( order by count(*) desc ) as c1 from <T> where "
                + (_AGED if of_age else "") + " <g1> group by <T>.<k> ) as t1 where t1.c1 <= [n_rank]"
            )  # fmt: skip
            best = said.replace("the most", "the [n_rank] most")
            yield _group(
                which, "top", f"what are_verb the top [n_rank] {official}{of_age} [g1]?",
                (f"what <are|were> {best}{of_age} [g1]?", f"list {best}{of_age} [g1]."), _named(kind, inner, "A"),
                kinds=(kind,), slots=("",), answer="top",
            )  # fmt: skip


def _top_after() -> Iterator[Template]:
    phrases = {
        "dx": "{freq} diagnoses that patients were diagnosed", "px": "{freq} procedures that patients received",
        "rx": "frequently prescribed drugs that {who} were prescribed", "lab": "{freq} lab tests that patients had",
        "spec": "{freq} specimens that patients were tested", "test": "{freq} microbiology tests that patients had",
    }  # fmt: skip
    said = {
        "dx": "the [n_rank] most frequent diagnoses that patients received", "px": "the [n_rank] most frequent procedures that patients underwent",
        "rx": "the [n_rank] drugs most often prescribed to {who}", "lab": "the [n_rank] lab tests that patients most often had",
        "spec": "the [n_rank] specimens of patients that were most often tested",
        "test": "the [n_rank] microbiology tests that patients most often had",
    }  # fmt: skip
    our = {"px": "the procedure {}", "dx": "a diagnosis of {}", "rx": "a prescription of {}"}
    for number, b, a, who in (
        (157, "dx", "px", ""), (158, "dx", "dx", ""), (161, "px", "px", ""), (162, "px", "dx", ""), (166, "rx", "rx", ""),
        (167, "rx", "px", ""), (168, "rx", "dx", ""), (169, "rx", "dx", "aged"), (170, "rx", "dx", "gender"), (173, "lab", "dx", ""),
        (174, "lab", "px", ""), (177, "spec", "dx", ""), (178, "test", "dx", ""), (179, "spec", "px", ""), (180, "test", "px", ""),
    ):  # fmt: skip
        group = {"": "patients", "aged": "patients aged [age_group]", "gender": "{gender} patients aged [age_group]"}[
            who
        ]
        phrase = phrases[b].replace("{freq}", "frequent").replace("{who}", group)
        if (a, b) == ("rx", "rx"):
            phrase = "frequent drugs that patients were prescribed"
        key = EVENTS[b].key
        extra = "[age_group]" if who else ""
        if who == "gender":
            extra += " and admissions.subject_id in ( select patients.subject_id from patients where patients.gender = '{gender}' )"
        inner = (
            f"select t3.{key} from ( select t2.{key}, dense_rank() over ( order by count(*) desc ) as c1 from "
            f"{_event('A', 't1')} join {_event('B', 't2', key, extra)} on t1.subject_id = t2.subject_id where "
            f"t1.<A.t> < t2.<B.t> [W t1.<A.t> t2.<B.t>] group by t2.{key} ) as t3 where t3.c1 <= [n_rank]"
        )
        slot = EVENTS[a].slot
        yield _group(
            number, "top after", f"what are_verb the top [n_rank] {phrase} [w] after "
            + EVENTS[a].after.replace("{}", f"{{{slot}}}") + " [g1]?",
            (f"what <are|were> {said[b].replace('{who}', group)} [w] after {our[a].replace('{}', '{' + slot + '}')} [g1]?",),
            _named(b, inner, "B"), kinds=(a, b), slots=(slot, ""), draw="group pair", answer="top", withins=_WITHIN,
        )  # fmt: skip
    inner = (
        f"select t3.drug from ( select t2.drug, dense_rank() over ( order by count(*) desc ) as c1 from {_event('A', 't1')} join "
        f"{_event('B', 't2', 'drug')} on t1.subject_id = t2.subject_id where [W t1.<A.t> t2.<B.t>] group by t2.drug ) as t3 "
        "where t3.c1 <= [n_rank]"
    )
    yield _group(
        165, "top with", "what are_verb the top [n_rank] frequent prescribed drugs for patients who were also prescribed "
        "{drug_name} [w] [g1]?",
        ("what <are|were> the [n_rank] drugs most often prescribed to patients who were also prescribed {drug_name} [w] [g1]?",),
        inner, kinds=("rx", "rx"), slots=("drug_name", ""), draw="group pair", answer="top", withins=("within-same",),
    )  # fmt: skip
