"""Other ways to understand a question, and what each would answer.

A sentence of a hospital can often be turned into SQL in two ways, both sound. A question is written only if they give
the same answer, or, where that is asked for, with the other answers in its links.

| reading | how the question is understood |
|---|---|
| visit-by-date | what happened during a visit lies between its two times; the gold program goes by the visit's number |
| competition-rank | after ties, as many ranks are left out as there are ties (1, 1, 3); gold programs count on (1, 1, 2) |
| fan-out | what came after something counts once, however often that came before; gold programs count pairs |
| censoring | only who could have come back did not: the time is over, and the patient alive |
| synonyms | a diagnosis, procedure, drug or test is meant by any of its names; the gold program goes by the one in the question |

Whoever reads a question may take several of these ways at once, and the answers may differ where none of them alone
gives another: `fan-out, synonyms` and the like are tried as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Final

from ehrxqa.questions.programs import INDEXED, alternative_program, gold_program, studies_of
from ehrxqa.questions.question import Question

__all__ = ["READINGS", "alternative_programs", "studies_by_date"]

_WAYS: Final = ("visit-by-date", "fan-out", "censoring", "synonyms", "competition-rank")
#: Ways for which templates have programs of their own; no template has both.
_OWN: Final = ("fan-out", "censoring")
#: Names of the readings, as lint and links give them: one way, or several at once.
READINGS: Final = tuple(
    ", ".join(ways)
    for number in range(1, len(_WAYS))
    for ways in combinations(_WAYS, number)
    if not set(_OWN) <= set(ways)
)


def studies_by_date(question: Question) -> str:
    """The studies that a question about one or two studies would be about if its visits went by date; else nothing.

    Where they are others, equal answers are a matter of chance.
    """
    if question.template.scope not in ("image-single-1", "image-single-2"):
        return ""
    if not any(question.choice.time(slot).visit for slot in ("g1", "g2")):
        return ""
    return studies_of(question, by_date=True)


def alternative_programs(question: Question, titles: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Reading → gold program for the indexed copy, for the readings that may differ from the gold program.

    Args:
        question: The question.
        titles: Title → all titles that say the same, see `synonyms`.
    """
    possible = [way for way in _WAYS if _may_be_read(question, titles, way)]
    plain = gold_program(question, INDEXED)
    found: dict[str, str] = {}
    for number in range(1, len(possible) + 1):
        for ways in combinations(possible, number):
            program = _read(question, titles, ways)
            if program != plain and program not in found.values():
                found[", ".join(ways)] = program
    return found


def _may_be_read(question: Question, titles: Mapping[str, tuple[str, ...]], way: str) -> bool:
    """Whether a question may be understood in this other way."""
    template, choice = question.template, question.choice
    if way == "visit-by-date":
        visits = any(choice.time(slot).visit for slot in ("g1", "g2"))
        return visits or choice.within == "within-hosp" or "age_group" in template.operations
    if way == "synonyms":
        names = {str(value) for slot, value in choice.values.items() if slot.rstrip("123").endswith("_name")}
        return not names.isdisjoint(titles)
    return template.answer == "top" if way == "competition-rank" else way in template.alternatives


def _read(question: Question, titles: Mapping[str, tuple[str, ...]], ways: tuple[str, ...]) -> str:
    """The gold program for the indexed copy, of a question that is understood in all these ways."""
    how = INDEXED
    if "visit-by-date" in ways:
        how = replace(how, by_date=True)
    if "synonyms" in ways:
        how = replace(how, titles=titles)
    if "competition-rank" in ways:
        how = replace(how, rank="rank()")
    own = next((way for way in ways if way in _OWN), "")
    return alternative_program(question, own, how) if own else gold_program(question, how)
