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

A ranking is also counted in both other ways at once: `visit-by-date, competition-rank` and the like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ehrxqa.questions.program_parts import Rendering
from ehrxqa.questions.programs import INDEXED, alternative_program, gold_program, studies_of
from ehrxqa.questions.question import Question

__all__ = ["READINGS", "alternative_programs", "studies_by_date"]

#: Names of the readings, as lint and links give them.
READINGS: Final = (
    "visit-by-date",
    "competition-rank",
    "fan-out",
    "censoring",
    "synonyms",
    "visit-by-date, competition-rank",
    "fan-out, competition-rank",
    "synonyms, competition-rank",
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
    found = _programs(question, titles, INDEXED)
    if question.template.answer == "top":
        ranked = replace(INDEXED, rank="rank()")
        found["competition-rank"] = gold_program(question, ranked)
        # both at once may differ where neither does alone: what was a tie by number is none by date
        found |= {f"{name}, competition-rank": each for name, each in _programs(question, titles, ranked).items()}
    plain = gold_program(question, INDEXED)
    return {name: program for name, program in found.items() if program != plain}


def _programs(question: Question, titles: Mapping[str, tuple[str, ...]], how: Rendering) -> dict[str, str]:
    """Reading → program, for the readings that are not about ranks."""
    template, choice = question.template, question.choice
    found = {}
    if (
        any(choice.time(slot).visit for slot in ("g1", "g2"))
        or choice.within == "within-hosp"
        or "age_group" in template.operations
    ):
        found["visit-by-date"] = gold_program(question, replace(how, by_date=True))
    for name in ("fan-out", "censoring"):
        if program := alternative_program(question, name, how):
            found[name] = program
    if any(str(value) in titles for slot, value in choice.values.items() if slot.rstrip("123").endswith("_name")):
        found["synonyms"] = gold_program(question, replace(how, titles=titles))
    return found
