"""The closed vocabulary: every word that the sentences of the question templates have besides their values.

No other word ever leaves the machine. The words are not listed but overheard: the renderer words questions of every
template with numbers for values, and each sentence, and each phrase it could have taken instead, is read. So they hold
no value of any database, and follow the sentences when those change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from ehrxqa.paraphrasing.specimens import Listener, specimens
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_wordings import changed_wordings, compared_wordings
from ehrxqa.questions.nouns import Nouns, bare
from ehrxqa.questions.question import Question
from ehrxqa.questions.saying import our_wording
from ehrxqa.questions.word_forms import WORDS, forms_of
from ehrxqa.vqa.question import Target

__all__ = ["WORD", "template_words", "unanswerable_words"]

#: A word: letters, with apostrophes and hyphens inside.
WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
#: What is no word of a sentence: slots, and numbers with what is joined to them, as in “20s”.
_SLOT: Final = re.compile(r"\{\w+\}|\[\w+\]|\d[\w/-]*")


@cache
def template_words() -> frozenset[str]:
    """All words of the templates, lower-cased; it takes part of a second, once."""
    texts: set[str] = set()
    grains: set[tuple[str, ...]] = set()
    for template in catalogue().values():
        # filters are said alike in all templates that may have them
        questions = specimens(template, all_times=template.grains not in grains)
        grains.add(template.grains)
        for n, question in enumerate(questions):
            chance = Listener(n)
            said = our_wording(question, chance, ties="n_rank" in template.operations)
            names = _names(question)
            heard = {form for text in (*chance.heard, *_compared(question)) for form in _forms(text)}
            texts.update(names.sub(" ", text) if names else text for text in (said, *heard))
    return _words(texts)


@cache
def unanswerable_words() -> frozenset[str]:
    """Words of the questions without a source: they ask for diabetes or an occupation, which no template does."""
    from ehrxqa.questions.unanswerable import UNANSWERABLE  # with all that draws questions, which is not needed else

    return _words({sentence for _, sentences in UNANSWERABLE for sentence in sentences})


def _forms(text: str) -> Iterator[str]:
    """A text, and what it becomes with each form of its `[cxr]` and the like."""
    yield text
    for slot in _SLOT.findall(text):
        yield from (text.replace(slot, form) for form in WORDS.get(slot[1:-1], ()))


def _compared(question: Question) -> tuple[str, ...]:
    """All ways to compare two studies, whatever the sentence around them."""
    visual, comparison = question.choice.visual, question.choice.comparison
    if visual is None or not comparison:
        return ()
    return compared_wordings(Nouns(visual), comparison) + changed_wordings(Nouns(visual, brief=True), comparison)


def _words(texts: set[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in WORD.findall(_SLOT.sub(" ", text).lower()))


def _names(question: Question) -> re.Pattern[str] | None:
    """The findings and places of an image question, which are values; a measured place is part of the sentence."""
    visual = question.choice.visual
    if visual is None or visual.target is Target.SIZE:
        return None
    names = [bare(form) for name in (*visual.objects, *visual.attributes) for form in (name, *forms_of(name))]
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True)))) if names else None
