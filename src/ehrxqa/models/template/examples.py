"""Train questions without their names: words that tell which template it is, and which name went into which slot."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Final

from ehrxqa.dataset.records import Record
from ehrxqa.models.template.mentions import Mention, find_mentions, longest_apart
from ehrxqa.models.template.words import FREE, framed, masked, with_pairs, words_of_text
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.images import VERIFY_KINDS, finding
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.reading import slots_of
from ehrxqa.questions.template import Template

__all__ = ["KIND_OF_SLOT", "Example", "example_of", "examples_of", "frames", "kind_of", "official_examples", "siblings"]

#: Value slot, without a number at its end → kind of mention.
KIND_OF_SLOT: Final = {
    "patient_id": "subject",
    "study_id": "study",
    "diagnosis_name": "diagnosis",
    "procedure_name": "procedure",
    "drug_name": "drug",
    "drug_route": "route",
    "lab_name": "lab",
    "vital_name": "item",
    "intake_name": "item",
    "output_name": "item",
    "culture_name": "specimen",
    "test_name": "test",
    "careunit": "careunit",
    "admission_route": "location",
    "abbreviation": "abbreviation",
    "gender": "gender",
    "vital_value": "number",
    "lab_value": "number",
}

_GAP: Final = re.compile(r"\$\{(\w+)\}|\{(\w+)\}|\[(\w+)\]")


@cache
def kind_of(slot: str) -> str:
    """The kind of mention that fills a slot.

    >>> kind_of("drug_name2"), kind_of("time_filter_global1"), kind_of("object_1"), kind_of("n_rank")
    ('drug', 'time', 'object', 'n_rank')
    """
    if slot.startswith("time_filter_"):
        return {"global": "time", "within": "within", "exact": "exact"}[re.sub(r"\d", "", slot[12:])]
    plain = re.sub(r"_?\d$", "", slot)
    return KIND_OF_SLOT.get(plain, plain)


@dataclass(frozen=True)
class Example:
    """A question of a known template.

    Attributes:
        template: Its template.
        tokens: Its words, names replaced by their kinds.
        slots: Slots in the order in which the sentence names them.
        constants: Slots that the sentence does not name, and what is in them.
        copies: Slots that one mention fills together with another one: “both measured in 2104”.
        idle: Kinds of mentions that fill no slot, and how often: “from the first day on” may name nothing.
    """

    template: Template
    tokens: tuple[str, ...]
    slots: tuple[str, ...]
    constants: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    idle: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def order(self) -> dict[str, tuple[str, ...]]:
        """Kind → its slots in the order of the sentence."""
        found: dict[str, list[str]] = {}
        for slot in self.slots:
            found.setdefault(kind_of(slot), []).append(slot)
        return {kind: tuple(slots) for kind, slots in found.items()}


def examples_of(records: Iterable[Record], templates: Mapping[str, Template], index: ValueIndex) -> Iterator[Example]:
    """The examples that train questions make; questions of templates that we do not know are passed over."""
    for record in records:
        template = templates.get(record["q_tag"])
        if template is None or record.get("is_impossible"):
            continue
        reading = slots_of(template, record["template"])
        if reading is None:
            continue
        yield example_of(template, reading.slots, record["question"].lower(), index)


def example_of(template: Template, drawn: Mapping[str, str], text: str, index: ValueIndex) -> Example:
    """The example that a lower-case sentence is, of which it is known what was drawn for every slot."""
    return _example(template, drawn, text, find_mentions(text, index))


def _example(template: Template, drawn: Mapping[str, str], text: str, mentions: Sequence[Mention]) -> Example:
    """Find where the sentence says what was drawn."""
    left = {slot: value for slot, value in drawn.items() if value}
    places: dict[str, int] = {}
    meant = longest_apart(each for each in mentions if any(_is(each, *pair) for pair in left.items()))
    for mention in meant:
        for slot, value in left.items():
            if slot not in places and _is(mention, slot, value):
                places[slot] = mention.start
                break
    idle = Counter(
        mention.kind
        for mention in longest_apart(mentions)
        if not any(mention.start < other.end and other.start < mention.end for other in meant)
    )
    named = tuple(sorted(places, key=lambda slot: places[slot]))
    rest = {slot: value for slot, value in left.items() if slot not in places}
    copies = {
        slot: other
        for slot, value in rest.items()
        for other in named
        if kind_of(slot) == kind_of(other) == "time" and left[other] == value
    }
    constants = {slot: value for slot, value in rest.items() if slot not in copies}
    tokens = _tokens(template, masked(text, mentions))
    return Example(template, tokens, named, constants, copies, idle)


def _is(mention: Mention, slot: str, value: str) -> bool:
    """Whether a mention is what was drawn for a slot."""
    if slot.startswith("time_filter_exact") and value.startswith("exact-default "):
        return mention.kind == "moment" and value.endswith(str(mention.value))
    if mention.kind != kind_of(slot):
        return False
    return (repr(mention.value) if mention.kind == "time" else str(mention.value)) == value


def official_examples(template: Template) -> Iterator[Example]:
    """The official sentence of a template as an example, one for each way to compare two studies.

    Its slots stand in the order in which it names them.
    """
    if "${comparison}" not in template.q_tag:
        yield _official(template, template.q_tag, {})
        return
    for comparison in COMPARISONS:
        yield _official(template, template.q_tag.replace("${comparison}", comparison), {"comparison": comparison})


def _official(template: Template, text: str, constants: Mapping[str, str]) -> Example:
    slots = tuple(dict.fromkeys(match[1] or match[2] or match[3] for match in _GAP.finditer(text)))

    def kind(match: re.Match[str]) -> str:
        name = kind_of(match[1] or match[2] or match[3])
        return "" if name in FREE else f"<{name}>"

    return Example(template, _tokens(template, " ".join(_GAP.sub(kind, text).split())), slots, constants)


def _tokens(template: Template, text: str) -> tuple[str, ...]:
    """What an example is compared by, from its masked sentence."""
    return with_pairs(words_of_text(framed(text) if template.q_tag in frames() else text))


@cache
def frames() -> Mapping[str, str]:
    """Sentence of a template → the same for all templates that differ from it in the kind of finding only.

    Which kind is meant follows from what a question names: an attribute or a category, with or without a location.
    """
    found: dict[str, str] = {}
    for template in catalogue().values():
        if template.visual in VERIFY_KINDS and not template.scope.startswith("image-single-1"):
            what = finding(template.visual)
            if what in template.q_tag:
                found[template.q_tag] = template.q_tag.replace(what, "<finding>")
    return MappingProxyType(found)


@cache
def siblings() -> Mapping[str, Mapping[int, Template]]:
    """Frame → kind of image question → template."""
    found: dict[str, dict[int, Template]] = {}
    for template in catalogue().values():
        if template.q_tag in frames():
            found.setdefault(frames()[template.q_tag], {})[template.visual] = template
    return MappingProxyType(found)
