"""Programs of a question: gold program, NeuralSQL, and what else is asked of a database about it.

A template brings its programs as functions over the parts of a question (`program_parts`); those of questions about one
or two studies follow from the image question and how the studies are selected (`image_sql`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ehrxqa.questions.image_sql import any_part, compare_sql, gold_of, neural_of
from ehrxqa.questions.program_parts import IMAGES, INDEXED, LABELS, Parts, Rendering, where, words
from ehrxqa.questions.question import Question
from ehrxqa.questions.template import StudySelector
from ehrxqa.vqa.question import Target

__all__ = [
    "INDEXED",
    "AnswerRows",
    "Rendering",
    "alternative_program",
    "answer_rows",
    "denominator",
    "gold_program",
    "query",
    "select_of",
    "studies_of",
]

#: Scopes whose programs follow from the image question and the selected studies.
_OF_STUDIES = ("image-single-1", "image-single-2")


class AnswerRows(NamedTuple):
    """Rows that an answer rests on: a table, and what follows it in a select."""

    table: str
    rest: str


def gold_program(question: Question, how: Rendering = LABELS) -> str:
    """The gold program."""
    parts = Parts(question, how)
    if question.template.scope in _OF_STUDIES:
        return _of_studies(parts, neural=False)
    assert question.template.sql is not None
    return question.template.sql(parts)


def query(question: Question) -> str:
    """The NeuralSQL, or the gold program where no image is needed."""
    parts = Parts(question, IMAGES)
    if question.template.scope in _OF_STUDIES:
        return _of_studies(parts, neural=True)
    return question.template.neural(parts) if question.template.neural else gold_program(question)


def _of_studies(parts: Parts, *, neural: bool) -> str:
    """The program of a question about one study, or about two compared."""
    visual = parts.choice.visual
    assert visual is not None
    later, *earlier = (parts.selected(each) for each in parts.template.studies)
    if earlier:
        return compare_sql(visual, parts.choice.comparison, later, earlier[0], neural=neural)
    return neural_of(visual, later) if neural else gold_of(visual, later)


def denominator(question: Question) -> str:
    """SQL that counts the patients behind a rate or ranking; empty for other questions."""
    program = question.template.denominator
    return program(Parts(question, LABELS)) if program else ""


def studies_of(question: Question, *, by_date: bool = False) -> str:
    """SQL that selects the studies a question is about; empty for table questions."""
    template, parts = question.template, Parts(question, replace(IMAGES, by_date=by_date))
    if template.modality == "table":
        return ""
    if template.studies:
        conditions = " or ".join(f"tb_cxr.study_id in {parts.selected(each)}" for each in template.studies)
        return f"select tb_cxr.study_id from tb_cxr where {conditions}"
    assert template.among is not None
    return words("select tb_cxr.study_id from tb_cxr", where(*template.among(parts)))


def select_of(question: Question, selector: StudySelector) -> str:
    """SQL that selects studies of the patient, for the indexed copy; empty where they are given by number."""
    return "" if selector.startswith("id") else Parts(question, INDEXED).select_of_studies(selector)


def alternative_program(question: Question, name: str, how: Rendering) -> str:
    """The gold program under a reading for which the template has a program of its own; empty if it has none."""
    program = question.template.alternatives.get(name)
    return program(Parts(question, how)) if program else ""


def answer_rows(question: Question, listed: str = "") -> list[AnswerRows]:
    """The rows that the answer rests on, by table.

    Args:
        question: The question.
        listed: Its studies, written out in brackets, if they are known.
    """
    template, choice, parts = question.template, question.choice, Parts(question, IMAGES)
    found: list[AnswerRows] = []
    if (visual := choice.visual) is not None:
        conditions = [f"tb_cxr_plus.study_id in {listed or f'( {studies_of(question)} )'}"]
        if visual.target is not Target.SIZE:
            conditions += ["tb_cxr_plus.relation = 1", any_part(visual)]
        found.append(AnswerRows("tb_cxr_plus", where(*conditions)))
    slot = 2 if "g2" in template.fixed else 1
    for place, it in enumerate(parts.events[:2]):
        first = place == 0
        conditions = [it.inside()] if template.of_patient else []
        conditions.append(it.name)
        if template.scope != "table-none":
            conditions.append(parts.during(it.time, slot))
        if it.table == "admissions" and template.of_patient and choice.time("g1").visit:
            conditions.append(f"admissions.hadm_id in {parts.admissions()}")
        if "sort" in template.operations and first:  # only the rows with the highest or lowest value count
            extreme = words(f"select {choice.operations['sort']}({it.value}) from {it.table}", where(*conditions))
            conditions.append(f"{it.value} = ( {extreme} )")
        if "e1" in template.times and first and template.draw != "change":
            if it.bare_time == "dischtime":
                conditions.append(f"{it.time} is not null")
            rows = words(f"from {it.table}", where(*conditions, parts.at_moment(it.time)), parts.nth(it.time))
            conditions.append(f"{it.time} in ( select distinct {it.time} {rows} )")
        found.append(AnswerRows(it.table, where(*conditions)))
    if not template.kinds and template.modality == "table":
        found.append(_rows_without_event(parts))
    return found


def _rows_without_event(parts: Parts) -> AnswerRows:
    template = parts.template
    if "n_survival_period" in template.operations:
        passed = "strftime('%J',current_time) - strftime('%J',diagnoses_icd.charttime)"
        return AnswerRows("diagnoses_icd", where(f"{passed} >= {parts.option('n_survival_period')}"))
    if template.of_patient:
        return AnswerRows("patients", where(f"patients.subject_id = {parts.patient}"))
    aged = parts.option("age_group") if "age_group" in template.operations else ""
    return AnswerRows("admissions", where("admissions.dischtime is null", aged))
