"""Values out, placeholders in: what may leave the machine is the shape of a sentence, never a value of the database.

A question loses its values twice over. First each value of the record (names, ids, findings, places) and each date,
number and age in the sentence is replaced by a typed placeholder such as `[patient_1]`. Then the words that are left
are compared with the closed vocabulary of the question templates: a sentence that holds any other word is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.paraphrasing.known_words import WORD, template_words, unanswerable_words
from ehrxqa.questions.nouns import MANY, ONE, bare, with_article
from ehrxqa.questions.word_forms import MEASURED, forms_of
from ehrxqa.spec.values import GENDER_WORDS

__all__ = ["PLACEHOLDER", "Masked", "Unmaskable", "mask", "unmask"]

#: A placeholder: a kind and a number within that kind.
PLACEHOLDER: Final = re.compile(r"\[([a-z]+)_(\d+)\]")

#: Value slot, without the number at its end → kind of placeholder. Others are of the kind `name`.
_KINDS: Final = {
    "patient_id": "patient",
    "study_id": "study",
    "ward_id": "ward",
    "diagnosis_name": "diagnosis",
    "procedure_name": "procedure",
    "drug_name": "drug",
    "drug_route": "route",
    "lab_name": "lab",
    "lab_value": "value",
    "vital_name": "vital",
    "vital_value": "value",
    "intake_name": "intake",
    "output_name": "output",
    "culture_name": "culture",
    "test_name": "test",
    "careunit": "careunit",
    "admission_route": "admission",
    "gender": "gender",
    "abbreviation": "abbreviation",
}

_MONTH: Final = (
    "(?:january|february|march|april|may|june|july|august|september|october|november|december"
    "|(?:jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)(?![a-z]))"
)
#: Kinds of dates and numbers, the longest form first.
_NUMBERS: Final = (
    ("date", r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?"),
    ("date", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("date", rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:, \d{{4}})?(?!\d)"),
    ("month", r"\d{1,2}/\d{4}"),
    ("month", r"(?:first|second|third|fourth) quarter of \d{4}"),
    ("month", r"q[1-4] \d{4}"),
    ("month", rf"{_MONTH}(?: (?:of )?\d{{4}})?"),
    ("day", r"\d{1,2}(?:st|nd|rd|th)"),
    ("ages", r"\d{1,3}s|\d\d-\d\d(?= at admission)"),
    ("age", r"\d{1,3}(?= or (?:above|older|more)\b)"),
    ("year", r"(?:19|2[01])\d\d"),
    ("number", r"\d+(?:[./]\d+)*"),
    ("number", r"(?:two|three|four|five|six|seven|eight|nine|ten)"),
    ("number", r"one(?=[ -](?:year|month|week|day|hour))"),
)


class Unmaskable(Exception):  # noqa: N818  (a reason that is counted, not an error that is shown)
    """A sentence from which not every value can be taken with certainty; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A sentence without its values.

    Attributes:
        shape: The sentence with placeholders; all that is ever sent.
        values: Placeholder → the words it stands for, as they stood in the sentence.
    """

    shape: str
    values: Mapping[str, str]


def mask(record: Mapping[str, Any]) -> Masked:
    """Take every value out of the question of a record.

    >>> value = {"patient_id": 7, "drug_name": "Aspirin"}
    >>> mask({"question": "was patient 7 given aspirin in march 2103?", "value": value}).shape
    'was patient [patient_1] given [drug_1] in [month_1]?'

    Raises:
        Unmaskable: A value of the record is not in its sentence, or a word is left that no template has.
    """
    sentence = str(record["question"])
    if PLACEHOLDER.search(sentence.lower()):
        raise Unmaskable("holds a placeholder itself")
    kinds = _texts(record)
    found: set[str] = set()
    names: dict[tuple[str, str], str] = {}
    numbers: dict[str, int] = {}

    def name(kind: str, text: str) -> str:
        if (kind, text) not in names:
            numbers[kind] = numbers.get(kind, 0) + 1
            names[kind, text] = f"[{kind}_{numbers[kind]}]"
        return names[kind, text]

    def replaced(match: re.Match[str]) -> str:
        known = kinds.get(match[0].lower())
        if known is not None:
            found.add(known[1])
            return name(known[0], match[0])
        if match.lastgroup is None:  # equal to a value but for a letter whose case is not one of a pair
            raise Unmaskable("a value is not in the sentence")
        return name(_NUMBERS[int(match.lastgroup[1:])][0], match[0])

    shape = _pattern(kinds).sub(replaced, sentence)
    if not {slot for _, slot in kinds.values()} <= found:
        raise Unmaskable("a value is not in the sentence")
    rest = PLACEHOLDER.sub(" ", shape)
    if re.search(r"[\d\[\]{}]|[^\W_]*[^\x00-\x7f]", rest):
        raise Unmaskable("a number or sign is left")
    unknown = {word.lower() for word in WORD.findall(rest)} - template_words()
    if unknown and not (record.get("is_impossible") is True and unknown <= unanswerable_words()):
        raise Unmaskable("a word is left that no template has")
    return Masked(shape, {placeholder: text for (_, text), placeholder in names.items()})


def unmask(shape: str, values: Mapping[str, str]) -> str:
    """Put the values back.

    >>> unmask("was [drug_1] given?", {"[drug_1]": "aspirin"})
    'was aspirin given?'

    Raises:
        KeyError: A placeholder has no value.
    """
    return PLACEHOLDER.sub(lambda match: values[match[0]], shape)


def _texts(record: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Text in the sentence, lower-cased → (kind of placeholder, slot); a slot with several forms has one in it."""
    texts: dict[str, tuple[str, str]] = {}
    for slot, value in dict(record.get("value") or {}).items():
        plain = slot.rstrip("0123456789")
        text = str(value)
        if plain == "gender":
            text = GENDER_WORDS.get(text.lower(), text)
        for form in (text.lower(), *MEASURED.get(plain, {}).get(text.lower(), ())):
            texts.setdefault(form, (_KINDS.get(plain, "name"), slot))
    visual = dict(record.get("v_tag") or {})
    for place, text in enumerate(visual.get("object") or ()):
        for form in (str(text), *forms_of(text)):
            texts.setdefault(form.lower(), ("location", f"object {place}"))
    for place, text in enumerate(visual.get("attribute") or ()):
        for form in (str(text), with_article(str(text)), *forms_of(text)):  # “rotated positioning”
            texts.setdefault(bare(form).lower(), ("finding", f"attribute {place}"))
    for place, text in enumerate(visual.get("category") or ()):
        for kind, form in (("category", text), ("category", ONE.get(text, text)), ("categories", MANY.get(text, text))):
            texts.setdefault(str(form).lower(), (kind, f"category {place}"))
    if not all(text.strip() for text in texts):
        raise Unmaskable("a value is empty")
    return texts


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    """Values first, the longest first; then dates and numbers. None begins or ends inside a word or number."""
    values = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    numbers = "|".join(f"(?P<n{place}>{text})" for place, (_, text) in enumerate(_NUMBERS))
    return re.compile(rf"(?<![^\W_])(?:{values or '(?!)'}|{numbers})(?![^\W_])", re.IGNORECASE)
