"""The official sentence of a question: with its options (`tag`), and filled in (`template` of a record)."""

from __future__ import annotations

import re

from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.question import Question
from ehrxqa.questions.saying import tidy
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.spec.values import GENDER_WORDS

__all__ = ["filled", "tag"]

_SLOT = re.compile(r"\[(\w+)\]")
_VISUAL = re.compile(r"\$\{(\w+)\}")
_VALUE = re.compile(r"\{(\w+)\}")
_VERB = re.compile(r"\b(is|are|has)_verb\b")
_PAST = {"is": "was", "are": "were"}


def tag(question: Question) -> str:
    """The official sentence with the chosen options in it."""
    drawn = question.time_options | dict(question.choice.operations)
    text = _SLOT.sub(lambda match: f"[{match[1]}:{drawn.get(match[1]) or 'null'}]", question.template.q_tag)
    return _VISUAL.sub(lambda match: question.visual_slots[match[1]], text)


def filled(question: Question) -> str:
    """The official sentence filled in."""
    choice = question.choice

    def verb(match: re.Match[str]) -> str:
        return _PAST.get(match[1], match[1]) if choice.time("g1").past else match[1]

    words = {
        TIME_SLOTS["g1"]: choice.time("g1").nlq,
        TIME_SLOTS["g2"]: choice.time("g2").nlq,
        TIME_SLOTS["w"]: WITHIN[choice.within].nlq if choice.within else "",
        **{TIME_SLOTS[slot]: EXACT[name].nlq for slot, name in choice.exact.items()},
        **{TIME_SLOTS[f"g{slot[1]}"]: f"at {moment}" for slot, moment in choice.moments.items()},
        **{slot: OPERATIONS[slot].options[option][0] for slot, option in choice.operations.items()},
    }
    values = dict(choice.values)
    if "gender" in values:
        values["gender"] = GENDER_WORDS[values["gender"]]
    text = _VERB.sub(verb, question.template.q_tag)
    text = tidy(_SLOT.sub(lambda match: words[match[1]], text))
    text = _VISUAL.sub(lambda match: question.visual_slots[match[1]], text)
    return _VALUE.sub(lambda match: str(values[match[1]]), text).lower()
