"""From a pattern of a family to SQL.

Macros: `<T>` table, `<c>` qualified time column, `<t>` its bare name, `<in>` the patient's condition, `<nm>` the name,
`<v>` the number, `<k>`, `<D>`, `<named>` what it is and where that is named; `<B.…>` of the second event, a digit 2 for
the second time filter. `<H>` admissions, `<S>` ICU stays, `<X:…>` studies. `<g1>`, `<e1>` filter and order on `<c>`;
`[G1 column]`, `[E1 column]`, `[W earlier later]` on given columns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ehrxqa.questions.events import VITALS, EventKind
from ehrxqa.questions.image_sql import any_part, compare_sql, condition, gold_of, neural_of
from ehrxqa.questions.slots import operation_sql
from ehrxqa.questions.times import EXACT, WITHIN
from ehrxqa.vqa.render import render

if TYPE_CHECKING:
    from ehrxqa.questions.question import Question
    from ehrxqa.questions.template import Template

__all__ = ["expand", "expand_studies", "study_selects", "support"]

_MACRO = re.compile(r"<((?:[AB]\.)?[A-Za-z]+[12]?(?::\w+)?(?: [^<>]*)?)>")
_ONE = re.compile(r"<(gold|neural) (\S+)>")
_TWO = re.compile(r"<compare (gold|neural) (\S+) (\S+)>")
_BRACKET = re.compile(r"\[(\w+)((?: [^\[\]]*)?)\]")
_VALUE = re.compile(r"\{(\w+)\}")
#: Texts that show that a condition came to nothing → what to put in their place.
_CLEAN: Final = (
    ("where and", re.compile(r"\bwhere(?: and\b)+"), "where"),
    ("where group by", re.compile(r"\bwhere (?=group by)"), ""),
    ("where order by", re.compile(r"\bwhere (?=order by)"), ""),
    ("where )", re.compile(r"\bwhere (?=\))"), ""),
)


def expand(pattern: str, question: Question, cxr: str) -> str:
    """SQL of a pattern; `cxr` is the table of studies, TB_CXR_PLUS in gold programs."""
    text = " ".join(_Expander(question, cxr).run(_composed(pattern, question)).split())
    for sign, regex, plain in _CLEAN:
        if sign in text:
            text = regex.sub(plain, text)
    text = text.removesuffix(" where")
    values = question.choice.values
    return _VALUE.sub(lambda match: str(values[match[1]]), text)


def _composed(pattern: str, question: Question) -> str:
    """The pattern with `<gold X>`, `<neural X>` and `<compare … X Y>` written out."""
    visual = question.choice.visual
    if (one := _ONE.fullmatch(pattern)) and visual is not None:
        return (gold_of if one[1] == "gold" else neural_of)(visual, one[2])
    if (two := _TWO.fullmatch(pattern)) and visual is not None:
        y = "<prev>" if two[3] == "prev" else two[3]
        return compare_sql(visual, question.choice.comparison, two[2], y, neural=two[1] == "neural")
    return pattern


def _selectors(template: Template) -> list[str]:
    """The macros that select the studies of one patient; one that holds another stands behind it."""
    text = template.sql
    if template.comparison:
        x = "<X:time>" if "X:time" in text else "<X:id1>"
        return [x, "<prev>" if " prev>" in text else ("<Y:time>" if "X:time" in text else "<X:id2>")]
    if "X:time" in text or "X:id" in text:
        return ["<X:time>" if "X:time" in text else "<X:id>"]
    return ["<X:all>"] if "<X:all>" in text else []


def expand_studies(question: Question) -> str:
    """SQL that selects the studies a question is about."""
    template = question.template
    if template.modality == "table":
        return ""
    if chosen := _selectors(template):
        parts = [f"tb_cxr.study_id in {each}" for each in chosen]
        return expand(f"select tb_cxr.study_id from tb_cxr where {' or '.join(parts)}", question, "tb_cxr")
    inner = template.neural.split("from ( select * from tb_cxr where ", 1)[1].rsplit(" ) as t1 where", 1)[0]
    return expand(f"select tb_cxr.study_id from tb_cxr where {inner}", question, "tb_cxr")


def study_selects(question: Question) -> list[str]:
    """The bracketed selects of studies in the gold program of a question about a patient's images, outer ones first."""
    if question.template.modality == "table":
        return []
    return [expand(each, question, "tb_cxr_plus") for each in reversed(_selectors(question.template))]


