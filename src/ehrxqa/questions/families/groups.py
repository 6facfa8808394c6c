"""Families about groups of patients: who is there, who had what, what it cost, who survived."""

from __future__ import annotations

from collections.abc import Iterator

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.group_pieces import GROUP_WITHINS, group, side
from ehrxqa.questions.template import Template

__all__ = ["group_templates"]


def group_templates() -> Iterator[Template]:
    """Counts, costs, survival, and one event after another."""
    yield from _current()
    yield from _survival()
    yield from _costs()
    yield from _patients()
    yield from _after()


def _current() -> Iterator[Template]:
    for number, aged, said in ((122, "", ""), (123, " aged [age_group]", " [age_group]")):
        who = said if not aged else " aged [age_group]"
        yield group(
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
    yield group(
        124, "survival", "what is the [n_survival_period] survival rate of patients diagnosed with {diagnosis_name}?",
        ("what share of patients diagnosed with {diagnosis_name} survived for the [n_survival_period] survival period?",
         "how likely are patients diagnosed with {diagnosis_name} to survive, by the [n_survival_period] survival rate?"),
        f"select avg(c1) from ( select {dead.format(t='t1', yes=0, no=1)} as c1 from ( {of_one} ) as t1 join patients on "
        "t1.subject_id = patients.subject_id )", kinds=("dx",), answer="value", options={"n_survival_period": years},
    )  # fmt: skip
    yield group(
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
    yield group(
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
        yield group(
            number, "cost of visits", f"what is_verb the [agg_function] total hospital cost that involves {what} [g1]?",
            (f"what <is|was> the [agg_function] total cost of hospital stays with {said} [g1]?",
             f"how much is charged in total for a hospital stay with {said} [g1], taking the [agg_function] over all stays?"),
            "select [agg_function](t1.c1) from ( select sum(cost.cost) as c1 from cost where cost.hadm_id in ( select "
            "<T>.hadm_id from <T> where <nm> ) [G1 cost.chargetime] group by cost.hadm_id ) as t1",
            kinds=(kind,), answer="value",
        )  # fmt: skip


def _patients() -> Iterator[Template]:
    yield group(
        131, "ids", "list the ids of patients diagnosed with {diagnosis_name} [g1].",
        ("which patients <have been|were> diagnosed with {diagnosis_name} [g1]? list their ids.",
         "give the ids of all patients who were diagnosed with {diagnosis_name} [g1]."),
        "select distinct admissions.subject_id from admissions where admissions.hadm_id in ( select <T>.hadm_id from <T> where "
        "<nm> <g1> )", kinds=("dx",), answer="list",
    )  # fmt: skip
    yield group(
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
        yield group(
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
        yield group(
            number, "patients", f"count the number of patients who {were} [g1].",
            (f"how many patients {said} [g1]?", f"what is the number of patients who {said} [g1]?"), counted, kinds=(kind,),
        )  # fmt: skip
    yield group(
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
        yield group(
            number, "cases", f"count the number of {text} [g1].",
            (f"how many times {said} [g1]?", f"how often {said} [g1]?"), "select count(*) from <T> where <nm> <g1>",
            kinds=(kind,),
        )  # fmt: skip


def _after() -> Iterator[Template]:
    pair = f"from {side('A', 't1')} join {side('B', 't2')} on t1.subject_id = t2.subject_id where t1.<A.t> < t2.<B.t> "
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
        yield group(
            number, "patients after", f"count the number of patients who {were} [w] after "
            + after[a].replace("{}", f"{{{slot_a}}}") + " [g1].",
            (f"how many patients {were} [w] after {our[a].replace('{}', '{' + slot_a + '}')} [g1]?",),
            f"select count( distinct t1.subject_id ) {pair}", kinds=(a, b), slots=(slot_a, slot_b), draw="group pair",
            withins=GROUP_WITHINS,
        )  # fmt: skip
    yield group(
        133, "dead after", "count the number of patients who were dead after having been diagnosed with {diagnosis_name} [w] "
        "[g1].",
        ("how many patients died [w] of being diagnosed with {diagnosis_name} [g1]?",),
        f"select count( distinct t1.subject_id ) from {side('A', 't1')} join ( select patients.subject_id, patients.dod from "
        "patients where patients.dod is not null [G1 patients.dod] ) as t2 on t1.subject_id = t2.subject_id where "
        "t1.charttime < t2.dod [W t1.charttime t2.dod]", kinds=("dx",), draw="group dead",
        withins=("within-n_month", "within-month"),
    )  # fmt: skip
    yield group(
        134, "not back", "count the number of patients who did not come back to the hospital [w] after diagnosed with "
        "{diagnosis_name} [g1].",
        ("how many patients diagnosed with {diagnosis_name} [g1] did not come back to the hospital [w]?",),
        f"select count( distinct t3.subject_id ) from {side('A', 't3')} where t3.subject_id not in ( select t1.subject_id from "
        f"{side('A', 't1')} join ( select admissions.subject_id, admissions.admittime, admissions.hadm_id from admissions ) "
        "as t2 on t1.subject_id = t2.subject_id where t1.charttime < t2.admittime [W t1.charttime t2.admittime] )",
        kinds=("dx",), withins=("within-n_month", "within-month"),
    )  # fmt: skip
