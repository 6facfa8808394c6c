"""Which statement of a report decided each label of one image.

The rules are those of `refine.py`, here with the statement kept beside the label: the last statement counts, findings
pass to parent attributes and then to parent objects, what is too rare or never stated is absent. `refine.py` does this
for all images at once and keeps only positions; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ehrxqa.labels.ontology import EXEMPT_LABELS, MINORITY_LABELS, MINORITY_OBJECTS, Ontology
from ehrxqa.sources.report_text import Statement

__all__ = ["Ground", "Verdict", "verdicts"]

#: An object and an attribute.
Pair = tuple[str, str]


class Ground(Enum):
    """Why a label is as it is."""

    STATED = "the report says so"
    INHERITED = "the report says so of a part or a kind"
    UNSTATED = "the report does not say; absent by default"
    RARE = "stated, but too rare to be asked about: counts as absent"
    OVERRULED = "stated, but labels checked by hand pass to parents twice, and a part or kind absent by default wins"


@dataclass(frozen=True)
class Verdict:
    """A label and what decided it.

    Attributes:
        relation: 1 present, 0 absent.
        ground: Why.
        statement: The deciding statement; for `RARE` and `OVERRULED` the one that did not count; None if unstated.
    """

    relation: int
    ground: Ground
    statement: Statement | None


#: In place of a statement: absent because nothing was said. It has no position and sorts after all that have.
_BY_DEFAULT: Final = Statement("", "", 0, math.inf, None)


def verdicts(
    statements: Iterable[Statement], ontology: Ontology, *, by_hand_twice: bool = False
) -> dict[Pair, Verdict]:
    """The labels of one image by object and attribute; empty if it has none.

    Args:
        statements: About the image, in file order; without category `nlp` and object `unknown`.
        ontology: What implies what, and what can be where.
        by_hand_twice: The image was checked by hand and this is its label in the test database, where labels checked
            by hand pass through the parents a second time, with their completed negatives.
    """
    stated: dict[Pair, Statement] = {}
    for statement in statements:
        pair = statement.object, statement.attribute
        if pair not in stated or statement.sentence >= stated[pair].sentence:
            stated[pair] = statement
    said = _with_parents(stated, ontology)
    kept = {pair: statement for pair, statement in said.items() if _is_kept(pair, ontology)}
    if not kept:
        return {}
    possible = set(ontology.pairs)
    present = {pair: statement for pair, statement in kept.items() if statement.relation == 1}
    if by_hand_twice:
        others = {pair: statement for pair, statement in kept.items() if pair not in possible}
        again = _with_parents(dict.fromkeys(possible, _BY_DEFAULT) | others | present, ontology)
        present = {
            pair: statement for pair, statement in again.items() if statement.relation == 1 and _is_kept(pair, ontology)
        }
    return {pair: _verdict(pair, present.get(pair), said.get(pair)) for pair in possible | present.keys()}


def _verdict(pair: Pair, present: Statement | None, said: Statement | None) -> Verdict:
    if present is None and said is None:
        return Verdict(0, Ground.UNSTATED, None)
    if present is None and said is not None and said.relation == 1:
        return Verdict(0, Ground.RARE if _is_rare(pair) else Ground.OVERRULED, said)
    statement = present or said
    assert statement is not None
    own = (statement.object, statement.attribute) == pair
    return Verdict(int(present is not None), Ground.STATED if own else Ground.INHERITED, statement)


def _with_parents(statements: dict[Pair, Statement], ontology: Ontology) -> dict[Pair, Statement]:
    """What is told, passed on to parent attributes and then to parent objects."""
    statements = _last(
        statements,
        [
            ((place, parent), rank, statement)
            for (place, attribute), statement in statements.items()
            for rank, parent in _parents(ontology.label_parents, attribute)
        ],
    )
    return _last(
        statements,
        [
            ((parent, attribute), rank, statement)
            for (place, attribute), statement in statements.items()
            for rank, parent in _parents(ontology.object_parents, place)
        ],
    )


def _parents(pairs: Sequence[tuple[str, str]], child: str) -> list[tuple[int, str]]:
    """Parents, each with the rank of the copy made for it: its place among all (child, parent), from 1."""
    return [(rank, parent) for rank, (name, parent) in enumerate(pairs, 1) if name == child]


def _last(statements: dict[Pair, Statement], copies: Iterable[tuple[Pair, int, Statement]]) -> dict[Pair, Statement]:
    """For each pair the latest sentence; among equals the copy of the highest rank, and what was told itself least."""
    best = {pair: (statement.sentence, 0, statement) for pair, statement in statements.items()}
    for pair, rank, statement in copies:
        if pair not in best or (statement.sentence, rank) > best[pair][:2]:
            best[pair] = (statement.sentence, rank, statement)
    return {pair: statement for pair, (_, _, statement) in best.items()}


def _is_rare(pair: Pair) -> bool:
    return pair[0] in MINORITY_OBJECTS or pair[1] in MINORITY_LABELS


def _is_kept(pair: Pair, ontology: Ontology) -> bool:
    place, attribute = pair
    return not _is_rare(pair) and (attribute in EXEMPT_LABELS or place in ontology.places.get(attribute, ()))
