"""The answer to an image question from labels.

One rule for all kinds: a question has one or two operands, each a mask over findings; truth values are joined by
and/or, lists by set operations on the names they hold. "Abnormality" means any category but technical assessment.
The same rules hold for MIMIC-CXR-VQA files and for the SQL over TB_CXR_PLUS that EHRXQA's gold programs use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.question import ABNORMALITY_CATEGORIES, SIZE_LIMITS, Combination, Form, Target, VqaQuestion

__all__ = ["Rule", "rule_for"]

#: Row of an image in its `ImageLabels` → True, False, the names listed, or None where no value is known.
Rule = Callable[[int], bool | tuple[str, ...] | None]


def rule_for(question: VqaQuestion, labels: ImageLabels) -> Rule:
    """How to answer `question` for any image of `labels`.

    Lists are sorted and hold each name once. A size without boxes is None, and so is the truth of an unknown
    view or gender; asked for as a list, those are empty. A name that never occurs is simply nowhere present.
    """
    match question.target:
        case Target.VIEW:
            return _characteristic(question, labels.views, question.view)
        case Target.GENDER:
            return _characteristic(question, labels.genders, question.gender)
        case Target.SIZE:
            return _size(labels, question.objects[0])
    return _verify(question, labels) if question.form is Form.VERIFY else _listing(question, labels)


def _characteristic(question: VqaQuestion, values: Sequence[str | None], asked: str | None) -> Rule:
    if question.form is Form.VERIFY:
        return lambda row: None if values[row] is None else values[row] == asked
    return lambda row: () if (value := values[row]) is None else (value,)


def _size(labels: ImageLabels, measured: str) -> Rule:
    shares, limit = labels.shares[measured], SIZE_LIMITS[measured]
    return lambda row: None if (share := shares[row]) is None else share > limit


def _verify(question: VqaQuestion, labels: ImageLabels) -> Rule:
    present = labels.present
    masks = _operands(question, labels)
    if len(masks) == 1:
        only = masks[0]
        return lambda row: present[row] & only != 0
    first, second = masks
    if question.combination is Combination.AND:
        return lambda row: present[row] & first != 0 and present[row] & second != 0
    either = first | second
    return lambda row: present[row] & either != 0


def _listing(question: VqaQuestion, labels: ImageLabels) -> Rule:
    present = labels.present
    names = labels.masks.object_of if question.target is Target.OBJECT else labels.masks.attribute_of
    masks = _operands(question, labels)
    if len(masks) == 1 or question.combination in (None, Combination.UNION):
        union = 0
        for mask in masks:
            union |= mask
        return lambda row: tuple(sorted(_names(present[row] & union, names)))
    first, second = masks
    if question.combination is Combination.INTERSECTION:
        return lambda row: tuple(sorted(_names(present[row] & first, names) & _names(present[row] & second, names)))
    return lambda row: tuple(sorted(_names(present[row] & first, names) - _names(present[row] & second, names)))


def _names(bits: int, names: Sequence[str]) -> set[str]:
    """Names of the set bits."""
    found = set()
    while bits:
        lowest = bits & -bits
        found.add(names[lowest.bit_length() - 1])
        bits ^= lowest
    return found


def _operands(question: VqaQuestion, labels: ImageLabels) -> list[int]:
    """The masks that the combination joins: one per object, attribute or category that comes twice.

    For a choose question both names are alternatives of one list.
    """
    masks = labels.masks
    objects = [masks.objects.get(name, 0) for name in question.objects] or [masks.everything]
    if question.attributes:
        findings = [masks.attributes.get(name, 0) for name in question.attributes]
    elif question.categories:
        findings = [masks.categories.get(name, 0) for name in question.categories]
    else:
        abnormal = 0
        for name in ABNORMALITY_CATEGORIES:
            abnormal |= masks.categories.get(name, 0)
        findings = [abnormal]
    return [place & finding for place in objects for finding in findings]
