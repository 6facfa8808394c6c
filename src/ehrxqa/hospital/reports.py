"""What the report of a study says: sentences, each about one finding in some objects.

The truth is in the findings. The report states every finding; it adds explicit negatives, remarks
without place, and now and then an earlier sentence that a later one takes back, so that "the last
statement counts" matters. A negative that would deny a finding (or what covers it) comes before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.ontology import ATTRIBUTES, CATEGORY_OF, PLACES, attribute_parents, object_parents
from ehrxqa.hospital.vocabulary import finding_kinds, phrases

__all__ = ["Sentence", "covered", "report_of"]

_TRENDS = {"same": "no change", "better": "improved", "worse": "worsened"}
_COMPARISON = {"same": "unchanged", "better": "improved", "worse": "worse than before", "new": "new"}
_TEXTURE = {kind.name: kind.texture for kind in finding_kinds()}


@dataclass(frozen=True)
class Sentence:
    """One sentence of a report.

    Attributes:
        text: Its words.
        section: `finalreport` or `history`.
        places: Objects it is about; `unknown` where it names none.
        statements: (attribute, whether present).
        texture, severity, temporal, comparison: Cue words, without category.
    """

    text: str
    section: str
    places: tuple[str, ...]
    statements: tuple[tuple[str, bool], ...]
    texture: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    temporal: tuple[str, ...] = ()
    comparison: tuple[str, ...] = ()


def covered(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    """All (object, attribute) that are true: the findings and what covers them."""
    pairs: set[tuple[str, str]] = set()
    queue = [(place, attribute) for f in findings for place in f.places for attribute in f.attributes]
    while queue:
        place, attribute = pair = queue.pop()
        if pair not in pairs:
            pairs.add(pair)
            queue += [(place, parent) for parent in attribute_parents(attribute)]
            queue += [(parent, attribute) for parent in object_parents(place)]
    return pairs


def report_of(rng: np.random.Generator, findings: tuple[Finding, ...]) -> tuple[Sentence, ...]:
    """The sentences of a report, in order."""
    truth = covered(findings)
    before: list[Sentence] = []
    after: list[Sentence] = []
    told = [_positive(rng, finding) for finding in findings]
    for _ in range(int(rng.integers(2, 6))):
        sentence, denies = _negative(rng, truth)
        (before if denies or rng.random() < 0.4 else after).append(sentence)
    if rng.random() < 0.15:
        before.insert(0, _history(rng, truth))
    if rng.random() < 0.08:
        taken_back = _taken_back(rng, truth)
        before, after = [*taken_back[:1], *before], [*after, *taken_back[1:]]
    if rng.random() < 0.2:
        attribute = str(rng.choice(ATTRIBUTES))
        if not any(a == attribute for _, a in truth):
            after.append(_sentence(rng, "unknown", ("unknown",), ((attribute, False),)))
    if rng.random() < 0.6 or not told:
        after.insert(0, _normal(rng, truth))
    order = rng.permutation(len(told)).tolist()
    return (*before, *(told[i] for i in order), *after)


def _words(places: tuple[str, ...]) -> str:
    return places[0] if len(places) == 1 else ", ".join(places[:-1]) + " and " + places[-1]


def _sentence(
    rng: np.random.Generator,
    kind: str,
    places: tuple[str, ...],
    statements: tuple[tuple[str, bool], ...],
    *,
    section: str = "finalreport",
    severity: str = "",
    texture: str = "",
    trend: str = "",
) -> Sentence:
    forms = phrases(kind)
    form = forms[int(rng.integers(0, len(forms)))]
    text = form.format(
        finding=" and ".join(attribute for attribute, _ in statements) or "finding",
        places=_words(places),
        severity=severity,
        texture=texture,
        comparison=_COMPARISON.get(trend, "new"),
    )
    text = " ".join(text.split())
    return Sentence(
        text=text[0].upper() + text[1:],
        section=section,
        places=places,
        statements=statements,
        texture=(texture,) if texture else (),
        severity=(severity,) if severity else (),
        temporal=("acute",) if trend == "new" and rng.random() < 0.2 else (),
        comparison=(_TRENDS[trend],) if trend in _TRENDS and "{comparison}" in form else (),
    )


def _positive(rng: np.random.Generator, finding: Finding) -> Sentence:
    device = CATEGORY_OF[finding.attributes[0]] in ("device", "tubesandlines")
    severity = "" if device or rng.random() < 0.5 else ("mild", "moderate", "severe")[int(finding.severity * 2.99)]
    return _sentence(
        rng,
        "device" if device else "positive",
        finding.places,
        tuple((attribute, True) for attribute in finding.attributes),
        severity=severity,
        texture=_TEXTURE[finding.kind] if rng.random() < 0.6 else "",
        trend=finding.trend,
    )


def _negative(rng: np.random.Generator, truth: set[tuple[str, str]]) -> tuple[Sentence, bool]:
    """A denial, and whether it touches something true (it must then come before the finding)."""
    common = ("pneumothorax", "pleural effusion", "consolidation", "pulmonary edema/hazy opacity", "lung opacity")
    attribute = str(rng.choice(common)) if rng.random() < 0.7 else str(rng.choice(ATTRIBUTES))
    places = PLACES[attribute]
    whole = tuple(p for p in ("right lung", "left lung") if p in places)
    if len(whole) == 2 and rng.random() < 0.5:
        chosen = whole
    else:
        count = min(int(rng.integers(1, 3)), len(places))
        chosen = tuple(places[i] for i in sorted(rng.choice(len(places), count, replace=False).tolist()))
    sentence = _sentence(rng, "negative", chosen, ((attribute, False),))
    denied = {(p, a) for p, a in _closure(chosen, attribute)}
    return sentence, bool(denied & truth)


def _closure(places: tuple[str, ...], attribute: str) -> set[tuple[str, str]]:
    return covered((Finding("", (attribute,), places, 0.0, "new"),))


def _history(rng: np.random.Generator, truth: set[tuple[str, str]]) -> Sentence:
    """A sentence of the history: a finding that was there once, or is asked about."""
    attribute = str(rng.choice(("pneumothorax", "pleural effusion", "pneumonia", "lung opacity", "rib fracture")))
    places = PLACES[attribute]
    place = places[int(rng.integers(0, len(places)))]
    known = (place, attribute) in truth
    return _sentence(rng, "history", (place,), ((attribute, known),), section="history")


def _taken_back(rng: np.random.Generator, truth: set[tuple[str, str]]) -> list[Sentence]:
    """Two sentences: a finding of the past, and that it is gone; none if that would touch something true."""
    attribute = str(rng.choice(("pneumothorax", "pleural effusion", "rib fracture", "atelectasis")))
    places = (f"{('left', 'right')[int(rng.integers(0, 2))]} lung",)
    if _closure(places, attribute) & truth:
        return []
    past = _sentence(rng, "history", places, ((attribute, True),), section="history")
    return [past, _sentence(rng, "negative", places, ((attribute, False),))]


def _normal(rng: np.random.Generator, truth: set[tuple[str, str]]) -> Sentence:
    touched = {place for place, _ in truth}
    free = [p for p in ("cardiac silhouette", "mediastinum", "left lung", "right lung", "spine") if p not in touched]
    places = tuple(free[: int(rng.integers(1, 3))]) or ("unknown",)
    return _sentence(rng, "normal", places, ())
