"""New image questions of all 48 kinds, balanced, from labels.

For each question the kind of answer is drawn first (yes or no, one of two choices, empty or not), then image and
names until they give it. Names only meet where the labels allow it: an attribute is asked of an object where it can
occur, and so on. What cannot be balanced (a split in which nobody is male, say) is drawn as it comes, and counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from ehrxqa.errors import BuildError
from ehrxqa.vqa.drawn import differ, question_about
from ehrxqa.vqa.image_labels import Finding, ImageLabels, numbers_of
from ehrxqa.vqa.question import GENDERS, KINDS, VIEWS, Form, Kind, Target, VqaQuestion
from ehrxqa.vqa.records import arguments_of
from ehrxqa.vqa.render import TEMPLATES
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.wordings import wordings_of

__all__ = ["GeneratedQuestions", "generate"]

#: Draws for one question before its kind of answer is given up, and before the question is.
_DRAWS: Final = 4000
#: Of a hundred list questions, so many have the empty list as answer.
_EMPTY_PERCENT: Final = 12
#: Of a hundred choices between two names, so many have one of them as answer; the rest is split in none and both.
_ONE_PERCENT: Final = 80

_T = TypeVar("_T")
_Answer = bool | tuple[str, ...] | None


@dataclass(frozen=True)
class GeneratedQuestions:
    """What was made.

    Attributes:
        records: Pre-release records, in file order.
        unbalanced: Kind → questions whose answer is not of the kind that was drawn for it.
        missing: Kind → questions that could not be made at all.
    """

    records: list[dict[str, object]]
    unbalanced: dict[int, int]
    missing: dict[int, int]


def generate(labels: ImageLabels, split: str, *, per_kind: int, seed: int) -> GeneratedQuestions:
    """Make `per_kind` different questions of each kind; the same arguments give the same records.

    Raises:
        BuildError: The split has no labelled image.
    """
    if not len(labels):
        raise BuildError(f"split {split} has no labelled image to ask questions about")
    sampler = _Sampler(labels)
    drawn: list[tuple[int, VqaQuestion, str]] = []
    unbalanced: dict[int, int] = {}
    missing: dict[int, int] = {}
    for kind in KINDS.values():
        rng = random.Random(f"{seed}/{split}/{kind.number}")
        seen: set[tuple[int, VqaQuestion]] = set()
        for number in range(per_kind):
            found, balanced = sampler.draw(kind, _wanted(kind, number, rng), rng, seen)
            if found is None:
                missing[kind.number] = missing.get(kind.number, 0) + 1
                continue
            if not balanced:
                unbalanced[kind.number] = unbalanced.get(kind.number, 0) + 1
            seen.add(found)
            drawn.append((*found, rng.choice(wordings_of(found[1]))))
    random.Random(f"{seed}/{split}").shuffle(drawn)
    records = [
        _record(split, idx, labels.image_ids[row], question, text) for idx, (row, question, text) in enumerate(drawn)
    ]
    return GeneratedQuestions(records, unbalanced, missing)


def _record(split: str, idx: int, image_id: str, question: VqaQuestion, text: str) -> dict[str, object]:
    kind = question.kind
    return {
        "split": split,
        "idx": idx,
        "image_id": image_id,
        "question": text,
        "content_type": kind.content_type,
        "semantic_type": kind.form.value,
        "template": TEMPLATES[kind.number],
        "template_program": kind.program,
        "template_arguments": arguments_of(question),
    }


def _wanted(kind: Kind, number: int, rng: random.Random) -> Callable[[_Answer], bool]:
    """Whether an answer is of the kind drawn for the `number`-th question of a kind."""
    if kind.form is Form.VERIFY:
        truth = number % 2 == 0
        return lambda answer: answer is truth
    if kind.target in (Target.VIEW, Target.GENDER):
        value = (VIEWS if kind.target is Target.VIEW else GENDERS)[number % 2]
        return lambda answer: answer == (value,)
    percent = rng.randrange(100)
    if kind.form is Form.CHOOSE:
        size = 1 if percent < _ONE_PERCENT else 2 * (percent % 2)
        return lambda answer: isinstance(answer, tuple) and len(answer) == size
    empty = percent < _EMPTY_PERCENT
    return lambda answer: (answer == ()) is empty


class _Sampler:
    """Draws images and names."""

    def __init__(self, labels: ImageLabels) -> None:
        self._labels = labels
        known = set(labels.findings)
        self._possible = sorted(known | set(labels.possible))
        self._of_object = _grouped(self._possible, lambda finding: finding.object)
        self._of_attribute = _grouped(self._possible, lambda finding: finding.attribute)
        self._of_category = _grouped(self._possible, lambda finding: finding.category)
        self._of_both = _grouped(self._possible, lambda finding: finding.object + "\n" + finding.category)
        self._rows_of: list[list[int]] = [[] for _ in labels.findings]
        for row, bits in enumerate(labels.present):
            for number in numbers_of(bits):
                self._rows_of[number].append(row)
        occurring = [number for number, rows in enumerate(self._rows_of) if rows]
        self._occurring = _grouped(occurring, lambda number: labels.findings[number].attribute)
        self._attributes = sorted(self._occurring)
        sizes = labels.shares
        self._measurable = {name: [row for row, share in enumerate(sizes[name]) if share is not None] for name in sizes}
        self._with_view = [row for row, view in enumerate(labels.views) if view in VIEWS]
        self._with_gender = [row for row, gender in enumerate(labels.genders) if gender in GENDERS]

    def draw(
        self,
        kind: Kind,
        wanted: Callable[[_Answer], bool],
        rng: random.Random,
        seen: set[tuple[int, VqaQuestion]],
    ) -> tuple[tuple[int, VqaQuestion] | None, bool]:
        """A new (image row, question) of that kind, and whether its answer is as wanted."""
        other: tuple[int, VqaQuestion] | None = None
        for _ in range(_DRAWS):
            found = self._attempt(kind, rng)
            if found is None or found in seen:
                continue
            row, question = found
            if wanted(rule_for(question, self._labels)(row)):
                return found, True
            other = other or found
        return other, False

    def _attempt(self, kind: Kind, rng: random.Random) -> tuple[int, VqaQuestion] | None:
        if kind.target is Target.SIZE:
            assert kind.measured is not None
            row = _any(rng, self._measurable[kind.measured])
            return None if row is None else (row, VqaQuestion.of_kind(kind.number))
        if kind.target is Target.VIEW:
            row = _any(rng, self._with_view)
            view = rng.choice(VIEWS) if kind.views else None
            return None if row is None else (row, VqaQuestion.of_kind(kind.number, view=view))
        if kind.target is Target.GENDER:
            row = _any(rng, self._with_gender)
            gender = rng.choice(GENDERS) if kind.genders else None
            return None if row is None else (row, VqaQuestion.of_kind(kind.number, gender=gender))
        row, first = self._image_and_finding(rng)
        second = self._second(kind, first, row, rng)
        if first is None or second is None:
            return None
        question = question_about(kind, first, second, rng)
        return None if question is None else (row, question)

    def _image_and_finding(self, rng: random.Random) -> tuple[int, Finding | None]:
        """An image, and a finding that it has, that others have, or that merely can be.

        Half of the images are drawn by attribute first, so that rare attributes are asked for too.
        """
        labels = self._labels
        if self._attributes and rng.random() < 0.5:
            number = rng.choice(self._occurring[rng.choice(self._attributes)])
            return rng.choice(self._rows_of[number]), labels.findings[number]
        row = rng.randrange(len(labels))
        present = numbers_of(labels.present[row])
        if present and rng.random() < 0.5:
            return row, labels.findings[rng.choice(present)]
        if self._attributes and rng.random() < 0.7:
            return row, labels.findings[rng.choice(self._occurring[rng.choice(self._attributes)])]
        return row, _any(rng, self._possible)

    def _second(self, kind: Kind, first: Finding | None, row: int, rng: random.Random) -> Finding | None:
        """A finding for the second name of each sort: it shares what is named once and differs where two are named."""
        if first is None:
            return None
        if max(kind.objects, kind.attributes, kind.categories) < 2:
            return first
        if kind.objects == 1:
            pool = (
                self._of_both[first.object + "\n" + first.category]
                if kind.categories == 1
                else (self._of_object[first.object])
            )
        elif kind.attributes == 1:
            pool = self._of_attribute[first.attribute]
        elif kind.categories == 1:
            pool = self._of_category[first.category]
        else:
            pool = self._possible
        candidates = [finding for finding in pool if differ(kind, first, finding)]
        if not candidates:
            return None
        if rng.random() < 0.5:
            there = set(self._labels.findings_of(row))
            candidates = [finding for finding in candidates if finding in there] or candidates
        return rng.choice(candidates)


def _any(rng: random.Random, values: Sequence[_T]) -> _T | None:
    return rng.choice(values) if values else None


def _grouped(values: Sequence[_T], key: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return groups
