"""Families about groups of patients: who is there, who had what, what it cost, who survived."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.group_pieces import GROUP_WITHINS, after_said, group, pairs, side
from ehrxqa.questions.families.pieces import event_words, with_slot
from ehrxqa.questions.program_parts import Parts, bracketed, where, words
from ehrxqa.questions.template import Template

__all__ = ["group_templates"]


#: Patients behind a survival rate: of fewer, it can only be one of a few numbers.
_FEWEST_SURVIVORS: Final = 5
#: Periods that are compared.
_FEWEST_PERIODS: Final = 3


def group_templates() -> Iterator[Template]:
    """Counts, costs, survival, and one event after another."""
    yield from _current()
    yield from _survival()
    yield from _costs()
    yield from _patients()
    yield from _after()


def _current() -> Iterator[Template]:
    for number, aged in ((122, ""), (123, " aged [age_group]")):
        who = aged.replace(" aged", "")
        yield group(
            official=number,
            family="current",
            text=f"count the number of current patients{aged}.",
            said=(
                f"how many patients{who} are in the hospital now?",
                f"count the patients{who} whose hospital stay has not ended yet.",
                f"what is the number of patients{who} with a current hospital stay?",
                f"the hospital currently has how many patients{who}?",
                f"number of patients{who} in the hospital now?",
                f"[tell] how many patients{who} are in the hospital at the moment.",
                f"[can] how many patients{who} are still in the hospital?",
                f"current hospital stays: how many patients{who}?",
                f"[give] the current number of patients{who} in the hospital.",
            ),
            sql=partial(_current_patients, aged=bool(aged)),
            draw="nothing",
            fixed={"g1": "rel-hosp-cur"},
        )


def _survival() -> Iterator[Template]:
    years = tuple(f"{word} year" for word in ("one", "two", "three", "four"))
    yield group(
        official=124,
        family="survival",
        text="what is the [n_survival_period] survival rate of patients diagnosed with {diagnosis_name}?",
        said=(
            "of the patients whose first diagnosis of {diagnosis_name} is at least [length] ago, what share, from 0 to 1, lived for "
            "[length] or longer after it?",
            "what is the [n_survival_period] survival rate, from 0 to 1, of patients first diagnosed at least [length] ago with "
            "{diagnosis_name}?",
            "looking at first diagnoses of {diagnosis_name} made at least [length] ago, what fraction of the patients survived for "
            "at least [length] more?",
            "[n_survival_period] survival, from 0 to 1, after a first diagnosis of {diagnosis_name} at least [length] ago?",
            "[tell] the [n_survival_period] survival rate (0 to 1) after first diagnoses of {diagnosis_name} made at least [length] ago.",
            "{diagnosis_name}, first diagnosed at least [length] ago: what share, from 0 to 1, survived [length]?",
            "what share (0 to 1) of those first diagnosed with {diagnosis_name} at least [length] ago lived [length] or longer?",
            "[can] the share, from 0 to 1, alive [length] after a first diagnosis of {diagnosis_name}, made at least [length] ago?",
        ),
        sql=lambda q: f"select avg(c1) from ( {_survived(q)} )",
        kinds=("dx",),
        answer="value",
        options={"n_survival_period": years},
        denominator=lambda q: f"select count(*) from ( {_first_diagnoses(q, q.a.name)} ) as t1",
        support=_FEWEST_SURVIVORS,
        inner=True,
    )
    yield group(
        official=125,
        family="survival",
        text="what is the [n_survival_period] survival rate of patients who were prescribed {drug_name} after "
        "having been diagnosed with {diagnosis_name}?",
        said=(
            "of the patients who were prescribed {drug_name} after a first diagnosis of {diagnosis_name} at least [length] ago, what "
            "share, from 0 to 1, lived for [length] or longer after the diagnosis?",
            "what is the [n_survival_period] survival rate, from 0 to 1, of patients first diagnosed at least [length] ago with "
            "{diagnosis_name} and prescribed {drug_name} afterwards?",
            "looking at first diagnoses of {diagnosis_name} made at least [length] ago, what fraction of the patients who were prescribed "
            "{drug_name} afterwards survived for at least [length] after the diagnosis?",
            "[n_survival_period] survival, from 0 to 1, after a first diagnosis of {diagnosis_name} at least [length] ago, with {drug_name} "
            "prescribed afterwards?",
            "[tell] the [n_survival_period] survival rate (0 to 1) after first diagnoses of {diagnosis_name} at least [length] ago, if "
            "{drug_name} was prescribed afterwards.",
            "{diagnosis_name}, first diagnosed at least [length] ago, then {drug_name}: what share, from 0 to 1, survived [length] after the "
            "diagnosis?",
        ),
        sql=lambda q: f"select avg(c1) from ( {_survived(q)} where {_treated(q)} )",
        denominator=lambda q: f"select count(*) from ( {_first_diagnoses(q, q.a.name)} ) as t1 where {_treated(q)}",
        support=_FEWEST_SURVIVORS,
        inner=True,
        kinds=("dx", "rx"),
        draw="group pair",
        answer="value",
        options={"n_survival_period": years},
    )
    yield group(
        official=126,
        family="mortality",
        text="what are the top [n_rank] diagnoses that have the highest [n_survival_period] mortality rate?",
        said=(
            "counting first diagnoses made at least [length] ago, which [n_rank] diagnoses have the highest [n_survival_period] mortality "
            "rates?",
            "list the [n_rank] diagnoses with the largest share of patients who died less than [length] after them, counting first "
            "diagnoses made at least [length] ago.",
            "by the share of patients who died within [length] of a first diagnosis that was made at least [length] ago, what are the "
            "[n_rank] deadliest diagnoses?",
            "top [n_rank] diagnoses by [n_survival_period] mortality, counting first diagnoses made at least [length] ago?",
            "[tell] the [n_rank] diagnoses with the highest [n_survival_period] mortality among first diagnoses at least [length] ago.",
            "of first diagnoses made at least [length] ago, which [n_rank] kill most often within [length]?",
            "[give] the [n_rank] diagnoses that are deadliest within [length], going by first diagnoses at least [length] ago.",
            "[can] the [n_rank] diagnoses with the highest [n_survival_period] mortality, first made at least [length] ago?",
        ),
        sql=_deadliest,
        draw="nothing",
        answer="top",
        options={"n_survival_period": years},
        denominator=lambda q: f"select count( distinct t1.subject_id ) from ( {_first_of_each_code(q)} ) as t1",
    )


def _costs() -> Iterator[Template]:
    for number, kind, what, said in (
        (127, "px", "a procedure named {procedure_name}", "the procedure {procedure_name}"),
        (128, "lab", "a {lab_name} lab test", "the lab test {lab_name}"),
        (129, "rx", "a drug named {drug_name}", "the drug {drug_name}"),
        (130, "dx", "a diagnosis named {diagnosis_name}", "the diagnosis {diagnosis_name}"),
    ):
        yield group(
            official=number,
            family="cost of visits",
            text=f"what is_verb the [agg_function] total hospital cost that involves {what} [g1]?",
            said=(
                f"what <is|was> the [agg_function] total cost~( [g1]) of a hospital stay with {said}?",
                f"among stays with {said}, what <is|was> the [agg_function] total cost per stay [g1]?",
                f"find the [agg_function] total cost~( [g1]) per hospital stay with {said}.",
                f"[g1], [agg_function] total cost per hospital stay with {said}?",
                f"[agg_function] cost of a hospital stay with {said}~(, counting charges [g1])?",
                f"[tell] the [agg_function] total cost~( [g1]) of a hospital stay with {said}.",
                f"[can] the [agg_function] cost per hospital stay with {said}~(, charges [g1])?",
                f"hospital stays with {said}: [agg_function] total cost per stay~( [g1])?",
                f"[give] the [agg_function] total per hospital stay with {said}~(, counting what was charged [g1]).",
            ),
            sql=_cost_of_admissions,
            kinds=(kind,),
            answer="value",
        )


def _patients() -> Iterator[Template]:
    yield group(
        official=131,
        family="ids",
        text="list the ids of patients diagnosed with {diagnosis_name} [g1].",
        said=(
            "which patients <have been|were> diagnosed [g1] with {diagnosis_name}? list their ids.",
            "give the ids of all patients who <have been|were> diagnosed with {diagnosis_name} [g1].",
            "[g1], who <has had|had> a diagnosis of {diagnosis_name}? give the patient ids.",
            "what are the ids of the patients in whom {diagnosis_name} <has been|was> diagnosed [g1]?",
            "ids of patients diagnosed [g1] with {diagnosis_name}?",
            "list all patients diagnosed [g1] with {diagnosis_name}, by id.",
            "[tell] the ids of patients who <have had|had> {diagnosis_name} diagnosed [g1].",
            "[can] which patient ids <have|had> a [dx] of {diagnosis_name} [g1]?",
            "{diagnosis_name}~(, [g1]): which patient ids?",
        ),
        sql=lambda q: f"select distinct admissions.subject_id {_admissions_with(q)}",
        kinds=("dx",),
        answer="list",
    )
    yield group(
        official=132,
        family="per period",
        text="what is the [agg_function] [unit_average] number of patient records diagnosed with "
        "{diagnosis_name} [g1]?",
        said=(
            "considering each [period] [g1] with at least one hospital stay with a diagnosis of {diagnosis_name}, what <is|was> the "
            "[agg_function] number of such stays?",
            "[g1], what <is|was> the [agg_function] [unit_average] number of hospital stays with the diagnosis {diagnosis_name}, leaving "
            "out every [period] without any?",
            "take the number of hospital stays with a diagnosis of {diagnosis_name} for each [period] [g1] that has any: what <is|was> "
            "the [agg_function] of these numbers?",
            "[agg_function] number of hospital stays with {diagnosis_name} per [period]~( [g1]), leaving out every [period] without any?",
            "[tell] the [agg_function] number of stays with {diagnosis_name} per [period]~( [g1]), not counting any [period] without.",
            "per [period] with at least one stay for {diagnosis_name}~( [g1]), what <is|was> the [agg_function] number of stays?",
            "[can] the [agg_function] count of stays with {diagnosis_name} per [period]~( [g1]), each [period] without any left out?",
        ),
        sql=lambda q: (
            f"select {q.option('agg_function')}(t1.c1) from ( {_per_period(q, 'distinct diagnoses_icd.hadm_id')} ) as t1"
        ),
        kinds=("dx",),
        answer="value",
        denominator=lambda q: f"select count(*) from ( {_per_period(q, '*')} ) as t1",
        support=_FEWEST_PERIODS,
        least=2,
    )
    for number, column, text, noun, more in (
        (135, "admittime", "admitted to", "admission to", ""),
        (136, "dischtime", "discharged from", "discharge from", "admissions.dischtime is not null"),
    ):
        yield group(
            official=number,
            family="patients",
            text=f"count the number of patients who were {text} the hospital [g1].",
            said=(
                f"how many patients <have been|were> {text} the hospital [g1]?",
                f"[g1], what <is|was> the number of different patients with {'an' if not more else 'a'} {noun} the hospital?",
                f"count the patients who <have been|were> {text} the hospital at least once [g1].",
                f"number of patients {text} the hospital [g1]?",
                f"[tell] how many patients <have been|were> {text} the hospital [g1].",
                f"[can] how many different patients <have been|were> {text} the hospital [g1]?",
                f"[g1], how many people <have been|were> {text} the hospital?",
                f"[give] the number of patients {text} the hospital at least once [g1].",
            ),
            sql=partial(_count_admitted, f"admissions.{column}", more),
            kinds=("dis" if more else "adm",),
            slots=("",),
        )
    for number, kind in (
        (138, "unit"),
        (141, "dx"),
        (142, "px"),
        (147, "rx"),
        (151, "lab"),
        (152, "spec"),
        (153, "test"),
        (154, "in"),
    ):
        it = event_words(kind)
        event = EVENTS[kind]
        were = event.were.replace("{}", f"{{{event.slot}}}")
        yield group(
            official=number,
            family="patients",
            text=f"count the number of patients who {were} [g1].",
            said=(
                f"how many patients {it.verb.they()}?",
                f"what is the number of patients who {it.verb.they()}?",
                f"[g1], {it.to} how many patients <has|was> {it.what} <been |>{it.made}?",
                f"count the different patients {it.to} whom {it.what} <has been|was> {it.made} [g1].",
                f"number of patients who {it.verb.they()}?",
                f"[tell] how many patients {it.verb.they()}.",
                f"how many different patients {it.verb.they()}?",
                f"[can] how many patients {it.verb.they()}?",
                f"{it.what}~(, [g1]): {it.made} {it.to} how many patients?",
                f"[give] the number of patients {it.to} whom {it.what} <has been|was> {it.made} [g1].",
            ),
            sql=lambda q: f"select count( distinct admissions.subject_id ) {_admissions_with(q)}",
            kinds=(kind,),
        )
    yield group(
        official=143,
        family="patients n times",
        text="count the number of patients who received a {procedure_name} procedure [n_times] [g1].",
        said=(
            "how many patients <have undergone|underwent> the procedure {procedure_name} [n_times] [g1]?",
            "[g1], on how many patients <has|was> the procedure {procedure_name} <been |>performed [n_times]?",
            "count the patients who <have had|had> the procedure {procedure_name} performed [n_times] [g1].",
            "number of patients with the procedure {procedure_name} [n_times] [g1]?",
            "[tell] how many patients <have had|had> the procedure {procedure_name} [n_times] [g1].",
            "[can] how many patients <have undergone|underwent> the procedure {procedure_name} [n_times] [g1]?",
            "the procedure {procedure_name}~(, [g1]): how many patients [n_times]?",
            "[give] the number of patients who <have had|had> the procedure {procedure_name} done [n_times] [g1].",
        ),
        sql=_count_that_often,
        kinds=("px",),
        least=2,
        draw="group repeated",
    )
    for number, kind, text in (
        (146, "px", "{procedure_name} procedure cases"),
        (148, "rx", "{drug_name} prescription cases"),
    ):
        it = event_words(kind)
        yield group(
            official=number,
            family="cases",
            text=f"count the number of {text} [g1].",
            said=(
                f"how many times [g1] <has|was> {it.what} <been |>{it.made}?",
                f"[g1], how often <has|was> {it.what} <been |>{it.made} {it.to} any patient?",
                f"over all patients, what is the number of times that {it.what} <has been|was> {it.made} [g1]?",
                f"count every time that {it.what} <has been|was> {it.made} [g1].",
                f"{it.what}~(, [g1]): {it.made} how many times?",
                f"[tell] how many times {it.what} <has been|was> {it.made} [g1].",
                f"[can] how often {it.what} <has been|was> {it.made} [g1]?",
                f"number of times {it.what} <has been|was> {it.made} [g1]?",
                f"[give] the total number of times {it.what} <has been|was> {it.made} [g1], all patients together.",
            ),
            sql=lambda q: f"select count(*) from {q.a.table} {where(q.a.name, q.during(q.a.time))}",
            kinds=(kind,),
        )


def _after() -> Iterator[Template]:
    after = {
        "px": "having received a {} procedure",
        "dx": "having been diagnosed with {}",
        "rx": "having been prescribed {}",
    }
    for number, a, b in (
        (139, "px", "dx"),
        (140, "dx", "dx"),
        (144, "px", "px"),
        (145, "dx", "px"),
        (149, "px", "rx"),
        (150, "dx", "rx"),
    ):
        slot_a, slot_b = EVENTS[a].slot, EVENTS[b].slot
        if a == b:
            slot_a, slot_b = f"{slot_a}1", f"{slot_b}2"
        were = EVENTS[b].were.replace("{}", f"{{{slot_b}}}")
        yield group(
            official=number,
            family="patients after",
            text=f"count the number of patients who {were} [w] after "
            + after[a].replace("{}", f"{{{slot_a}}}")
            + " [g1].",
            said=after_said(
                event_words(b, slot=slot_b), with_slot(EVENTS[a].noun, slot_a), with_slot(EVENTS[b].noun, slot_b)
            ),
            sql=lambda q: f"select count( distinct t1.subject_id ) from {pairs(q)}",
            kinds=(a, b),
            slots=(slot_a, slot_b),
            least=2,
            draw="group pair",
            withins=GROUP_WITHINS,
        )
    yield group(
        official=133,
        family="dead after",
        text="count the number of patients who were dead after having been diagnosed with {diagnosis_name} [w] [g1].",
        said=(
            "[g1], how many patients died [w] after a diagnosis of {diagnosis_name}?",
            "~(counting only diagnoses and deaths [g1], )what is the number of patients who died [w] after being diagnosed with "
            "{diagnosis_name}?",
            "count the patients who died [w] after a diagnosis of {diagnosis_name}~(, counting only diagnoses and deaths [g1]).",
            "[g1], number of patients dead [w] after a diagnosis of {diagnosis_name}?",
            "[tell] how many patients died [w] after a diagnosis of {diagnosis_name}~(, both [g1]).",
            "[can] how many patients died [w] after a diagnosis of {diagnosis_name}~(, both [g1])?",
            "a diagnosis of {diagnosis_name}, then death [w]~(, both [g1]): how many patients?",
            "how many deaths [w] after a diagnosis of {diagnosis_name}~(, both [g1])?",
        ),
        sql=_died_after,
        kinds=("dx",),
        least=2,
        draw="group dead",
        withins=("within-n_month", "within-month"),
    )
    yield group(
        official=134,
        family="not back",
        text="count the number of patients who did not come back to the hospital [w] after diagnosed with "
        "{diagnosis_name} [g1].",
        said=(
            "how many of the patients who <have been|were> diagnosed [g1] with {diagnosis_name} did not come back to the hospital [w] "
            "after any such diagnosis?",
            "count the patients who <have been|were> diagnosed [g1] with {diagnosis_name} and had no new hospital admission [w] after "
            "any of these diagnoses.",
            "how many patients did not return to the hospital [w] after any diagnosis of {diagnosis_name}~( made [g1])?",
            "number of patients not back in the hospital [w] after any diagnosis of {diagnosis_name}~( made [g1])?",
            "[tell] how many patients had no new hospital admission [w] after any diagnosis of {diagnosis_name}~( made [g1]).",
            "[can] how many patients never came back to the hospital [w] after any diagnosis of {diagnosis_name}~( made [g1])?",
            "any diagnosis of {diagnosis_name}~( made [g1]): how many patients not readmitted [w] after it?",
            "how many patients were not readmitted [w] after any diagnosis of {diagnosis_name}~( made [g1])?",
        ),
        sql=_not_back,
        kinds=("dx",),
        withins=("within-n_month", "within-month"),
        alternatives={"censoring": lambda q: f"{_not_back(q)} and {_could_be_back(q)}"},
    )


def _current_patients(q: Parts, *, aged: bool) -> str:
    conditions = where("admissions.dischtime is null", q.option("age_group") if aged else "")
    return f"select count( distinct admissions.subject_id ) from admissions {conditions}"


def _first_diagnoses(q: Parts, name: str, by: str = "") -> str:
    """The first diagnoses of patients, if they are long enough ago that who survived the period is known."""
    passed = "strftime('%J',current_time) - strftime('%J',diagnoses_icd.charttime)"
    return words(
        "select admissions.subject_id, diagnoses_icd.icd_code, diagnoses_icd.charttime from diagnoses_icd",
        "join admissions on diagnoses_icd.hadm_id = admissions.hadm_id",
        where(name, f"{passed} >= {q.option('n_survival_period')}"),
        f"group by admissions.subject_id{by} having min(diagnoses_icd.charttime) = diagnoses_icd.charttime",
    )


def _first_of_each_code(q: Parts) -> str:
    return _first_diagnoses(q, "", by=", diagnoses_icd.icd_code")


def _dead(q: Parts, table: str, yes: int, no: int) -> str:
    """Whether a patient died before the period after a diagnosis in `table` was over."""
    lived = f"strftime('%J',patients.dod) - strftime('%J',{table}.charttime)"
    return f"( case when {lived} < {q.option('n_survival_period')} then {yes} else {no} end )"


def _survived(q: Parts) -> str:
    first = _first_diagnoses(q, q.a.name)
    return (
        f"select {_dead(q, 't1', 0, 1)} as c1 from ( {first} ) as t1 "
        "join patients on t1.subject_id = patients.subject_id"
    )


def _treated(q: Parts) -> str:
    return (
        f"t1.subject_id in ( select t2.subject_id from prescriptions as t2 where t2.drug = '{q.value('drug_name')}' "
        "and t2.subject_id = t1.subject_id and t1.charttime < t2.starttime )"
    )


def _deadliest(q: Parts) -> str:
    each = (
        f"select t2.icd_code, {_dead(q, 't2', 1, 0)} as c1 from ( {_first_of_each_code(q)} ) as t2 "
        "join patients on t2.subject_id = patients.subject_id"
    )
    ranked = (
        f"select t3.icd_code, {q.rank} over ( order by avg(t3.c1) desc ) as c2 from ( {each} ) as t3 "
        "group by t3.icd_code"
    )
    return (
        "select d_icd_diagnoses.long_title from d_icd_diagnoses where d_icd_diagnoses.icd_code in "
        f"( select t4.icd_code from ( {ranked} ) as t4 where t4.c2 <= {q.option('n_rank')} )"
    )


def _cost_of_admissions(q: Parts) -> str:
    admissions = bracketed(f"select {q.a.table}.hadm_id from {q.a.table}", where(q.a.name))
    conditions = where(f"cost.hadm_id in {admissions}", q.during("cost.chargetime"))
    total = f"select sum(cost.cost) as c1 from cost {conditions} group by cost.hadm_id"
    return f"select {q.option('agg_function')}(t1.c1) from ( {total} ) as t1"


def _admissions_with(q: Parts) -> str:
    meant = bracketed(f"select {q.a.table}.hadm_id from {q.a.table}", where(q.a.name, q.during(q.a.time)))
    return f"from admissions where admissions.hadm_id in {meant}"


def _per_period(q: Parts, counted: str) -> str:
    argument = "*" if counted == "*" else f" {counted} "
    meant = where(q.a.name, q.during(q.a.time))
    return f"select count({argument}) as c1 from {q.a.table} {meant} {q.option('unit_average', q.a.time)}"


def _count_admitted(time: str, condition: str, q: Parts) -> str:
    return words("select count( distinct admissions.subject_id ) from admissions", where(condition, q.during(time)))


def _count_that_often(q: Parts) -> str:
    each = words(
        "select admissions.subject_id, count(*) as c1 from procedures_icd",
        "join admissions on procedures_icd.hadm_id = admissions.hadm_id",
        where(q.a.name, q.during(q.a.time)),
        "group by admissions.subject_id",
    )
    return f"select count( distinct t1.subject_id ) from ( {each} ) as t1 where t1.c1 {q.option('n_times')}"


def _died_after(q: Parts) -> str:
    dead = where("patients.dod is not null", q.during("patients.dod"))
    return words(
        f"select count( distinct t1.subject_id ) from {side(q, q.a, 't1')}",
        f"join ( select patients.subject_id, patients.dod from patients {dead} ) as t2 on t1.subject_id = t2.subject_id",
        where("t1.charttime < t2.dod", q.within("t1.charttime", "t2.dod")),
    )


def _not_back(q: Parts) -> str:
    admissions = "select admissions.subject_id, admissions.admittime, admissions.hadm_id from admissions"
    back = words(
        f"select t1.subject_id from {side(q, q.a, 't1')} join ( {admissions} ) as t2 on t1.subject_id = t2.subject_id",
        where("t1.charttime < t2.admittime", q.within("t1.charttime", "t2.admittime")),
    )
    return f"select count( distinct t3.subject_id ) from {side(q, q.a, 't3')} where t3.subject_id not in ( {back} )"


def _could_be_back(q: Parts) -> str:
    over = q.end_of_window("t3.charttime")
    return (
        f"{over} <= current_time and t3.subject_id not in ( select patients.subject_id from patients where "
        f"patients.dod is not null and datetime(patients.dod) < {over} )"
    )
