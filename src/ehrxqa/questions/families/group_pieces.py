"""What families about groups of patients share."""

from __future__ import annotations

from typing import Any, Final

from ehrxqa.questions.events import EVENTS
from ehrxqa.questions.families.pieces import EventWords, one_after_other
from ehrxqa.questions.program_parts import EventParts, Parts, bracketed, where, words
from ehrxqa.questions.template import Answer, Program, Template

__all__ = ["GROUP_WITHINS", "after_said", "group", "pairs", "side"]

#: How near two events of a patient may have to be.
GROUP_WITHINS: Final = ("within-n_month", "within-month", "within-hosp")


def group(
    *,
    family: str,
    text: str,
    said: tuple[str, ...],
    sql: Program,
    official: int | None = None,
    id: str = "",
    kinds: tuple[str, ...] = (),
    slots: tuple[str, ...] | None = None,
    draw: str = "group",
    answer: Answer = "count",
    grains: tuple[str, ...] = ("year",),
    **more: Any,
) -> Template:
    """A template about a group of patients."""
    if slots is None:
        slots = tuple(EVENTS[kind].slot for kind in kinds)
    if "[g1]" not in text:
        grains = ()
    return Template(
        official=official,
        id=id,
        family=family,
        scope="table-group",
        text=text,
        said=said,
        sql=sql,
        draw=draw,
        answer=answer,
        kinds=kinds,
        slots=slots,
        grains=grains,
        **more,
    )


def side(q: Parts, it: EventParts, alias: str, keys: tuple[str, ...] = (), extra: tuple[str, ...] = ()) -> str:
    """One side of a pair of events of a patient, with columns `keys` and conditions `extra`."""
    columns = ", ".join(
        ("admissions.subject_id", it.time, "admissions.hadm_id", *(f"{it.table}.{key}" for key in keys))
    )
    source = f"{it.table} join admissions on {it.table}.hadm_id = admissions.hadm_id"
    return f"{bracketed(f'select {columns} from {source}', where(it.name, q.during(it.time), *extra))} as {alias}"


def pairs(q: Parts) -> str:
    """All pairs of a first event and a second that followed it, for the same patient."""
    first, second = side(q, q.a, "t1"), side(q, q.b, "t2")
    return words(f"{first} join {second} on t1.subject_id = t2.subject_id", where(*one_after_other(q)))


def after_said(it: EventWords, noun: str, then: str) -> tuple[str, ...]:
    """How many had one event after another; the filter is on both, so it stands where it is not read as one's alone."""
    return (
        f"[g1], how many patients {it.verb.they('')} [w] after {noun}?",
        f"how many patients had {then} [w] after {noun}~(, both [g1])?",
        f"{noun}, then {then} [w]~(, both [g1]): how many patients?",
        f"[g1], number of patients with {then} [w] after {noun}?",
        f"[count] the patients with {then} [w] after {noun}~(, both [g1]).",
        f"patients with {noun} followed [w] by {then}~(, both [g1]): how many?",
        f"[tell] how many patients had {then} [w] after {noun}~(, both [g1]).",
        f"[can] how many patients~(, [g1],) {it.verb.they('')} [w] after {noun}?",
        f"in how many patients was {noun} followed [w] by {then}~(, both [g1])?",
    )
