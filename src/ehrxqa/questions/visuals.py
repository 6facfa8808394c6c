"""Drawing the names of an image question for a given study, with the answer that is wanted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import combinations
from operator import or_
from typing import Final

from ehrxqa.questions.image_sql import elementary
from ehrxqa.questions.misread_images import Said, readings
from ehrxqa.spec.findings import one_within_other
from ehrxqa.vqa.drawn import differ, question_about
from ehrxqa.vqa.image_labels import Finding, ImageLabels, numbers_of
from ehrxqa.vqa.question import KINDS, Combination, Form, Kind, Target, VqaQuestion
from ehrxqa.vqa.rules import rule_for

__all__ = ["Visuals", "Worth"]

#: How much an answer tells: of the ways in which a question may be misread, those that change it.
Worth = Callable[[VqaQuestion], int]
_DRAWS: Final = 30
#: Questions that fit, of which the one that tells most is taken.
_CHOICES: Final = 6
_MOST_REPEATS: Final = 6
_SECONDS: Final = 12
#: Share of the "both" questions without either that is kept: "no" should mostly rest on one of the two.
_NEITHER: Final = 0.3
_TECHNICAL: Final = "technicalassessment"
#: Share of the draws of what is nearly there.
_NEAR: Final = 0.7


class Visuals:
    """Draws image questions from the labels of a database."""

    def __init__(self, labels: ImageLabels) -> None:
        self.labels = labels
        self._possible = sorted(set(labels.findings))
        self._object: dict[str, list[Finding]] = {}
        self._attribute: dict[str, list[Finding]] = {}
        self._category: dict[str, list[Finding]] = {}
        for finding in self._possible:
            self._object.setdefault(finding.object, []).append(finding)
            self._attribute.setdefault(finding.attribute, []).append(finding)
            self._category.setdefault(finding.category, []).append(finding)
        self._in_one_place = frozenset(
            attribute for attribute, held in self._attribute.items() if _is_one_place({each.object for each in held})
        )
        everywhere = 0
        for bits in labels.present:
            everywhere |= bits
        occurring = self._everywhere = [labels.findings[n] for n in numbers_of(everywhere)]
        self._occurring: dict[str, list[Finding]] = {}
        for finding in occurring:
            self._occurring.setdefault(finding.attribute, []).append(finding)
        self._in_category = {
            category: sorted(each for each, held in self._occurring.items() if held[0].category == category)
            for category in sorted({finding.category for finding in occurring})
        }
        # the rarer a name, the likelier it is asked for where it is
        studies = Counter(name for bits in labels.present for name in _names_of(labels, bits))
        self._weight = {name: 1 / count for name, count in studies.items()}

    def answer(self, question: VqaQuestion, row: int) -> bool | tuple[str, ...] | None:
        """What the labels of a study say."""
        return rule_for(question, self.labels)(row)

    def has_technical(self, row: int) -> bool:
        """Whether a study has a technical assessment, which is no abnormality."""
        return self.labels.present[row] & self.labels.masks.categories.get(_TECHNICAL, 0) != 0

    def said(self, question: VqaQuestion, rows: Sequence[int]) -> tuple[Said, list[Said]]:
        """What a question says of studies together, and what it says where one of its names is passed over."""
        return readings(question, self.labels.masks, reduce(or_, (self.labels.present[row] for row in rows), 0))

    def draw(
        self,
        number: int,
        rows: Sequence[int],
        fits: Callable[[VqaQuestion], bool],
        rng: random.Random,
        worth: Worth | None = None,
        beside: Sequence[int] | None = None,
    ) -> VqaQuestion | None:
        """A question of kind `number` that `fits`, its names mostly from what the studies `rows` show.

        Args:
            number: The kind.
            rows: The studies.
            fits: What is wanted of it.
            rng: Source of all chance.
            worth: Of some that fit the one is taken that is worth most.
            beside: Not what `rows` show is looked for, but what nearly is: what these other studies show, and at a
                place with findings one that is elsewhere.
        """
        kind = KINDS[number]
        if kind.target is Target.SIZE:
            question = VqaQuestion.of_kind(number)
            return question if fits(question) else None
        tried: set[VqaQuestion | None] = {None}
        repeats = 0
        found: list[VqaQuestion] = []
        near = [] if beside is None else self._near(kind, rows, beside)
        for _ in range(_DRAWS):
            drawn = self._attempt(kind, rows, rng, near)
            if drawn in tried:
                repeats += 1
                if repeats > _MOST_REPEATS:  # there are few others, if any
                    break
            elif drawn is not None and fits(drawn) and self._telling(drawn, rows, rng):
                found.append(drawn)
                if worth is None or len(found) == _CHOICES:
                    break
            tried.add(drawn)
        return max(found, key=worth or (lambda _: 0), default=None)

    def _telling(self, question: VqaQuestion, rows: Sequence[int], rng: random.Random) -> bool:
        """Whether both operands matter: none of them is empty in what is common to both, or in one but not the other."""
        if question.combination in (None, Combination.OR, Combination.UNION) or not rows:
            return True
        shown = [bool(self.answer(part, rows[0])) for part in elementary(question)]
        if question.combination is Combination.AND:
            return any(shown) or rng.random() < _NEITHER
        return all(shown)

    def _near(self, kind: Kind, rows: Sequence[int], beside: Sequence[int]) -> list[Finding]:
        """Findings that are nearly there."""
        there, elsewhere = ({each for row in some for each in self.labels.findings_of(row)} for some in (rows, beside))
        objects = {each.object for each in there}
        attributes = {each.attribute for each in there}
        categories = {each.category for each in there} if kind.categories else set()
        return [
            each
            for each in self._everywhere
            if each not in there
            and (
                each in elsewhere
                or (each.object in objects and (each.attribute in attributes or each.category in categories))
            )
        ]

    def _attempt(
        self, kind: Kind, rows: Sequence[int], rng: random.Random, near: Sequence[Finding]
    ) -> VqaQuestion | None:
        here = self.labels.findings_of(rng.choice(rows)) if rows else []
        if near and rng.random() < _NEAR:
            first = rng.choice(near)
        elif here and rng.random() < 0.6:
            first = self._flattened(kind, here, rng)
        elif self._occurring and rng.random() < 0.8:
            names = sorted(self._occurring)
            if kind.categories:  # each category as often as another, whatever the number of its names
                names = self._in_category[rng.choice(list(self._in_category))]
            first = rng.choice(self._occurring[rng.choice(names)])
        elif self._possible:
            first = rng.choice(self._possible)
        else:
            return None
        second = self._second(kind, first, here, rng)
        if second is None:
            return None
        if (
            kind.objects
            and kind.attributes
            and any(
                each.attribute in self._in_one_place or f" {each.object}" in f" {each.attribute}"
                for each in (first, second)
            )
        ):
            return None  # an enlarged cardiac silhouette is nowhere but there
        return question_about(kind, first, second, rng)

    def _flattened(self, kind: Kind, here: list[Finding], rng: random.Random) -> Finding:
        """One of the findings of a study: rare names as well as frequent ones."""
        field = "attribute" if kind.attributes else "category" if kind.categories else "object"
        names = sorted({getattr(finding, field) for finding in here})
        weights = [1.0 if field == "object" else self._weight[name] for name in names]
        (name,) = rng.choices(names, weights)
        return rng.choice([finding for finding in here if getattr(finding, field) == name])

    def _second(self, kind: Kind, first: Finding, here: list[Finding], rng: random.Random) -> Finding | None:
        if max(kind.objects, kind.attributes, kind.categories) < 2:
            return first
        if kind.objects == 1:
            pool = self._object[first.object]
        elif kind.attributes == 1:
            pool = self._attribute[first.attribute]
        elif kind.categories == 1:
            pool = self._category[first.category]
        else:
            pool = self._possible
        if kind.categories == 1 or (kind.form is Form.CHOOSE and kind.attributes == 2):
            pool = [finding for finding in pool if finding.category == first.category]
        if here and rng.random() < 0.5:
            there = set(here)
            shown = [finding for finding in pool if finding in there and differ(kind, first, finding)]
            if shown:
                return rng.choice(shown)
        for _ in range(_SECONDS):
            if pool and differ(kind, first, second := rng.choice(pool)):
                return second
        return None


def _is_one_place(places: set[str]) -> bool:
    """Whether of all places each lies in the other, so that there is but one."""
    return all(one_within_other(one, other) for one, other in combinations(sorted(places), 2))


def _names_of(labels: ImageLabels, bits: int) -> set[str]:
    """The attributes and categories of a study."""
    findings = [labels.findings[n] for n in numbers_of(bits)]
    return {name for finding in findings for name in (finding.attribute, finding.category)}