def support(question: Question) -> list[tuple[str, str]]:
    """Table → SQL of the `row_id`s that the answer rests on."""
    template = question.template
    found: list[tuple[str, str]] = []
    if template.visual:
        visual = question.choice.visual
        assert visual is not None
        cond = "" if template.visual in (47, 48) else " and tb_cxr_plus.relation = 1" + any_part(visual)
        found.append((
            "tb_cxr_plus",
            f"select tb_cxr_plus.row_id from tb_cxr_plus where tb_cxr_plus.study_id in ( {question.studies} ){cond}",
        ))  # fmt: skip
    filter_ = "G2" if "g2" in template.fixed else "G1"
    for letter, event in zip("AB", template.events, strict=False):
        m = f"{letter}."
        where = f"<{m}in> <{m}nm> [{filter_} <{m}c>]" if template.of_patient else f"<{m}nm> [{filter_} <{m}c>]"
        if template.scope == "table-none":
            where = f"<{m}nm>"
        if event.table == "admissions" and "single" in template.scope and question.choice.time("g1").visit:
            where += " and admissions.hadm_id in <H>"
        if (
            "e1" in template.times
            and letter == "A"
            and template.draw != "change"
            and "order by <v>" not in template.sql
        ):
            more = " and <c> is not null" if event.time == "dischtime" else ""
            where += f"{more} and <c> in ( select distinct <c> from <T> where {where}{more} <e1> )"
        found.append((
            event.table, expand(f"select <{m}T>.row_id from <{m}T> where {where}", question, "tb_cxr"),
        ))  # fmt: skip
    if not template.kinds and template.modality == "table":
        table, where = "patients", "patients.subject_id = {patient_id}"
        if "n_survival_period" in template.operations:
            passed = "strftime('%J',current_time) - strftime('%J',diagnoses_icd.charttime)"
            table, where = "diagnoses_icd", f"{passed} >= [n_survival_period]"
        elif not template.of_patient:
            aged = "[age_group]" if "age_group" in template.operations else ""
            table, where = "admissions", f"admissions.dischtime is null {aged}"
        found.append((table, expand(f"select {table}.row_id from {table} where {where}", question, "")))
    return found


