"""SQL of a question: from the pattern of its template to gold program and NeuralSQL.

A pattern is SQL with three kinds of marks.

- `where[a & b & …]` joins the conditions that are not empty, and vanishes with the last of them.
- Macros of the event: `<T>` table, `<c>` qualified time column, `<t>` its bare name, `<in>` the patient's condition,
  `<nm>` the name, `<v>` the number, `<k>`, `<D>`, `<named>` what it is and where that is named; `<B.…>` of the second
  event, a digit 2 for the second time filter. `<H>` admissions, `<S>` ICU stays, `<studies>` the studies of the patient.
  `<cond>` is what a label must fulfil, `<ask t>` the call that asks the image of study `t.study_id`.
- `<rank>` is the rank of a ranking; `[aged table column]` that a row lies in an admission of the age group asked for, and
  `[window time]` the end of the time within which something is to follow.
- Slots: `<g1>` time filter, `<m1>` given moment, `<e1>` order of first and last, all on `<c>`; on other columns
  `[G1 column]`, `[E1 column]`; `[W earlier later]`; operations by their names.

Values come last, so that nothing in a name is taken for a mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from ehrxqa.questions.events import VITALS, EventKind
from ehrxqa.questions.image_sql import any_part, compare_sql, condition, gold_of, neural_of
from ehrxqa.questions.question import Question
from ehrxqa.questions.slots import operation_sql
from ehrxqa.questions.template import StudySelector
from ehrxqa.questions.times import EXACT, MOMENT_SQL, WINDOWS, WITHIN
from ehrxqa.vqa.question import Target
from ehrxqa.vqa.render import render

__all__ = [
    "INDEXED",
    "AnswerRows",
    "Rendering",
    "alternative_pattern",
    "answer_rows",
    "denominator",
    "gold_program",
    "query",
    "select_of",
    "studies_of",
]

_MACRO = re.compile(r"<((?:[AB]\.)?[A-Za-z]+[12]?(?: [^<>]*)?)>")
#: Innermost brackets: a list of conditions, or a slot with what it is put on.
_BRACKET = re.compile(r"(where)?\[([^\[\]]*)\]")
_VALUE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Rendering:
    """How a program is written: where it finds studies, and how it takes what can be taken in two ways.

    Attributes:
        name: The table, as conditions name it.
        source: What selects of studies read, as it stands behind FROM.
        listed: Selector → studies that are written out instead of selected.
        by_date: Whether a visit is what lies between its two times, instead of what bears its number.
        rank: The function that ranks.
        titles: Name of a diagnosis, procedure, drug or the like → all that are taken for the same.
    """

    name: str
    source: str
    listed: Mapping[StudySelector, tuple[int, ...]] = field(default_factory=dict)
    by_date: bool = False
    rank: str = "dense_rank()"
    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def key(self) -> object:
        """Equal where the same comes out."""
        return self.source, tuple(sorted(self.listed.items())), self.by_date, self.rank, bool(self.titles)


_LABELS: Final = Rendering("tb_cxr_plus", "tb_cxr_plus")
_IMAGES: Final = Rendering("tb_cxr", "tb_cxr")
#: The labels, on a copy of the database that holds their distinct studies in a table of their own (see `copies`).
INDEXED: Final = Rendering("tb_cxr_plus", "cxr_studies as tb_cxr_plus")


class AnswerRows(NamedTuple):
    """Rows that an answer rests on: a table, and what follows it in a select."""

    table: str
    rest: str


def gold_program(question: Question, how: Rendering = _LABELS) -> str:
    """The gold program."""
    template, visual = question.template, question.choice.visual
    if template.scope in ("image-single-1", "image-single-2"):
        assert visual is not None
        x, *others = (_selected(question, each, how) for each in template.studies)
        if others:
            return compare_sql(visual, question.choice.comparison, x, others[0], neural=False)
        return gold_of(visual, x)
    return _expand(template.sql, question, how)


def query(question: Question) -> str:
    """The NeuralSQL, or the gold program where no image is needed."""
    template, visual = question.template, question.choice.visual
    if template.scope in ("image-single-1", "image-single-2"):
        assert visual is not None
        x, *others = (_selected(question, each, _IMAGES) for each in template.studies)
        if others:
            return compare_sql(visual, question.choice.comparison, x, others[0], neural=True)
        return neural_of(visual, x)
    return _expand(template.neural, question, _IMAGES) if template.neural else gold_program(question)


def denominator(question: Question) -> str:
    """SQL that counts the patients behind a rate or ranking; empty for other questions."""
    return _expand(question.template.denominator, question, _LABELS) if question.template.denominator else ""


def studies_of(question: Question, *, by_date: bool = False) -> str:
    """SQL that selects the studies a question is about; empty for table questions."""
    template, how = question.template, replace(_IMAGES, by_date=by_date)
    if template.modality == "table":
        return ""
    if template.studies:
        parts = [f"tb_cxr.study_id in {_selected(question, each, how)}" for each in template.studies]
        return f"select tb_cxr.study_id from tb_cxr where {' or '.join(parts)}"
    return _expand(f"select tb_cxr.study_id from tb_cxr where[{' & '.join(template.among)}]", question, how)


def select_of(question: Question, selector: StudySelector) -> str:
    """SQL that selects studies of the patient, for the indexed copy; empty where they are given by number."""
    if selector.startswith("id"):
        return ""
    return _selected(question, selector, INDEXED).removeprefix("(").removesuffix(")").strip()


def _selected(question: Question, selector: StudySelector, how: Rendering) -> str:
    return _expand(_pattern_of(question, selector, how), question, how)


def _pattern_of(question: Question, selector: StudySelector, how: Rendering) -> str:
    """The bracketed select of some studies of the patient, as a pattern."""
    if (known := how.listed.get(selector)) is not None:
        return f"( {', '.join(map(str, known))} )"
    name, source = how.name, how.source
    if selector.startswith("id"):
        return f"( {{study_id{selector[2:]}}} )"
    if selector == "previous":
        later = _pattern_of(question, question.template.studies[0], how)
        return (
            f"( select distinct {name}.study_id from {source} where {name}.subject_id in "
            f"( select {name}.subject_id from {source} where {name}.study_id in {later} ) and {name}.studydatetime < "
            f"( select distinct {name}.studydatetime from {source} where {name}.study_id in {later} ) "
            f"order by {name}.studydatetime desc limit 1 )"
        )
    slot = "2" if selector == "earlier time" else "1"
    of = f"{name}.subject_id = {{patient_id}}"
    if question.choice.time(f"g{slot}").visit:
        of = (
            f"{of} and {_lies_in_visit(f'{name}.studydatetime', slot)}"
            if how.by_date
            else f"{name}.hadm_id in <H{slot}>"
        )
    order = "" if selector == "all" else f" [E{slot} {name}.studydatetime]"
    return f"( select distinct {name}.study_id from {source} where[{of} & [G{slot} {name}.studydatetime]]{order} )"


def _lies_in_visit(time: str, slot: str, visit: str = "hosp") -> str:
    """That a time lies between the two times of the visit that a filter names."""
    table, key, begun, ended, visits = (
        ("admissions", "hadm_id", "admittime", "dischtime", f"<H{slot}>")
        if visit == "hosp"
        else ("icustays", "stay_id", "intime", "outtime", f"<S{slot}>")
    )
    return (
        f"exists ( select 1 from {table} where {table}.{key} in {visits} and {time} between {table}.{begun} and "
        f"coalesce({table}.{ended}, current_time) )"
    )


def alternative_pattern(question: Question, name: str, how: Rendering) -> str:
    """The gold program under a reading for which the template has a pattern of its own; empty if it has none."""
    pattern = question.template.alternatives.get(name, "")
    return _expand(pattern, question, how) if pattern else ""


def answer_rows(question: Question, listed: str = "") -> list[AnswerRows]:
    """The rows that the answer rests on, by table.

    Args:
        question: The question.
        listed: Its studies, written out in brackets, if they are known.
    """
    template, choice = question.template, question.choice
    found: list[AnswerRows] = []
    if (visual := choice.visual) is not None:
        conditions = [f"tb_cxr_plus.study_id in {listed or f'( {studies_of(question)} )'}"]
        if visual.target is not Target.SIZE:
            conditions += ["tb_cxr_plus.relation = 1", any_part(visual)]
        found.append(AnswerRows("tb_cxr_plus", f"where {' and '.join(filter(None, conditions))}"))
    filter_ = "G2" if "g2" in template.fixed else "G1"
    for letter, event in zip("AB", template.events, strict=False):
        m = f"{letter}."
        parts = [f"<{m}nm>"] if template.scope == "table-none" else [f"<{m}nm>", f"[{filter_} <{m}c>]"]
        if template.of_patient:
            parts.insert(0, f"<{m}in>")
        if event.table == "admissions" and template.of_patient and choice.time("g1").visit:
            parts.append("admissions.hadm_id in <H>")
        if "sort" in template.operations and letter == "A":  # only the rows with the highest or lowest value count
            parts.append(f"<v> = ( select {choice.operations['sort']}(<v>) from <T> where[{' & '.join(parts)}] )")
        if "e1" in template.times and letter == "A" and template.draw != "change":
            if event.time == "dischtime":
                parts.append("<c> is not null")
            parts.append(f"<c> in ( select distinct <c> from <T> where[{' & '.join([*parts, '<m1>'])}] <e1> )")
        found.append(AnswerRows(event.table, _expand(f"where[{' & '.join(parts)}]", question, _IMAGES)))
    if not template.kinds and template.modality == "table":
        found.append(_rows_without_event(question))
    return found


def _rows_without_event(question: Question) -> AnswerRows:
    template = question.template
    if "n_survival_period" in template.operations:
        passed = "strftime('%J',current_time) - strftime('%J',diagnoses_icd.charttime)"
        table, conditions = "diagnoses_icd", [f"{passed} >= [n_survival_period]"]
    elif template.of_patient:
        table, conditions = "patients", ["patients.subject_id = {patient_id}"]
    else:
        aged = ["[age_group]"] if "age_group" in template.operations else []
        table, conditions = "admissions", ["admissions.dischtime is null", *aged]
    return AnswerRows(table, _expand(f"where[{' & '.join(conditions)}]", question, _IMAGES))


def _expand(pattern: str, question: Question, how: Rendering) -> str:
    """SQL of a pattern."""
    text = " ".join(_Expander(question, how).run(pattern).split())
    values = question.choice.values
    return _VALUE.sub(lambda match: str(values[match[1]]), text)


class _Expander:
    """Expands the marks of a pattern for one question."""

    def __init__(self, question: Question, how: Rendering) -> None:
        self._question = question
        self._choice = question.choice
        self._how = how
        self._known: dict[str, str] = question.expansions.setdefault(how.key, {})

    def run(self, text: str) -> str:
        """The text without marks; what stands for one may hold others."""
        if "<" in text:
            text = _MACRO.sub(self._known_or_new, text)
        while "[" in text:  # from the innermost outwards
            text = _BRACKET.sub(self._bracket, text)
        return text

    def _known_or_new(self, match: re.Match[str]) -> str:
        mark = match[1]
        if mark not in self._known:
            self._known[mark] = self.run(self._macro(mark))
        return self._known[mark]

    def _macro(self, name: str) -> str:
        _, _, rest = name.partition(" ")
        slot = "2" if name.endswith("2") else "1"
        plain = name.rstrip("12")
        match plain.partition(" ")[0]:
            case "g":
                return self._filter(name, self._event("A").column)
            case "e":
                return self._order(name, self._event("A").column)
            case "m":
                return self._moment(f"e{slot}", self._event("A").column)
            case "H":
                return self._admissions(slot)
            case "S":
                return self._stays(slot)
            case "rank":
                return self._how.rank
            case "studies":
                return _pattern_of(self._question, self._question.template.studies[0], self._how)
            case "cond":
                assert self._choice.visual is not None
                return " and ".join(condition(self._choice.visual))
            case "ask":
                assert self._choice.visual is not None
                return f'func_vqa("{render(self._choice.visual)}", {rest}.study_id)'
        letter, _, part = plain.rpartition(".")
        return self._of_event(letter or "A", part, slot)

    def _event(self, letter: str) -> EventKind:
        return self._question.template.events["AB".index(letter)]

    def _of_event(self, letter: str, part: str, slot: str) -> str:
        event, template = self._event(letter), self._question.template
        if part == "in":
            inside = event.extra.get("inside", event.inside)
            visit = self._choice.time(f"g{slot}").visit
            if self._how.by_date and visit and event.table != "admissions":
                inside = f"{event.table}.subject_id = {{patient_id}} and {_lies_in_visit(event.column, slot, visit)}"
                return inside
            return inside.replace("<H>", f"<H{slot}>").replace("<S>", f"<S{slot}>")
        if part == "nm":
            name = template.slots["AB".index(letter)]
            if not event.condition or (not name and not template.label):
                return ""
            if titles := self._how.titles.get(str(self._choice.values.get(name))):
                listed = ", ".join(f"'{title}'" for title in titles)
                code = f"{event.table}.{event.key}"
                return event.condition.replace(f"{code} = (", f"{code} in (").replace("= '{}'", f"in ( {listed} )")
            return event.condition.replace("{}", template.label or f"{{{name}}}")
        if part == "range":
            return VITALS[self._choice.values["vital_name"]]
        return {
            "T": event.table,
            "c": event.column,
            "t": event.time,
            "v": f"{event.table}.{event.value}",
            "k": event.key,
            "D": event.dictionary,
            "named": event.named,
        }[part]

    def _bracket(self, match: re.Match[str]) -> str:
        if match[1]:
            return _where(match[2].split(" & "))
        name, _, rest = match[2].strip().partition(" ")
        rest = rest.strip()
        match name:
            case "G1" | "G2":
                return self._filter(name.lower(), rest)
            case "E1" | "E2":
                return self._order(name.lower(), rest)
            case "V1":
                return self._choice.time("g1").visit_sql(rest)
            case "W":
                return self._within(*rest.split())
            case "aged":
                return self._aged(*rest.split())
            case "window":
                return WINDOWS[self._choice.within].replace("<a>", rest)
            case "order":
                return f"{rest} {'asc' if self._choice.exact['e1'] == 'exact-first' else 'desc'}"
        sql = operation_sql(name, self._choice.operations[name], rest).removeprefix("and ")
        return sql.removesuffix(" limit 1") if name == "sort" else sql

    def _filter(self, slot: str, column: str) -> str:
        return self._choice.time(slot).sql(column)

    def _order(self, slot: str, column: str) -> str:
        name = self._choice.exact.get(slot, "")
        return EXACT[name][1].replace("<c>", column) if name else ""

    def _moment(self, slot: str, column: str) -> str:
        moment = self._choice.moments.get(slot)
        return MOMENT_SQL.replace("<c>", column).replace("{time}", moment) if moment else ""

    def _within(self, earlier: str, later: str) -> str:
        if not self._choice.within:
            return ""
        if self._how.by_date and self._choice.within == "within-hosp":
            subject = "{patient_id}" if self._question.template.of_patient else f"{earlier.split('.')[0]}.subject_id"
            times = "admissions.admittime and coalesce(admissions.dischtime, current_time)"
            return (
                f"exists ( select 1 from admissions where admissions.subject_id = {subject} and {earlier} between {times} "
                f"and {later} between {times} )"
            )
        sql = WITHIN[self._choice.within][2].replace("<a>", earlier).replace("<b>", later)
        for mark, column in (("<a.hadm>", earlier), ("<b.hadm>", later)):
            sql = sql.replace(mark, f"{column.split('.')[0]}.hadm_id")
        return sql

    def _aged(self, table: str, time: str) -> str:
        age = f"admissions.age is not null and {operation_sql('age_group', self._choice.operations['age_group']).removeprefix('and ')}"
        if not self._how.by_date:
            return f"{table}.hadm_id in ( select admissions.hadm_id from admissions where {age} )"
        return (
            f"exists ( select 1 from admissions where admissions.subject_id = {table}.subject_id and {age} and {time} between "
            "admissions.admittime and coalesce(admissions.dischtime, current_time) )"
        )

    def _admissions(self, slot: str) -> str:
        visit = self._choice.time(f"g{slot}").visit_sql("hosp")
        where = _where(["admissions.subject_id = {patient_id}", visit])
        return f"( select admissions.hadm_id from admissions {where} )"

    def _stays(self, slot: str) -> str:
        visit = self._choice.time(f"g{slot}").visit_sql("icu")
        where = _where([f"icustays.hadm_id in <H{slot}>", visit])
        return f"( select icustays.stay_id from icustays {where} )"


def _where(conditions: Sequence[str]) -> str:
    """A WHERE of the conditions that are not empty; nothing without any."""
    there = [each for condition in conditions if (each := condition.strip())]
    return f"where {' and '.join(there)}" if there else ""
