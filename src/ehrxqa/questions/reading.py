"""Reading a filled template back: which slots hold what.

The official sentence of a template becomes a pattern whose gaps take every wording of a slot. A question whose own
sentence does not give back what was drawn for it is not written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Question
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import EXACT, TIME_OPTIONS, WITHIN, TimeChoice
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["Reading", "read_back", "readings", "slots_of"]

_PIECE = re.compile(r"(\$\{\w+\}|\{\w+\}|\[\w+\]|\b(?:is|are|has)_verb\b|\s+)")
_FIELDS: Final = {"y": r"\d{4}", "m": r"\d\d", "d": r"\d\d", "n": r"\d+"}
_GENDERS: Final = {"male": "m", "female": "f"}

#: Known names first, the longest first; a database may have others.
_KNOWN: Final = sorted((*OBJECTS, *(name for held in ATTRIBUTES.values() for name in held)), key=len, reverse=True)
_NAMES: Final = "|".join((*map(re.escape, _KNOWN), ".+?"))


@dataclass(frozen=True)
class Reading:
    """What a sentence says: template, and slot → text or option."""

    number: int
    slots: Mapping[str, str]


def _time_pattern() -> str:
    parts = []
    for option in TIME_OPTIONS.values():
        text = re.sub(r"\\\{(\w)\\\}", lambda match: _FIELDS[match[1]], re.escape(option.nlq))
        parts.append(text)
    return "|".join(sorted(parts, key=len, reverse=True))


_TIMES: Final = _time_pattern()
_TIME_READERS: Final = tuple(
    (
        name,
        re.compile(
            re.sub(r"\\\{(\w)\\\}", lambda match: f"(?P<{match[1]}>{_FIELDS[match[1]]})", re.escape(option.nlq))
        ),
    )
    for name, option in TIME_OPTIONS.items()
)


def _words(options: Mapping[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(filter(None, options.values()), key=len, reverse=True))


_EXACT_WORDS: Final = {name: words for name, (words, _) in EXACT.items()}
_WITHIN_WORDS: Final = {name: words for name, (words, _, _) in WITHIN.items()}


@cache
def _pattern(template: Template) -> re.Pattern[str]:
    text = ""
    pieces = [piece for piece in _PIECE.split(template.q_tag) if piece]
    for place, piece in enumerate(pieces):
        if piece.startswith(("${", "{")):
            name = piece.strip("${}")
            body = "|".join(COMPARISONS) if piece == "${comparison}" else ".+?"
            if name.startswith(("attribute", "object")):
                body = _NAMES  # some names hold “and” or “or”
            text += f"(?P={name})" if f"(?P<{name}>" in text else f"(?P<{name}>{body})"
        elif piece.startswith("["):
            name = piece[1:-1]
            if name in OPERATIONS:
                body = _words({option: words[0] for option, words in OPERATIONS[name].options.items()})
            elif name.startswith("time_filter_global"):
                body = f"{_TIMES}|"
            else:
                body = _words(_WITHIN_WORDS if name.endswith("within") else _EXACT_WORDS) + "|"
            text += f"(?P<{name}>{body})"
        elif piece.endswith("_verb"):
            text += {"is": "(?:is|was)", "are": "(?:are|were)", "has": "has"}[piece.removesuffix("_verb")]
        elif piece.isspace():
            # a slot beside the blank may be empty
            text += " *" if any(each.startswith("[") for each in pieces[max(0, place - 1) : place + 2]) else " "
        else:
            text += re.escape(piece)
    return re.compile(text)


def _time_of(text: str) -> list[TimeChoice]:
    """The filters that a wording stands for (one, and none for the empty wording)."""
    found = []
    for name, pattern in _TIME_READERS:
        if match := pattern.fullmatch(text):
            got = {key: int(value) for key, value in match.groupdict().items() if value}
            found.append(TimeChoice(name, got.get("y", 0), got.get("m", 0), got.get("d", 0), got.get("n", 0)))
    return found


def slots_of(template: Template, text: str) -> Reading | None:
    """What `text` says as a sentence of this template, or None if it is none."""
    match = _pattern(template).fullmatch(text)
    if match is None:
        return None
    slots: dict[str, str] = {}
    for name, value in match.groupdict().items():
        if name.startswith("time_filter_global"):
            slots[name] = repr(_time_of(value)[0]) if value else ""
        elif name.startswith("time_filter"):
            words = _WITHIN_WORDS if name.endswith("within") else _EXACT_WORDS
            slots[name] = next((option for option, said in words.items() if said == value and value), "")
        elif name in template.operations:
            slots[name] = next(option for option, said in OPERATIONS[name].options.items() if said[0] == value)
        else:
            slots[name] = _GENDERS.get(value, value) if name == "gender" else value
    return Reading(template.number, slots)


def read_back(question: Question) -> bool:
    """Whether the filled template of a question gives back its tags and values."""
    reading = slots_of(question.template, question.filled)
    if reading is None:
        return False
    choice = question.choice
    expected: dict[str, str] = {slot: str(choice.values[slot]) for slot in question.template.values}
    expected |= question.visual_slots
    expected |= dict(choice.operations)
    for short in question.template.times:
        name = TIME_SLOTS[short]
        if short in ("g1", "g2"):
            expected[name] = repr(choice.time(short)) if choice.time(short).name else ""
        else:
            expected[name] = question.t_names[name]
    return reading.slots == expected


def readings(text: str) -> list[Reading]:
    """Every way in which a sentence can be read as a filled template."""
    return [reading for template in catalogue().values() if (reading := slots_of(template, text)) is not None]
