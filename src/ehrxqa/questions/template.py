"""A template: one row of the question space, with all that its renderings need.

What a rendering must know is a field here, so that nothing is found again in our own text: which studies are asked
about, in which order of naming; what the answer looks like; what the families of other packages call themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ehrxqa.errors import SettingsError
from ehrxqa.questions.events import EVENTS, EventKind
from ehrxqa.questions.slots import OPERATIONS, TIME_SLOTS
from ehrxqa.spec.scopes import SCOPE_OF_KEY

if TYPE_CHECKING:
    from ehrxqa.questions.program_parts import Parts

__all__ = [
    "OPEN_TO_IMAGES",
    "OPEN_TO_TABLES",
    "Answer",
    "Program",
    "StudySelector",
    "Template",
    "official_id",
    "official_text",
]

#: What an answer looks like: one value, a truth value, a count, a list, a list with repeats, or a ranking.
Answer = Literal["value", "truth", "count", "list", "series", "top"]

#: How the studies of one patient are selected: the first or last of a time (`later`, `earlier` of two), one by its
#: number, the one before, or all that pass the time filter.
StudySelector = Literal["time", "earlier time", "id", "id1", "id2", "previous", "all"]

#: SQL of a question, written from its parts; see `program_parts`.
Program: TypeAlias = "Callable[[Parts], str]"

#: Keys of `alternatives`: programs that say whether the answer is open to who knows only the tables, or only the images.
OPEN_TO_TABLES: Final = "open to tables"
OPEN_TO_IMAGES: Final = "open to images"

_SLOT = re.compile(r"\[(\w+)\]")
_VALUE = re.compile(r"(?<!\$)\{(\w+)\}")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*")


def official_id(number: int) -> str:
    """The id of an official template.

    >>> official_id(28)
    'official/28'
    """
    return f"official/{number}"


def official_text(text: str) -> str:
    """A sentence of ours with the official names of the time slots.

    >>> official_text("when was the [e1] lab test [g1]?")
    'when was the [time_filter_exact1] lab test [time_filter_global1]?'
    """
    return _SLOT.sub(lambda match: f"[{TIME_SLOTS.get(match[1], match[1])}]", text)


@dataclass(frozen=True, eq=False, kw_only=True)
class Template:
    """One question template.

    Attributes:
        id: Who declares it and what it is called there: `official/28`, `my-hospital/vitals-1`.
        official: The official number, for templates that have one; `id` follows from it.
        family: What is asked; shared by templates that differ in kind of event, study or finding only.
        scope: Key of one of the nine scopes (`spec.scopes`).
        text: The official sentence with our short names of time slots; `q_tag` of records is made from it.
        said: Our own sentences, with `<a|b>` for verbs.
        said_at: The same where both measurements are named by their times, `[at1]` and `[at2]`.
        sql: The gold program, as a function over the parts of a question, see `program_parts`; the query too, unless
            `neural` is given. Questions about one or two studies have none: theirs follow from `visual` and `studies`.
        draw: How values are drawn; a name in `drawing.draw.WAYS`.
        answer: What the answer looks like.
        kinds: Events it speaks of, keys of `EVENTS`; `slots` their value slots, "" for any.
        grains: Calendar grains and visits its filters may have; empty: no filter is drawn.
        fixed: Filters that are not drawn: slot → name.
        withins: How near two events may have to be; names in `event_times.WITHIN`.
        neural: The NeuralSQL.
        visual: Kind of image question, 1 to 48; 0 for none.
        studies: The studies of a patient that are asked about; of two, the later one first.
        among: Where `studies` does not say it: the conditions on TB_CXR that its studies fulfil.
        options: Operation slot → options that fit, where not all do.
        label: Name of the one item that is asked about, where that is not drawn.
        alternatives: Name of another reading (see `alternatives`) → its program, where that does not follow from `sql`.
        denominator: SQL that counts the patients behind a rate or a ranking; of too few, it says nothing.
        support: What `denominator` must give at least, whatever the size of the hospital.
        least: Least count that says something.
        inner: Whether an answer of 0 or 1, the ends of a scale, says nothing.
    """

    family: str
    scope: str
    text: str
    said: tuple[str, ...]
    draw: str
    answer: Answer
    id: str = ""
    official: int | None = None
    sql: Program | None = None
    kinds: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    grains: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    withins: tuple[str, ...] = ()
    neural: Program | None = None
    visual: int = 0
    studies: tuple[StudySelector, ...] = ()
    among: Callable[[Parts], tuple[str, ...]] | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = ""
    said_at: tuple[str, ...] = ()
    denominator: Program | None = None
    support: int = 0
    least: int = 0
    inner: bool = False
    alternatives: Mapping[str, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.official is not None:
            object.__setattr__(self, "id", official_id(self.official))
        if not _ID.fullmatch(self.id):
            raise SettingsError(f'a template must have an id such as "my-hospital/vitals-1", not "{self.id}"')
        if self.scope not in SCOPE_OF_KEY:
            raise SettingsError(f"{self.id}: scope must be one of {', '.join(SCOPE_OF_KEY)}, not {self.scope}")
        if self.modality != "table" and not self.studies and self.among is None:
            raise SettingsError(f"{self.id}: a template about images needs `studies` or `among`: which it is about")
        for name in ("sql", "neural", "denominator", "among"):
            if not (getattr(self, name) is None or callable(getattr(self, name))):
                raise SettingsError(f"{self.id}: {name} must be a function over the parts of a question, not a text")
        if self.official is None and self.id.startswith("official/"):
            raise SettingsError(f"{self.id}: ids of templates that are not official must not begin with official/")

    @property
    def order(self) -> tuple[bool, int, str]:
        """Its place among others: official templates by their numbers, then others by id."""
        return self.official is None, self.official or 0, self.id

    @property
    def chance(self) -> str:
        """What seeds are made from: for official templates their number alone, whatever else there is."""
        return self.id if self.official is None else str(self.official)

    @property
    def modality(self) -> str:
        """table, image or multimodal."""
        return SCOPE_OF_KEY[self.scope].modality_key

    @property
    def of_patient(self) -> bool:
        """Whether it is about one patient, or studies of one."""
        return SCOPE_OF_KEY[self.scope].patients == "single"

    @property
    def compares(self) -> bool:
        """Whether it compares two studies."""
        return len(self.studies) == 2

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty list or a count of 0 says something: about images, but not about names taken from rows."""
        return self.modality != "table" and self.answer in ("list", "count")

    @cached_property
    def q_tag(self) -> str:
        """The official sentence."""
        return official_text(self.text)

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
