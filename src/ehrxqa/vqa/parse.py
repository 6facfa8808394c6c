"""English to image question, or an error that says what was not understood; never a guess.

The names of a vocabulary are found first (longest first), then the sentence around them is matched against the
patterns of `sentences`. A text that several readings fit is refused unless they mean the same question.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from ehrxqa.counting import counted
from ehrxqa.errors import VqaError
from ehrxqa.vqa.question import SIZE_LIMITS, Combination, Form, Target, VqaQuestion
from ehrxqa.vqa.sentences import IGNORED_WORDS, Grouping, grammar_words, sentences_like
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Name, Phrase, Role, Vocabulary

__all__ = ["MAX_TEXT_LENGTH", "parse"]

#: Longest text that is read, in characters.
MAX_TEXT_LENGTH: Final = 500

_TOKEN = re.compile(r"\d+/\d+|[a-z0-9]+|[^\sa-z0-9]")
_CLEAN_UP: Final = (
    (re.compile("[‘’`]"), "'"),
    (re.compile(r"\bx[\s-]*ray\b"), "xray"),
    (re.compile(r"'s\b"), ""),
    (re.compile(r"(?<=\d)\s*/\s*(?=\d)"), "/"),
    (re.compile(r"[?.!\s]+$"), ""),
)
_MAX_READINGS: Final = 64


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text: a name (with its possible meanings), a word or a mark."""

    text: str
    names: tuple[Name, ...] = ()


