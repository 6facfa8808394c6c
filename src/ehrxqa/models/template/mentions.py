"""What a question names: patients, studies, times, findings, numbers, and values of the database.

Times have a grammar, which the filters themselves declare (`questions.times`); findings and locations are the published
names; options are those that `questions.slots` declares; everything else is a value that the database holds. Mentions
may overlap: which of them count is decided by the slots that are to be filled.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.models.value_search import ValueIndex
from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.nouns import MANY, ONE, bare, with_article
from ehrxqa.questions.slots import OPERATIONS, PERIODS, survival_length
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import QUARTERS, TimeChoice
from ehrxqa.questions.word_forms import MEASURED, forms_of
from ehrxqa.spec.values import GENDER_OF_WORD
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["COLUMN_KINDS", "Mention", "find_mentions", "longest_apart"]

#: Searched column → kind of mention.
COLUMN_KINDS: Final = {
    "d_icd_diagnoses.long_title": "diagnosis",
    "d_icd_procedures.long_title": "procedure",
    "d_items.label": "item",
    "d_items.abbreviation": "abbreviation",
    "d_labitems.label": "lab",
    "prescriptions.drug": "drug",
    "prescriptions.route": "route",
    "microbiologyevents.spec_type_desc": "specimen",
    "microbiologyevents.test_name": "test",
    "admissions.admission_location": "location",
    "transfers.careunit": "careunit",
}


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a question names.

    Attributes:
        start: Offset of its first sign.
        end: Offset behind its last one.
        kind: What it is.
        value: What goes into a slot: a text, a `TimeChoice`, or an option.
    """

    start: int
    end: int
    kind: str
    value: Any


def find_mentions(text: str, index: ValueIndex) -> list[Mention]:
    """Everything that a lower-case sentence may name, in no order."""
    found = [*_by_patterns(text)]
    for spot in index.spot(text, COLUMN_KINDS):
        found += [Mention(spot.start, spot.end, COLUMN_KINDS[column], spot.value) for column in spot.columns]
    for column, names, reader in _MEASURED:
        for match in reader.finditer(text):
            name = names[match[0]]
            if index.holds(column, name):
                found.append(Mention(match.start(), match.end(), COLUMN_KINDS[column], name))
    return found


def longest_apart(mentions: Iterable[Mention]) -> list[Mention]:
    """Mentions that do not overlap, longer ones preferred, in the order of the text."""
    chosen: list[Mention] = []
    for mention in sorted(
        mentions, key=lambda each: (each.start - each.end, each.start, each.kind == "number", each.kind)
    ):
        if all(mention.end <= other.start or other.end <= mention.start for other in chosen):
            chosen.append(mention)
    return sorted(chosen, key=lambda each: each.start)


_MONTHS: Final = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_ABBREVIATED: Final = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_FIELDS: Final = {
    "y": r"(?P<y>\d{4})",
    "m": r"(?P<m>\d\d)",
    "d": r"(?P<d>\d\d)",
    "n": r"(?P<n>\d+)",
    "month": f"(?P<month>{'|'.join(_MONTHS)})",
    "day": r"(?P<day>\d{1,2})",
    "day_th": r"(?P<day>\d{1,2})(?:st|nd|rd|th)",
    "n_year": r"(?:(?P<n>\d+) years|year)",
    "n_month": r"(?:(?P<n>\d+) months|month)",
    "n_day": r"(?:(?P<n>\d+) days|(?P<week>\d+) weeks|24 hours)",
    "N_year": r"(?P<n>\d+) years?",
    "N_month": r"(?P<n>\d+) months?",
    "N_day": r"(?:(?P<n>\d+) days?|(?P<week>\d+) weeks)",
    "more_year": r"(?P<n>\d+) years",
    "more_month": r"(?P<n>\d+) months",
    "more_day": r"(?:(?P<n>\d+) days|(?P<week>\d+) weeks)",
    "mon": f"(?P<mon>{'|'.join(_ABBREVIATED)})",
    "q_begun": r"(?P<q_begun>[1-4])",
    "q_ended": r"(?P<q_ended>[1-4])",
    "quarter_begun": f"(?P<begun>{'|'.join(QUARTERS)})",
    "quarter_ended": f"(?P<ended>{'|'.join(QUARTERS)})",
}


#: Where the fields of a wording stand.
_GAP: Final = re.compile(r"\{\w+\}")


def _bounded(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9/-])(?:{pattern})(?![a-z0-9/]|-\d)")


