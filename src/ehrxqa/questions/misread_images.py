"""What an image question says of findings, and what it says when one of its names is passed over.

"No" tells who leaves out a place or a finding only where what is left is there: the finding somewhere else, or another
finding at the place. Names are drawn so that this is so, where it can be.
"""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Final

from ehrxqa.questions.image_sql import elementary
from ehrxqa.vqa.image_labels import Masks, numbers_of
from ehrxqa.vqa.question import ABNORMALITY_CATEGORIES, Combination, Form, Target, VqaQuestion

__all__ = ["Said", "readings"]

#: What a question says of findings: a truth, or the names that it lists.
Said = bool | frozenset[str]

_SETS: Final = {
    Combination.INTERSECTION: frozenset.intersection,
    Combination.DIFFERENCE: frozenset.difference,
}


def readings(question: VqaQuestion, masks: Masks, bits: int) -> tuple[Said, list[Said]]:
    """What a question says of an image, or of several together, and what each way says that passes over one name.

    Args:
        question: Not about a size, view or gender.
        masks: Of the labels.
        bits: The findings that are there.
    """
    parts = [_conditions(part, masks) for part in elementary(question)]
    whole = [reduce(and_, conditions) for conditions in parts]
    misread: list[Said] = []
    for number, conditions in enumerate(parts):
        for left_out in range(len(conditions)):
            rest = reduce(and_, conditions[:left_out] + conditions[left_out + 1 :], masks.everything)
            misread.append(_said(question, masks, bits, [*whole[:number], rest, *whole[number + 1 :]]))
    return _said(question, masks, bits, whole), misread


def _conditions(part: VqaQuestion, masks: Masks) -> list[int]:
    """The findings that each condition of an elementary question lets through, as `image_sql.condition` has them."""
    found = []
    for names, held in ((part.objects, masks.objects), (part.attributes, masks.attributes)):
        if names:
            found.append(sum({held.get(name, 0) for name in names}))
    if part.form is not Form.CHOOSE and part.categories:
        found.append(masks.categories.get(part.categories[0], 0))
    elif not part.attributes:
        found.append(sum(masks.categories.get(name, 0) for name in ABNORMALITY_CATEGORIES))
    return found


def _said(question: VqaQuestion, masks: Masks, bits: int, parts: list[int]) -> Said:
    if question.form is Form.VERIFY:
        there = [bits & part != 0 for part in parts]
        return all(there) if question.combination is Combination.AND else any(there)
    names = masks.object_of if question.target is Target.OBJECT else masks.attribute_of
    listed = [frozenset(names[n] for n in numbers_of(bits & part)) for part in parts]
    return reduce(_SETS.get(question.combination, frozenset.union), listed)  # type: ignore[arg-type]
