"""Whether a paraphrase says what the sentence says: what is wrong with it, in one word or two.

A paraphrase is wrong until every rule has passed it. A good sentence may be refused, since the rules read words and not
meaning; the question then keeps the wording it had.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from typing import Final

from ehrxqa.paraphrasing.masking import PLACEHOLDER
from ehrxqa.paraphrasing.senses import ORDERED, content, question_kind, senses
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["clean", "fault"]

_STRAIGHT: Final = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u202f": " "}
)
_ALLOWED: Final = re.compile(r"[a-z ,.?;:'()/-]*")
_NUMBER_WORDS: Final = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thrice|couple"
    r"|january|february|march|april|june|july|august|september|october|november|december)\b"
)
_END: Final = re.compile(r"[.?](?=\s|$)")
#: Kinds that belong to neither side of a sentence of two sides, so they may stand anywhere.
_FREE: Final = frozenset({"patient", "gender", "ages", "age"})
_TWO_SIDES: Final = re.compile(
    r"\b(?:compar\w+|between|after|before|earlier|follow\w*|minus|subtract\w*|exceed|but not)\b"
)
_KNOWN: Final = {*OBJECTS, *(name for held in ATTRIBUTES.values() for name in held)}
_NAMES: Final = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(_KNOWN))) + r")\b")


def clean(reply: str, shape: str) -> str:
    """A reply in the form of the question files: one line, lower case, straight quotes, an end mark.

    >>> clean("  “Was [Drug_1]  given” ", "was [drug_1] given?")
    'was [drug_1] given?'
    """
    text = re.sub(r"\s+", " ", reply.translate(_STRAIGHT)).strip()
    text = re.sub(r"^(?:[-*•]|\(?\d{1,2}[.):])\s+", "", text).strip().strip('"`').strip().lower()
    return text if not text or text[-1] in ".?!" else text + shape[-1:]


def fault(shape: str, text: str) -> str | None:
    """Why `text` is no paraphrase of `shape`, or None if every rule passes it.

    Args:
        shape: The sentence that was sent.
        text: The reply, as `clean` gives it.
    """
    if not text:
        return "empty"
    shape = shape.lower()
    if text == shape:
        return "unchanged"
    wanted, found = (Counter(PLACEHOLDER.findall(each)) for each in (shape, text))
    if found != wanted:
        return "new placeholder" if set(found) - set(wanted) else "placeholder lost or repeated"
    bare, source = PLACEHOLDER.sub(" ", text), PLACEHOLDER.sub(" ", shape)
    if re.search(r"\d", bare) or (set(_NUMBER_WORDS.findall(bare)) - set(_NUMBER_WORDS.findall(source))):
        return "new number"
    if _ALLOWED.fullmatch(bare) is None:
        return "odd signs"
    if re.search(r"[^\s(\"'/-]\[|\][^\s,.?;:'()/-]", text):
        return "placeholder joined to a word"
    if len(_END.findall(text)) > max(1, len(_END.findall(shape))) or text[-1] not in ".?":
        return "not one sentence"
    words, were = len(text.split()), len(shape.split())
    if not were * 0.4 <= words <= were * 2 + 6:
        return "too short or too long"
    if set(_NAMES.findall(bare)) - set(_NAMES.findall(source)):
        return "new name"
    if question_kind(text) != question_kind(shape):
        return "asks something else"
    return _decisive(shape, text)


def _decisive(shape: str, text: str) -> str | None:
    """The first family of senses that differs."""
    before, after = senses(shape), senses(text)
    kept = {(sense.family, sense.name) for sense in after}
    said = {(sense.family, sense.name) for sense in before}
    if kept != said:
        family = min(kept ^ said)[0]
        return f"changes {family}"
    if not content(shape) <= content(text):
        return "loses a word that decides"
    kinds, families = _confusable(shape)
    if _TWO_SIDES.search(shape):  # whatever is said belongs to one side or the other
        kinds = {kind for kind, _ in PLACEHOLDER.findall(shape)} - _FREE
        families = ORDERED
    if _track(shape, kinds, families) != _track(text, kinds, families):
        return "changes the order of two sides"
    return None


def _confusable(shape: str) -> tuple[set[str], Set[str]]:
    """Kinds with two placeholders, and families with two senses, which could be exchanged."""
    kinds = Counter(kind for kind, _ in set(PLACEHOLDER.findall(shape)))
    families = Counter(family for family, _ in {(sense.family, sense.name) for sense in senses(shape)})
    return {kind for kind in kinds if kinds[kind] > 1}, {name for name in ORDERED if families[name] > 1}


def _track(text: str, kinds: set[str], families: Set[str]) -> list[str]:
    """Placeholders of these kinds and senses of these families, in their order."""
    marks = [(match.start(), match[0]) for match in PLACEHOLDER.finditer(text) if match[1] in kinds]
    marks += [(sense.place, sense.name) for sense in senses(text) if sense.family in families]
    return [mark for _, mark in sorted(marks)]
