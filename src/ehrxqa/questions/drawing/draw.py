"""One try of a template: who it is about, which events, which filter."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.facts import Event, Facts, StudyEvent, usable
from ehrxqa.questions.question import Choice
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.questions.visuals import Visuals

__all__ = ["FREQUENT", "WAYS", "Draw", "Happening", "Way", "any_of", "number_as_said", "way"]

#: Of a hundred questions that may do without a filter, so many do.
_UNFILTERED_PERCENT: Final = 30
#: Names among which those of "no" questions are drawn: the most widespread.
FREQUENT: Final = 60

Happening = Event | StudyEvent
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Draw:
    """One try of a template.

    Attributes:
        template: What is drawn for.
        rng: Source of all chance.
        truth: The answer that a yes/no question shall have.
        stratum: What a question about an event and a finding shall need, see `needs`; else empty.
        empty: Whether a list shall be empty, or a count 0.
        subjects: Patients that questions about one patient may be about; None for all.
        facts: What is drawn from.
        visuals: Draws image questions.
        pools: Kinds of events → patients that have them; shared by all tries.
    """

    template: Template
    rng: random.Random
    truth: bool
    stratum: str
    empty: bool
    subjects: frozenset[int] | None
    facts: Facts
    visuals: Visuals
    pools: dict[tuple[str, frozenset[int] | None], list[int]] = field(repr=False)

    def subject(self, *kinds: str, anybody: bool = False) -> int | None:
        """A patient with events of all these kinds; of all patients if `anybody`."""
        allowed = None if anybody else self.subjects
        key = ("+".join(kinds), allowed)
        if key not in self.pools:
            having = [set(self.facts.studies if kind == "study" else self.facts.events[kind]) for kind in kinds]
            found = set.intersection(*having) if having else set(self.facts.subjects)
            self.pools[key] = sorted(found if allowed is None else found & allowed)
        return any_of(self.rng, self.pools[key])

    def events(self, subject: int, *, place: int = 0) -> list[Event]:
        """Events of a patient that the template may be about."""
        template = self.template
        kind = template.kinds[place]
        events = list(self.facts.of(kind, subject))
        if kind == "body":
            events = [event for event in events if event.name == template.label]
        if template.slots[place]:
            events = [event for event in events if usable(event.name)]
        if (fixed := template.fixed.get("g1")) and place == 0:
            events = [event for event in events if self.facts.passes(event, TimeChoice(fixed))]
        return events

    def pick(self, events: Sequence[Event]) -> Event | None:
        """An event; every name is as likely as another."""
        if not events:
            return None
        name = self.rng.choice(sorted({event.name for event in events}))
        return self.rng.choice([event for event in events if event.name == name])

    def filter(self, *events: Happening) -> TimeChoice:
        """A filter that lets all these events through."""
        template, rng = self.template, self.rng
        if fixed := template.fixed.get("g1"):
            return TimeChoice(fixed)
        grains = template.grains
        if "hosp!" in grains:
            return any_of(rng, self.facts.visit_options(events[0], "hosp")) or NO_TIME
        if not grains or rng.randrange(100) < _UNFILTERED_PERCENT:
            return NO_TIME
        if not all(event.hadm for event in events):
            grains = tuple(grain for grain in grains if grain != "hosp")
        if "unit_average" in template.operations:  # of one day there are no daily values to list
            grains = tuple(grain for grain in grains if grain != "day")
        grain = rng.choice(grains)
        if grain in ("hosp", "icu"):
            options = self.facts.visit_options(events[0], grain)
        else:
            options = candidates(events[0].time, (grain,), rng)
        return any_of(rng, [each for each in options if all(self.facts.passes(one, each) for one in events)]) or NO_TIME

    def choice(self, **parts: Any) -> Choice:
        """A choice; operations and simple exact filters that are not given are drawn."""
        template, rng = self.template, self.rng
        operations = {
            slot: rng.choice(template.options.get(slot) or tuple(OPERATIONS[slot].options))
            for slot in template.operations
        } | parts.pop("operations", {})
        time = parts["times"]["g1"] if "times" in parts else NO_TIME
        if "unit_average" in operations and time.option is not None:
            finer = {"year": ("daily", "monthly"), "month": ("daily",)}.get(time.option.grain, ("daily", "monthly"))
            operations["unit_average"] = rng.choice(finer)
        exact = {slot: rng.choice(("exact-first", "exact-last")) for slot in template.times if slot in ("e1", "e2")}
        return Choice(operations=operations, exact=exact | parts.pop("exact", {}), **parts)

    def one(self, event: Event, time: TimeChoice, **more: Any) -> Choice:
        """The choice about one event of a patient."""
        values: dict[str, Any] = {"patient_id": event.subject}
        if self.template.slots and self.template.slots[0]:
            values[self.template.slots[0]] = event.name
        return self.choice(values=values | more.pop("values", {}), times={"g1": time}, **more)


Way = Callable[[Draw], Choice | None]
#: Name in a template → how its values are drawn.
WAYS: Final[dict[str, Way]] = {}


def way(*names: str) -> Callable[[Way], Way]:
    """Declare a function as the way of drawing with these names; it gives None if a try came to nothing."""

    def declare(function: Way) -> Way:
        for name in names:
            assert name not in WAYS, name
            WAYS[name] = function
        return function

    return declare


def any_of(rng: random.Random, values: Sequence[_T]) -> _T | None:
    """One of the values, or None if there are none."""
    return rng.choice(values) if values else None


def number_as_said(value: Any) -> Any:
    """A number as it is written in a question: whole numbers without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
