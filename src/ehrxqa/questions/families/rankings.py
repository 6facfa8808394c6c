"""Families about what is most frequent among patients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.group_pieces import GROUP_WITHINS, group, side
from ehrxqa.questions.families.pieces import named_of, one_after_other, with_slot
from ehrxqa.questions.program_parts import Parts, where, words
from ehrxqa.questions.template import Template

__all__ = ["ranking_templates"]


def ranking_templates() -> Iterator[Template]:
    """What is most frequent, after another event or in general."""
    yield from _top()
    yield from _top_after()


_TOP: Final = {
    "dx": "frequent diagnoses",
    "px": "frequent procedures",
    "rx": "frequently prescribed drugs",
    "lab": "frequent lab tests",
    "spec": "frequent specimens tested",
    "test": "frequent microbiology tests",
    "in": "frequent intake events",
    "out": "frequent output events",
}
#: Kind → what is done with them, for our own sentences.
_DONE: Final = {
    "dx": ("made", "for"),
    "px": ("performed", "on"),
    "rx": ("prescribed", "to"),
    "lab": ("done", "for"),
    "spec": ("tested", "for"),
    "test": ("done", "for"),
    "in": ("recorded", "for"),
    "out": ("recorded", "for"),
}


def _top() -> Iterator[Template]:
    for number, kind, aged in (
        (155, "dx", 156),
        (159, "px", 160),
        (163, "rx", 164),
        (171, "lab", 172),
        (175, "spec", 0),
        (176, "test", 0),
        (181, "in", 0),
        (182, "out", 0),
    ):
        official, ones, (done, to) = _TOP[kind], EVENTS[kind].ones, _DONE[kind]
        for which in filter(None, (number, aged)):
            of_age = " of patients aged [age_group]" if which == aged else ""
            whom = of_age.replace("aged ", "")
            yield group(
                official=which,
                family="top",
                text=f"what are_verb the top [n_rank] {official}{of_age} [g1]?",
                said=(
                    f"what <are|were> the [n_rank] most common {ones}{whom} [g1]?",
                    f"[g1], which [n_rank] {ones} <have been|were> {done} most often{whom.replace(' of', f' {to}')}?",
                    f"list the [n_rank] {ones} that <have been|were> {done} most frequently{whom.replace(' of', f' {to}')} [g1].",
                    f"[n_rank] most common {ones}{whom} [g1]?",
                    f"top [n_rank] {ones}{whom} [g1]?",
                    f"name the [n_rank] most frequent {ones}{whom} [g1].",
                    f"[give] the [n_rank] most common {ones}{whom} [g1].",
                    f"[tell] which [n_rank] {ones} <have been|were> most frequent{whom.replace(' of', ' among')} [g1].",
                    f"[can] the top [n_rank] {ones}{whom} [g1]?",
                    f"[g1], what <are|were> the top [n_rank] {ones}{whom}?",
                ),
                sql=partial(_most_frequent, aged=bool(of_age)),
                kinds=(kind,),
                slots=("",),
                answer="top",
                denominator=partial(_patients, aged=bool(of_age)),
            )


def _top_after() -> Iterator[Template]:
    phrases = {
        "dx": "{freq} diagnoses that patients were diagnosed",
        "px": "{freq} procedures that patients received",
        "rx": "frequently prescribed drugs that {who} were prescribed",
        "lab": "{freq} lab tests that patients had",
        "spec": "{freq} specimens that patients were tested",
        "test": "{freq} microbiology tests that patients had",
    }
    for number, b, a, who in (
        (157, "dx", "px", ""),
        (158, "dx", "dx", ""),
        (161, "px", "px", ""),
        (162, "px", "dx", ""),
        (166, "rx", "rx", ""),
        (167, "rx", "px", ""),
        (168, "rx", "dx", ""),
        (169, "rx", "dx", "aged"),
        (170, "rx", "dx", "gender"),
        (173, "lab", "dx", ""),
        (174, "lab", "px", ""),
        (177, "spec", "dx", ""),
        (178, "test", "dx", ""),
        (179, "spec", "px", ""),
        (180, "test", "px", ""),
    ):
        whom = {"": "patients", "aged": "patients aged [age_group]", "gender": "{gender} patients aged [age_group]"}[
            who
        ]
        phrase = phrases[b].replace("{freq}", "frequent").replace("{who}", whom)
        if (a, b) == ("rx", "rx"):
            phrase = "frequent drugs that patients were prescribed"
        slot = EVENTS[a].slot
        yield group(
            official=number,
            family="top after",
            text=f"what are_verb the top [n_rank] {phrase} [w] after "
            + EVENTS[a].after.replace("{}", f"{{{slot}}}")
            + " [g1]?",
            said=_top_after_said(b, whom.replace("aged ", ""), with_slot(EVENTS[a].noun, slot)),
            sql=partial(_most_frequent_after, who=who),
            alternatives={"fan-out": partial(_most_frequent_after, who=who, once=True)},
            kinds=(a, b),
            slots=(slot, ""),
            draw="group pair",
            answer="top",
            withins=GROUP_WITHINS,
            denominator=partial(_patients_of_pairs, who=who),
        )
    yield group(
        official=165,
        family="top with",
        text="what are_verb the top [n_rank] frequent prescribed drugs for patients who were also prescribed "
        "{drug_name} [w] [g1]?",
        said=(
            "[g1], what <are|were> the [n_rank] drugs most often prescribed to patients who were also prescribed {drug_name} [w], "
            "{drug_name} itself included?",
            "counting {drug_name} as well, which [n_rank] drugs <have been|were> prescribed most often [w] as {drug_name} [g1]?",
            "list the [n_rank] most frequently prescribed drugs [g1] for patients who received {drug_name} [w], including that drug.",
            "{drug_name} included, top [n_rank] drugs prescribed [w] as {drug_name} [g1]?",
            "[tell] the [n_rank] drugs most often prescribed [w] as {drug_name} [g1], that drug included.",
            "[g1], which [n_rank] drugs, {drug_name} included, <have been|were> most often started [w] as {drug_name}?",
            "[can] the top [n_rank] drugs prescribed [w] as {drug_name} [g1], counting that one too?",
            "top [n_rank] drugs started [w] as {drug_name} [g1], itself included?",
        ),
        sql=partial(_most_frequent_after, together=True),
        alternatives={"fan-out": partial(_most_frequent_after, together=True, once=True)},
        kinds=("rx", "rx"),
        slots=("drug_name", ""),
        draw="group pair",
        answer="top",
        withins=("within-same",),
        denominator=partial(_patients_of_pairs, together=True),
    )


def _top_after_said(kind: str, whom: str, noun: str) -> tuple[str, ...]:
    """What is most frequent after something; the filter is on both, and age and gender are told of the later."""
    ones, (done, to) = EVENTS[kind].ones, _DONE[kind]
    of, done_to = ("", "") if whom == "patients" else (f" for {whom}", f" {to} {whom}")
    return (
        f"[g1], the [n_rank] commonest {ones}{of} [w] after {noun}?",
        f"top [n_rank] {ones}{of} [w] after {noun}~(, all [g1])?",
        f"[n_rank] most common {ones}{of} [w] after {noun}~(, all [g1])?",
        f"[give] the [n_rank] most frequent {ones}{of} [w] after {noun}~(, all [g1]).",
        f"[g1], which [n_rank] {ones} <have been|were> {done} most often{done_to} [w] after {noun}?",
        f"[w] after {noun}, which [n_rank] {ones} are most common{of}~(, all [g1])?",
        f"[tell] which [n_rank] {ones} are most common{of} [w] after {noun}~(, all [g1]).",
        f"[can] the top [n_rank] {ones}{of} [w] after {noun}~(, all [g1])?",
        f"after {noun}, what are the [n_rank] most common {ones}{of} [w]~(, all [g1])?",
    )


def _most_frequent(q: Parts, *, aged: bool) -> str:
    key = f"{q.a.table}.{q.a.key}"
    counted = words(
        f"select {key}, {q.rank} over ( order by count(*) desc ) as c1 from {q.a.table}",
        where(q.aged(q.a.table, q.a.time) if aged else "", q.during(q.a.time)),
        f"group by {key}",
    )
    return named_of(q.a, f"select t1.{q.a.key} from ( {counted} ) as t1 where t1.c1 <= {q.option('n_rank')}")


def _patients(q: Parts, *, aged: bool) -> str:
    return words(
        f"select count( distinct admissions.subject_id ) from {q.a.table}",
        f"join admissions on {q.a.table}.hadm_id = admissions.hadm_id",
        where(q.aged(q.a.table, q.a.time) if aged else "", q.during(q.a.time)),
    )


def _both(q: Parts, who: str, *, together: bool, more: tuple[str, ...] = ()) -> tuple[str, str, tuple[str, ...]]:
    """The first event as `t1`, the second as `t2` with columns `more`, and the conditions on how one lies to the other."""
    extra = [] if not who else [q.option("age_group")]
    if who == "gender":
        of_gender = f"select patients.subject_id from patients where patients.gender = '{q.value('gender')}'"
        extra.append(f"admissions.subject_id in ( {of_gender} )")
    near = q.within(f"t1.{q.a.bare_time}", f"t2.{q.b.bare_time}")
    conditions = (near,) if together else one_after_other(q)
    return side(q, q.a, "t1"), side(q, q.b, "t2", (q.b.key, *more), tuple(extra)), conditions


def _pairs(q: Parts, who: str, *, together: bool, more: tuple[str, ...] = ()) -> str:
    first, second, conditions = _both(q, who, together=together, more=more)
    return words(f"{first} join {second} on t1.subject_id = t2.subject_id", where(*conditions))


def _patients_of_pairs(q: Parts, who: str = "", *, together: bool = False) -> str:
    return f"select count( distinct t1.subject_id ) from {_pairs(q, who, together=together)}"


def _most_frequent_after(q: Parts, who: str = "", *, together: bool = False, once: bool = False) -> str:
    """What most often followed, counted for each pair of events or, `once`, for each second event.

    A second event is one row, however many pairs it is in: counting rows takes no longer than counting pairs, while
    `exists` would look for a first event before each of them. Of equal ranks, names come in their order.
    """
    key, often = q.b.key, "count( distinct t2.row_id )" if once else "count(*)"
    source = _pairs(q, who, together=together, more=("row_id",) if once else ())
    counted = f"select t2.{key}, {q.rank} over ( order by {often} desc ) as c1 from {source} group by t2.{key}"
    top = f"select t3.{key} from ( {counted} ) as t3 where t3.c1 <= {q.option('n_rank')}"
    return named_of(q.b, f"{top} order by t3.c1, t3.{key}" if once and not q.b.dictionary else top)
