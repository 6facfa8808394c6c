"""Families about what is most frequent among patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.group_pieces import GROUP_WITHINS, group, side
from ehrxqa.questions.template import Template

__all__ = ["ranking_templates"]

_AGED: Final = (
    "<T>.hadm_id in ( select admissions.hadm_id from admissions where admissions.age is not null [age_group] )"
)


def ranking_templates() -> Iterator[Template]:
    """What is most frequent, after another event or in general."""
    yield from _top()
    yield from _top_after()


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
            yield group(
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
        whom = {"": "patients", "aged": "patients aged [age_group]", "gender": "{gender} patients aged [age_group]"}[
            who
        ]
        phrase = phrases[b].replace("{freq}", "frequent").replace("{who}", whom)
        if (a, b) == ("rx", "rx"):
            phrase = "frequent drugs that patients were prescribed"
        key = EVENTS[b].key
        extra = "[age_group]" if who else ""
        if who == "gender":
            extra += " and admissions.subject_id in ( select patients.subject_id from patients where patients.gender = '{gender}' )"
        inner = (
            f"select t3.{key} from ( select t2.{key}, dense_rank() over ( order by count(*) desc ) as c1 from "
            f"{side('A', 't1')} join {side('B', 't2', key, extra)} on t1.subject_id = t2.subject_id where "
            f"t1.<A.t> < t2.<B.t> [W t1.<A.t> t2.<B.t>] group by t2.{key} ) as t3 where t3.c1 <= [n_rank]"
        )
        slot = EVENTS[a].slot
        yield group(
            number, "top after", f"what are_verb the top [n_rank] {phrase} [w] after "
            + EVENTS[a].after.replace("{}", f"{{{slot}}}") + " [g1]?",
            (f"what <are|were> {said[b].replace('{who}', whom)} [w] after {our[a].replace('{}', '{' + slot + '}')} [g1]?",),
            _named(b, inner, "B"), kinds=(a, b), slots=(slot, ""), draw="group pair", answer="top", withins=GROUP_WITHINS,
        )  # fmt: skip
    inner = (
        f"select t3.drug from ( select t2.drug, dense_rank() over ( order by count(*) desc ) as c1 from {side('A', 't1')} join "
        f"{side('B', 't2', 'drug')} on t1.subject_id = t2.subject_id where [W t1.<A.t> t2.<B.t>] group by t2.drug ) as t3 "
        "where t3.c1 <= [n_rank]"
    )
    yield group(
        165, "top with", "what are_verb the top [n_rank] frequent prescribed drugs for patients who were also prescribed "
        "{drug_name} [w] [g1]?",
        ("what <are|were> the [n_rank] drugs most often prescribed to patients who were also prescribed {drug_name} [w] [g1]?",),
        inner, kinds=("rx", "rx"), slots=("drug_name", ""), draw="group pair", answer="top", withins=("within-same",),
    )  # fmt: skip
