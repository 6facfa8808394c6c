"""One question as a typed value: a template with everything drawn.

What it looks like is made elsewhere, by functions over it: `programs` (gold program, NeuralSQL), `official_sentences`
(tag and filled template), `saying` (our own sentences), `question_records` (the record in a file).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import Combination, Target, VqaQuestion

__all__ = ["Choice", "Question"]


@dataclass(frozen=True)
class Choice:
    """What was drawn for a template.

    Attributes:
        values: Value slot → value.
        times: `g1`, `g2` → filter.
        exact: `e1`, `e2` → name.
        moments: `e1`, `e2` → the recorded time, where the name is `exact-default`.
        within: Name of the within filter, or "".
        operations: Operation slot → option.
        visual: The image question.
        comparison: Of two studies.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, TimeChoice] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    moments: Mapping[str, str] = field(default_factory=dict)
    within: str = ""
    operations: Mapping[str, str] = field(default_factory=dict)
    visual: VqaQuestion | None = None
    comparison: str = ""

    def time(self, slot: str) -> TimeChoice:
        """The filter in a global slot."""
        return self.times.get(slot, NO_TIME)


@dataclass(frozen=True)
class Question:
    """A template with everything drawn."""

    template: Template
    choice: Choice

    @cached_property
    def visual_slots(self) -> dict[str, str]:
        """Visual slot → name."""
        slots: dict[str, str] = {}
        question = self.choice.visual
        if question is None or question.target is Target.SIZE:
            return slots
        kinds = (("object", question.objects), ("attribute", question.attributes), ("category", question.categories))
        for slot, names in kinds:
            slots |= {slot: names[0]} if len(names) == 1 else {f"{slot}_{n}": name for n, name in enumerate(names, 1)}
        if self.choice.comparison:
            slots["comparison"] = self.choice.comparison
        return slots

    @cached_property
    def time_options(self) -> dict[str, str]:
        """Official time slot → option, "" if empty or absent."""
        choice = self.choice
        names = {"w": choice.within, **{slot: choice.exact.get(slot, "") for slot in ("e1", "e2")}}
        names |= {slot: choice.time(slot).name for slot in ("g1", "g2")}
        return {official: names[short] for short, official in TIME_SLOTS.items()}

    @property
    def ranks(self) -> int:
        """How many names a ranking asks for."""
        return int(OPERATIONS["n_rank"].options[self.choice.operations["n_rank"]][1])

    @property
    def filtered(self) -> bool:
        """Whether a time filter was drawn for it."""
        return any(self.choice.time(slot).name for slot in ("g1", "g2")) and not self.template.fixed

    @cached_property
    def bare_key(self) -> str:
        """Equal for questions that differ in their time filters only."""
        values = [f"{slot}={self.choice.values[slot]}" for slot in self.template.values]
        if "drug_name1" in self.template.values:  # several drugs of equal standing: their order means nothing
            pairs = zip(self.template.values, values, strict=True)
            values = sorted(
                value.replace(slot, "drug_name") if slot.startswith("drug_name") else value for slot, value in pairs
            )
        visual: list[object] = [self.choice.comparison]
        if (question := self.choice.visual) is not None:
            ordered = question.combination is Combination.DIFFERENCE
            visual += [
                names if ordered else tuple(sorted(names))
                for names in (question.objects, question.attributes, question.categories)
            ]
        names = {**self.time_options, TIME_SLOTS["g1"]: "", TIME_SLOTS["g2"]: ""}
        operations = repr(sorted(self.choice.operations.items()))
        return "\n".join([self.template.chance, repr(visual), operations, repr(names), *values])

    @property
    def key(self) -> str:
        """Equal for questions that mean the same, “last year” or “in 2104”, “a and b” or “b and a”."""
        dates = [self.choice.time(slot).meaning for slot in ("g1", "g2")] + sorted(self.choice.moments.values())
        return "\n".join([self.bare_key, *dates])
