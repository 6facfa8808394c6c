"""Which findings each X-ray study of a subject shows, and where.

A finding begins with a probability that depends on the subject's conditions and state at the time of the
study (chronic illness, reason of admission, intensive care, ventilation), keeps its place and its names, and
stays from study to study with the persistence of its kind. Names that go together, such as consolidation and
pneumonia, do so often and not always. What is drawn is what the labels say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ehrxqa.hospital.life import DAY
from ehrxqa.hospital.ontology import SIDES
from ehrxqa.hospital.vocabulary import CONDITIONS, FindingKind, finding_kinds

__all__ = ["Finding", "FindingHistory"]

_ILL = {condition.name for condition in CONDITIONS} - {"hypertension", "psychiatric", "alcohol"}
_ZONES = ("upper lung zone", "mid lung zone", "lower lung zone", "apical zone")
_ZONE_SHARE = (0.22, 0.25, 0.45, 0.08)
#: Days after which what passes is gone as likely as at the next daily study.
_DAYS = 4


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
    """The findings of one subject through time.

    Args:
        rng: Chance.
        share: Kind that lasts → a number from 0 to 1; the subject has it as soon as its probability exceeds that.
    """

    def __init__(self, rng: np.random.Generator, share: Callable[[str], float]) -> None:
        self._rng = rng
        self._share = {kind.name: share(kind.name) for kind in finding_kinds() if kind.lasts}
        self._present: dict[str, Finding] = {}
        self._seen = 0

    def study(self, states: frozenset[str], second: int, *, bedside: bool) -> tuple[Finding, ...]:
        """The findings of the next study of a subject who is in `states` (conditions and situations).

        Args:
            states: Conditions and situations.
            second: When the study is; what passes is the likelier gone the longer ago the last study was.
            bedside: Whether it is taken in bed; nobody walks to the X-ray room with a tube in the trachea.
        """
        kinds = finding_kinds()
        draws = self._rng.random((len(kinds), 2)).tolist()
        if "effusion" in self._present:
            states = states | {"effusion"}
        health = 0.7 if states & _ILL else 0.3  # people without any illness mostly have normal images
        days = max((second - self._seen) / DAY, 0.0)
        before, self._present, self._seen = self._present, {}, second
        for kind, (begins, stays) in zip(kinds, draws, strict=True):
            if kind.bedside and not bedside:
                continue
            previous = before.get(kind.name)
            boosts = sum(more for state, more in kind.boosts.items() if state in states)
            if kind.lasts:
                there = previous is not None or self._share[kind.name] < min(1.8 * kind.base * health + boosts, 0.95)
            elif previous is not None and stays < kind.keeps ** max(1.0, days / _DAYS):
                there = True
            else:
                there = begins < min(kind.base * health + boosts, 0.97) * (0.55 if previous is None else 0.8)
                previous = None
            if there:
                self._present[kind.name] = self._began(kind) if previous is None else self._went_on(kind, previous)
        return tuple(self._present.values())

    def _began(self, kind: FindingKind) -> Finding:
        draws = self._rng.random(len(kind.reported)).tolist()
        reported = tuple(name for (name, chance), u in zip(kind.reported.items(), draws, strict=True) if u < chance)
        severity = float(self._rng.beta(1.6, 1.9))
        return Finding(kind.name, reported or kind.attributes[:1], self._places(kind), severity, "new")

    def _went_on(self, kind: FindingKind, previous: Finding) -> Finding:
        step = float(self._rng.normal(0, 0.04 if kind.lasts else 0.15))
        trend = "same" if abs(step) < 0.1 else "worse" if step > 0 else "better"
        severity = float(np.clip(previous.severity + step, 0.05, 1))
        return Finding(kind.name, previous.attributes, previous.places, severity, trend)

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
