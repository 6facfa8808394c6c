"""Examples from what the templates themselves declare: each of their sentences, with names that stand for any others.

Train questions hold a part of the sentences only, and of rare templates few. What a project declares can be read
without them. Names are drawn at random among the values of the train database; only their kinds and places matter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from ehrxqa.models.template.examples import Example, example_of, kind_of
from ehrxqa.models.template.mentions import COLUMN_KINDS
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.questions.event_times import EXACT
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.saying import say
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.questions.template import Template
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["all_declared_examples", "declared_examples"]

#: How often each sentence is filled: its times, findings and comparisons have several wordings.
_DRAWN: Final = 3
_TRIES: Final = 20
_FIXED_NAMES: Final[Mapping[str, tuple[str, ...]]] = {"number": ("2.5",), "gender": ("f", "m")}
_COLUMN_OF_KIND: Final = {kind: column for column, kind in COLUMN_KINDS.items()}


def all_declared_examples(values: ValueIndex) -> tuple[Example, ...]:
    """The declared sentences of all templates; kept, since they are the same whenever values and sentences are."""
    held = tuple((column, tuple(names)) for column, names in sorted(values.values.items()))
    return _declared(held, tuple((each.said, each.said_at) for each in catalogue().values()))


@lru_cache(maxsize=2)
def _declared(
    held: tuple[tuple[str, tuple[str, ...]], ...], sentences: tuple[tuple[tuple[str, ...], ...], ...]
) -> tuple[Example, ...]:
    values = ValueIndex(dict(held))
    return tuple(example for template in catalogue().values() for example in declared_examples(template, values))


def declared_examples(template: Template, values: ValueIndex) -> Iterator[Example]:
    """The sentences of a template as examples, the same ones whenever the values are the same.

    Sentences whose names cannot be found again say nothing about places, and are passed over.
    """
    rng = random.Random(template.id)
    seen: set[tuple[str, ...]] = set()
    for sentences, at in ((template.said, False), (template.said_at, True)):
        for sentence in sentences:
            for _ in range(_DRAWN):
                choice = _drawn(template, values, rng, at=at)
                if choice is None:
                    continue
                question = Question(template, choice)
                example = example_of(template, _slots(question), say(sentence, question, rng), values)
                if example.tokens not in seen and all(_may_be_silent(slot) for slot in example.constants):
                    seen.add(example.tokens)
                    yield example


def _may_be_silent(slot: str) -> bool:
    return slot == "comparison" or slot in OPERATIONS


def _drawn(template: Template, values: ValueIndex, rng: random.Random, *, at: bool) -> Choice | None:
    """A choice for a template, whether or not any rows are like it; None where a kind has no names."""
    named: dict[str, Any] = {}
    for place, slot in enumerate(template.values):
        kind = kind_of(slot)
        if kind in ("subject", "study"):
            named[slot] = (10_000_000 if kind == "subject" else 50_000_000) + place
            continue
        held = _FIXED_NAMES.get(kind) or values.values.get(_COLUMN_OF_KIND.get(kind, ""), ())
        taken = [name for name in named.values() if name in held]
        left = [name for name in held if name not in taken] if taken else held
        if not left:
            return None
        named[slot] = rng.choice(left)
    times = {
        short: TimeChoice(template.fixed[short]) if short in template.fixed else _time(template, rng, 2103 + place)
        for place, short in enumerate(short for short in template.times if short in ("g1", "g2"))
    }
    exacts = [short for short in template.times if short in ("e1", "e2")]
    names = [name for name in EXACT if name != "exact-default"]
    visual = _visual(template, rng) if template.visual else None
    if template.visual and visual is None:
        return None
    return Choice(
        values=named,
        times={short: time for short, time in times.items() if time.name},
        exact={short: "exact-default" if at else rng.choice(names) for short in exacts},
        moments={short: f"2104-0{place}-11 10:00:00" for place, short in enumerate(exacts, 1)} if at else {},
        within=rng.choice(template.withins) if template.withins and "w" in template.times else "",
        operations={
            slot: rng.choice(tuple(template.options.get(slot) or OPERATIONS[slot].options))
            for slot in template.operations
        },
        visual=visual,
        comparison=rng.choice(_comparisons(template)) if template.compares else "",
    )


def _time(template: Template, rng: random.Random, year: int) -> TimeChoice:
    options = [name for name, option in TIME_OPTIONS.items() if option.grain in template.grains]
    if not options or rng.random() < 1 / 4:
        return TimeChoice()
    return TimeChoice(rng.choice(options), year, 3, 5, 2)


def _visual(template: Template, rng: random.Random) -> VqaQuestion | None:
    kind = KINDS[template.visual]
    for _ in range(_TRIES):
        try:
            return VqaQuestion.of_kind(
                template.visual,
                objects=(kind.measured,)
                if kind.measured is not None
                else tuple(rng.sample(list(OBJECTS), kind.objects)),
                attributes=tuple(rng.sample([name for held in ATTRIBUTES.values() for name in held], kind.attributes)),
                categories=tuple(rng.sample(list(ATTRIBUTES), kind.categories)),
            )
        except ValueError:  # names that do not go together
            continue
    return None


def _comparisons(template: Template) -> list[str]:
    """The comparisons of two studies that make sense: no list holds what is still absent."""
    listed = template.answer != "truth"
    return [name for name in COMPARISONS if not (listed and name == "still absent")]


def _slots(question: Question) -> dict[str, str]:
    """Slot → what was drawn, as a record's own sentence is read."""
    template, choice = question.template, question.choice
    slots = {slot: str(value) for slot, value in choice.values.items()}
    for short, time in choice.times.items():
        if time.name and short not in template.fixed:
            slots[TIME_SLOTS[short]] = repr(time)
    for short, name in choice.exact.items():
        moment = choice.moments.get(short)
        slots[TIME_SLOTS[short]] = f"exact-default {moment}" if moment else name
    if choice.within:
        slots[TIME_SLOTS["w"]] = choice.within
    return slots | dict(choice.operations) | question.visual_slots
