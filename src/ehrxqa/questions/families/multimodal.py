"""Families about images and tables: event × temporal relation × finding, and findings in groups of age and gender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from ehrxqa.questions.families.images import CXR, VERIFY_KINDS, finding
from ehrxqa.questions.families.pieces import rows
from ehrxqa.questions.program_parts import Parts, where, words
from ehrxqa.questions.template import OPEN_TO_IMAGES, OPEN_TO_TABLES, Answer, Template

__all__ = ["multimodal_templates"]

_P = "patient {patient_id}"
_STUDY = "a chest x-ray study indicating {}"
#: Before a colon: whom it is about, and when.
_ABOUT = f"{_P}~(, [n1])"
#: Last digits of the templates that are not about one named event: attribute or category in an object, attribute.
_FEW: Final = (0, 1, 3)

# kind, slot, “has …”, our noun, and the same as in notes
_EVENTS: Final = (
    (
        "dx",
        "diagnosis_name",
        "been diagnosed with {diagnosis_name}",
        "a [dx] of {diagnosis_name}",
        "dx {diagnosis_name}",
    ),
    (
        "px",
        "procedure_name",
        "received a {procedure_name} procedure",
        "the procedure {procedure_name}",
        "procedure {procedure_name}",
    ),
    ("rx", "drug_name", "been prescribed with {drug_name}", "[rx] for {drug_name}", "rx {drug_name}"),
    ("dx", "", "received any diagnosis", "a [dx] of any kind", "any dx"),
    ("px", "", "received any procedure", "a procedure of any kind", "any procedure"),
    ("rx", "", "been prescribed any medication", "a prescription of any kind", "any rx"),
)
_AFTER: Final = (
    "having been diagnosed with {diagnosis_name} [g1]?",
    "having received {procedure_name} procedure [g1] ?",
    "having been prescribed with {drug_name} [g1] ?",
)
_GRAINS: Final = ("year", "month", "hosp")
_WITHIN: Final = ("within-n_month", "within-month", "within-hosp")


def multimodal_templates() -> Iterator[Template]:
    """All templates about images and tables."""
    yield from _same_period()
    yield from _one_after_other()
    yield from _groups()


def _same_period() -> Iterator[Template]:
    for ten, (kind, slot, perfect, noun, brief) in enumerate(_EVENTS):
        for digit, visual in enumerate(VERIFY_KINDS):
            if ten >= 3 and digit not in _FEW:
                continue
            yield Template(
                official=5000 + 10 * ten + digit,
                family="same period",
                scope="multimodal-single",
                text=f"has_verb {_P} {perfect} [g1] and also had {_STUDY.replace('{}', finding(visual))} within the same period?",
                said=(
                    f"[g1], <has|did> {_P} <had|have> {noun} and {{brief}} on {CXR}?",
                    f"{_ABOUT}: {brief} [and] {{brief}} on {CXR}?",
                    f"{_ABOUT}: both {brief} and {{brief}} on {CXR}?",
                    f"{_ABOUT}: {brief} [and] a {CXR} [showing] {{brief}}?",
                    f"both {brief} and {{brief}} on {CXR} for {_P} [g1]?",
                    f"any {CXR} with {{brief}}, plus {brief}, {_P}~(, both [g1])?",
                    f"check {_P} for {brief} and {{brief}} on {CXR}~(, both [g1]).",
                    f"{{brief}} on {CXR} [and] {brief}, {_P}~(, both [g1])?",
                    f"does {_P} have both {brief} and {{brief}} on {CXR} [g1]?",
                    f"besides {brief}, any {CXR} of {_P} with {{brief}}~(, both [g1])?",
                    f"[check] whether {_P}~(, [g1],) had {brief} and {{brief}} on {CXR}.",
                    f"{_ABOUT}: any {CXR} with {{brief}} [and] {brief}?",
                ),
                sql=lambda q: f"{_event_and(q)} ( {_shown(q)} )",
                draw="event and study",
                answer="truth",
                kinds=(kind,),
                slots=(slot,),
                grains=_GRAINS,
                neural=lambda q: f"{_event_and(q)} ( {_shown_by_image(q)} )",
                visual=visual,
                studies=("all",),
                alternatives={
                    OPEN_TO_TABLES: lambda q: f"{_event_and(q)} ( {_any_study(q)} )",
                    OPEN_TO_IMAGES: _shown,
                },
            )


def _one_after_other() -> Iterator[Template]:
    for ten, (kind, slot, perfect, noun, brief) in enumerate(_EVENTS[:3]):
        for digit, visual in enumerate(VERIFY_KINDS):
            study = _STUDY.replace("{}", finding(visual))
            follows = partial(_follows, kind=kind, slot=slot, visual=visual)
            yield follows(
                official=5100 + 10 * ten + digit,
                family="study after event",
                text=f"has_verb {_P} had {study} [w] after {_AFTER[ten]}",
                said=(
                    f"[g1], was {brief} of {_P} followed [w] by {{brief}} on {CXR}?",
                    f"[g1], did {_P} have {{brief}} on {CXR} [w] after {brief}?",
                    f"{_ABOUT}: {{brief}} on {CXR} [w] after {brief}?",
                    f"{_ABOUT}: any {CXR} [showing] {{brief}} [w] after {brief}?",
                    f"{_ABOUT}: {brief}, then {{brief}} on {CXR} [w]?",
                    f"{_ABOUT}: [w] after {brief}, any {CXR} with {{brief}}?",
                    f"{{brief}} on {CXR} [w] after {brief}, {_P}~(, both [g1])?",
                    f"check {_P} for {{brief}} on {CXR} [w] after {brief}~(, both [g1]).",
                    f"after {noun}, did {_P} have {{brief}} on {CXR} [w]~(, both [g1])?",
                    f"any {CXR} of {_P} with {{brief}} [w] after {brief}~(, both [g1])?",
                    f"[check] whether~(, [g1],) a {CXR} of {_P} [w] after {brief} showed {{brief}}.",
                    f"{_ABOUT}: {{brief}} on {CXR} [w] following {brief}?",
                ),
                event_first=True,
            )
            yield follows(
                official=5200 + 10 * ten + digit,
                family="event after study",
                text=f"has_verb {_P} {perfect} [w] after having had {study} [g1] ?",
                said=(
                    f"[g1], was {{brief}} on {CXR} of {_P} followed [w] by {brief}?",
                    f"[g1], did {_P} have {brief} [w] after a {CXR} with {{brief}}?",
                    f"{_ABOUT}: {brief} [w] after a {CXR} [showing] {{brief}}?",
                    f"{_ABOUT}: {{brief}} on {CXR}, then {brief} [w]?",
                    f"{_ABOUT}: {brief} [w] after {{brief}} on {CXR}?",
                    f"{_ABOUT}: [w] after {{brief}} on {CXR}, {brief}?",
                    f"{brief} [w] after {{brief}} on {CXR}, {_P}~(, both [g1])?",
                    f"check {_P} for {brief} [w] after a {CXR} with {{brief}}~(, both [g1]).",
                    f"after {{finding}} on {CXR}, did {_P} have {brief} [w]~(, both [g1])?",
                    f"did {brief} of {_P} come [w] after {{brief}} on {CXR}~(, both [g1])?",
                    f"[check] whether~(, [g1],) {_P} had {brief} [w] after {{brief}} on {CXR}.",
                    f"{_ABOUT}: {brief} [w] following {{brief}} on {CXR}?",
                ),
                event_first=False,
            )


def _follows(
    *,
    official: int,
    family: str,
    text: str,
    said: tuple[str, ...],
    kind: str,
    slot: str,
    visual: int,
    event_first: bool,
) -> Template:
    """Whether a study with a finding came after an event, or an event after such a study."""
    followed = partial(_one_after_other_of, event_first=event_first)
    return Template(
        official=official,
        family=family,
        scope="multimodal-single",
        text=text,
        said=said,
        sql=partial(followed, _gold_studies),
        draw=family,
        answer="truth",
        kinds=(kind,),
        slots=(slot,),
        grains=_GRAINS,
        withins=_WITHIN,
        neural=partial(followed, _neural_studies),
        visual=visual,
        studies=("all",),
        alternatives={OPEN_TO_TABLES: partial(followed, _any_studies), OPEN_TO_IMAGES: _shown},
    )


def _groups() -> Iterator[Template]:
    answer: Answer
    for form, text, what, answer, said in (
        (
            0,
            "count the number of",
            "count( distinct {table}.subject_id )",
            "count",
            (
                f"how many {{who}} <have had|had> {{brief}} on an in-hospital {CXR} [g1]?",
                f"number of {{who}} with {{brief}} on inpatient {CXR} [g1]?",
                f"[count] the {{who}} with {{brief}} on an in-hospital {CXR} [g1].",
                f"{{who}} with {{brief}} on inpatient {CXR} [g1]: how many?",
                f"[g1], how many {{who}} had {{brief}} on inpatient {CXR}?",
                f"how many {{who}} <have had|had> an inpatient {CXR} [g1] with {{brief}}?",
                f"[tell] how many {{who}} <have had|had> {{finding}} on an in-hospital {CXR} [g1].",
                f"inpatient {CXR} [g1] with {{brief}}: how many {{who}}?",
                f"[can] how many {{who}} <have had|had> {{brief}} on inpatient {CXR} [g1]?",
            ),
        ),
        (
            1,
            "list the ids of",
            "distinct {table}.subject_id",
            "list",
            (
                f"which {{who}} <have had|had> {{brief}} on an in-hospital {CXR} [g1]? ids only.",
                f"ids of {{who}} with {{brief}} on inpatient {CXR} [g1]?",
                f"[give] the ids of {{who}} with {{brief}} on inpatient {CXR} [g1].",
                f"{{who}} with {{brief}} on inpatient {CXR} [g1]: ids?",
                f"[list] by id the {{who}} with {{finding}} on an in-hospital {CXR} [g1].",
                f"inpatient {CXR} [g1] with {{brief}}: ids of {{who}}?",
                f"[g1], which {{who}} had {{brief}} on inpatient {CXR}? give ids.",
                f"by id, which {{who}} had an inpatient {CXR} [g1] with {{brief}}?",
            ),
        ),
    ):
        for by_gender in (0, 1):
            our = ("{gender} " if by_gender else "") + "patients [age_group]"
            who = our.replace("patients", "patients aged")
            for digit in _FEW:
                visual = VERIFY_KINDS[digit]
                yield Template(
                    official=6000 + 20 * by_gender + 10 * form + digit,
                    family=f"{('count', 'list')[form]} patients of an age",
                    scope="multimodal-group",
                    text=f"{text} {who} who had a chest x-ray study during hospital visit indicating {finding(visual)} [g1].",
                    said=tuple(each.replace("{who}", our) for each in said),
                    sql=partial(_gold_group, what, by_gender=bool(by_gender)),
                    draw="study group",
                    answer=answer,
                    grains=("year", "month"),
                    neural=partial(_neural_group, what, by_gender=bool(by_gender)),
                    visual=visual,
                    among=partial(_among, by_gender=bool(by_gender)),
                )


def _event_and(q: Parts) -> str:
    return f"select ( select count(*) > 0 {rows(q)} ) and"


def _any_study(q: Parts, *conditions: str) -> str:
    return f"select count(*) > 0 from tb_cxr_plus {where(f'tb_cxr_plus.study_id in {q.studies}', *conditions)}"


def _shown(q: Parts) -> str:
    return _any_study(q, "tb_cxr_plus.relation = 1", q.shown)


def _shown_by_image(q: Parts) -> str:
    studies = f"select tb_cxr.study_id from tb_cxr where tb_cxr.study_id in {q.studies}"
    return f"select count( distinct t1.study_id ) > 0 from ( {studies} ) as t1 where {q.asks('t1')} = true"


def _one_after_other_of(studies: Callable[[Parts], str], q: Parts, *, event_first: bool) -> str:
    """Whether one of some studies followed an event, or an event one of them."""
    event = f"select {q.a.time}, {q.a.table}.hadm_id {rows(q)}"
    times = (f"t1.{q.a.bare_time}", "t3.studydatetime")
    earlier, later = times if event_first else reversed(times)
    return words(
        f"select count(*) > 0 from ( {event} ) as t1 join ( {studies(q)} ) as t3",
        where(f"{earlier} < {later}", q.within(earlier, later)),
    )


def _any_studies(q: Parts, *conditions: str) -> str:
    return (
        "select distinct tb_cxr_plus.studydatetime, tb_cxr_plus.hadm_id from tb_cxr_plus "
        f"{where(f'tb_cxr_plus.study_id in {q.studies}', *conditions)}"
    )


def _gold_studies(q: Parts) -> str:
    return _any_studies(q, "tb_cxr_plus.relation = 1", q.shown)


def _neural_studies(q: Parts) -> str:
    studies = f"select distinct tb_cxr.study_id from tb_cxr where tb_cxr.study_id in {q.studies}"
    shown = f"select distinct t2.study_id from ( {studies} ) as t2 where {q.asks('t2')} = true"
    return f"select tb_cxr.studydatetime, tb_cxr.hadm_id from tb_cxr where tb_cxr.study_id in ( {shown} )"


def _of_gender(table: str, q: Parts) -> str:
    patients = f"select patients.subject_id from patients where patients.gender = '{q.value('gender')}'"
    return f"{table}.subject_id in ( {patients} )"


def _gold_group(asked: str, q: Parts, *, by_gender: bool) -> str:
    time = "tb_cxr_plus.studydatetime"
    conditions = where(
        q.aged("tb_cxr_plus", time),
        "tb_cxr_plus.relation = 1",
        q.shown,
        _of_gender("tb_cxr_plus", q) if by_gender else "",
        q.during(time),
    )
    return f"select {asked.format(table='tb_cxr_plus')} from tb_cxr_plus {conditions}"


def _neural_group(asked: str, q: Parts, *, by_gender: bool) -> str:
    studies = f"select * from tb_cxr {where(*_among(q, by_gender=by_gender))}"
    return f"select {asked.format(table='t1')} from ( {studies} ) as t1 where {q.asks('t1')} = true"


def _among(q: Parts, *, by_gender: bool) -> tuple[str, ...]:
    time = "tb_cxr.studydatetime"
    return q.aged("tb_cxr", time), _of_gender("tb_cxr", q) if by_gender else "", q.during(time)