class _Expander:
    """Expands the macros for one question."""

    def __init__(self, question: Question, cxr: str) -> None:
        self._question = question
        self._choice = question.choice
        self._cxr = cxr
        self._known: dict[str, str] = question.expansions.setdefault(cxr, {})

    def run(self, text: str) -> str:
        """The text without macros and brackets; what stands for one may hold others."""
        if "<" in text:
            text = _MACRO.sub(self._expanded, text)
        return _BRACKET.sub(self._expanded, text) if "[" in text else text

    def _expanded(self, match: re.Match[str]) -> str:
        mark = match[0]
        if mark not in self._known:
            self._known[mark] = self.run((self._macro if mark[0] == "<" else self._bracket)(match))
        return self._known[mark]

    def _macro(self, match: re.Match[str]) -> str:
        name = match[1]
        _, _, rest = name.partition(" ")
        slot = "2" if name.endswith("2") else "1"
        plain = name.rstrip("12")
        if name in ("g1", "g2"):
            return self._filter(name, self._event("A").column)
        if name in ("e1", "e2"):
            return self._order(name, self._event("A").column)
        if plain == "H":
            return self._admissions(slot)
        if plain == "S":
            return self._stays(slot)
        if name.startswith(("X:", "Y:")) or name == "prev":
            return self._studies(name)
        if name == "cond":
            assert self._choice.visual is not None
            return condition(self._choice.visual)
        if name.startswith("ask "):
            assert self._choice.visual is not None
            return f'func_vqa("{render(self._choice.visual)}", {rest}.study_id)'
        letter, _, part = plain.rpartition(".")
        return self._of_event(letter or "A", part, slot)

    def _event(self, letter: str) -> EventKind:
        return self._question.template.events["AB".index(letter)]

    def _of_event(self, letter: str, part: str, slot: str) -> str:
        event = self._event(letter)
        table = event.table
        if part == "in":
            inside = event.extra.get("inside", event.inside)
            return inside.replace("<H>", f"<H{slot}>").replace("<S>", f"<S{slot}>")
        if part == "nm":
            name = self._question.template.slots["AB".index(letter)]
            if not event.condition or (not name and not self._question.template.label):
                return ""
            value = self._question.template.label or f"{{{name}}}"
            return f"and {event.condition.replace('{}', value)}"
        if part == "range":
            return VITALS[self._choice.values["vital_name"]]
        return {
            "T": table, "c": event.column, "t": event.time, "v": f"{table}.{event.value}", "k": event.key,
            "D": event.dictionary, "named": event.named,
        }[part]  # fmt: skip

    def _bracket(self, match: re.Match[str]) -> str:
        name, rest = match[1], match[2].strip()
        if name in ("G1", "G2"):
            return self._filter(name.lower(), rest)
        if name in ("E1", "E2"):
            return self._order(name.lower(), rest)
        if name == "V1":
            condition_ = self._choice.time("g1").visit_sql(rest)
            return f"and {condition_}" if condition_ else ""
        if name == "W":
            return self._within(*rest.split())
        if name == "order":
            return f"{rest} {'asc' if self._choice.exact['e1'] == 'exact-first' else 'desc'}"
        option = self._choice.operations[name]
        sql = operation_sql(name, option, rest)
        return sql.removesuffix(" limit 1") if name == "sort" else sql

    def _filter(self, slot: str, column: str) -> str:
        sql = self._choice.time(slot).sql(column)
        return f"and {sql}" if sql else ""

    def _order(self, slot: str, column: str) -> str:
        name = self._choice.exact.get(slot, "")
        if not name:
            return ""
        return EXACT[name][1].replace("<c>", column).replace("{time}", self._choice.moments.get(slot, ""))

    def _within(self, earlier: str, later: str) -> str:
        if not self._choice.within:
            return ""
        sql = WITHIN[self._choice.within][2].replace("<a>", earlier).replace("<b>", later)
        for mark, column in (("<a.hadm>", earlier), ("<b.hadm>", later)):
            sql = sql.replace(mark, f"{column.split('.')[0]}.hadm_id")
        return f"and {sql}"

    def _admissions(self, slot: str) -> str:
        visit = self._choice.time(f"g{slot}").visit_sql("hosp")
        return (
            "( select admissions.hadm_id from admissions where admissions.subject_id = {patient_id}"
            + (f" and {visit}" if visit else "") + " )"
        )  # fmt: skip

    def _stays(self, slot: str) -> str:
        visit = self._choice.time(f"g{slot}").visit_sql("icu")
        return (
            f"( select icustays.stay_id from icustays where icustays.hadm_id in <H{slot}>"
            + (f" and {visit}" if visit else "") + " )"
        )  # fmt: skip

    def _studies(self, name: str) -> str:
        b = self._cxr
        if name == "prev":
            x = self._studies("X:time" if "X:time" in self._question.template.sql else "X:id1")
            return (
                f"( select distinct {b}.study_id from {b} where {b}.subject_id in ( select {b}.subject_id from {b} where "
                f"{b}.study_id in {x} ) and {b}.studydatetime < ( select distinct {b}.studydatetime from {b} where "
                f"{b}.study_id in {x} ) order by {b}.studydatetime desc limit 1 )"
            )
        if name.startswith("X:id"):
            return f"( {{study_id{name[4:]}}} )"
        slot, order = ("2", "e2") if name == "Y:time" else ("1", "e1" if name == "X:time" else "")
        time = self._choice.time(f"g{slot}")
        of = f"{b}.hadm_id in <H{slot}>" if time.visit else f"{b}.subject_id = {{patient_id}}"
        return (
            f"( select distinct {b}.study_id from {b} where {of} [G{slot} {b}.studydatetime]"
            + (f" [{order.upper()} {b}.studydatetime]" if order else "") + " )"
        )  # fmt: skip
