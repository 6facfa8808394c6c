"""Which findings each X-ray study of a subject shows, and where.

A finding begins with a probability that depends on the subject's conditions and state at the time of the
study (chronic illness, reason of admission, intensive care, ventilation), keeps its place, and stays
from study to study with the persistence of its kind. What is drawn is what the labels say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ehrxqa.hospital.ontology import SIDES
from ehrxqa.hospital.vocabulary import CONDITIONS, FindingKind, finding_kinds

__all__ = ["Finding", "FindingHistory"]

_ILL = {condition.name for condition in CONDITIONS} - {"hypertension", "psychiatric", "alcohol"}
_ZONES = ("upper lung zone", "mid lung zone", "lower lung zone", "apical zone")
_ZONE_SHARE = (0.22, 0.25, 0.45, 0.08)


@dataclass(frozen=True)
class Finding:
    """A finding in one study.

    Attributes:
        kind: Key of its kind.
        attributes: Attributes it is reported as.
        places: Objects it is reported in.
        severity: 0 (slight) to 1 (severe).
        trend: `new`, `same`, `better` or `worse` since the study before.
    """

    kind: str
    attributes: tuple[str, ...]
    places: tuple[str, ...]
    severity: float
    trend: str


class FindingHistory:
    """The findings of one subject through time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._present: dict[str, tuple[tuple[str, ...], float]] = {}
        self._lasting: dict[str, tuple[str, ...]] = {}

    def study(self, states: frozenset[str]) -> tuple[Finding, ...]:
        """The findings of the next study of a subject who is in `states` (conditions and situations)."""
        findings = []
        kinds = finding_kinds()
        draws = self._rng.random((len(kinds), 2))
        if "effusion" in self._present:
            states = states | {"effusion"}
        health = 0.7 if states & _ILL else 0.3  # people without any illness mostly have normal images
        for kind, (begins, stays) in zip(kinds, draws, strict=True):
            previous = self._present.pop(kind.name, None)
            chance = kind.base * health
            for state, more in kind.boosts.items():
                if state in states:
                    chance += more
            if previous is not None and stays < kind.keeps:
                places, severity = previous
                step = float(self._rng.normal(0, 0.15))
                trend = "same" if abs(step) < 0.1 else "worse" if step > 0 else "better"
                severity = float(np.clip(severity + step, 0.05, 1))
            elif begins < min(chance, 0.97) * (0.55 if previous is None else 0.8):
                places = self._lasting.get(kind.name) or self._places(kind)
                severity, trend = float(self._rng.beta(1.8, 2.2)), "new"
                if kind.keeps > 0.8:
                    self._lasting[kind.name] = places  # chronic findings come back where they were
            else:
                continue
            self._present[kind.name] = (places, severity)
            findings.append(Finding(kind.name, kind.attributes, places, severity, trend))
        return tuple(findings)

    def _places(self, kind: FindingKind) -> tuple[str, ...]:
        rng = self._rng
        one = SIDES[int(rng.random() < 0.45)]
        match kind.sides:
            case "both":
                sides: tuple[str, ...] = SIDES
            case "either":
                sides = SIDES if rng.random() < 0.3 else (one,)
            case _:
                sides = (one,)
        words = {
            "{z}": _ZONES[int(np.searchsorted(np.cumsum(_ZONE_SHARE), rng.random()))],
            "{u}": _ZONES[0] if rng.random() < 0.75 else _ZONES[3],
            "{r}": "right" if rng.random() < 0.72 else "left",
        }
        places: list[str] = []
        for place in kind.places:
            for mark, word in words.items():
                place = place.replace(mark, word)
            places += [place.replace("{s}", side) for side in sides] if "{s}" in place else [place]
        return tuple(places)
