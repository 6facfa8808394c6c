"""Reading a filled template back: which slots hold what.

The official sentence of a template is a row of words and gaps. Each gap takes the wordings of its slot, tried longest
first; one for a number takes digits; one for a name takes a known name of findings and locations, else whatever stands
before the next words. A question whose own sentence does not give back what was drawn for it is not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.official_sentences import filled
from ehrxqa.questions.question import Question
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.questions.template import Template
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice
from ehrxqa.spec.values import GENDER_OF_WORD
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["Reading", "may_be_read_back", "read_back", "slots_of"]

_PIECE = re.compile(r"(\$\{\w+\}|\{\w+\}|\[\w+\]|\b(?:is|are|has)_verb\b|\s+)")
_FIELDS: Final = {"y": r"\d{4}", "m": r"\d\d", "d": r"\d\d", "n": r"\d+"}
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_VERBS: Final = {"is_verb": ("was", "is"), "are_verb": ("were", "are"), "has_verb": ("has",)}
#: Beyond any name.
_LONGEST_NAME: Final = 200
#: Readings of one sentence that are looked at: names of several words may be divided in many ways.
_MOST_READINGS: Final = 64


@dataclass(frozen=True)
class Reading:
    """What a sentence says: id of its template, and slot → text or option."""

    template: str
    slots: Mapping[str, str]


def _by_length(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, words), key=len, reverse=True))


#: Known names first, the longest first; a database may have others.
_KNOWN: Final = _by_length(iter((*OBJECTS, *(name for held in ATTRIBUTES.values() for name in held))))
_EXACT_WORDS: Final = {name: exact.nlq for name, exact in EXACT.items() if exact.nlq}
_WITHIN_WORDS: Final = {name: within.nlq for name, within in WITHIN.items()}
_MOMENT: Final = re.compile(r"at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


def _reader(nlq: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w)\\\}", lambda match: f"(?P<{match[1]}>{_FIELDS[match[1]]})", re.escape(nlq)))


#: First words of a filter → its readers; the one that says most first.
_TIME_READERS: Final = {
    name: _reader(option.nlq) for name, option in sorted(TIME_OPTIONS.items(), key=lambda each: -len(each[1].nlq))
}


@cache
def _pieces(template: Template) -> tuple[str, ...]:
    """The sentence as words, blanks, slots and verbs."""
    return tuple(piece for piece in _PIECE.split(template.q_tag) if piece)


@cache
def _words_of(piece: str) -> tuple[str, ...]:
    """The wordings of a slot that has a fixed list of them, the longest first; empty: a name or a time filter."""
    name = piece.strip("$[{}]")
    if piece in _VERBS:
        return _VERBS[piece]
    if piece == "${comparison}":
        return _by_length(iter(COMPARISONS))
    if piece.startswith("${category"):
        return _by_length(iter(ATTRIBUTES))
    if piece == "{gender}":
        return _by_length(iter(GENDER_OF_WORD))
    if piece.startswith("[") and name in OPERATIONS:
        return _by_length(words[0] for words in OPERATIONS[name].options.values())
    if name.startswith("time_filter_exact"):
        return _by_length(iter(_EXACT_WORDS.values()))
    return _by_length(iter(_WITHIN_WORDS.values())) if name == TIME_SLOTS["w"] else ()


def _may_be_missing(pieces: tuple[str, ...], place: int) -> bool:
    """Whether a blank of the template may be none in a sentence: beside an empty filter, or before the end mark."""
    beside = pieces[max(0, place - 1) : place + 2]
    return any(each.startswith("[time_filter") for each in beside) or beside[-1] in ("?", ".")


@cache
def _following(template: Template, place: int) -> tuple[str, ...]:
    """Words or marks that may stand behind a name."""
    pieces, found = _pieces(template), []
    for number in range(place + 1, len(pieces)):
        piece = pieces[number]
        if piece.isspace():
            found.append(" ")
        elif piece[0] not in "[{$":
            found.append(piece)
        if piece[0] not in "[{$" and not (piece.isspace() and _may_be_missing(pieces, number)):
            break
    return tuple(found)


def _ends(piece: str, following: tuple[str, ...], text: str, start: int) -> Iterator[int]:
    """Where the wording of a slot that begins at `start` may end."""
    if words := _words_of(piece):
        yield from (start + len(word) for word in words if text.startswith(word, start))
        if piece.startswith("[time_filter"):
            yield start
    elif piece.startswith("["):
        found = {match.end() for reader in (*_TIME_READERS.values(), _MOMENT) if (match := reader.match(text, start))}
        yield from sorted(found, reverse=True)
        yield start
    elif piece.strip("{}12").endswith(("_id", "_value")):
        if match := _NUMBER.match(text, start):
            yield match.end()
    else:
        if piece.startswith("${"):
            known = [start + len(name) for name in _KNOWN if text.startswith(name, start)]
            yield from known
        for end in range(start + 1, min(len(text), start + _LONGEST_NAME) + 1):
            if text.startswith(following, end):
                yield end


def _matches(template: Template, place: int, text: str, at: int, found: dict[str, str]) -> Iterator[dict[str, str]]:
    """Every way in which the pieces from `place` on make up the text from `at` on."""
    pieces = _pieces(template)
    if place == len(pieces):
        if at == len(text):
            yield dict(found)
        return
    piece = pieces[place]
    if piece.isspace():
        if text.startswith(" ", at):
            yield from _matches(template, place + 1, text, at + 1, found)
        if _may_be_missing(pieces, place):
            yield from _matches(template, place + 1, text, at, found)
        return
    if piece[0] not in "[{$" and piece not in _VERBS:
        if text.startswith(piece, at):
            yield from _matches(template, place + 1, text, at + len(piece), found)
        return
    name = "" if piece in _VERBS else piece.strip("$[{}]")
    if name in found:
        if text.startswith(found[name], at):
            yield from _matches(template, place + 1, text, at + len(found[name]), found)
        return
    for end in _ends(piece, _following(template, place), text, at):
        if not name:
            yield from _matches(template, place + 1, text, end, found)
            continue
        found[name] = text[at:end]
        yield from _matches(template, place + 1, text, end, found)
        del found[name]


def _time_of(text: str) -> TimeChoice:
    """The filter that a wording stands for."""
    for name, reader in _TIME_READERS.items():
        if match := reader.fullmatch(text):
            got = {key: int(value) for key, value in match.groupdict().items()}
            return TimeChoice(name, got.get("y", 0), got.get("m", 0), got.get("d", 0), got.get("n", 0))
    raise AssertionError(text)


def _readings(template: Template, text: str) -> Iterator[Reading]:
    """Every way to read a text as a sentence of a template, the likeliest first."""
    for found in _matches(template, 0, text, 0, {}):
        slots: dict[str, str] = {}
        moments = {name[-1]: match[1] for name, value in found.items() if (match := _MOMENT.fullmatch(value))}
        for name, value in found.items():
            if name.startswith("time_filter_global"):
                slots[name] = repr(_time_of(value)) if value and name[-1] not in moments else ""
            elif name.startswith("time_filter_exact"):
                option = next((option for option, said in _EXACT_WORDS.items() if said == value), "")
                slots[name] = f"exact-default {moments[name[-1]]}" if not value and name[-1] in moments else option
            elif name == TIME_SLOTS["w"]:
                slots[name] = next((option for option, said in _WITHIN_WORDS.items() if said == value), "")
            elif name in template.operations:
                slots[name] = next(option for option, said in OPERATIONS[name].options.items() if said[0] == value)
            else:
                slots[name] = GENDER_OF_WORD.get(value, value) if name == "gender" else value
        yield Reading(template.id, slots)


def slots_of(template: Template, text: str) -> Reading | None:
    """What `text` says as a sentence of this template, or None if it is none."""
    return next(_readings(template, text), None)


def _drawn(question: Question) -> Reading:
    """What the filled template of a question should say."""
    choice = question.choice
    expected: dict[str, str] = {slot: str(choice.values[slot]) for slot in question.template.values}
    expected |= question.visual_slots
    expected |= dict(choice.operations)
    for short in question.template.times:
        name = TIME_SLOTS[short]
        if short in ("g1", "g2"):
            expected[name] = repr(choice.time(short)) if choice.time(short).name else ""
        else:
            moment = choice.moments.get(short)
            expected[name] = question.time_options[name] + (f" {moment}" if moment else "")
    return Reading(question.template.id, expected)


def read_back(question: Question) -> bool:
    """Whether the filled template of a question gives back its tags and values."""
    return slots_of(question.template, filled(question)) == _drawn(question)


def may_be_read_back(question: Question) -> bool:
    """Whether its tags and values are at least one way to read it: names may hold the words between two gaps."""
    return _drawn(question) in islice(_readings(question.template, filled(question)), _MOST_READINGS)
