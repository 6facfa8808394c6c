"""Names of an image question that were drawn from findings: whether they may stand together, and what they ask."""

from __future__ import annotations

import random

from ehrxqa.errors import VqaError
from ehrxqa.spec.findings import one_within_other
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.question import Combination, Kind, VqaQuestion

__all__ = ["differ", "question_about"]


def differ(kind: Kind, first: Finding, second: Finding) -> bool:
    """Whether two findings differ in what a question of this kind names twice."""
    if kind.objects == 2 and (first.object == second.object or one_within_other(first.object, second.object)):
        return False
    if kind.attributes == 2 and first.attribute == second.attribute:
        return False
    return kind.categories != 2 or first.category != second.category


def question_about(kind: Kind, first: Finding, second: Finding, rng: random.Random) -> VqaQuestion | None:
    """The question with the names of two findings, if there is one; in any order unless it asks for a difference."""
    pair = (first, second)
    if kind.combination is not Combination.DIFFERENCE and rng.random() < 0.5:
        pair = (second, first)
    try:
        return VqaQuestion.of_kind(
            kind.number,
            objects=tuple(finding.object for finding in pair[: kind.objects]),
            attributes=tuple(finding.attribute for finding in pair[: kind.attributes]),
            categories=tuple(finding.category for finding in pair[: kind.categories]),
        )
    except VqaError:
        return None
