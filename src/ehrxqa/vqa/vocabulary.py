"""The names that image questions use, and the ways they are written.

The default names are those of the published Chest ImaGenome labels (38 objects, 75 attributes in five categories,
commas removed); a database may add its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from ehrxqa.spec.findings import ATTRIBUTES, CATEGORIES, OBJECTS
from ehrxqa.spec.values import GENDER_WORDS

__all__ = ["ATTRIBUTES", "DEFAULT_VOCABULARY", "OBJECTS", "Name", "Phrase", "Role", "Vocabulary", "words_of"]


class Role(StrEnum):
    """What a phrase stands for; the value is its letter in the sentence patterns of `parse`."""

    OBJECT = "O"
    ATTRIBUTE = "A"
    CATEGORY = "C"
    ABNORMALITY = "B"
    LOCATION = "L"
    VIEW = "V"
    GENDER = "G"


class Phrase(NamedTuple):
    """A way to write a name.

    Attributes:
        words: Its words.
        names: What it may stand for; more than one only if names clash.
        marks: Punctuation that may stand between the words.
    """

    words: tuple[str, ...]
    names: tuple[Name, ...]
    marks: frozenset[str]


class Name(NamedTuple):
    """A phrase understood: its role and the name it stands for."""

    role: Role
    name: str


#: Ways to write a name, beside the name itself. Singular and plural are made by rule.
_SYNONYMS: Final[Mapping[Name, tuple[str, ...]]] = {
    Name(Role.CATEGORY, "anatomicalfinding"): ("anatomical finding", "anatomic finding"),
    Name(Role.CATEGORY, "technicalassessment"): ("technical assessment",),
    Name(Role.CATEGORY, "device"): ("medical device",),
    Name(Role.CATEGORY, "tubesandlines"): (
        "tubes/lines",
        "tube/line",
        "tubes and lines",
        "tube and line",
        "tubes or lines",
        "tube or line",
        "lines/tubes",
        "lines and tubes",
        "lines or tubes",
    ),
}

_GRAMMAR_NAMES: Final[Mapping[Name, tuple[str, ...]]] = {
    Name(Role.ABNORMALITY, "abnormality"): ("abnormality", "abnormal finding", "anomaly", "anything abnormal"),
    Name(Role.LOCATION, "location"): (
        "anatomical location",
        "anatomic location",
        "anatomical site",
        "anatomical region",
        "anatomical area",
        "anatomical structure",
        "location",
    ),
    Name(Role.VIEW, "ap"): ("ap", "anteroposterior", "antero-posterior"),
    Name(Role.VIEW, "pa"): ("pa", "posteroanterior", "postero-anterior"),
    Name(Role.GENDER, "m"): (GENDER_WORDS["m"], "man", "m"),
    Name(Role.GENDER, "f"): (GENDER_WORDS["f"], "woman", "f"),
}

#: A name that is spelled with other marks may have those too.
_MARKS_IN_ANY_NAME: Final = frozenset("-/()")

_WORD = re.compile(r"[a-z0-9]+")
_X_RAY = re.compile(r"\bx[\s-]*ray\b")
_GENITIVE = re.compile(r"'s\b")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a phrase without case, punctuation and blanks; "x-ray" is one word.

    >>> words_of("Mass/nodule  (not otherwise specified)")
    ('mass', 'nodule', 'not', 'otherwise', 'specified')
    """
    return tuple(_WORD.findall(_GENITIVE.sub("", _X_RAY.sub("xray", text.lower()))))


def _other_number(word: str) -> list[str]:
    """A word in singular and plural, as far as a rule can tell.

    >>> _other_number("opacity"), _other_number("tubes"), _other_number("mass"), _other_number("scoliosis")
    (['opacities'], ['tube'], ['masses'], ['scolioses'])
    """
    if len(word) < 3:
        return []
    if word.endswith("sis"):
        return [word[:-2] + "es"]
    if word.endswith(("ss", "x", "ch", "sh", "us")):
        return [word + "es"]
    if word.endswith("s"):
        return [word[:-1]]
    if word.endswith("y") and word[-2] not in "aeiou":
        return [word[:-1] + "ies"]
    return [word + "s"]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The names a question may use.

    Attributes:
        objects, attributes, categories: Names in lower case, without duplicates.
    """

    objects: tuple[str, ...]
    attributes: tuple[str, ...]
    categories: tuple[str, ...]

    def extended(
        self, *, objects: Iterable[str] = (), attributes: Iterable[str] = (), categories: Iterable[str] = ()
    ) -> Vocabulary:
        """This vocabulary and more names; itself if nothing is new."""
        merged = tuple(
            tuple(dict.fromkeys((*old, *(" ".join(name.lower().split()) for name in new))))
            for old, new in (
                (self.objects, objects),
                (self.attributes, attributes),
                (self.categories, categories),
            )
        )
        return self if merged == (self.objects, self.attributes, self.categories) else Vocabulary(*merged)

    @cached_property
    def phrases(self) -> Mapping[str, tuple[Phrase, ...]]:
        """First word → phrases that begin with it, longest first, each with the names it may stand for.

        A name as it is spelled comes before another name's plural or synonym.
        """
        exact: dict[tuple[str, ...], list[Name]] = defaultdict(list)
        derived: dict[tuple[str, ...], list[Name]] = defaultdict(list)
        names = [
            *(Name(Role.OBJECT, name) for name in self.objects),
            *(Name(Role.ATTRIBUTE, name) for name in self.attributes),
            *(Name(Role.CATEGORY, name) for name in self.categories),
        ]
        spellings = [(name, (name.name, *_SYNONYMS.get(name, ()))) for name in names]
        for name, texts in (*spellings, *_GRAMMAR_NAMES.items()):
            for number, text in enumerate(texts):
                words = words_of(text)
                if not words:
                    continue
                (exact if number == 0 else derived)[words].append(name)
                for last in _other_number(words[-1]):
                    derived[(*words[:-1], last)].append(name)
        by_first: dict[str, list[Phrase]] = defaultdict(list)
        for words in {**exact, **derived}:
            meanings = tuple(dict.fromkeys(exact.get(words) or derived[words]))
            marks = {mark for name in meanings for mark in name.name if not (mark.isalnum() or mark.isspace())}
            by_first[words[0]].append(Phrase(words, meanings, _MARKS_IN_ANY_NAME | marks))
        return {first: tuple(sorted(found, key=lambda phrase: -len(phrase.words))) for first, found in by_first.items()}


#: The names of the published labels.
DEFAULT_VOCABULARY: Final = Vocabulary(
    OBJECTS, tuple(name for names in ATTRIBUTES.values() for name in names), CATEGORIES
)
