"""What is left of a sentence when its names are replaced by their kinds: plain words and pairs of neighbouring ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from ehrxqa.models.template.mentions import Mention, longest_apart
from ehrxqa.questions.word_forms import WORDS

__all__ = ["FREE", "framed", "masked", "stem", "with_pairs", "words_of_text"]

#: Mentions that a template may do without; they say nothing about which template it is.
FREE: Final = frozenset(("time", "range"))
#: Mentions whose words say more than that there is one.
_KEPT_WORDS: Final = frozenset(("comparison",))
_TOKEN: Final = re.compile(r"<[^<>]*>|[a-z]+|\d+|[^\sa-z0-9]")
#: Forms of a verb that differ by more than an ending, and verbs that only carry a tense.
_FORMS: Final = {
    form: base
    for base, forms in {
        "do": "has have had did does do",
        "be": "is are was were been be being",
        "undergo": "underwent undergone",
        "show": "shown",
        "give": "gave given",
        "take": "took taken",
        "make": "made",
        "see": "seen saw",
        "grow": "grew grown",
        "come": "came",
        "stay": "stayed",
        "find": "found",
        "lie": "lay lain lying",
        "go": "went gone",
        "die": "died dying dead",
    }.items()
    for form in forms.split()
}
_FIRST_FORM: Final = {form: forms[0] for forms in WORDS.values() for form in forms}
_FORM: Final = re.compile(
    rf"(?<![\w<|])(?:{'|'.join(sorted(map(re.escape, _FIRST_FORM), key=len, reverse=True))})(?![\w>|])"
)
#: A finding and its place, in a sentence whose names are replaced: what image templates that differ only in the kind
#: of finding have in the same place.
_FINDING: Final = re.compile(
    r"(?:\b(?:any|an|a|the) )?(?:<attribute>|<category>(?: (?:or|and) <category>)?|\babnormalit(?:y|ies)\b)"
    r"(?: \([^()]*\))?(?: (?:in|at) (?:the )?<object>)?"
)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without the endings of number and tense.

    >>> [stem(word) for word in ("studies", "prescribed", "shows", "underwent", "diagnosis", "<drug>")]
    ['study', 'prescrib', 'show', 'undergo', 'diagnosis', '<drug>']
    """
    if word in _FORMS:
        return _FORMS[word]
    if word.startswith("<") or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            return word[: -len(ending)]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "is", "us")) else word


def masked(text: str, mentions: Sequence[Mention]) -> str:
    """The sentence with kinds in place of names."""
    parts: list[str] = []
    kinds: dict[tuple[int, int], set[str]] = {}
    for mention in mentions:
        kinds.setdefault((mention.start, mention.end), set()).add(mention.kind)
    at = 0
    for mention in longest_apart(mentions):
        parts.append(text[at : mention.start])
        if mention.kind not in FREE:
            parts.append("<" + "|".join(sorted(kinds[mention.start, mention.end])) + ">")
            if mention.kind in _KEPT_WORDS:
                parts.append(" " + text[mention.start : mention.end])
        at = mention.end
    return _one_form(" ".join("".join([*parts, text[at:]]).split()))


def _one_form(text: str) -> str:
    """The text with the first form of all words that have several: “cxr” and “chest film” are one thing."""
    return _FORM.sub(lambda match: _FIRST_FORM[match[0]], text)


def framed(text: str) -> str:
    """A masked sentence with one mark for each finding and its place.

    >>> framed("did a chest x-ray of <subject> show any <category> in the <object>?")
    'did a chest x-ray of <subject> show <finding>?'
    """
    return _FINDING.sub("<finding>", text)


def words_of_text(text: str) -> list[str]:
    """The words of a masked sentence by their stems, without marks."""
    return [stem(word) for word in _TOKEN.findall(text) if len(word) > 1 or word.isalnum()]


def with_pairs(words: Sequence[str]) -> tuple[str, ...]:
    """Words, and pairs of neighbouring ones."""
    return (*words, *(f"{first} {second}" for first, second in pairwise(words)))
