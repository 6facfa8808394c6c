"""Questions without a database: every template under every option of its slots, said by the renderer itself.

They tell which words our sentences have. Values are numbers that stand for nothing; findings and places are those of
the published label names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ehrxqa.questions.event_times import EXACT
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.template import Template
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import KINDS, Form, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["Listener", "specimens"]

_NAMES: Final = tuple(name for names in ATTRIBUTES.values() for name in names)
_MOMENTS: Final[dict[str, str]] = {"e1": "2103-04-05 06:07:00", "e2": "2103-05-06 07:08:00"}
_T = TypeVar("_T")


class Listener(random.Random):
    """Chance that takes the n-th of what is offered, and keeps all that was offered in words.

    Attributes:
        heard: The texts.
    """

    def __init__(self, n: int = 0) -> None:
        super().__init__(0)
        self._n = n
        self.heard: set[str] = set()

    def choice(self, seq: Any) -> Any:
        """The n-th."""
        self.heard.update(each for each in seq if isinstance(each, str))
        return seq[self._n % len(seq)]


def specimens(
    template: Template, value: Callable[[str, int], Any] | None = None, *, all_times: bool = True
) -> Iterator[Question]:
    """Questions of a template; each option of each slot is in at least one of them.

    Args:
        template: The template.
        value: Gives the value of a slot in the n-th question; numbers by default.
        all_times: Whether each time filter is, too; else only as many as the other slots need questions.
    """
    times = _times(template)
    exacts = [name for name in EXACT if EXACT[name].adjectives != ("",)]
    comparisons = [name for name in COMPARISONS if template.answer == "truth" or name != "still absent"]
    options = {slot: template.options.get(slot) or tuple(OPERATIONS[slot].options) for slot in template.operations}
    places: list[str] = [slot for slot in ("e1", "e2") if slot in template.times]
    slots = [template.withins, comparisons, *options.values()] + [exacts] * bool(places) + [times] * all_times
    for n in range(max(2, *map(len, slots))):
        parts: dict[str, Any] = {
            "values": {slot: (value or _number)(slot, n) for slot in template.values},
            "within": _nth(template.withins, n) if template.withins else "",
            "operations": {slot: _nth(held, n) for slot, held in options.items()},
            "visual": _visual(template, n),
            "comparison": _nth(comparisons, n) if template.compares else "",
        }
        time, other = _nth(times, n), _nth(times, n + 1)
        if "g2" in template.fixed:
            other = TimeChoice(template.fixed["g2"])
        elif template.said_at:
            other = time
        exact: dict[str, str] = {slot: _nth(exacts, n + place) for place, slot in enumerate(places)}
        yield Question(template, Choice(**parts, times={"g1": time, "g2": other}, exact=exact))
        if template.said_at:
            exact = dict.fromkeys(places, "exact-default")
            yield Question(template, Choice(**parts, exact=exact, moments={slot: _MOMENTS[slot] for slot in places}))


def _nth(values: Sequence[_T], n: int) -> _T:
    return values[n % len(values)]


def _number(slot: str, n: int) -> Any:
    """A number, with “a” or “an” before it; no two slots of a template have the same."""
    if slot == "gender":
        return ("m", "f")[n % 2]
    return f"{8 - n % 2}{len(slot)}{slot[-1] if slot[-1].isdigit() else 0}"


def _times(template: Template) -> list[TimeChoice]:
    """Filters that the template may have; where units are counted, one and several of them."""
    if fixed := template.fixed.get("g1"):
        return [TimeChoice(fixed)]
    found = [] if "hosp!" in template.grains else [NO_TIME]
    for name, option in TIME_OPTIONS.items():
        if option.grain not in {grain.rstrip("!") for grain in template.grains}:
            continue
        kind, _, which = name.split("-")
        dated = (2104, 3, 11)[: ("year", "month", "day").index(option.grain) + 1] if kind in ("abs", "mix") else ()
        year, month, day = (*dated, 0, 0, 0)[:3]
        counts = (1, 7) if kind == "rel" and which in ("since", "until") else (0,)
        found += [TimeChoice(name, year, month, day, n) for n in counts]
    return found


def _visual(template: Template, n: int) -> VqaQuestion | None:
    """The n-th image question; over the templates, all names come up."""
    if not template.visual:
        return None
    kind, n = KINDS[template.visual], n + 7 * (template.official or 0)
    categories = _from(tuple(ATTRIBUTES), n, kind.categories)
    known = ATTRIBUTES[categories[0]] if kind.form is Form.CHOOSE and categories else _NAMES
    return VqaQuestion.of_kind(
        template.visual,
        objects=() if kind.measured else _from(OBJECTS, n, kind.objects),
        attributes=_from(known, n, kind.attributes),
        categories=categories,
    )


def _from(names: Sequence[str], n: int, number: int) -> tuple[str, ...]:
    """So many names from the n-th on."""
    return tuple(_nth(names, n + place) for place in range(number))
