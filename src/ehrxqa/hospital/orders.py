"""What is ordered, billed, given and cultured in an admission: rows of the smaller hospital tables."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ehrxqa.hospital.clock import date_text, time_text
from ehrxqa.hospital.life import DAY, HOUR, Admission, Subject
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import (
    Choice,
    Culture,
    Drug,
    IcuItem,
    Title,
    condition_titles,
    cultures,
    drugs,
    icu_items,
    organisms,
)

__all__ = ["Rows", "orders_of"]

Row = tuple[object, ...]
#: Table key → rows in the column order of the catalogue.
Rows = dict[str, list[Row]]

_STRIDE = 100_000
_SENSITIVITY = ("S", "S", "S", "R", "I")
_ANTIBIOTICS = (
    "CEFTRIAXONE",
    "LEVOFLOXACIN",
    "GENTAMICIN",
    "TRIMETHOPRIM/SULFA",
    "VANCOMYCIN",
    "MEROPENEM",
    "CEFEPIME",
)


def orders_of(plan: Plan, subject: Subject) -> Rows:
    """Diagnoses, procedures, prescriptions, cultures, intake and output of a subject."""
    rng = stream(plan.seed, Purpose.ORDERS, subject.number)
    rows: Rows = {key: [] for key in ("diagnoses_icd", "procedures_icd", "prescriptions", "microbiologyevents")}
    rows |= {"inputevents": [], "outputevents": []}
    for admission in subject.admissions:
        rows["diagnoses_icd"] += _diagnoses(rng, subject, admission)
        rows["procedures_icd"] += _procedures(rng, subject, admission)
        rows["prescriptions"] += _prescriptions(rng, subject, admission)
        _cultures(rng, plan, subject, admission, rows["microbiologyevents"])
        for stay in admission.icu:
            days = (stay.end - stay.start) / DAY
            place = (subject.subject_id, admission.hadm_id, stay.stay_id)
            rows["inputevents"] += _intake(rng, place, stay.start, stay.end, int(min(days, 15) * 7) + 3)
            rows["outputevents"] += _output(rng, place, stay.start, stay.end, int(min(days, 15) * 6) + 2)
    if subject.recorded and rng.random() < 0.4:  # a culture outside any admission
        _cultures(rng, plan, subject, None, rows["microbiologyevents"])
    return rows


@cache
def _conditioned(kind: str) -> dict[str, tuple[tuple[Any, ...], Choice]]:
    """Condition → drugs or cultures of it with a weighted choice."""
    items: tuple[Drug | Culture, ...] = drugs() if kind == "drugs" else cultures()
    groups: dict[str, list[Drug | Culture]] = {}
    for item in items:
        groups.setdefault(item.condition, []).append(item)
    return {c: (tuple(group), Choice([i.weight for i in group])) for c, group in groups.items()}


def _titles(
    rng: np.random.Generator, kind: str, admission: Admission, per_condition: tuple[float, float], background: int
) -> list[Title]:
    """Distinct codes: those of the reason first, then of the other conditions, then unrelated ones."""
    table = condition_titles(kind)
    chosen: list[Title] = []
    for condition in (*admission.conditions, "background"):
        titles, choice = table.get((condition, admission.version), ((), None))
        if choice is None:
            continue
        if condition == "background":
            count = background
        elif condition == admission.reason:
            count = 1 + int(rng.poisson(per_condition[0]))
        else:
            count = int(rng.poisson(per_condition[1]))
        chosen += [titles[i] for i in choice.draw(rng, count).tolist()]
    return list(dict.fromkeys(chosen))


def _diagnoses(rng: np.random.Generator, subject: Subject, admission: Admission) -> list[Row]:
    titles = _titles(rng, "diagnoses", admission, (1.2, 1.25), 2 + int(rng.poisson(2.5)))
    place = (subject.subject_id, admission.hadm_id)
    return [(*place, number, title.code, title.version) for number, title in enumerate(titles, 1)]


def _procedures(rng: np.random.Generator, subject: Subject, admission: Admission) -> list[Row]:
    if rng.random() < 0.4:
        return []
    titles = _titles(rng, "procedures", admission, (0.4, 0.15), int(rng.poisson(0.5)))
    titles = titles if admission.icu or rng.random() < 0.6 else titles[:1]
    spread = max(admission.end - admission.start, DAY)
    moments = [admission.start + int(spread * rng.beta(0.7, 2)) for _ in titles]
    place = (subject.subject_id, admission.hadm_id)
    return [
        (*place, number, date_text(moment), title.code, title.version)
        for number, (title, moment) in enumerate(zip(titles, moments, strict=True), 1)
    ]


def _prescriptions(rng: np.random.Generator, subject: Subject, admission: Admission) -> list[Row]:
    table = _conditioned("drugs")
    days = (admission.end - admission.start) / DAY
    chosen: list[Drug] = []
    for condition in (*admission.conditions, "background"):
        if condition in table:
            items, choice = table[condition]
            mean = 5 + min(days, 12) * 0.7 if condition == "background" else 3 if condition == admission.reason else 1.6
            chosen += [items[i] for i in choice.draw(rng, int(rng.poisson(mean))).tolist()]
    rows: list[Row] = []
    for number, drug in enumerate(chosen, 1):
        begin = admission.start + int(rng.beta(0.6, 1.6) * max(admission.end - admission.start - HOUR, HOUR))
        begin -= begin % HOUR
        stop = begin + int(rng.lognormal(0.6, 0.9) * DAY) // HOUR * HOUR
        if rng.random() < 0.8:
            stop = min(stop, admission.end - admission.end % HOUR + HOUR)
        fate, kind = rng.random(), rng.random()
        dose = drug.doses[int(rng.integers(0, len(drug.doses)))] if rng.random() < 0.6 else drug.doses[0]
        unit = "BAG" if fate > 0.985 else drug.unit
        route = drug.routes[int(rng.integers(0, len(drug.routes)))] if rng.random() < 0.5 else drug.routes[0]
        if fate < 0.02:  # orders of a line or pump carry no dose at all
            dose = unit = route = ""
        rows.append(
            (
                subject.subject_id,
                admission.hadm_id,
                int(rng.integers(10_000_000, 99_999_999)),
                f"{subject.subject_id}-{number}",
                number,
                admission.provider,
                time_text(begin),
                "" if 0.02 < fate < 0.025 else time_text(stop),
                "BASE" if drug.form in ("BAG", "mL") and kind < 0.3 else "MAIN",
                "" if kind > 0.998 else drug.name,
                (drug.name.replace(" ", "")[:5] + "1").upper(),
                f"{_sum(drug.name) % 100_000:06d}",
                "0" if kind < 0.1 else f"{_sum(drug.name) * 7919 % 10**11:011d}",
                drug.strength,
                "",
                dose,
                unit,
                "1" if dose else "",
                drug.form if dose else "",
                int(rng.integers(1, 5)) if kind < 0.6 else "",
                "N/A " if 0.03 < fate < 0.033 else route,
            )
        )
    return rows


def _sum(text: str) -> int:
    """A number that depends on a text and on nothing else."""
    total = 7
    for letter in text:
        total = (total * 31 + ord(letter)) % 1_000_003
    return total


def _cultures(
    rng: np.random.Generator, plan: Plan, subject: Subject, admission: Admission | None, rows: list[Row]
) -> None:
    table = _conditioned("cultures")
    conditions = admission.conditions if admission else subject.conditions
    chosen: list[Culture] = []
    for condition in (*conditions, "background"):
        if condition in table:
            items, choice = table[condition]
            mean = 2.2 if condition in ("sepsis", "pneumonia", "urinary") else 0.5
            chosen += [items[i] for i in choice.draw(rng, int(rng.poisson(mean))).tolist()]
    if admission and admission.icu:
        chosen += [c for c in cultures() if c.specimen == "MRSA SCREEN"]
    for culture in chosen:
        begin, end = (admission.start, admission.end) if admission else (subject.first, subject.last)
        moment = begin + int(rng.beta(0.5, 1.5) * max(end - begin, DAY))
        moment -= moment % 60
        fate = rng.random()
        grown: list[str] = []
        if culture.groups and fate < culture.positive:
            names, choice = organisms()[culture.groups[int(rng.integers(0, len(culture.groups)))]]
            grown = [names[int(choice.draw(rng, 1)[0])]]
        tested = int(rng.integers(1, 4)) if grown and rng.random() < 0.6 else 1
        specimen = int(rng.integers(1_000_000, 9_999_999))
        for number in range(tested):
            tests = bool(grown) and tested > 1
            rows.append(
                (
                    subject.number * _STRIDE + len(rows) + 1,
                    subject.subject_id,
                    admission.hadm_id if admission else "",
                    specimen,
                    admission.provider if admission and fate > 0.5 else "",
                    date_text(moment) + " 00:00:00",
                    "" if fate > 0.93 else time_text(moment),
                    70_000 + _sum(culture.specimen) % 100,
                    culture.specimen,
                    1,
                    date_text(moment + 2 * DAY) + " 00:00:00",
                    time_text(moment + 2 * DAY),
                    90_000 + _sum(culture.test) % 300,
                    culture.test,
                    80_000 + _sum(grown[0]) % 300 if grown else "",
                    grown[0] if grown else "",
                    1 if grown else "",
                    "",
                    90_000 + number if tests else "",
                    _ANTIBIOTICS[(number + specimen) % len(_ANTIBIOTICS)] if tests else "",
                    "<=1" if tests else "",
                    "<=        " if tests else "",
                    1 if tests else "",
                    _SENSITIVITY[int(rng.integers(0, 5))] if tests else "",
                    "" if grown else "NO GROWTH.  " if culture.groups else "NEGATIVE.  ",
                )
            )


@cache
def _icu(linksto: str) -> tuple[tuple[IcuItem, ...], Choice]:
    items = tuple(item for item in icu_items() if item.linksto == linksto)
    return items, Choice([item.weight for item in items])


def _amounts(rng: np.random.Generator, linksto: str, count: int) -> list[tuple[IcuItem, float, int]]:
    """(item, amount, seconds after the start as a share of a million) of `count` events in time order."""
    items, choice = _icu(linksto)
    which = choice.draw(rng, count).tolist()
    scale = np.exp(rng.standard_normal(count) * np.array([items[i].spread for i in which]))
    shares = np.sort(rng.integers(0, 1_000_000, count)).tolist()
    return [(items[i], items[i].centre * float(s), t) for i, s, t in zip(which, scale, shares, strict=True)]


def _intake(rng: np.random.Generator, place: tuple[int, int, int], start: int, end: int, count: int) -> list[Row]:
    rows: list[Row] = []
    caregiver = int(rng.integers(1000, 99999))
    for item, amount, share in _amounts(rng, "inputevents", count):
        moment = start + (end - start) * share // 1_000_000
        moment -= moment % 60
        stop = moment + int(rng.integers(1, 240)) * 60
        fluid = item.unit == "mL"
        rate = fluid and rng.random() < 0.5
        given = round(amount, 0 if rng.random() < 0.6 else 2) if amount >= 1 else round(amount, 4)
        order = int(rng.integers(1, 9_999_999))
        rows.append(
            (
                *place,
                caregiver,
                time_text(moment),
                time_text(stop),
                time_text(moment + 600),
                item.itemid,
                f"{given:g}" if rng.random() > 0.004 else "",
                "ml" if fluid else item.unit,
                f"{amount * 3600 / (stop - moment):.4f}" if rate else "",
                "mL/hour" if rate else "",
                order,
                order,
                "02-Fluids (Crystalloids)" if fluid else "01-Drips",
                "",
                "Main order parameter",
                "Continuous IV" if rate else "Bolus" if fluid else "Drug Push",
                round(60 + 40 * (order % 97) / 97, 1),
                f"{given:g}" if fluid else 100,
                "ml",
                0,
                0,
                ("FinishedRunning", "ChangeDose/Rate", "Stopped")[order % 3],
                f"{given:g}",
                f"{amount:.2f}",
            )
        )
    return rows


def _output(rng: np.random.Generator, place: tuple[int, int, int], start: int, end: int, count: int) -> list[Row]:
    rows: list[Row] = []
    caregiver = int(rng.integers(1000, 99999))
    for item, amount, share in _amounts(rng, "outputevents", count):
        moment = (start + (end - start) * share // 1_000_000) // HOUR * HOUR
        if moment < start:
            moment += HOUR
        value = max(round(amount / 5) * 5, 1)
        rows.append(
            (*place, caregiver, time_text(moment), time_text(moment + 420), item.itemid, value, "ml")
            if rng.random() > 0.002
            else (*place, caregiver, time_text(moment), time_text(moment + 420), item.itemid, f"{amount:.1f}", "ml")
        )
    return rows
