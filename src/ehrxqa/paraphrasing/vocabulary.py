"""The closed vocabulary: every word that the sentences of the question templates have besides their values.

No other word ever leaves the machine. Templates hold no value of any database, so neither does a sentence of these
words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.times import EXACT, TIME_OPTIONS, WITHIN
from ehrxqa.vqa.render import TEMPLATES
from ehrxqa.vqa.wordings import WORDINGS

__all__ = ["WORD", "template_words"]

#: A word: letters, with apostrophes and hyphens inside.
WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
#: Slots and marks of the templates: `${object}`, `{drug_name}`, `[g1]`, `is_verb`; `<has|had>` holds two words.
_SLOT: Final = re.compile(r"\$?\{\w+\}|\[\w+\]|_verb\b")

#: Words of two-study and unanswerable questions, whose sentences are put together in code.
_FURTHER: Final = (
    "is are has have was were there still absent present newly detected resolved now but not before any more no list "
    "all that both compared related to anatomical locations abnormality abnormalities in the "
    "male female first time stayed ward how many days since passed on current hospital visit last name of allergy "
    "patient patients had substance allergic which what"
)


def _sentences() -> Iterator[str]:
    yield _FURTHER
    for template in catalogue().values():
        yield template.q_tag
        yield from template.said
    for operation in OPERATIONS.values():
        yield from (words for words, _ in operation.options.values())
        yield from (words for said in operation.said.values() for words in said)
    for option in TIME_OPTIONS.values():
        yield option.nlq
        yield from option.said
    yield from (words for words, _ in EXACT.values())
    for words, said, _ in WITHIN.values():
        yield words
        yield from said
    yield from TEMPLATES.values()
    for wordings in WORDINGS.values():
        yield from wordings
    yield "year years month months day days"  # units after a number


@cache
def template_words() -> frozenset[str]:
    """All words of the templates, lower-cased."""
    return frozenset(word for text in _sentences() for word in WORD.findall(_SLOT.sub(" ", text).lower()))
