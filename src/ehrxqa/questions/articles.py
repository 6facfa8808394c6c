"""“a” or “an” before what was put into a sentence, where all is lower case, abbreviations too."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["article"]

#: Two consonants with which an English word can begin; with any other pair, letters are spelled out.
_ONSETS: Final = re.compile("[bcfgkpsv]l|[bcdfgkptw]r|[cgprstw]h|[gkpms]n|p[st]|s[ckmpqtvw]|t[sw]|qu|dw")
#: Letters whose names begin with a vowel.
_SPELLED_AN: Final = frozenset("aefhilmnorsx")
#: Abbreviations that look like words.
_SPELLED: Final = frozenset(["fio", "hiv", "lap", "mic", "nac", "nacl", "sao", "spo", "ua", "uop", "ut", "uti"])


def article(text: str) -> str:
    """The indefinite article before a text.

    >>> [article(each) for each in ("anion gap", "mri", "nacl 0.9%", "urine culture", "8.4% solution", "ptt", "x-ray")]
    ['an', 'an', 'an', 'a', 'an', 'a', 'an']
    """
    text = text.lower().lstrip("(-/ ")
    if number := re.match(r"\d+", text):
        return "an" if number[0][0] == "8" or number[0] in ("11", "18") else "a"
    word = (re.match("[a-z]*", text) or [""])[0]
    if _is_spelled(word):
        return "an" if word[:1] in _SPELLED_AN else "a"
    if re.match(r"eu|one\b|once|u[bcdfghjklmpqrstvwxyz][aeiou]|uni(?![nm])", word):
        return "a"
    return "an" if word[:1] in tuple("aeiou") or word.startswith(("hour", "honest", "heir")) else "a"


def _is_spelled(word: str) -> bool:
    if len(word) < 2 or word in _SPELLED or not re.search("[aeiouy]", word):
        return True
    two_consonants = not re.search("[aeiouy]", word[:2])
    return two_consonants and not _ONSETS.match(word) and not (word.startswith("mc") and len(word) > 4)