def _time_readers() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """Name of a filter, words that stand in whatever one of its wordings says, and a pattern of that wording."""
    for option in TIME_OPTIONS.values():
        for wording in dict.fromkeys((option.nlq, *option.said, *option.noted)):
            if "{this_year}" in wording:  # as another filter says it, which means the same
                continue
            pattern = re.sub(r"\\\{(\w+)\\\}", lambda match: _FIELDS[match[1]], re.escape(wording))
            yield option.name, max(_GAP.split(wording), key=len), _bounded(pattern)


def _choice_of(name: str, match: re.Match[str]) -> TimeChoice | None:
    """The filter that a wording stands for, or None for a date that no calendar has."""
    got = {key: value for key, value in match.groupdict().items() if value}
    month = _MONTHS[got["month"]] if "month" in got else int(got.get("m", 0))
    month = _ABBREVIATED[got["mon"]] if "mon" in got else month
    if "q_begun" in got or "q_ended" in got:
        month = 3 * int(got["q_begun"]) - 2 if "q_begun" in got else 3 * int(got["q_ended"])
    if quarter := got.get("begun") or got.get("ended"):
        month = 3 * QUARTERS.index(quarter) + (1 if "begun" in got else 3)
    day = int(got.get("day", got.get("d", 0)))
    counted = TIME_OPTIONS[name].name.startswith("rel") and name.rpartition("-")[2] in ("since", "until")
    if month > 12 or day > 31:
        return None
    number = 7 * int(got["week"]) if "week" in got else int(got.get("n", 1))
    return TimeChoice(name, int(got.get("y", 0)), month, day, number if counted else 0)


def _words() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Kind of mention and its words → value."""
    yield "object", {words: name for name in OBJECTS for words in (name, *forms_of(name))}
    names = [name for held in ATTRIBUTES.values() for name in held]
    said = {bare(words): name for name in names for words in (name, with_article(name), *forms_of(name))}
    yield "attribute", said
    yield (
        "category",
        {name: name for name in ATTRIBUTES}
        | {words: name for name, words in ONE.items()}
        | {words: name for name, words in MANY.items()},
    )
    yield "within", {words: name for name, within in WITHIN.items() for words in (within.nlq, *within.said)}
    yield (
        "exact",
        {
            words: name
            for name, exact in EXACT.items()
            for words in (exact.nlq, *exact.adjectives, *exact.adverbs)
            if words
        },
    )
    yield "gender", dict(GENDER_OF_WORD)
    for slot, operation in OPERATIONS.items():
        options = {
            words: option
            for option, (nlq, _) in operation.options.items()
            for words in (nlq, *operation.said.get(option, ()))
        }
        if slot == "unit_average":
            options |= {
                f"{word} {period}": option for option, period in PERIODS.items() for word in ("per", "each", "every")
            }
        if slot == "n_survival_period":
            options |= {survival_length(option): option for option in operation.options}
        yield slot, options


_TIMES: Final = tuple(_time_readers())
_WORDS: Final = tuple(
    (kind, words, _bounded("|".join(map(re.escape, sorted(words, key=len, reverse=True))))) for kind, words in _words()
)
#: Column, form → label in it, and what reads the forms of what is measured.
_MEASURED: Final = tuple(
    (column, names, _bounded("|".join(map(re.escape, sorted(names, key=len, reverse=True)))))
    for column, slot in (("d_items.label", "vital_name"), ("d_labitems.label", "lab_name"))
    for names in ({form: name for name, forms in MEASURED[slot].items() for form in forms},)
)
_NUMBERS: Final = (
    ("moment", re.compile(r"(?:\bat )?(?P<value>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")),
    ("subject", _bounded(r"(?P<value>1\d{7})(?='s|\b)")),
    ("study", _bounded(r"(?P<value>5\d{7})(?='s|\b)")),
    ("range", re.compile(r"\bfrom (?P<value>0 to 1)\b")),
    ("number", _bounded(r"(?P<value>-?\d+(?:\.\d+)?(?:e-?\d+)?)")),
)
#: What a writer may add to abnormalities, so that a reader knows what belongs to them.
_EXPLAINED: Final = re.compile(r"\([^()]*\bincluded\)")


def _by_patterns(text: str) -> Iterator[Mention]:
    explained = [(match.start(), match.end()) for match in _EXPLAINED.finditer(text)]
    for name, literal, reader in _TIMES:
        for match in reader.finditer(text) if literal in text else ():
            if (choice := _choice_of(name, match)) is not None:
                yield Mention(match.start(), match.end(), "time", choice)
    for kind, words, reader in _WORDS:
        for match in reader.finditer(text):
            if not any(start <= match.start() < end for start, end in explained):
                yield Mention(match.start(), match.end(), kind, words[match[0]])
    for kind, reader in _NUMBERS:
        for match in reader.finditer(text):
            yield Mention(match.start(), match.end(), kind, match["value"])
