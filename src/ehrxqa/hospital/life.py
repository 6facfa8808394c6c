"""One subject's life as the hospital sees it: person, illnesses, emergency visits, admissions, units.

Times are whole seconds since 1970-01-01 in no time zone; dates lie in the 22nd century, as in the
de-identified sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ehrxqa.hospital.illnesses import acute_illnesses, chronic_illnesses
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.release_values import RELEASE_VALUES
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import CONDITIONS, recorded_values
from ehrxqa.spec.releases import MIMIC_IV

__all__ = ["DAY", "HOUR", "Admission", "IcuStay", "Subject", "UnitStay", "live"]

HOUR = 3600
DAY = 86_400

_EMERGENCY = "Emergency Department"
_ICU_OF = {
    "heart_failure": "Coronary Care Unit (CCU)",
    "coronary": "Coronary Care Unit (CCU)",
    "postop": "Cardiac Vascular Intensive Care Unit (CVICU)",
    "trauma": "Trauma SICU (TSICU)",
    "stroke": "Neuro Surgical Intensive Care Unit (Neuro SICU)",
}


@dataclass(frozen=True)
class UnitStay:
    """A row of the transfers: a stay in one unit, or the discharge (no unit, no end)."""

    transfer_id: int
    hadm_id: int | None
    eventtype: str
    careunit: str
    start: int
    end: int | None


@dataclass(frozen=True)
class IcuStay:
    """A stay in intensive care."""

    stay_id: int
    hadm_id: int
    first_careunit: str
    last_careunit: str
    start: int
    end: int
    ventilated: bool


@dataclass
class Admission:
    """A hospital admission.

    Attributes:
        reason: The condition it is for.
        conditions: All conditions of the subject that matter in it, `reason` included.
        version: ICD version of its codes, `9` or `10`.
        illnesses: Illnesses of the subject in it, chronic ones included (`ehrxqa.hospital.illnesses`).
    """

    hadm_id: int
    start: int
    end: int
    reason: str
    conditions: tuple[str, ...]
    kind: str
    location: str
    discharge: str
    insurance: str
    marital_status: str
    provider: str
    version: str
    emergency: tuple[int, int] | None
    died: bool
    icu: list[IcuStay] = field(default_factory=list)
    illnesses: tuple[str, ...] = ()


@dataclass
class Subject:
    """A person with everything that happened to them in the hospital.

    Attributes:
        age: Age in `anchor_year`.
        conditions: Chronic conditions.
        recorded: Whether the hospital tables know the subject; a few have X-rays only.
        x_rayed: Whether the subject has X-ray studies.
        first, last: First and last second of the time in which the subject was seen.
        body: Overall size; 1 is average.
        illnesses: Illnesses that the subject lives with.
    """

    number: int
    subject_id: int
    gold: bool
    gender: str
    age: int
    anchor_year: int
    anchor_group: str
    race: str
    language: str
    died_on: int | None
    conditions: tuple[str, ...]
    recorded: bool
    x_rayed: bool
    first: int
    last: int
    body: float
    admissions: list[Admission] = field(default_factory=list)
    units: list[UnitStay] = field(default_factory=list)
    illnesses: tuple[str, ...] = ()


def _year_start(year: int) -> int:
    return int(np.datetime64(f"{year}-01-01", "s").astype(np.int64))


def _pick(kind: str, rng: np.random.Generator) -> str:
    names, choice = recorded_values()[kind]
    return names[int(choice.draw(rng, 1)[0])]


def live(plan: Plan, number: int) -> Subject:
    """Make subject `number` with admissions and unit stays, in time order."""
    rng = stream(plan.seed, Purpose.LIFE, number)
    gold = number in plan.gold
    kind = rng.random()
    recorded = gold or kind >= 0.05
    x_rayed = gold or kind < 0.88
    age = _age(rng)
    anchor_year = int(rng.integers(2110, 2200))
    first = _year_start(anchor_year) + int(rng.integers(0, 330 * DAY))
    slope = np.clip((age - 30) / 50, 0, 1.2)
    draws = rng.random(len(CONDITIONS))
    has = [c for c, u in zip(CONDITIONS, draws, strict=True) if u < c.young + (c.old - c.young) * slope]
    values = RELEASE_VALUES[plan.versions[MIMIC_IV.slug]]
    subject = Subject(
        number=number,
        subject_id=plan.subject_id(number),
        gold=gold,
        gender="F" if rng.random() < 0.52 else "M",
        age=age,
        anchor_year=anchor_year,
        anchor_group=values.groups[int(rng.integers(0, len(values.groups)))],
        race=_pick("race", rng),
        language=values.language(rng.random()),
        died_on=None,
        conditions=tuple(c.name for c in has if c.chronic),
        recorded=recorded,
        x_rayed=x_rayed,
        first=first,
        last=first,
        body=float(np.clip(rng.normal(1.0, 0.06), 0.85, 1.17)),
    )
    if recorded:
        _admit(plan, subject, tuple(c.name for c in has if not c.chronic), rng)
    subject.last = max(subject.last, first + int(rng.uniform(0.2, 3.5) * 365) * DAY)
    if subject.died_on is None and rng.random() < 0.05 + 0.15 * slope:
        subject.died_on = subject.last // DAY * DAY + int(rng.integers(5, 360)) * DAY
    _fall_ill(subject, stream(plan.seed, Purpose.ILLNESSES, number))
    return subject


def _fall_ill(subject: Subject, rng: np.random.Generator) -> None:
    """Give a subject the illnesses that go with age, sex and conditions, and each admission its own."""
    subject.illnesses = chronic_illnesses(rng, subject.gender, subject.age, subject.conditions)
    for admission in subject.admissions:
        present = (*subject.illnesses, *admission.conditions)
        acute = acute_illnesses(rng, subject.gender, subject.age, present)
        admission.illnesses = (*subject.illnesses, *acute)


def _age(rng: np.random.Generator) -> int:
    """18 to 88 like the admitted, 91 for the oldest (as the sources blur them), rarely a child."""
    kind = rng.random()
    if kind < 0.004:
        return int(rng.integers(0, 11))
    if kind > 0.985:
        return 91
    return int(np.clip(rng.normal(60, 18), 18, 88))


def _admit(plan: Plan, subject: Subject, episodes: tuple[str, ...], rng: np.random.Generator) -> None:
    """Give the subject admissions and emergency visits, one after the other."""
    count = int(np.clip(rng.geometric(0.42) + len(subject.conditions) // 4, 1, 6))
    if rng.random() < 0.03:
        count = 0  # only seen as an outpatient or in the emergency department
    reasons = [*episodes, *(c for c in subject.conditions if c not in ("hypertension", "granuloma"))] or ["gi"]
    values = RELEASE_VALUES[plan.versions[MIMIC_IV.slug]]
    insurance = "Medicare" if subject.age >= 65 else values.insurance(rng.random())
    marital = ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED", "")[int(rng.choice(5, p=(0.44, 0.36, 0.1, 0.07, 0.03)))]
    clock = subject.first
    ids = iter(range(plan.slots))
    for running in range(count):
        if rng.random() < 0.22:
            clock = _emergency_visit(plan, subject, clock, ids, rng)
        reason = reasons[running % len(reasons)] if running < len(episodes) else str(rng.choice(reasons))
        others = [c for c in subject.conditions if c != reason and rng.random() < 0.85]
        if rng.random() < 0.12:
            others.append("pneumonia" if reason != "pneumonia" else "sepsis")
        admission = _admission(plan, subject, running, clock, reason, (reason, *others), rng)
        admission.insurance, admission.marital_status = insurance, marital
        subject.admissions.append(admission)
        _units(plan, subject, admission, ids, rng)
        subject.last = admission.end
        if admission.died:
            subject.died_on = admission.end // DAY * DAY
            break
        clock = admission.end + int(rng.exponential(140) * DAY) + 2 * DAY
    if subject.died_on is None and (not subject.admissions or rng.random() < 0.1):
        subject.last = _emergency_visit(plan, subject, clock, ids, rng)


def _emergency_visit(plan: Plan, subject: Subject, clock: int, ids: Iterator[int], rng: np.random.Generator) -> int:
    """An emergency stay without admission; returns when the subject may come again."""
    start = clock + int(rng.integers(0, DAY))
    end = start + int(rng.lognormal(1.5, 0.5) * HOUR) + 600
    transfer_id = plan.unit_stay_id(subject.number, next(ids))
    subject.units.append(UnitStay(transfer_id, None, "ED", _EMERGENCY, start, end))
    if rng.random() < 0.5:
        transfer_id = plan.unit_stay_id(subject.number, next(ids))
        subject.units.append(UnitStay(transfer_id, None, "discharge", "", end, None))
    return end + int(rng.uniform(3, 90) * DAY)


def _admission(
    plan: Plan,
    subject: Subject,
    running: int,
    clock: int,
    reason: str,
    conditions: tuple[str, ...],
    rng: np.random.Generator,
) -> Admission:
    severe = reason in ("sepsis", "postop", "stroke", "trauma", "heart_failure", "pneumonia")
    days = float(np.clip(rng.lognormal(1.35 if severe else 0.85, 0.8), 0.3, 29))
    if rng.random() < 0.012:
        days = float(rng.uniform(32, 90))  # the long stays that the official builder leaves out
    kind = _pick("admission type", rng)
    start = clock // DAY * DAY + DAY + int(rng.normal(18.5, 4.5) % 24 * HOUR)  # most come in the evening
    start -= start % 60
    end = start + int(days * DAY)
    end -= end % 60
    emergency = None
    location = _pick("admission location", rng)
    if kind.startswith(("EW", "EU", "OBSERVATION")) or location == "EMERGENCY ROOM":
        location = "EMERGENCY ROOM" if rng.random() < 0.8 else location
        emergency = (start - int(rng.uniform(1, 9) * HOUR), start + int(rng.uniform(0, 1.5) * HOUR))
        emergency = (emergency[0] - emergency[0] % 60, min(emergency[1] - emergency[1] % 60, end - HOUR))
    died = bool(rng.random() < (0.045 if severe else 0.01) + 0.02 * (subject.age > 75))
    return Admission(
        hadm_id=plan.hadm_id(subject.number, running),
        start=start,
        end=end,
        reason=reason,
        conditions=conditions,
        kind=kind,
        location=location,
        discharge="DIED" if died else _pick("discharge location", rng),
        insurance="",
        marital_status="",
        provider=f"P{int(rng.integers(0, 16**5)):05X}",
        version="9" if subject.anchor_group < "2015" and rng.random() < 0.85 else "10",
        emergency=emergency,
        died=died,
    )


def _edges(start: int, end: int, *, with_icu: bool, rng: np.random.Generator) -> tuple[list[int], int | None]:
    """Borders of the units of an admission, and which is intensive care: two days of it, if there is time."""
    wards = int(min(rng.poisson(0.8), 4))
    if not with_icu:
        cuts = np.sort(rng.random(wards))
        return [start, *(start + (cuts * (end - start)).astype(np.int64)).tolist(), end], None
    length = int(min(rng.lognormal(1.1, 0.8) * DAY, 0.92 * (end - start)))
    begin = start + int(rng.beta(0.5, 1.8) * (end - start - length))
    cuts = np.sort(rng.random(wards))
    after = (begin + length + (cuts * (end - begin - length)).astype(np.int64)).tolist()
    return [start, begin, begin + length, *after, end], 1


def _units(plan: Plan, subject: Subject, admission: Admission, ids: Iterator[int], rng: np.random.Generator) -> None:
    """Emergency department, wards and ICUs of an admission, one after the other without gap."""

    def add(eventtype: str, careunit: str, start: int, end: int | None) -> int:
        transfer_id = plan.unit_stay_id(subject.number, next(ids))
        subject.units.append(UnitStay(transfer_id, admission.hadm_id, eventtype, careunit, start, end))
        return transfer_id

    if admission.emergency is not None:
        start, moved = admission.emergency[0], max(admission.emergency[1], admission.start)
        add("ED", _EMERGENCY, start, moved)
    else:
        moved = admission.start
    severe = admission.reason in ("sepsis", "postop", "stroke", "trauma", "pneumothorax", "heart_failure")
    with_icu = rng.random() < (0.55 if severe else 0.16)
    edges, icu_part = _edges(moved, admission.end, with_icu=with_icu, rng=rng)
    parts = len(edges) - 1
    previous = ""
    for part in range(parts):
        start, end = int(edges[part]), int(edges[part + 1])
        if end - start < 1800:
            edges[part + 1] = start  # too short to be a stay of its own: it goes to the next unit
            continue
        unit = _pick("ward", rng)
        if part == icu_part:
            unit = _ICU_OF.get(admission.reason, "") if rng.random() < 0.6 else ""
            unit = unit or _pick("icu", rng)
        identifier = add("transfer" if previous else "admit", unit, start, end)
        if part == icu_part:
            admission.icu.append(
                IcuStay(
                    stay_id=identifier,
                    hadm_id=admission.hadm_id,
                    first_careunit=unit,
                    last_careunit=unit if rng.random() < 0.9 else _pick("icu", rng),
                    start=start,
                    end=end,
                    ventilated=bool(rng.random() < (0.5 if severe else 0.25)),
                )
            )
        previous = unit
    add("discharge", "UNKNOWN" if rng.random() < 0.02 else "", admission.end, None)
