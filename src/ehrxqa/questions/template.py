"""A template: one row of the question space, with all that its renderings need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ehrxqa.questions.events import EVENTS, EventKind
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.spec.scopes import SCOPE_OF_KEY

__all__ = ["Answer", "Template", "official"]

#: What an answer looks like: one value, a truth value, a count, or a list.
Answer = str

_SLOT = re.compile(r"\[(\w+)\]")
_VALUE = re.compile(r"(?<!\$)\{(\w+)\}")


def official(text: str) -> str:
    """A sentence of ours with the official names of the time slots.

    >>> official("when was the [e1] lab test [g1]?")
    'when was the [time_filter_exact1] lab test [time_filter_global1]?'
    """
    return _SLOT.sub(lambda match: f"[{TIME_SLOTS.get(match[1], match[1])}]", text)


@dataclass(frozen=True, eq=False)
class Template:
    """One question template.

    Attributes:
        number: The official number.
        family: What is asked; shared by templates that differ in kind of event, study or finding only.
        scope: Key of one of the nine scopes.
        text: The official sentence with our short names of time slots.
        said: Our own sentences, with `<a|b>` for verbs.
        said_at: The same where both measurements are named by their times, `[at1]` and `[at2]`.
        sql: Pattern of the gold program; of the query too, unless `neural` is given.
        draw: How values are drawn; a name in `drawing.draw.WAYS`.
        answer: `value`, `truth`, `count`, `list`, `series` (a list with repeats).
        kinds: Events it speaks of; `slots` their value slots, "" for any.
        grains: Calendar grains and visits its filters may have; empty: no filter is drawn.
        fixed: Filters that are not drawn: slot → name.
        visual: Kind of image question, 1 to 48; 0 for none.
        needs: Tables that must hold rows.
        options: Operation slot → options that fit, where not all do.
        behind: SQL that counts the patients behind a rate or a ranking; of too few, it says nothing.
    """

    number: int
    family: str
    scope: str
    text: str
    said: tuple[str, ...]
    sql: str
    draw: str
    answer: Answer
    kinds: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    grains: tuple[str, ...] = ()
    fixed: dict[str, str] = field(default_factory=dict)
    withins: tuple[str, ...] = ()
    neural: str = ""
    visual: int = 0
    comparison: bool = False
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = ""
    said_at: tuple[str, ...] = ()
    behind: str = ""

    @property
    def modality(self) -> str:
        """table, image or multimodal."""
        return SCOPE_OF_KEY[self.scope].modality_key

    @property
    def of_patient(self) -> bool:
        """Whether it is about one patient, or studies of one."""
        return "single" in self.scope

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty list or a count of 0 says something: about images, but not about names taken from rows."""
        return self.modality != "table" and self.answer in ("list", "count")

    @cached_property
    def q_tag(self) -> str:
        """The official sentence."""
        return official(self.text)

    @cached_property
    def times(self) -> tuple[str, ...]:
        """Short names of the time slots in the sentence."""
        return tuple(name for name in _SLOT.findall(self.text) if name in TIME_SLOTS)

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """Operation slots in the sentence."""
        return tuple(dict.fromkeys(name for name in _SLOT.findall(self.text) if name in OPERATIONS))

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Value slots in the sentence, in order."""
        return tuple(dict.fromkeys(_VALUE.findall(self.text)))

    @property
    def events(self) -> tuple[EventKind, ...]:
        """The events it speaks of."""
        return tuple(EVENTS[kind] for kind in self.kinds)
