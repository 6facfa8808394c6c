"""What table families about one patient share: the sentence's patient, the rows meant, and how a template is put together."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ehrxqa.questions.articles import article
from ehrxqa.questions.events import EVENTS, EventKind
from ehrxqa.questions.phrases import Verb, passive
from ehrxqa.questions.program_parts import EventParts, Parts, bracketed, where, words
from ehrxqa.questions.template import Answer, Program, Template

__all__ = [
    "PATIENT",
    "EventWords",
    "at_that_time",
    "event_words",
    "grains_of",
    "named_of",
    "one_after_other",
    "rows",
    "rows_at_that_time",
    "single",
    "with_slot",
]

PATIENT: Final = "patient {patient_id}"


def rows(q: Parts, *more: str) -> str:
    """FROM and WHERE of the rows of the event that the patient, the name, the time filter and `more` conditions leave."""
    return words(f"from {q.a.table}", where(q.a.inside(), q.a.name, q.during(q.a.time), *more))


def at_that_time(q: Parts) -> str:
    """The condition that a row is at the first or last time of those; several rows may share it."""
    return f"{q.a.time} = {bracketed(f'select distinct {q.a.time}', rows(q), q.nth(q.a.time))}"


def named_of(it: EventParts, keys: str) -> str:
    """The names of the keys that a select gives, or its names where they are their own keys."""
    if not it.dictionary:
        return keys
    return f"select distinct {it.named} from {it.dictionary} where {it.dictionary}.{it.key} in ( {keys} )"


def one_after_other(q: Parts) -> tuple[str, str]:
    """The conditions that the second event, in `t2`, followed the first, in `t1`, in the time that the question gives."""
    earlier, later = f"t1.{q.a.bare_time}", f"t2.{q.b.bare_time}"
    return f"{earlier} < {later}", q.within(earlier, later)


def rows_at_that_time(q: Parts) -> str:
    """FROM and WHERE of the rows at the first or last time."""
    return rows(q, at_that_time(q))


def with_slot(phrase: str, slot: str) -> str:
    """A phrase of an event with the slot of its name in it."""
    return phrase.replace("{}", f"{{{slot}}}")


class EventWords(NamedTuple):
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


def event_words(kind: str, *, named: bool = True, slot: str = "", some: bool = False) -> EventWords:
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
    return EventWords(verb, with_slot(what, slot), passive(made, f"{to} {PATIENT}"), made, to)


def grains_of(kind: EventKind, *, coarse: bool = False) -> tuple[str, ...]:
    """Calendar grains, and visits, that filters of questions about an event may have."""
    grains = (kind.coarse, kind.grain) if coarse else (kind.grain,)
    return (*dict.fromkeys(grains), kind.visit) if kind.visit else tuple(dict.fromkeys(grains))


def single(
    *,
    family: str,
    text: str,
    said: tuple[str, ...],
    sql: Program,
    official: int | None = None,
    id: str = "",
    kind: str = "",
    named: bool = True,
    draw: str = "event",
    answer: Answer = "value",
    coarse: bool = False,
    grains: tuple[str, ...] | None = None,
    **more: Any,
) -> Template:
    """A template about one patient.

    Args:
        family: What is asked; with all others that are not explained here, as for `Template`.
        text: The official sentence.
        said: Our own sentences.
        sql: The gold program.
        official: The official number, if it has one.
        id: The id, if it has none.
        draw: How values are drawn.
        answer: What the answer looks like.
        kind: The kind of event it is about, if it is about one.
        named: Whether the question names the event: one drug, not any.
        coarse: Whether its filters may also be of the coarser grain of the event.
        grains: Grains of its filters, where they do not follow from the event.
        more: Other fields of `Template`.
    """
    event = EVENTS.get(kind)
    if grains is None:
        grains = grains_of(event, coarse=coarse) if event is not None and "[g1]" in text else ()
    more.setdefault("kinds", (kind,) if kind else ())
    more.setdefault("slots", (event.slot if event is not None and named else "",) if kind else ())
    return Template(
        official=official,
        id=id,
        family=family,
        scope="table-single",
        text=text,
        said=said,
        sql=sql,
        draw=draw,
        answer=answer,
        grains=grains,
        **more,
    )
