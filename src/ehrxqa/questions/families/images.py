"""Families about images: study selector × image question × comparison, and their sums over studies and patients.

Nothing is listed here that is a product. An image question is a `VqaQuestion`; its gold program reads labels, its
NeuralSQL asks the image the elementary questions that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

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
#: How a chest x-ray is called in a hurry.
CXR: Final = "cxr"
_NTH = f"the [e1] chest x-ray study of {_P} [g1] that showed {{finding}}"


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


#: Wording, how the study is selected, and the study in our sentences, three times.
_SELECTORS: Final[tuple[tuple[str, Literal["time", "id"], str, str, str], ...]] = (
    (
        f"given the [e1] study of {_P} [g1]",
        "time",
        f"the [e1] chest x-ray study of {_P} [g1]",
        f"the [e1] chest x-ray of {_P} [g1]",
        f"the [e1] {CXR} of {_P} [g1]",
    ),
    (
        "given the study {study_id}",
        "id",
        "chest x-ray study {study_id}",
        "the chest x-ray of study {study_id}",
        f"{CXR} {{study_id}}",
    ),
)


def _one_study() -> Iterator[Template]:
    for selector, (text, by, study, image, cxr) in enumerate(_SELECTORS):
        for kind in ONE_STUDY:
            form: Answer = "truth" if KINDS[kind].form is Form.VERIFY else "list"
            shown: tuple[str, ...] = (f"{{finding}} on {image}?", f"{{finding}} on {cxr}?")
            if form == "truth" and kind not in SIZE_KINDS:
                shown = (
                    f"does {study} show {{finding}}?",
                    f"can {{finding}} be seen on {image}?",
                    f"{{finding}} on {cxr}?",
                    f"does {cxr} show {{finding}}?",
                    f"please check {cxr} for {{finding}}.",
                    f"tell me whether {image} shows {{finding}}.",
                )
            yield Template(
                official=1000 + 100 * selector + kind - 1,
                family=_family(kind),
                scope="image-single-1",
                text=f"{text}, {sentence(kind)}",
                said=(
                    f"in {study}, {{visual}}",
                    f"consider {image}. {{visual}}",
                    f"on {cxr}, {{visual}}",
                    f"{cxr}: {{visual}}",
                    f"please look at {image}: {{visual}}",
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
                this = f"the [e1] chest x-ray study of {_P} [g1]" if by == "time" else "chest x-ray study {study_id1}"
                other = "an earlier one, namely the [e2] chest x-ray study of the same patient [g2]"
                this_cxr, other_cxr = f"the [e1] {CXR} of {_P} [g1]", f"the same patient's earlier, [e2] {CXR} [g2]"
                if by == "id":
                    this_cxr, other = f"{CXR} {{study_id1}}", "the earlier study {study_id2}"
                    other_cxr = f"the earlier {CXR} {{study_id2}}"
                if comparand == 1:
                    other, other_cxr = "the patient's previous study", "the one before"
                yield Template(
                    official=2000 + 200 * anchor + 100 * comparand + digit,
                    family=f"compare: {_family(kind)}",
                    scope="image-single-2",
                    text=f"{text}, {_compared(kind)} compared to {than}?",
                    said=(
                        f"when {this} is compared with {other}, {{compared}}?",
                        f"compare {this_cxr} with {other_cxr}: {{compared}}?",
                        f"{this_cxr} against {other_cxr}: {{compared}}?",
                        f"from {other_cxr} to {this_cxr}, {{compared}}?"
                        if comparand == 0
                        else f"{this_cxr}, set beside {other_cxr}: {{compared}}?",
                        f"look at {this_cxr} and {other_cxr}. {{compared}}?",
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
    unit = "select [unit_count]( strftime('%J',current_time) - strftime('%J',{0}.studydatetime) )"
    answer: Answer
    for form, text, said, what, answer in (
        (
            0,
            f"how many [unit_count] have passed since the [e1] time {_P} had a chest x-ray study indicating {{}} [g1]?",
            (
                f"how many [unit_count] lie between now and {_NTH}?",
                f"how many [unit_count] ago was {_NTH}?",
                f"counted in [unit_count], how long ago did {_P} [e1] have a chest x-ray [g1] that showed {{finding}}?",
                f"how many [unit_count] ago did {_P} [e1] have {{finding}} on a {CXR} [g1]?",
                f"[unit_count] since the [e1] {CXR} of {_P} [g1] with {{finding}}?",
                f"how many [unit_count] have passed since {_P} [e1] had a chest x-ray [g1] with {{finding}}?",
                f"{_P}~(, [g1]): how many [unit_count] is it since the [e1] chest x-ray with {{finding}}?",
            ),
            unit,
            "value",
        ),
        (
            1,
            f"when was the [e1] time that {_P} had a chest x-ray study indicating {{}} [g1]?",
            (
                f"when was {_NTH}?",
                f"at what time did {_P} [e1] have a chest x-ray [g1] that showed {{finding}}?",
                f"give the date and time of {_NTH}.",
                f"when did {_P} [e1] have {{finding}} on a chest x-ray [g1]?",
                f"time of the [e1] {CXR} of {_P} [g1] with {{finding}}?",
                f"{_P}~(, [g1]): when was the [e1] chest x-ray with {{finding}}?",
                f"tell me when a {CXR} of {_P} [g1] [e1] showed {{finding}}.",
            ),
            "select distinct {0}.studydatetime",
            "value",
        ),
        (
            2,
            "has {patient_id} had any chest x-ray study indicating {} [g1]?",
            (
                f"<has|did> {_P} <had|have> any chest x-ray study [g1] that showed {{finding}}?",
                f"<has|did> any chest x-ray of {_P} [g1] <shown|show> {{finding}}?",
                f"<is|was> there a chest x-ray study of {_P} [g1] that <shows|showed> {{finding}}?",
                f"any {CXR} of {_P} [g1] with {{finding}}?",
                f"<has|did> {_P} <had|have> {{finding}} on any chest x-ray [g1]?",
                f"{{finding}} on any {CXR} of {_P} [g1]?",
                f"tell me whether any chest x-ray of {_P} [g1] <shows|showed> {{finding}}.",
                f"{_P}~(, [g1]): any chest x-ray with {{finding}}?",
            ),
            "select count(*) > 0",
            "truth",
        ),
        (
            3,
            f"count the number of times that {_P} had chest x-ray studies indicating {{}} [g1].",
            (
                f"how many chest x-ray studies of {_P} [g1] <show|showed> {{finding}}?",
                f"in how many chest x-ray studies of {_P} [g1] can {{finding}} be seen?",
                f"count the chest x-ray studies of {_P} [g1] that <show|showed> {{finding}}.",
                f"how many {CXR}s of {_P} [g1] <show|showed> {{finding}}?",
                f"number of {CXR}s of {_P} [g1] with {{finding}}?",
                f"{_P}~(, [g1]): how many chest x-rays with {{finding}}?",
                f"on how many chest x-rays [g1] <has|did> {_P} <had|have> {{finding}}?",
            ),
            "select count( distinct {0}.study_id )",
            "count",
        ),
    ):
        order = " [E1 {0}.studydatetime]" if form < 2 else ""
        time = ", tb_cxr.studydatetime" if form < 2 else ""
        for digit, kind in enumerate(VERIFY_KINDS):
            yield Template(
                official=3000 + 100 * form + digit,
                family=("elapsed", "when", "has", "count")[form] + " studies",
                scope="image-single-n",
                text=text.replace("{}", finding(kind)),
                said=said,
                sql=what.format("tb_cxr_plus") + " from tb_cxr_plus where[tb_cxr_plus.study_id in <studies> & "
                "tb_cxr_plus.relation = 1 & <cond>]" + order.format("tb_cxr_plus"),
                draw="studies",
                answer=answer,
                grains=("year", "month", "hosp"),
                neural=what.format("t1")
                + f" from ( select tb_cxr.study_id{time} from tb_cxr where tb_cxr.study_id in <studies> ) "
                "as t1 where <ask t1> = true" + order.format("t1"),
                visual=kind,
                studies=("all",),
            )


def _patients() -> Iterator[Template]:
    among = (
        "tb_cxr.study_id in ( select distinct tb_cxr.study_id from tb_cxr "
        "where[tb_cxr.study_id is not null & [G1 tb_cxr.studydatetime]] )"
    )
    for form, text, said, what in (
        (
            0,
            "count the number of patients who had any chest x-ray study indicating {} [g1].",
            (
                "how many patients <have had|had> a chest x-ray study [g1] that showed {finding}?",
                "in how many patients <has|did> a chest x-ray [g1] <shown|show> {finding}?",
                "count the patients with a chest x-ray study [g1] that <shows|showed> {finding}.",
                "how many patients <have had|had> {finding} on a chest x-ray [g1]?",
                f"number of patients with {{finding}} on a {CXR} [g1]?",
                f"[g1], how many patients <have had|had> a {CXR} with {{finding}}?",
                "tell me how many patients <have had|had> {finding} on a chest x-ray [g1].",
            ),
            "select count( distinct {0}.subject_id )",
        ),
        (
            1,
            "list the ids of patients who had any chest x-ray study indicating {} [g1].",
            (
                "which patients <have had|had> a chest x-ray study [g1] that showed {finding}? list their ids.",
                "give the ids of all patients with a chest x-ray [g1] that <shows|showed> {finding}.",
                "what are the ids of the patients for whom a chest x-ray study [g1] <shows|showed> {finding}?",
                f"ids of patients with {{finding}} on a {CXR} [g1]?",
                "which patients <have had|had> {finding} on a chest x-ray [g1]? list the ids.",
                f"list the ids of patients with a {CXR} [g1] that <shows|showed> {{finding}}.",
            ),
            "select distinct {0}.subject_id",
        ),
    ):
        for digit, kind in enumerate(VERIFY_KINDS):
            yield Template(
                official=4000 + 100 * form + digit,
                family=("count", "list")[form] + " patients",
                scope="image-group",
                text=text.replace("{}", finding(kind)),
                said=said,
                sql=what.format("tb_cxr_plus") + " from tb_cxr_plus "
                "where[tb_cxr_plus.relation = 1 & <cond> & [G1 tb_cxr_plus.studydatetime]]",
                draw="study group",
                answer="list" if form else "count",
                grains=("year", "month"),
                neural=what.format("t1") + f" from ( select * from tb_cxr where {among} ) as t1 where <ask t1> = true",
                among=(among,),
                visual=kind,
            )
