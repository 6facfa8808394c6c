"""Families about images and tables: event × temporal relation × finding, and findings in groups of age and gender."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ehrxqa.questions.families.images import VERIFY_KINDS, finding
from ehrxqa.questions.template import Template

__all__ = ["multimodal_templates"]

_P = "patient {patient_id}"
_STUDY = "a chest x-ray study indicating {}"
#: Last digits of the templates that are not about one named event: attribute or category in an object, attribute.
_FEW: Final = (0, 1, 3)

# kind, slot, “has …”, “did …”
_EVENTS: Final = (
    ("dx", "diagnosis_name", "been diagnosed with {diagnosis_name}"),
    ("px", "procedure_name", "received a {procedure_name} procedure"),
    ("rx", "drug_name", "been prescribed with {drug_name}"),
    ("dx", "", "received any diagnosis"),
    ("px", "", "received any procedure"),
    ("rx", "", "been prescribed any medication"),
)
_DID: Final = (
    "<has|was> {p} <been |>diagnosed with {diagnosis_name}", "<has|did> {p} <undergone|undergo> the procedure {procedure_name}",
    "<has|was> {p} <been |>prescribed {drug_name}", "<has|was> {p} <been |>given any diagnosis",
    "<has|did> {p} <undergone|undergo> any procedure", "<has|was> {p} <been |>prescribed any drug",
)  # fmt: skip
_AFTER: Final = (
    "having been diagnosed with {diagnosis_name} [g1]?", "having received {procedure_name} procedure [g1] ?",
    "having been prescribed with {drug_name} [g1] ?",
)  # fmt: skip
_SINCE: Final = ("a diagnosis of {diagnosis_name}", "the procedure {procedure_name}", "a prescription of {drug_name}")

_GRAINS: Final = ("year", "month", "hosp")
_WITHIN: Final = ("within-n_month", "within-month", "within-hosp")

_EVENT = "( select <c>, <T>.hadm_id from <T> where <in> <nm> <g1> ) as t1"
_GOLD_STUDIES = (
    "( select distinct tb_cxr_plus.studydatetime, tb_cxr_plus.hadm_id from tb_cxr_plus where tb_cxr_plus.study_id in <X:all> "
    "and tb_cxr_plus.relation = 1<cond> ) as t3"
)
_NEURAL_STUDIES = (
    "( select tb_cxr.studydatetime, tb_cxr.hadm_id from tb_cxr where tb_cxr.study_id in ( select distinct t2.study_id from "
    "( select distinct tb_cxr.study_id from tb_cxr where tb_cxr.study_id in <X:all> ) as t2 where <ask t2> = true ) ) as t3"
)


def multimodal_templates() -> Iterator[Template]:
    """All templates about images and tables."""
    yield from _same_period()
    yield from _one_after_other()
    yield from _groups()


def _same_period() -> Iterator[Template]:
    event = "select ( select count(*) > 0 from <T> where <in> <nm> <g1> ) and "
    for ten, (kind, slot, perfect) in enumerate(_EVENTS):
        for digit, visual in enumerate(VERIFY_KINDS):
            if ten >= 3 and digit not in _FEW:
                continue
            did = _DID[ten].replace("{p}", _P)
            also = "<had|have>" if did.startswith("<has|did>") else "had"
            yield Template(
                5000 + 10 * ten + digit, "same period", "multimodal-single",
                f"has_verb {_P} {perfect} [g1] and also had {_STUDY.replace('{}', finding(visual))} within the same period?",
                (f"{did} [g1], and did a chest x-ray in the same period show {{finding}}?",
                 f"{did} [g1] and also {also} a chest x-ray that showed {{finding}} in the same period?"),
                event + "( select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.study_id in <X:all> and "
                "tb_cxr_plus.relation = 1<cond> )", "event and study", "truth", (kind,), (slot,), _GRAINS,
                neural=event + "( select count( distinct t1.study_id ) > 0 from ( select tb_cxr.study_id from tb_cxr where "
                "tb_cxr.study_id in <X:all> ) as t1 where <ask t1> = true )", visual=visual,
            )  # fmt: skip


def _one_after_other() -> Iterator[Template]:
    for ten, (kind, slot, perfect) in enumerate(_EVENTS[:3]):
        for digit, visual in enumerate(VERIFY_KINDS):
            study = _STUDY.replace("{}", finding(visual))
            order = "on t1.<t> < t3.studydatetime [W t1.<t> t3.studydatetime]".replace("on ", "where ", 1)
            yield Template(
                5100 + 10 * ten + digit, "study after event", "multimodal-single",
                f"has_verb {_P} had {study} [w] after {_AFTER[ten]}",
                (f"did a chest x-ray of {_P} show {{finding}} [w] after {_SINCE[ten]} [g1]?",
                 f"[w] after {_SINCE[ten]} [g1], did {_P} have a chest x-ray study that showed {{finding}}?"),
                f"select count(*) > 0 from {_EVENT} join {_GOLD_STUDIES} {order}", "study after event", "truth", (kind,), (slot,),
                _GRAINS, withins=_WITHIN, neural=f"select count(*) > 0 from {_EVENT} join {_NEURAL_STUDIES} {order}",
                visual=visual,
            )  # fmt: skip
            order = "where t3.studydatetime < t1.<t> [W t3.studydatetime t1.<t>]"
            did = _DID[ten].replace("{p}", _P)
            yield Template(
                5200 + 10 * ten + digit, "event after study", "multimodal-single",
                f"has_verb {_P} {perfect} [w] after having had {study} [g1] ?",
                (f"{did} [w] after a chest x-ray study that showed {{finding}} [g1]?",),
                f"select count(*) > 0 from {_EVENT} join {_GOLD_STUDIES} {order}", "event after study", "truth", (kind,), (slot,),
                _GRAINS, withins=_WITHIN, neural=f"select count(*) > 0 from {_EVENT} join {_NEURAL_STUDIES} {order}",
                visual=visual,
            )  # fmt: skip


def _groups() -> Iterator[Template]:
    age = "( select admissions.hadm_id from admissions where admissions.age is not null [age_group] )"
    for form, text, what, answer, said in (
        (0, "count the number of", "select count( distinct {0}.subject_id )", "count", "how many {who} <have had|had>"),
        (1, "list the ids of", "select distinct {0}.subject_id", "list", "which {who} <have had|had>"),
    ):
        for by_gender in (0, 1):
            who = ("{gender} " if by_gender else "") + "patients aged [age_group]"
            gender = " and {0}.subject_id in ( select patients.subject_id from patients where patients.gender = '{{gender}}' )"
            for digit in _FEW:
                visual = VERIFY_KINDS[digit]
                sex = gender if by_gender else ""
                yield Template(
                    6000 + 20 * by_gender + 10 * form + digit, f"{('count', 'list')[form]} patients of an age",
                    "multimodal-group",
                    f"{text} {who} who had a chest x-ray study during hospital visit indicating {finding(visual)} [g1].",
                    (f"{said.replace('{who}', who)} a chest x-ray study during a hospital stay that showed {{finding}} [g1]?"
                     + (" list their ids." if form else ""),),
                    what.format("tb_cxr_plus") + f" from tb_cxr_plus where tb_cxr_plus.hadm_id in {age} and "
                    f"tb_cxr_plus.relation = 1<cond>{sex.format('tb_cxr_plus')} [G1 tb_cxr_plus.studydatetime]",
                    "study group", answer, grains=("year", "month"),
                    neural=what.format("t1") + f" from ( select * from tb_cxr where tb_cxr.hadm_id in {age}"
                    f"{sex.format('tb_cxr')} [G1 tb_cxr.studydatetime] ) as t1 where <ask t1> = true", visual=visual,
                )  # fmt: skip
