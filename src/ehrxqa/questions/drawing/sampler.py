"""The sampler: facts of one database, and the way of drawing of each template."""

from __future__ import annotations

import random
from typing import Final

from ehrxqa.questions.drawing import group, images, multimodal, patient  # noqa: F401 - they declare the ways
from ehrxqa.questions.drawing.draw import WAYS, Draw
from ehrxqa.questions.facts import Facts
from ehrxqa.questions.needs import Stratum, is_stratified
from ehrxqa.questions.question import Choice
from ehrxqa.questions.template import Template
from ehrxqa.questions.visuals import Visuals

__all__ = ["Sampler"]

_NOES: Final[tuple[Stratum, ...]] = ("image", "table", "either")


class Sampler:
    """Draws choices for templates from the facts of one database."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._visuals = Visuals(facts.labels)
        self._pools: dict[tuple[str, frozenset[int] | None], list[int]] = {}

    def draw(
        self,
        template: Template,
        rng: random.Random,
        *,
        truth: bool,
        empty: bool,
        subjects: frozenset[int] | None,
        stratum: Stratum | None = None,
    ) -> Choice | None:
        """One try; None if it came to nothing.

        Args:
            template: What to draw for.
            rng: Source of all chance.
            truth: The answer that a yes/no question shall have.
            empty: Whether a list shall be empty, or a count 0.
            subjects: Patients that questions about one patient may be about; None for all.
            stratum: What a question about an event and a finding shall need; by chance if it is not given.
        """
        if stratum is None and is_stratified(template):
            stratum = "both" if truth else rng.choice(_NOES)
        found = Draw(template, rng, truth, stratum or "", empty, subjects, self._facts, self._visuals, self._pools)
        return WAYS[template.draw](found)
