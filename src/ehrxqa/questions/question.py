"""One question as a typed value, and its renderings: sentences, tags, gold program, NeuralSQL, official record."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ehrxqa.layout import DATABASE_NAME
from ehrxqa.questions.expand import expand, expand_studies
from ehrxqa.questions.saying import TIES_SAID, say, tidy
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS, operation_tag
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import EXACT, NO_TIME, WITHIN, TimeChoice
from ehrxqa.spec.values import GENDER_WORDS
from ehrxqa.vqa.question import Combination, Target, VqaQuestion

__all__ = ["Choice", "Question"]

_SLOT = re.compile(r"\[(\w+)\]")
_VISUAL = re.compile(r"\$\{(\w+)\}")
_VALUE = re.compile(r"\{(\w+)\}")
_VERB = re.compile(r"\b(is|are|has)_verb\b")


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
    def expansions(self) -> dict[str, dict[str, str]]:
        """What `expand` remembers: table of studies → macro → SQL."""
        return {}

    @cached_property
    def gold(self) -> str:
        """The gold program."""
        return expand(self.template.sql, self, "tb_cxr_plus")

    @cached_property
    def query(self) -> str:
        """The NeuralSQL, or the gold program where no image is needed."""
        return expand(self.template.neural, self, "tb_cxr") if self.template.neural else self.gold

    @cached_property
    def behind(self) -> str:
        """SQL that counts the patients behind a rate or ranking; empty for other questions."""
        return expand(self.template.behind, self, "tb_cxr_plus") if self.template.behind else ""

    @cached_property
    def studies(self) -> str:
        """SQL that selects the studies it is about; empty for table questions."""
        return expand_studies(self)

    @cached_property
    def visual_slots(self) -> dict[str, str]:
        """Visual slot → name."""
        slots: dict[str, str] = {}
        question = self.choice.visual
        if question is None or question.target is Target.SIZE:
            return slots
        for slot, names in (
            ("object", question.objects), ("attribute", question.attributes), ("category", question.categories),
        ):  # fmt: skip
            slots.update(
                {slot: names[0]} if len(names) == 1 else {f"{slot}_{n}": name for n, name in enumerate(names, 1)}
            )
        if self.choice.comparison:
            slots["comparison"] = self.choice.comparison
        return slots

    @cached_property
    def tag(self) -> str:
        """The official sentence with the chosen options in it."""
        drawn = self.t_names | dict(self.choice.operations)
        text = _SLOT.sub(lambda match: f"[{match[1]}:{drawn.get(match[1]) or 'null'}]", self.template.q_tag)
        return _VISUAL.sub(lambda match: self.visual_slots[match[1]], text)

    @cached_property
    def t_names(self) -> dict[str, str]:
        """Official time slot → option, "" if empty or absent."""
        choice = self.choice
        names = {"w": choice.within, **{slot: choice.exact.get(slot, "") for slot in ("e1", "e2")}}
        names |= {slot: choice.time(slot).name for slot in ("g1", "g2")}
        return {official: names[short] for short, official in TIME_SLOTS.items()}

    @cached_property
    def filled(self) -> str:
        """The official sentence filled in: `template` of a record."""
        text = _VERB.sub(lambda match: self._verb(match[1]), self.template.q_tag)
        choice = self.choice
        words = {
            TIME_SLOTS["g1"]: choice.time("g1").nlq,
            TIME_SLOTS["g2"]: choice.time("g2").nlq,
            TIME_SLOTS["w"]: WITHIN[choice.within][0] if choice.within else "",
            **{TIME_SLOTS[slot]: EXACT[name][0] for slot, name in choice.exact.items()},
            **{TIME_SLOTS[f"g{slot[1]}"]: f"at {moment}" for slot, moment in choice.moments.items()},
            **{slot: OPERATIONS[slot].options[option][0] for slot, option in choice.operations.items()},
        }
        text = tidy(_SLOT.sub(lambda match: words[match[1]], text))
        return self._with_values(_VISUAL.sub(lambda match: self.visual_slots[match[1]], text)).lower()

    def wording(self, rng: random.Random, *, ties: bool = False) -> str:
        """One of our own sentences: `question` of a record.

        Args:
            rng: Source of all chance.
            ties: Whether a ranking has more names than it asks for.
        """
        said = self.template.said_at if self.choice.moments else self.template.said
        text = say(rng.choice(said), self, rng)
        return f"{text[:-1]}, {TIES_SAID}{text[-1]}" if ties else text

    @property
    def ranks(self) -> int:
        """How many names a ranking asks for."""
        return int(OPERATIONS["n_rank"].options[self.choice.operations["n_rank"]][1])

    def record(self, split: str, number: int, wording: str, para_type: str) -> dict[str, Any]:
        """The pre-release record."""
        visual = self.choice.visual
        v_tag: dict[str, list[str]] = {"object": [], "category": [], "attribute": []}
        if visual is not None:
            v_tag = {
                "object": [] if visual.target is Target.SIZE else list(visual.objects),
                "category": list(visual.categories),
                "attribute": list(visual.attributes),
            }
            if self.choice.comparison:
                v_tag["comparison"] = [self.choice.comparison]
        return {
            "db_id": DATABASE_NAME,
            "split": split,
            "id": number,
            "question": wording,
            "template": self.filled,
            "query": self.query.lower(),
            "value": {slot: self.choice.values[slot] for slot in self.template.values},
            "q_tag": self.template.q_tag,
            "t_tag": [self.t_names[official] for official in TIME_SLOTS.values()],
            "o_tag": {
                slot: operation_tag(slot, option, self._column(slot)) for slot, option in self.choice.operations.items()
            },
            "v_tag": v_tag,
            "tag": self.tag,
            "para_type": para_type,
            "is_impossible": False,
            "_gold_program": self.gold.lower(),
        }

    @cached_property
    def bare_key(self) -> str:
        """Equal for questions that differ in their time filters only."""
        values = [f"{slot}={self.choice.values[slot]}" for slot in self.template.values]
        if "drug_name1" in self.template.values:  # several drugs of equal standing: their order means nothing
            values = sorted(value.replace(slot, "drug_name") if slot.startswith("drug_name") else value
                            for slot, value in zip(self.template.values, values, strict=True))  # fmt: skip
        visual: list[object] = [self.choice.comparison]
        if (question := self.choice.visual) is not None:
            ordered = question.combination is Combination.DIFFERENCE
            visual += [
                names if ordered else tuple(sorted(names))
                for names in (question.objects, question.attributes, question.categories)
            ]
        names = {**self.t_names, TIME_SLOTS["g1"]: "", TIME_SLOTS["g2"]: ""}
        return "\n".join([
            str(self.template.number), repr(visual), repr(sorted(self.choice.operations.items())), repr(names), *values,
        ])  # fmt: skip

    @property
    def filtered(self) -> bool:
        """Whether a time filter was drawn for it."""
        return any(self.choice.time(slot).name for slot in ("g1", "g2")) and not self.template.fixed

    @property
    def key(self) -> str:
        """Equal for questions that mean the same, “last year” or “in 2104”, “a and b” or “b and a”."""
        dates = [self.choice.time(slot).meaning for slot in ("g1", "g2")] + sorted(self.choice.moments.values())
        return "\n".join([self.bare_key, *dates])

    def _column(self, slot: str) -> str:
        event = self.template.events[0] if self.template.kinds else None
        if event is None:
            return ""
        return f"{event.table}.{event.value}" if slot == "sort" else event.column

    def _verb(self, verb: str) -> str:
        if verb == "has":
            return "has"
        return {"is": "was", "are": "were"}[verb] if self.choice.time("g1").past else verb

    def _with_values(self, text: str) -> str:
        values = dict(self.choice.values)
        if "gender" in values:
            values["gender"] = GENDER_WORDS[values["gender"]]
        return _VALUE.sub(lambda match: str(values[match[1]]), text)
