"""Families about images: study selector × image question × comparison, and their sums over studies and patients.

Nothing is listed here that is a product. An image question is a `VqaQuestion`; its gold program reads labels, its
NeuralSQL asks the image the elementary questions that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal

from ehrxqa.questions.program_parts import Parts, where, words
from ehrxqa.questions.template import Answer, StudySelector, Template
from ehrxqa.vqa.question import KINDS, Form, Target
from ehrxqa.vqa.render import TEMPLATES

__all__ = ["CXR", "VERIFY_KINDS", "finding", "image_templates", "sentence"]

#: The six verify kinds in the order of the last digit of templates from 3000 on.
VERIFY_KINDS: Final = (2, 1, 3, 22, 19, 20)
#: Kinds that ask for a width.
SIZE_KINDS: Final = (47, 48)
#: Kinds asked of one study: all but view position and gender.
ONE_STUDY: Final = (*range(1, 41), *SIZE_KINDS)
#: Kinds asked of two studies, in the order of the last digits of templates 2000 to 2311.
TWO_STUDIES: Final = (1, 2, 3, 19, 20, 22, 7, 8, 25, 27, 31, 39)

_P = "patient {patient_id}"
#: Any form of “chest x-ray”.
CXR: Final = "[cxr]"
_NTH = f"the [adj1] {CXR} of {_P} [g1] [showing] {{finding}}"


def sentence(kind: int) -> str:
    """The sentence of an image question, with `${…}` slots."""
    return (
        TEMPLATES[kind].replace("abnormalities", "abnormality")[0].lower()
        + TEMPLATES[kind].replace("abnormalities", "abnormality")[1:]
    )


def image_templates() -> Iterator[Template]:
    """All image templates."""
    yield from _one_study()
    yield from _two_studies()
    yield from _many_studies()
    yield from _patients()


#: Wording, how the study is selected, and the study in our sentences, twice, without its article, and as in notes.
_SELECTORS: Final[tuple[tuple[str, Literal["time", "id"], str, str, str, str], ...]] = (
    (
        f"given the [e1] study of {_P} [g1]",
        "time",
        f"the [adj1] {CXR} of {_P} [g1]",
        f"{_P}'s [adj1] {CXR} [g1]",
        f"[adj1] {CXR} of {_P} [g1]",
        f"{_P}, [adj1] {CXR} [g1]",
    ),
    (
        "given the study {study_id}",
        "id",
        f"{CXR} {{study_id}}",
        f"the {CXR} with id {{study_id}}",
        f"{CXR} no. {{study_id}}",
        "study {study_id}",
    ),
)


def _one_study() -> Iterator[Template]:
    for selector, (text, by, study, other, bare, noted) in enumerate(_SELECTORS):
        for kind in ONE_STUDY:
            form: Answer = "truth" if KINDS[kind].form is Form.VERIFY else "list"
            shown: tuple[str, ...] = (f"{{finding}} on {study}?", f"{{finding}} on {other}?")
            if form == "truth" and kind not in SIZE_KINDS:
                shown = (
                    f"does {study} show {{finding}}?",
                    f"can you see {{finding}} on {study}?",
                    f"{{finding}} on {other}?",
                    f"does {other} show {{finding}}?",
                    f"please check {study} for {{finding}}.",
                    f"[tell] whether {study} shows {{finding}}.",
                    f"look at {study} for {{finding}}.",
                    f"[can] if {other} shows {{finding}}?",
                    f"is {study} positive for {{finding}}?",
                    f"{{brief}} on {bare}?",
                    f"{noted}, {{brief}}?",
                )
            yield Template(
                official=1000 + 100 * selector + kind - 1,
                family=_family(kind),
                scope="image-single-1",
                text=f"{text}, {sentence(kind)}",
                said=(
                    f"on {study}, {{visual}}",
                    f"{bare}: {{visual}}",
                    f"{noted}: {{visual}}",
                    f"{other}: {{visual}}",
                    f"review {study}. {{visual}}",
                    f"open {other}. {{visual}}",
                    *shown,
                ),
                draw=f"study by {by}",
                answer=form,
                grains=("year", "month", "hosp") if by == "time" else (),
                visual=kind,
                studies=(by,),
            )


def _family(kind: int) -> str:
    form, target = KINDS[kind].form, KINDS[kind].target
    if target is Target.SIZE:
        return "size"
    if form is Form.CHOOSE:
        return "choose"
    if form is Form.VERIFY:
        return "verify"
    return "list locations" if target is Target.OBJECT else "list findings"


def _compared(kind: int) -> str:
    """The visual question with a comparison in it, without an end mark."""
    text = sentence(kind)[:-1]
    if text == "is the ${object} abnormal":
        return "are there any abnormality that are ${comparison} in the ${object}"
    if text.startswith("is there "):
        finding, _, place = text.removeprefix("is there ").partition(" in the ")
        return f"is {finding} ${{comparison}}" + (f" in the {place}" if place else "")
    finding, _, place = text.partition(" in the ") if KINDS[kind].target is not Target.OBJECT else (text, "", "")
    return f"{finding} that are ${{comparison}}" + (f" in the {place}" if place else "")


def _two_studies() -> Iterator[Template]:
    by_time = _SELECTORS[0][0]
    later: tuple[tuple[str, StudySelector, str], ...] = (
        (by_time, "time", "time"),
        ("given the {study_id1} study", "id1", "id"),
    )
    for anchor, (text, x, by) in enumerate(later):
        explicit = f"the [e2] study of {_P} [g2]" if by == "time" else "the {study_id2} study"
        earlier: tuple[tuple[str, StudySelector], ...] = (
            (explicit, "earlier time" if by == "time" else "id2"),
            ("the previous study", "previous"),
        )
        for comparand, (than, y) in enumerate(earlier):
            for digit, kind in enumerate(TWO_STUDIES):
                whom = f"the [adj1] {CXR} of {_P} [g1]", f"{_P}'s [adj1] {CXR} [g1]", f"{_P}, [adj1] {CXR} [g1]"
                other, noted = "the earlier, [adj2] one [g2]", "earlier, [adj2] one [g2]"
                if by == "id":
                    whom = f"{CXR} {{study_id1}}", f"the {CXR} with id {{study_id1}}", f"{CXR} no. {{study_id1}}"
                    other, noted = "the earlier study {study_id2}", "earlier {study_id2}"
                if comparand == 1:
                    other, noted = "the one before", "the prior one"
                this, this_one, brief = whom
                yield Template(
                    official=2000 + 200 * anchor + 100 * comparand + digit,
                    family=f"compare: {_family(kind)}",
                    scope="image-single-2",
                    text=f"{text}, {_compared(kind)} compared to {than}?",
                    said=(
                        f"{brief} vs {noted}: {{changed}}?",
                        f"{brief} against {noted}: {{changed}}?",
                        f"{brief}, {{changed}}, vs {noted}?",
                        f"{this} vs {noted}: {{changed}}?",
                        f"{this_one} vs {noted}: {{compared}}?",
                        f"compare {this} with {other}: {{changed}}?",
                        f"{{compared}}, comparing {this} to {other}?",
                        f"{{changed}}: {brief} vs {noted}?",
                        f"{this_one} and {other} side by side: {{changed}}?",
                        f"put {this_one} next to {other}: {{compared}}?",
                    ),
                    draw=f"two studies by {by}{' previous' if comparand else ''}",
                    answer="truth" if KINDS[kind].form is Form.VERIFY else "list",
                    grains=("year", "month", "hosp") if by == "time" else (),
                    visual=kind,
                    studies=(x, y),
                )


def finding(kind: int) -> str:
    """What a study indicates: the finding of a verify question."""
    text = sentence(kind)
    if text == "is the ${object} abnormal?":
        return "any abnormality in the ${object}"
    return text[:-1].removeprefix("is there ").removeprefix("are there ")


def _many_studies() -> Iterator[Template]:
    answer: Answer
    for form, text, said, what, answer in (
        (
            0,
            f"how many [unit_count] have passed since the [e1] time {_P} had a chest x-ray study indicating {{}} [g1]?",
            (
                f"how many [unit_count] ago was {_NTH}?",
                f"how many [unit_count] have passed since {_NTH}?",
                f"counted in [unit_count], how long ago did {_P} [e1] have a {CXR} [g1] [showing] {{finding}}?",
                f"how many [unit_count] ago did {_P} [e1] have {{finding}} on {CXR} [g1]?",
                f"[unit_count] since {_P}'s [adj1] {CXR} [g1] with {{finding}}?",
                f"{_P}~(, [n1]): how many [unit_count] since the [adj1] {CXR} with {{finding}}?",
                f"[tell] how many [unit_count] it has been since {_NTH}.",
                f"[can] how many [unit_count] ago {_P} [e1] had a {CXR} [g1] [showing] {{finding}}?",
                f"time in [unit_count] from {_NTH} to now?",
            ),
            _time_since,
            "value",
        ),
        (
            1,
            f"when was the [e1] time that {_P} had a chest x-ray study indicating {{}} [g1]?",
            (
                f"when was {_NTH}?",
                f"at what time did {_P} [e1] have a {CXR} [g1] [showing] {{finding}}?",
                f"[give] the date and time of {_NTH}.",
                f"when did {_P} [e1] have {{finding}} on {CXR} [g1]?",
                f"time of {_P}'s [adj1] {CXR} [g1] with {{finding}}?",
                f"{_P}~(, [n1]): when was the [adj1] {CXR} with {{finding}}?",
                f"[tell] when a {CXR} of {_P} [g1] [e1] showed {{finding}}.",
                f"[can] when {_P} [e1] had {{finding}} on {CXR} [g1]?",
                f"what is the timestamp of {_NTH}?",
            ),
            lambda table, _: f"select distinct {table}.studydatetime",
            "value",
        ),
        (
            2,
            "has {patient_id} had any chest x-ray study indicating {} [g1]?",
            (
                f"<has|did> {_P} <had|have> any {CXR} [g1] [showing] {{finding}}?",
                f"<has|did> any {CXR} of {_P} [g1] <shown|show> {{finding}}?",
                f"<is|was> there a {CXR} of {_P} [g1] with {{finding}}?",
                f"any {CXR} of {_P} [g1] with {{finding}}?",
                f"<has|did> {_P} <had|have> {{finding}} on any {CXR} [g1]?",
                f"{{finding}} on any {CXR} of {_P} [g1]?",
                f"[tell] whether any {CXR} of {_P} [g1] <shows|showed> {{finding}}.",
                f"{_P}~(, [n1]): any {CXR} with {{finding}}?",
                f"[can] if any of {_P}'s {CXR}s [g1] <shows|showed> {{finding}}?",
                f"[check] whether {_P} <has had|had> {{finding}} on {CXR} [g1].",
                f"<does|did> any of {_P}'s {CXR}s [g1] show {{finding}}?",
            ),
            lambda *_: "select count(*) > 0",
            "truth",
        ),
        (
            3,
            f"count the number of times that {_P} had chest x-ray studies indicating {{}} [g1].",
            (
                f"how many {CXR}s of {_P} [g1] <show|showed> {{finding}}?",
                f"on how many {CXR}s of {_P} [g1] can {{finding}} be seen?",
                f"[count] the {CXR}s of {_P} [g1] that <show|showed> {{finding}}.",
                f"number of {CXR}s of {_P} [g1] with {{finding}}?",
                f"{_P}~(, [n1]): how many {CXR}s with {{finding}}?",
                f"on how many {CXR}s [g1] <has|did> {_P} <had|have> {{finding}}?",
                f"[tell] how many of {_P}'s {CXR}s [g1] <show|showed> {{finding}}.",
                f"[can] how many {CXR}s of {_P} [g1] have {{finding}}?",
                f"how many of {_P}'s {CXR}s [g1] are positive for {{finding}}?",
            ),
            lambda table, _: f"select count( distinct {table}.study_id )",
            "count",
        ),
    ):
        for digit, kind in enumerate(VERIFY_KINDS):
            yield Template(
                official=3000 + 100 * form + digit,
                family=("elapsed", "when", "has", "count")[form] + " studies",
                scope="image-single-n",
                text=text.replace("{}", finding(kind)),
                said=said,
                sql=partial(_gold_studies, what, ordered=form < 2),
                draw="studies",
                answer=answer,
                grains=("year", "month", "hosp"),
                neural=partial(_neural_studies, what, ordered=form < 2),
                visual=kind,
                studies=("all",),
            )


def _patients() -> Iterator[Template]:
    for form, text, said, what in (
        (
            0,
            "count the number of patients who had any chest x-ray study indicating {} [g1].",
            (
                f"how many patients <have had|had> a {CXR} [g1] [showing] {{finding}}?",
                f"in how many patients <has|did> a {CXR} [g1] <shown|show> {{finding}}?",
                f"[count] the patients with a {CXR} [g1] that <shows|showed> {{finding}}.",
                f"how many patients <have had|had> {{finding}} on {CXR} [g1]?",
                f"number of patients with {{finding}} on {CXR} [g1]?",
                f"[g1], how many patients <have had|had> {{finding}} on any {CXR}?",
                f"[tell] how many patients <have had|had> {{finding}} on a {CXR} [g1].",
                f"[can] in how many patients {{finding}} <has been|was> seen on {CXR} [g1]?",
                f"how many different patients <have|had> a {CXR} [g1] positive for {{finding}}?",
            ),
            "count( distinct {table}.subject_id )",
        ),
        (
            1,
            "list the ids of patients who had any chest x-ray study indicating {} [g1].",
            (
                f"which patients <have had|had> a {CXR} [g1] [showing] {{finding}}? ids only.",
                f"[give] the ids of all patients with a {CXR} [g1] that <shows|showed> {{finding}}.",
                f"what are the ids of patients with {{finding}} on {CXR} [g1]?",
                f"ids of patients with {{finding}} on {CXR} [g1]?",
                f"[list] the patients, by id, with {{finding}} on {CXR} [g1].",
                f"[list] the ids of patients with a {CXR} [g1] that <shows|showed> {{finding}}.",
                f"who <has had|had> {{finding}} on {CXR} [g1]? patient ids, please.",
                f"[tell] which patient ids have a {CXR} [g1] [showing] {{finding}}.",
                f"[g1], which patient ids <have had|had> a {CXR} with {{finding}}?",
            ),
            "distinct {table}.subject_id",
        ),
    ):
        for digit, kind in enumerate(VERIFY_KINDS):
            yield Template(
                official=4000 + 100 * form + digit,
                family=("count", "list")[form] + " patients",
                scope="image-group",
                text=text.replace("{}", finding(kind)),
                said=said,
                sql=partial(_gold_group, what),
                draw="study group",
                answer="list" if form else "count",
                grains=("year", "month"),
                neural=partial(_neural_group, what),
                among=_studies_in_time,
                visual=kind,
            )


#: What is asked of studies, from the table that holds them and the parts of the question.
_Asked = Callable[[str, Parts], str]


def _time_since(table: str, q: Parts) -> str:
    return f"select {q.option('unit_count')}( strftime('%J',current_time) - strftime('%J',{table}.studydatetime) )"


def _gold_studies(asked: _Asked, q: Parts, *, ordered: bool) -> str:
    shown = where(f"tb_cxr_plus.study_id in {q.studies}", "tb_cxr_plus.relation = 1", q.shown)
    order = q.nth("tb_cxr_plus.studydatetime") if ordered else ""
    return words(f"{asked('tb_cxr_plus', q)} from tb_cxr_plus", shown, order)


def _neural_studies(asked: _Asked, q: Parts, *, ordered: bool) -> str:
    time, order = (", tb_cxr.studydatetime", q.nth("t1.studydatetime")) if ordered else ("", "")
    studies = f"select tb_cxr.study_id{time} from tb_cxr where tb_cxr.study_id in {q.studies}"
    return words(f"{asked('t1', q)} from ( {studies} ) as t1 where {q.asks('t1')} = true", order)


def _gold_group(asked: str, q: Parts) -> str:
    shown = where("tb_cxr_plus.relation = 1", q.shown, q.during("tb_cxr_plus.studydatetime"))
    return f"select {asked.format(table='tb_cxr_plus')} from tb_cxr_plus {shown}"


def _neural_group(asked: str, q: Parts) -> str:
    studies = f"select * from tb_cxr {where(*_studies_in_time(q))}"
    return f"select {asked.format(table='t1')} from ( {studies} ) as t1 where {q.asks('t1')} = true"


def _studies_in_time(q: Parts) -> tuple[str, ...]:
    in_time = where("tb_cxr.study_id is not null", q.during("tb_cxr.studydatetime"))
    return (f"tb_cxr.study_id in ( select distinct tb_cxr.study_id from tb_cxr {in_time} )",)