def parse(text: str, vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> VqaQuestion:
    """The question that an English text asks.

    Case, blanks, articles and the final mark do not matter; names may stand in singular or plural.

    >>> parse("Does a chest x-ray show enlarged cardiac silhouette in the mediastinum?").kind.number
    2

    Raises:
        VqaError: The text is not understood, wholly and in one way; the message names the words that are not.
    """
    return _parse(text, vocabulary)


@lru_cache(maxsize=65536)
def _parse(text: str, vocabulary: Vocabulary) -> VqaQuestion:
    if len(text) > MAX_TEXT_LENGTH:
        raise VqaError(f"image question of {counted(len(text), 'character')}: at most {MAX_TEXT_LENGTH} are read")
    tokens = _tokens(text, vocabulary)
    if not tokens:
        raise VqaError(f"image question is empty: {text!r}")
    text = " ".join(text.split())
    found: dict[VqaQuestion, None] = {}
    refusals: list[str] = []
    for names, sentence in _sentences(tokens, text):
        for form in sentences_like(sentence):
            match = form.fullmatch(sentence)
            if match is None:
                continue
            try:
                found[_Reader(match, names).question(form.reading)] = None
            except VqaError as error:
                refusals.append(str(error))
    if len(found) == 1:
        return next(iter(found))
    if found:
        kinds = " or ".join(f"kind {question.kind.number}" for question in found)
        raise VqaError(f'image question "{text}" can be read in {len(found)} ways ({kinds}); reword it')
    if refusals:
        raise VqaError(f'image question "{text}" not understood: {refusals[0]}')
    raise VqaError(_explanation(text, tokens, vocabulary))


def _tokens(text: str, vocabulary: Vocabulary) -> list[_Token]:
    """The text as names, words and marks; the longest name at each place is taken."""
    text = text.lower()
    for pattern, replacement in _CLEAN_UP:
        text = pattern.sub(replacement, text)
    pieces = _TOKEN.findall(text)
    tokens: list[_Token] = []
    place = 0
    while place < len(pieces):
        for phrase in vocabulary.phrases.get(pieces[place], ()):
            end = _end_of_phrase(pieces, place, phrase)
            if end is not None:
                tokens.append(_Token(" ".join(pieces[place:end]), phrase.names))
                place = end
                break
        else:
            if pieces[place] not in IGNORED_WORDS and pieces[place] not in {"-", '"', "'"}:
                tokens.append(_Token(pieces[place]))
            place += 1
    return tokens


def _end_of_phrase(pieces: Sequence[str], start: int, phrase: Phrase) -> int | None:
    """Where the phrase that begins at `start` ends, or None; marks inside a name may be there or not."""
    place, opened = start, 0
    for number, word in enumerate(phrase.words):
        while number and place < len(pieces) and pieces[place] in phrase.marks:
            opened += {"(": 1, ")": -1}.get(pieces[place], 0)
            place += 1
        if place >= len(pieces) or pieces[place] != word:
            return None
        place += 1
    if opened == 1 and place < len(pieces) and pieces[place] == ")":
        return place + 1
    return place if opened == 0 else None


def _sentences(tokens: Sequence[_Token], text: str) -> Iterator[tuple[list[Name], str]]:
    """The text with role letters for names, once for each way in which ambiguous names can be taken."""
    choices = [token.names or (None,) for token in tokens]
    readings = 1
    for choice in choices:
        readings *= len(choice)
    if readings > _MAX_READINGS:
        raise VqaError(f'image question "{text}" has too many names of several meanings; reword it')
    for taken in itertools.product(*choices):
        yield (
            [name for name in taken if name is not None],
            " ".join(name.role.value if name else token.text for name, token in zip(taken, tokens, strict=True)),
        )


@dataclass(frozen=True)
class _Expression:
    """Names of one role with what joins them."""

    role: Role | None
    names: tuple[str, ...]
    joint: str  # "", "and", "or", "not"
    both: bool


class _Reader:
    """Turns the groups of a matched sentence into a question."""

    def __init__(self, match: re.Match[str], names: Sequence[Name]) -> None:
        self._match = match
        places = [place for place, letter in enumerate(match.string) if letter.isupper()]
        self._names = dict(zip(places, names, strict=True))
        self._groups = {key: value for key, value in match.groupdict().items() if value is not None}

    def question(self, reading: Grouping) -> VqaQuestion:
        match reading:
            case Grouping.VERIFY | Grouping.VERIFY_ABNORMAL:
                return self._verify()
            case Grouping.LIST_FINDINGS:
                return self._list_findings()
            case Grouping.LIST_PLACES:
                return self._list_places()
            case Grouping.CHOOSE_FINDING:
                return VqaQuestion(
                    Form.CHOOSE,
                    Target.ATTRIBUTE,
                    objects=self._expression("p").names,
                    attributes=self._expression("x").names,
                    categories=self._expression("k").names,
                )
            case Grouping.CHOOSE_PLACE:
                finding = self._expression("f")
                attributes = finding.names if finding.role is Role.ATTRIBUTE else ()
                return VqaQuestion(
                    Form.CHOOSE, Target.OBJECT, objects=self._expression("x").names, attributes=attributes
                )
            case Grouping.SIZE:
                return self._size()
            case Grouping.VERIFY_VIEW:
                return VqaQuestion(Form.VERIFY, Target.VIEW, view=self._expression("x").names[0])
            case Grouping.VERIFY_GENDER:
                return VqaQuestion(Form.VERIFY, Target.GENDER, gender=self._expression("x").names[0])
            case Grouping.CHOOSE_VIEW | Grouping.CHOOSE_GENDER:
                if len(set(self._expression("x").names)) != 2:
                    raise VqaError("both choices are the same")
                view = reading is Grouping.CHOOSE_VIEW
                return VqaQuestion(Form.CHOOSE, Target.VIEW if view else Target.GENDER)
            case Grouping.ASK_VIEW:
                return VqaQuestion(Form.QUERY, Target.VIEW)
            case Grouping.ASK_GENDER:
                return VqaQuestion(Form.QUERY, Target.GENDER)

    def _verify(self) -> VqaQuestion:
        finding, place = self._expression("f"), self._expression("p")
        if finding.joint and place.joint:
            raise VqaError("it combines two findings and two places; ask two questions")
        joint = finding.joint or place.joint
        combination = {"": None, "and": Combination.AND, "or": Combination.OR}[joint]
        target, attributes, categories = _finding(finding)
        return VqaQuestion(Form.VERIFY, target, combination, place.names, attributes, categories)

    def _list_findings(self) -> VqaQuestion:
        finding, place = self._expression("f"), self._expression("p")
        if finding.joint and place.joint:
            raise VqaError("it combines two categories and two places; ask two questions")
        common = "common" in self._groups or "shared" in self._groups
        if finding.joint:
            if common:
                raise VqaError('"common" needs two places')
            combination: Combination | None = Combination.UNION
        else:
            combination = self._set_combination(place, common, only="only" in self._groups)
        target, attributes, categories = _finding(finding)
        return VqaQuestion(Form.QUERY, target, combination, place.names, attributes, categories)

    def _list_places(self) -> VqaQuestion:
        finding = self._expression("f")
        combination = self._set_combination(finding, "common" in self._groups, only=False)
        _, attributes, categories = _finding(finding)
        return VqaQuestion(Form.QUERY, Target.OBJECT, combination, attributes=attributes, categories=categories)

    def _size(self) -> VqaQuestion:
        measured = self._expression("p").names[0]
        share = Fraction(1, 2) if self._groups["s"] in {"1/2", "half", "one half"} else Fraction(1, 3)
        if measured not in SIZE_LIMITS:
            raise VqaError(f'the width of "{measured}" is not measured (only {" and ".join(SIZE_LIMITS)})')
        if float(share) != SIZE_LIMITS[measured]:
            raise VqaError(f'the width of "{measured}" is not compared with {share} of the thorax')
        return VqaQuestion(Form.VERIFY, Target.SIZE, objects=(measured,))

    @staticmethod
    def _set_combination(expression: _Expression, common: bool, *, only: bool) -> Combination | None:
        """What joins two lists; "A and B" alone is refused, since it may mean either or both."""
        if only and expression.joint != "not":
            raise VqaError('"only in" needs "but not in"')
        if common and expression.joint != "and":
            raise VqaError('"common" needs two names joined by "and"')
        match expression.joint:
            case "":
                return None
            case "or":
                return Combination.UNION
            case "not":
                return Combination.DIFFERENCE
            case _:
                if not (common or expression.both):
                    first, second = expression.names
                    raise VqaError(
                        f'"{first} and {second}" may mean either or both: write "either … or …" or "both … and …"'
                    )
                return Combination.INTERSECTION

    def _expression(self, group: str) -> _Expression:
        if group not in self._groups:
            return _Expression(None, (), "", both=False)
        text = self._groups[group]
        start, end = self._match.span(group)
        names = [name for place, name in self._names.items() if start <= place < end]
        roles = {name.role for name in names}
        if len(roles) != 1:
            raise VqaError("it joins names of different sorts: " + ", ".join(f'"{n.name}"' for n in names))
        words = text.split()
        joint = "not" if "not" in words else "and" if "and" in words else "or" if "or" in words else ""
        if ("both" in words and joint != "and") or ("either" in words and joint != "or"):
            raise VqaError('"both" goes with "and", "either" with "or"')
        return _Expression(roles.pop(), tuple(name.name for name in names), joint, both="both" in words)


def _finding(finding: _Expression) -> tuple[Target, tuple[str, ...], tuple[str, ...]]:
    """Target, attributes and categories of a finding; no name at all means abnormality."""
    match finding.role:
        case Role.ATTRIBUTE:
            return Target.ATTRIBUTE, finding.names, ()
        case Role.CATEGORY:
            return Target.CATEGORY, (), finding.names
        case _:
            if finding.joint:
                raise VqaError('"abnormality" cannot be combined with itself')
            return Target.ABNORMALITY, (), ()


def _explanation(text: str, tokens: Sequence[_Token], vocabulary: Vocabulary) -> str:
    """One line: the runs of words that no name and no sentence has, or that the sentence is of no known form."""
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token.names or token.text in grammar_words() or token.text in ",:;":
            runs.append([])
        else:
            runs[-1].append(token.text)
    unknown = [" ".join(run) for run in runs if run]
    if unknown:
        listed = ", ".join(f'"{run}"' for run in unknown)
        known = (*vocabulary.objects, *vocabulary.attributes, *vocabulary.categories)
        near = [name for run in unknown for name in difflib.get_close_matches(run, known, n=2, cutoff=0.7)]
        hint = f" (near: {', '.join(near)})" if near else ""
        return f'image question "{text}" not understood: {listed}{hint}'
    named = ", ".join(f'{n.role.name.lower()} "{n.name}"' for token in tokens for n in token.names[:1])
    return (
        f'image question "{text}" not understood: its names are known ({named or "none"}), '
        "but the sentence has no known form"
    )
