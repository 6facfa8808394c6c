"""What table families about one patient share: the sentence's patient, the rows meant, and how a template is put together."""

from __future__ import annotations

from typing import Any, Final

from ehrxqa.questions.events import EVENTS, EventKind
from ehrxqa.questions.template import Template

__all__ = ["AT_THAT_TIME", "PATIENT", "ROWS", "grains_of", "single", "with_slot"]

PATIENT: Final = "patient {patient_id}"
#: Rows of the event that the patient, the name and the time filter leave.
ROWS: Final = "from <T> where <in> <nm> <g1>"
#: Of those, the ones at the first or last time; several rows may share it.
AT_THAT_TIME: Final = "and <c> = ( select distinct <c> from <T> where <in> <nm> <g1> <e1> )"


def with_slot(phrase: str, slot: str) -> str:
    """A phrase of an event with the slot of its name in it."""
    return phrase.replace("{}", f"{{{slot}}}")


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
