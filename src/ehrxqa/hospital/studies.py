"""The X-ray studies of a subject: when, which views, and what they show.

Most studies fall into stays (daily in intensive care), the rest between them. No image is taken on the
very second where one unit stay ends and the next begins, so each image belongs to at most one stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ehrxqa.hospital.findings import Finding, FindingHistory
from ehrxqa.hospital.life import DAY, HOUR, Admission, Subject
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import CONDITIONS

__all__ = ["FRONTAL", "Image", "Study", "studies_of"]

FRONTAL = ("AP", "PA")
#: Rows and columns of a picture as shares of its longer side.
_SHAPES = ((1.0, 0.83), (1.0, 0.875), (0.96, 0.83), (0.92, 0.92))
_BEDSIDE_SHAPES = ((1.0, 0.83), (0.83, 1.0), (0.92, 0.92), (0.875, 1.0))


@dataclass(frozen=True)
class Image:
    """One image of a study.

    Attributes:
        image_id: Five groups of eight hexadecimal digits.
        view: View position as in the metadata; empty if unknown.
        rows, columns: Size in pixels.
        time: Milliseconds since 1970-01-01.
        running: Running number within the subject.
        graph: `full`, `partial` (some boxes missing), or `none` (no scene graph); frontal views only.
    """

    image_id: str
    view: str
    rows: int
    columns: int
    time: int
    running: int
    graph: str

    @property
    def frontal(self) -> bool:
        """Whether it is an AP or PA view."""
        return self.view in FRONTAL


@dataclass(frozen=True)
class Study:
    """One X-ray study.

    Attributes:
        running: Running number within the subject, in time order from 0.
        portable: Whether it was taken at the bedside.
        order: Rank of its time within the subject, from 1.
    """

    study_id: int
    running: int
    order: int
    time: int
    portable: bool
    reason: str
    images: tuple[Image, ...]
    findings: tuple[Finding, ...]

    @property
    def first_frontal(self) -> Image | None:
        """The image that stands for the study in the cohorts."""
        frontal = [image for image in self.images if image.frontal]
        return min(frontal, key=lambda image: (image.time, image.image_id)) if frontal else None


def studies_of(plan: Plan, subject: Subject) -> tuple[Study, ...]:
    """All studies of the subject, in time order."""
    if not subject.x_rayed:
        return ()
    rng = stream(plan.seed, Purpose.STUDIES, subject.number)
    limit = min(plan.slots - 1, 40)
    moments = _moments(subject, rng)[:limit]
    history = FindingHistory(rng, partial(plan.share, subject.number))
    borders = {b for unit in subject.units for b in (unit.start, unit.end) if b is not None}
    studies: list[Study] = []
    shown = 0
    for running, (moment, states, reason, portable) in enumerate(moments):
        milliseconds = moment * 1000 + int(rng.integers(0, 1000))
        images = _images(rng, milliseconds, portable, shown, borders, plan.image_size)
        findings = history.study(states, moment, bedside=portable)
        if subject.gold and running == 0:  # the study checked by hand has a frontal image
            while not any(image.frontal for image in images):
                images = _images(rng, milliseconds, portable, shown, borders, plan.image_size)
        shown += len(images)
        study_id = plan.study_id(subject.number, running)
        time = min(image.time for image in images)
        studies.append(Study(study_id, running, 0, time, portable, reason, images, findings))
    return _ranked(studies)


def _ranked(studies: list[Study]) -> tuple[Study, ...]:
    """The studies with their order: dense rank of the time, then of the id without its last two digits."""
    keys = sorted({(study.time, study.study_id // 100) for study in studies})
    rank = {key: order for order, key in enumerate(keys, 1)}
    return tuple(
        Study(
            s.study_id, s.running, rank[s.time, s.study_id // 100], s.time, s.portable, s.reason, s.images, s.findings
        )
        for s in studies
    )


def _moments(subject: Subject, rng: np.random.Generator) -> list[tuple[int, frozenset[str], str, bool]]:
    """(second, states, reason, portable) of each study, at least 20 minutes apart, in time order."""
    chronic = {*subject.conditions, *subject.illnesses, *({"elderly"} if subject.age >= 70 else ())}
    moments: list[tuple[int, frozenset[str], str, bool]] = []
    reasons = {c.name: c.reason for c in CONDITIONS}
    for admission in subject.admissions:
        moments += _inpatient(admission, chronic, reasons, rng)
    for unit in subject.units:
        if unit.hadm_id is None and unit.end is not None and rng.random() < 0.7:
            second = int(rng.integers(unit.start + 60, unit.end - 60))
            episode = "trauma" if rng.random() < 0.2 else "pneumonia" if rng.random() < 0.2 else ""
            moments.append((second, frozenset(chronic | {episode}), reasons.get(episode, "chest pain"), False))
    outpatient = int(rng.poisson(0.8 + 0.25 * len(subject.conditions)))
    if not moments:
        outpatient = max(outpatient, 1)
    if rng.random() < 0.01:
        outpatient += int(rng.integers(18, 30))  # the few who come for years
    span = max(subject.last - subject.first + 30 * DAY, 60 * DAY)
    for _ in range(outpatient):
        second = subject.first - 20 * DAY + int(rng.integers(0, span))
        second = second // DAY * DAY + int(rng.integers(8 * HOUR, 18 * HOUR))
        reason = reasons[str(rng.choice(subject.conditions))] if subject.conditions else "cough"
        moments.append((second, frozenset(chronic), reason, False))
    if subject.died_on is not None:
        moments = [m for m in moments if m[0] < subject.died_on + DAY] or moments[:1]
    moments.sort(key=lambda moment: moment[0])
    apart: list[tuple[int, frozenset[str], str, bool]] = []
    for moment in moments:
        if not apart or moment[0] - apart[-1][0] >= 1200:
            apart.append(moment)
    return apart


def _inpatient(
    admission: Admission, chronic: set[str], reasons: dict[str, str], rng: np.random.Generator
) -> list[tuple[int, frozenset[str], str, bool]]:
    reason = reasons[admission.reason]
    states = chronic | set(admission.conditions) | set(admission.illnesses) | {"inpatient"}
    moments = []
    if rng.random() < 0.62:
        start = admission.emergency[0] if admission.emergency else admission.start
        second = start + int(rng.integers(1200, 6 * HOUR))
        if second < admission.end - 600:
            moments.append((second, frozenset(states), reason, bool(rng.random() < 0.4)))
    ward = int(rng.poisson(min(admission.end - admission.start, 12 * DAY) / DAY * 0.09))
    for _ in range(ward):
        second = int(rng.integers(admission.start + 600, admission.end - 600))
        moments.append((second, frozenset(states), reason, bool(rng.random() < 0.5)))
    for stay in admission.icu:
        sick = states | {"icu"} | ({"ventilated"} if stay.ventilated else set())
        if stay.ventilated and admission.reason in ("heart_failure", "coronary", "sepsis"):
            sick |= {"cardiogenic"}
        days = int(min((stay.end - stay.start) // DAY + 1, 12))
        for day in range(days):
            second = stay.start + day * DAY + int(rng.integers(600, 20 * HOUR))
            if second < stay.end - 60 and rng.random() < (0.6 if stay.ventilated else 0.35):
                moments.append((second, frozenset(sick), "intensive care, check lines and tubes", True))
    return moments


def _images(
    rng: np.random.Generator, time: int, portable: bool, shown: int, borders: set[int], side: int
) -> tuple[Image, ...]:
    """The views of a study: one AP at the bedside, else PA and lateral, with the usual exceptions."""
    kind = rng.random()
    if portable:
        views = ["AP"] if kind < 0.88 else ["AP", "AP"]
    elif kind < 0.78:
        views = ["PA", "LATERAL" if rng.random() < 0.85 else "LL"]
    elif kind < 0.86:
        views = ["PA"]
    elif kind < 0.91:
        views = ["AP", "LATERAL"]
    elif kind < 0.94:
        views = ["PA", "PA", "LATERAL"]
    elif kind < 0.97:
        views = ["LATERAL"]
    else:
        views = ["PA", "LATERAL", ""]
    shapes = _BEDSIDE_SHAPES if portable else _SHAPES
    rows, columns = (8 * round(share * side / 8) for share in shapes[int(rng.integers(0, len(shapes)))])
    step = int(rng.integers(2_000, 240_000)) if rng.random() < 0.2 else 0
    images = []
    for position, view in enumerate(views):
        moment = time + position * step
        while moment // 1000 in borders:
            moment += 1000
        digits = rng.bytes(20).hex()
        image_id = "-".join(digits[i : i + 8] for i in range(0, 40, 8))
        fate = rng.random()
        graph = "none" if fate < 0.008 else "partial" if fate < 0.025 else "full"
        images.append(Image(image_id, view, rows, columns, moment, shown + position, graph))
    return tuple(images)
