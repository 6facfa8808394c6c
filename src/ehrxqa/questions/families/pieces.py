"""What table families about one patient share: the sentence's patient, the rows meant, and how a template is put together."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ehrxqa.questions.articles import article
from ehrxqa.questions.events import EVENTS, EventKind
from ehrxqa.questions.phrases import Verb, passive
from ehrxqa.questions.template import Template

__all__ = ["AT_THAT_TIME", "PATIENT", "ROWS", "Told", "grains_of", "single", "told", "with_slot"]

PATIENT: Final = "patient {patient_id}"
#: Rows of the event that the patient, the name and the time filter leave.
ROWS: Final = "from <T> where <in> <nm> <g1>"
#: Of those, the ones at the first or last time; several rows may share it.
AT_THAT_TIME: Final = "and <c> = ( select distinct <c> from <T> where <in> <nm> <g1> <e1> )"


def with_slot(phrase: str, slot: str) -> str:
    """A phrase of an event with the slot of its name in it."""
    return phrase.replace("{}", f"{{{slot}}}")


class Told(NamedTuple):
    """How our own sentences tell of a kind of event.

    Attributes:
        verb: What happened to a patient.
        what: The event as a subject, and what `happened` to it; `made` is the same without the patient.
    """

    verb: Verb
    what: str
    happened: Verb
    made: str
    to: str


def told(kind: str, *, named: bool = True, slot: str = "", some: bool = False) -> Told:
    """The words for a kind of event: by its name, or any or `some` of the kind."""
    event = EVENTS[kind]
    verb, what, (made, to) = event.verb, event.what, event.made
    if not named:
        verb, what, made, to = event.any_verb, f"any {event.any_what}", "recorded", "for"
    if some and not named:
        what = f"{article(event.any_what)} {event.any_what}"
        verb = replace(verb, rest=re.sub(r"\bany (\w+)", lambda match: f"{article(match[1])} {match[1]}", verb.rest))
    slot = slot or event.slot
    verb = replace(verb, rest=with_slot(verb.rest, slot))
    return Told(verb, with_slot(what, slot), passive(made, f"{to} {PATIENT}"), made, to)


def grains_of(kind: EventKind, *, coarse: bool = False) -> tuple[str, ...]:
    """Calendar grains, and visits, that filters of questions about an event may have."""
    grains = (kind.coarse, kind.grain) if coarse else (kind.grain,)
    return (*dict.fromkeys(grains), kind.visit) if kind.visit else tuple(dict.fromkeys(grains))


def single(
    number: int, family: str, text: str, said: tuple[str, ...], sql: str, *, kind: str = "", named: bool = True,
    draw: str = "event", answer: str = "value", coarse: bool = False, grains: tuple[str, ...] | None = None, **more: Any,
) -> Template:  # fmt: skip
    """A template about one patient."""
    event = EVENTS.get(kind)
    if grains is None:
        grains = grains_of(event, coarse=coarse) if event is not None and "[g1]" in text else ()
    more.setdefault("kinds", (kind,) if kind else ())
    more.setdefault("slots", (event.slot if event is not None and named else "",) if kind else ())
    return Template(number, family, "table-single", text, said, sql, draw, answer, grains=grains, **more)
