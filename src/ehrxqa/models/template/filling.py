"""Putting what a question names into the slots of a template, as an example of it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.models.template.examples import Example, frames, kind_of, siblings
from ehrxqa.models.template.mentions import Mention, longest_apart
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.slots import TIME_SLOTS
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import KINDS, VqaQuestion

__all__ = ["Filled", "fill"]

#: Kinds that a reader would miss in an answer: a question that names one and a reading that has no use for it do not
#: belong together.
_TELLING: Final = frozenset(
    (
        "subject",
        "study",
        "diagnosis",
        "procedure",
        "drug",
        "lab",
        "specimen",
        "test",
        "careunit",
        "time",
        "within",
        "object",
        "attribute",
        "category",
        "exact",
        "age_group",
        "moment",
    )
)


@dataclass(frozen=True)
class Filled:
    """A template with its slots filled.

    Attributes:
        question: The question.
        unused: Mentions that a reader would miss in it.
    """

    question: Question
    unused: int


def fill(example: Example, mentions: Sequence[Mention], comparison: str = "") -> Filled | None:
    """The question that mentions make of an example's template, or None where a slot stays empty.

    Args:
        example: Shows in which order a sentence names the slots.
        mentions: What the question names.
        comparison: Of two studies, if the question compares some; the example's by default.
    """
    template = _sibling(example.template, mentions)
    if template is None:
        return None
    wanted = _slots_of(template)
    kinds = {kind_of(slot) for slot in wanted} | {"moment", "range"}
    chosen = longest_apart(mention for mention in mentions if mention.kind in kinds)
    by_kind: dict[str, list[Mention]] = {}
    for mention in chosen:
        held = by_kind.setdefault(mention.kind, [])
        if mention.kind in ("exact", "time") or all(other.value != mention.value for other in held):
            held.append(mention)
    got: dict[str, Any] = {}
    used: list[Mention] = []
    for kind in dict.fromkeys(map(kind_of, wanted)):
        slots = _ordered([slot for slot in wanted if kind_of(slot) == kind], example)
        found = by_kind.get(kind, [])
        if kind == "time":
            taken = _times(slots, found, chosen, example)
        elif kind == "exact":
            taken = _exacts(slots, found, by_kind.get("moment", []), example)
        else:
            taken = _paired(slots, found, example)
        if taken is None:
            return None
        for slot, value in taken.items():
            got[slot] = value.value if isinstance(value, Mention) else value
            if isinstance(value, Mention):
                used.append(value)
    choice = _choice(template, got, comparison or example.constants.get("comparison", ""))
    if choice is None:
        return None
    spent = {(mention.start, mention.end) for mention in used}
    values = {str(mention.value) for mention in used} | {repr(TimeChoice(name)) for name in template.fixed.values()}
    over = Counter(
        mention.kind
        for mention in longest_apart(mention for mention in mentions if mention.kind in _TELLING)
        if str(mention.value) not in values
        and not any(start < mention.end and mention.start < end for start, end in spent)
    )
    return Filled(Question(template, choice), (over - Counter(example.idle)).total())


def _sibling(template: Template, mentions: Sequence[Mention]) -> Template | None:
    """The template that asks the same of the kind of finding that is named."""
    frame = frames().get(template.q_tag)
    if frame is None:
        return template
    kinds = {*_PARTS, *(kind_of(slot) for slot in template.values)}  # a procedure may name an anatomical place
    named = longest_apart(each for each in mentions if each.kind in kinds)
    counts = tuple(len({each.value for each in named if each.kind == kind}) for kind in _PARTS)
    return next(
        (
            other
            for number, other in siblings()[frame].items()
            if (KINDS[number].objects, KINDS[number].attributes, KINDS[number].categories) == counts
        ),
        None,
    )


_PARTS: Final = ("object", "attribute", "category")


def _slots_of(template: Template) -> list[str]:
    """All slots of a template by their official names."""
    times = [TIME_SLOTS[short] for short in template.times]
    return [*template.values, *times, *template.operations, *_visual_slots(template)]


def _visual_slots(template: Template) -> list[str]:
    if not template.visual or KINDS[template.visual].measured is not None:
        return []
    kind = KINDS[template.visual]
    slots: list[str] = []
    for slot, count in (("object", kind.objects), ("attribute", kind.attributes), ("category", kind.categories)):
        slots += [slot] if count == 1 else [f"{slot}_{number}" for number in range(1, count + 1)]
    return slots


def _ordered(slots: Iterable[str], example: Example) -> list[str]:
    """Slots of one kind in the order in which the example names them; those that it does not name come last."""
    named = {slot: place for place, slot in enumerate(example.slots)}
    return sorted(slots, key=lambda slot: named.get(slot, len(named)))


def _paired(slots: Sequence[str], found: Sequence[Mention], example: Example) -> dict[str, Mention | str] | None:
    """One mention for each slot; of too many the longest ones are meant."""
    needed = [slot for slot in slots if slot not in example.constants]
    if kind_of(slots[0]) == "within":  # an interval may be left out
        needed = needed[: len(found)]
    if len(found) < len(needed):
        return None
    kept = sorted(sorted(found, key=lambda each: each.start - each.end)[: len(needed)], key=lambda each: each.start)
    given: dict[str, Mention | str] = dict(zip(needed, kept, strict=True))
    if kind_of(slots[0]) != "within":
        given |= {slot: example.constants[slot] for slot in slots if slot in example.constants}
    return given


def _exacts(
    slots: Sequence[str], found: Sequence[Mention], moments: Sequence[Mention], example: Example
) -> dict[str, Mention | str] | None:
    """First and last, or recorded times; each slot has one."""
    both = sorted([*found, *moments], key=lambda each: each.start)
    if len(both) < len(slots):
        constants = {slot: value for slot, value in example.constants.items() if slot in slots}
        if len(both) + len(constants) < len(slots):
            return None
        left = [slot for slot in slots if slot not in constants]
        return {**dict(zip(left, both, strict=False)), **constants}
    if len(both) > len(slots) and len({str(each.value) for each in both}) == len(slots):
        both = list({str(each.value): each for each in reversed(both)}.values())[::-1]
    return dict(zip(slots, both, strict=False))


def _times(
    slots: Sequence[str], found: Sequence[Mention], chosen: Sequence[Mention], example: Example
) -> dict[str, Mention | str] | None:
    """Filters, of which any may be left out."""
    template = example.template
    open_slots = [slot for slot in slots if _short(slot) not in template.fixed and slot not in example.copies]
    given: dict[str, Mention | str] = {}
    if len(found) >= len(open_slots) or len(slots) == 1:
        given = dict(zip(open_slots, found, strict=False))
    elif len(found) == 1 and len(open_slots) == 2:
        if not template.compares:  # two measurements: the period is that of both
            given = dict.fromkeys(open_slots, found[0])
        else:
            before = [each for each in chosen if each.kind == "exact" and each.start < found[0].start]
            given = {f"time_filter_global{2 if len(before) > 1 else 1}": found[0]}
    given |= {slot: given[other] for slot, other in example.copies.items() if other in given}
    return given


def _short(slot: str) -> str:
    return next(short for short, official in TIME_SLOTS.items() if official == slot)


def _choice(template: Template, got: Mapping[str, Any], comparison: str) -> Choice | None:
    """Everything drawn, as the renderers take it."""
    times: dict[str, TimeChoice] = {}
    exact: dict[str, str] = {}
    moments: dict[str, str] = {}
    for short in template.times:
        value = got.get(TIME_SLOTS[short])
        if short in ("g1", "g2"):
            times[short] = value if isinstance(value, TimeChoice) else NO_TIME
        elif short in ("e1", "e2"):
            name = str(value)
            if not name.startswith("exact-"):
                exact[short], moments[short] = "exact-default", name
            else:
                exact[short] = name
    times |= {short: TimeChoice(name) for short, name in template.fixed.items()}
    visual = None
    if template.visual:
        kind = KINDS[template.visual]
        names = {
            role: tuple(got[slot] for slot in _visual_slots(template) if slot.startswith(role))
            for role in ("object", "attribute", "category")
        }
        try:
            visual = VqaQuestion.of_kind(
                template.visual,
                objects=(kind.measured,) if kind.measured is not None else names["object"],
                attributes=names["attribute"],
                categories=names["category"],
            )
        except ValueError:  # names that do not go together
            return None
    within = str(got.get(TIME_SLOTS["w"], "") or "")
    if within and within not in template.withins:
        return None
    operations = {slot: str(got[slot]) for slot in template.operations}
    if any(option not in options for slot, option in operations.items() if (options := template.options.get(slot))):
        return None
    return Choice(
        values={slot: got[slot] for slot in template.values},
        times=times,
        exact=exact,
        moments=moments,
        within=within,
        operations=operations,
        visual=visual,
        comparison=comparison if template.compares else "",
    )
