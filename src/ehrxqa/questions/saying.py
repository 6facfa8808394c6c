"""Our own sentences: from a sentence with slots to what a reader sees.

A sentence has the slots of the official one, in any order, and
`<a|b>`: a while the period asked about goes on, b when it is over;
`~(…)`: left out where no time filter in it was drawn;
`[same]`: that the period is the one named before; `[n1]`: the first filter as in notes;
`[adj1]`, `[adj2]`: first or last before a noun, `[at1]`, `[at2]`: a given time, `[period]`: the day of “daily”, `[length]`: the years of “two year”;
`[cxr]` and other words of `word_forms`: one of the forms that stand there.
`a` before a slot becomes `an` where that is right.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Final

from ehrxqa.questions.articles import article
from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.image_wordings import changed_wordings, compared_wordings, finding_wordings, visual_wordings
from ehrxqa.questions.nouns import Nouns, called_by_chance
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.slots import OPERATIONS, PERIODS, survival_length
from ehrxqa.questions.word_forms import MEASURED, UNSAID, WORDS
from ehrxqa.spec.values import GENDER_WORDS

__all__ = ["TIES_SAID", "our_wording", "say", "tidy"]

#: Said of a ranking that ends among names of the same rank.
TIES_SAID: Final = "ties included"
_SLOT = re.compile(r"\[(\w+)\]")
_EITHER = re.compile(r"<([^<>|]*)\|([^<>|]*)>")
_MAYBE = re.compile(r"~\(([^()]*)\)")
_NAMED = re.compile(r"(?:(\w+) )?\{(\w+)\}(?: (\w+))?")
#: Stands behind an article that is still to be chosen.
_OPEN: Final = "\x00"


def our_wording(question: Question, rng: random.Random, *, ties: bool = False) -> str:
    """One of our own sentences: `question` of a record.

    Args:
        question: The question.
        rng: Source of all chance.
        ties: Whether a ranking has more names than it asks for.
    """
    template = question.template
    text = say(rng.choice(template.said_at if question.choice.moments else template.said), question, rng)
    return f"{text[:-1]}, {TIES_SAID}{text[-1]}" if ties else text


def say(sentence: str, question: Question, rng: random.Random) -> str:
    """A sentence of a template, filled in."""
    choice = question.choice
    over = choice.time("g1").over
    said = _said(choice, rng)
    text = _MAYBE.sub(lambda m: m[1] if any(said.get(slot) for slot in _SLOT.findall(m[1])) else "", sentence)
    text = _EITHER.sub(lambda match: match[2] if over else match[1], text)
    if choice.visual is not None:
        text = _with_visual(text, Nouns(choice.visual, called_by_chance(choice.visual, rng)), choice.comparison, rng)
    text = re.sub(r"\ban? (?=[\[{])", f"a{_OPEN} ", text.replace("aged [age_group]", "[age_group]"))
    text = _SLOT.sub(lambda match: said[match[1]] if match[1] in said else rng.choice(WORDS[match[1]]), text)
    text = tidy(re.sub(r"\s+:", ":", text))
    if text[-1] not in "?.":
        text += "?"
    text = tidy(_with_values(text, choice, rng)).lower()
    return re.sub(rf"\ba{_OPEN} (?=(.{{1,20}}))", lambda match: article(match[1]) + " ", text)


def _with_visual(text: str, nouns: Nouns, comparison: str, rng: random.Random) -> str:
    """An image question in its hole."""
    if "{visual}" in text:
        text = text.replace("{visual}", rng.choice(visual_wordings(nouns)))
    if "{finding}" in text:
        text = text.replace("{finding}", rng.choice(finding_wordings(nouns)))
    if "{brief}" in text:
        brief = replace(nouns, brief=True)
        text = text.replace("{brief}", brief.finding() + brief.place())
    if "{changed}" in text:
        text = text.replace("{changed}", rng.choice(changed_wordings(replace(nouns, brief=True), comparison)))
    if "{compared}" in text:
        text = text.replace("{compared}", rng.choice(compared_wordings(nouns, comparison)))
    return text


def tidy(text: str) -> str:
    """One blank between words, none before marks, no comma where nothing precedes it."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([?.,])", r"\1", text)
    return re.sub(r"^, |(?<=,),", "", text)


def _said(choice: Choice, rng: random.Random) -> dict[str, str]:
    """Slot → words."""
    said = {slot: rng.choice(choice.time(slot).said()) for slot in ("g1", "g2")}
    if choice.time("g1") == choice.time("g2"):
        said["g2"] = said["g1"]
    period = choice.time("g1")
    said["n1"] = rng.choice(period.noted())
    said["same"] = "during that stay" if period.visit else "in that period" if period.name else ""
    said["w"] = rng.choice(WITHIN[choice.within].said) if choice.within else ""
    for slot, name in choice.exact.items():
        said[slot] = rng.choice(EXACT[name].adverbs or EXACT[name].adjectives)
        said[f"adj{slot[1]}"] = rng.choice(EXACT[name].adjectives)
    said |= {f"at{slot[1]}": moment for slot, moment in choice.moments.items()}
    for slot, option in choice.operations.items():
        operation = OPERATIONS[slot]
        said[slot] = rng.choice(operation.said.get(option) or (operation.options[option][0],))
    if "unit_average" in choice.operations:
        said["period"] = PERIODS[choice.operations["unit_average"]]
    if "n_survival_period" in choice.operations:
        said["length"] = survival_length(choice.operations["n_survival_period"])
    return said


def _with_values(text: str, choice: Choice, rng: random.Random) -> str:
    """Values in their slots; a word that a name brings along is not said again beside it: “urine culture culture”."""
    values = dict(choice.values)
    if "gender" in values:
        values["gender"] = GENDER_WORDS[values["gender"]]
    for slot, name in values.items():
        if forms := MEASURED.get(slot, {}).get(name):
            values[slot] = rng.choice(forms if name in UNSAID else (name, *forms))

    def fill(match: re.Match[str]) -> str:
        before, slot, after = match.groups()
        value = str(values[slot])
        words = value.split(" ")
        again_before, again_after = (
            len(word or "") > 3 and word == own for word, own in ((before, words[0]), (after, words[-1]))
        )
        before = f"{before} " if before and not again_before else ""
        after = f" {after}" if after and not again_after else ""
        return before + value + after

    return _NAMED.sub(fill, text)
