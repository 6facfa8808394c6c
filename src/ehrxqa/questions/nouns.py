"""Findings and places as noun phrases: what they are called, articles, number, and how two of them are joined.

The names are those of the labels, so what holds for a name follows from its last word; a database may add others. What
else a name is called, `word_forms` says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ehrxqa.questions.word_forms import forms_of
from ehrxqa.vqa.question import Combination, Target, VqaQuestion

__all__ = ["MANY", "ONE", "Nouns", "bare", "called_by_chance", "is_plural", "with_article"]

#: Category → one of it, and several.
ONE: Final = {
    "anatomicalfinding": "anatomical finding",
    "technicalassessment": "technical assessment",
    "disease": "disease",
    "tubesandlines": "tube or line",
    "device": "device",
}
MANY: Final = {name: "tubes/lines" if name == "tubesandlines" else f"{one}s" for name, one in ONE.items()}

#: Abnormality stands for every category but technical assessments, which a reader could not know.
_EXPLAINED: Final = "(devices, tubes and lines included)"

#: Last words of what can be counted and so takes an article.
_COUNTED: Final = re.compile(
    r".*\b(tube|drain|catheter|picc|line|port|pump|valve|repair|fracture|nodule|lesion|mass|enlargement|bullae|hernia|"
    r"goiter|artifact|fold|aorta|hilum|hemidiaphragm|silhouette|pattern)"
)
#: Names that are no noun phrase, or not what their last word says.
_ODD: Final = {"rotated": "rotated positioning", "cardiac pacer and wires": "a cardiac pacer and wires"}
#: Named after the place where it is: “an elevated hemidiaphragm in the left hemidiaphragm” would be odd.
_OF_ITS_PLACE: Final = ("hemidiaphragm", "cardiac silhouette")

_BOTH: Final = (Combination.AND, Combination.INTERSECTION)
_EITHER: Final = (Combination.OR, Combination.UNION)


def is_plural(name: str) -> bool:
    """Whether a name takes a plural verb.

    >>> [is_plural(name) for name in ("cabg grafts", "scoliosis", "pericardial effusion", "left hilar structures")]
    [True, False, False, True]
    """
    return name.endswith("s") and not name.endswith(("is", "ss", "us")) and not name.startswith(("a ", "an "))


def with_article(name: str) -> str:
    """An attribute as it stands in a sentence.

    >>> [with_article(name) for name in ("picc", "endotracheal tube", "pleural effusion", "rotated")]
    ['a picc', 'an endotracheal tube', 'pleural effusion', 'rotated positioning']
    """
    if name in _ODD:
        return _ODD[name]
    counted = _COUNTED.fullmatch(re.sub(r"\s*\(.*\)$", "", name))
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}" if counted else name


def bare(phrase: str) -> str:
    """A noun phrase without its article.

    >>> bare("an enlarged hilum"), bare("any device")
    ('enlarged hilum', 'any device')
    """
    return re.sub(r"^an? ", "", phrase)


def _join(names: tuple[str, ...], combination: Combination | None) -> str:
    if len(names) == 1:
        return names[0]
    first, second = names
    if combination in _BOTH:
        return f"both {first} and {second}"
    return f"either {first} or {second}" if combination in _EITHER else f"{first} but not {second}"


def called_by_chance(question: VqaQuestion, rng: random.Random) -> dict[str, str]:
    """Name → what it is called in one sentence: half of the time as the labels call it."""
    names = () if question.target is Target.SIZE else (*question.objects, *question.attributes)
    called = {}
    for name in names:
        if (forms := forms_of(name)) and (form := rng.choice(("", rng.choice(forms)))):
            called[name] = form
    return called


@dataclass(frozen=True)
class Nouns:
    """The noun phrases of an image question.

    Attributes:
        question: The question.
        called: Name → what it is called in the sentence, where that is not its name.
        brief: Whether articles are left out, as in notes: “picc in neck”.
    """

    question: VqaQuestion
    called: Mapping[str, str] = field(default_factory=dict)
    brief: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes with their articles: “a picc”."""
        phrases = (self.called.get(name) or with_article(name) for name in self.question.attributes)
        return tuple(map(bare, phrases) if self.brief else phrases)

    @property
    def places(self) -> tuple[str, ...]:
        """The objects: “the left lung”."""
        the = "" if self.brief else "the "
        return tuple(f"{the}{self.called.get(name, name)}" for name in self.question.objects)

    def finding(self, *, explained: bool = False) -> str:
        """What is looked for: “both a picc and pleural effusion”, “any device”."""
        question = self.question
        if question.attributes:
            return _join(self.attributes, question.combination)
        if len(question.categories) == 2:
            return "any " + " or ".join(MANY[name] for name in question.categories)
        if question.categories:
            return f"any {ONE[question.categories[0]]}"
        return f"any abnormality {_EXPLAINED}" if explained else "any abnormality"

    def things(self, *, explained: bool = False) -> str:
        """What is listed: “diseases and devices”."""
        if self.question.categories:
            return " and ".join(MANY[name] for name in self.question.categories)
        return f"abnormalities {_EXPLAINED}" if explained else "abnormalities"

    def place(self) -> str:
        """Where it is looked for, with a blank before, or nothing.

        Two places that must both show something of a category need not show the same: “any device in the neck and any
        in the spine”.
        """
        question, places = self.question, self.places
        if not places or question.target in (Target.OBJECT, Target.SIZE):
            return ""
        named = any(
            name in attribute and name in place
            for name in _OF_ITS_PLACE
            for attribute in question.attributes
            for place in question.objects
        )
        at = "at" if named else "in"
        if question.combination is Combination.AND and len(places) == 2 and not question.attributes:
            return f" in {places[0]} and any in {places[1]}"
        if question.combination is Combination.DIFFERENCE and len(places) == 2:
            return f" {at} {places[0]} but not {at} {places[1]}"
        return f" {at} {_join(places, question.combination)}"
