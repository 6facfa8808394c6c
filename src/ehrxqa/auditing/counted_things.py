"""Rows counted in place of things: "how many patients" answered by how many of their events there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ehrxqa.auditing.effects import replaced
from ehrxqa.sql.structure import Structure

__all__ = ["counts_of_things", "thing_counted"]

#: What a question may count → the columns that tell one from another.
_THINGS: Final = {
    "patients": ("subject_id",),
    "people": ("subject_id",),
    "individuals": ("subject_id",),
    "persons": ("subject_id",),
    "subjects": ("subject_id",),
    "hospital visits": ("hadm_id",),
    "hospital stays": ("hadm_id",),
    "hospital admissions": ("hadm_id",),
    "admissions": ("hadm_id",),
    "icu visits": ("stay_id", "icustay_id"),
    "icu stays": ("stay_id", "icustay_id"),
    "studies": ("study_id",),
}
_ADJECTIVES: Final = "different|distinct|unique|current|male|female|total|all|the|of|such"
_COUNTED: Final = re.compile(
    rf"(?:\bhow many|\bnumber of|\bcount of|\bcount)\s+(?:(?:{_ADJECTIVES})\s+)*({'|'.join(_THINGS)})\b", re.IGNORECASE
)


def thing_counted(question: str) -> str | None:
    """What a question asks the number of, if that is something with an id.

    >>> thing_counted("How many current patients had a biopsy?"), thing_counted("how many times did patients come?")
    ('patients', None)
    """
    found = _COUNTED.search(question)
    return None if found is None else found[1].lower()


def counts_of_things(structure: Structure, thing: str) -> Iterator[str]:
    """Programs that count things where this one counts rows; none if it counts something else, or distinct ones.

    Args:
        structure: The program.
        thing: From `thing_counted`.
    """
    query = structure.root
    select = query.selects[0]
    if len(query.selects) > 1 or len(select.items) != 1 or "group" in select.clauses or "from" not in select.clauses:
        return
    first, last = select.items[0]
    stop = structure.value_end(first, last)
    words = [token.lower for token in structure.tokens[first:stop]]
    if words[:2] != ["count", "("] or structure.closing.get(first + 1) != stop - 1 or "distinct" in words:
        return
    counted = words[2:-1]
    names = [source.name for source in structure.sources(select) if source.name]
    for column in _THINGS[thing]:
        if counted not in (["*"], ["1"]) and counted[-1:] != [column]:
            continue
        for name in ("", *(f"{name}." for name in names)):
            yield replaced(structure, first, stop, f"count ( distinct {name}{column} )")
