"""What is ordered, billed, given and cultured in an admission: rows of the smaller hospital tables."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.clock import date_text, time_text
from ehrxqa.hospital.coding import coded_illnesses
from ehrxqa.hospital.illnesses import illnesses
from ehrxqa.hospital.life import DAY, HOUR, Admission, Subject
from ehrxqa.hospital.measurements import LabRows
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import (
    CONDITIONS,
    Culture,
    Drug,
    IcuItem,
    Title,
    WeightedChoice,
    condition_titles,
    cultures,
    drugs,
    icu_items,
    organisms,
)

__all__ = ["Rows", "orders_of"]

Row = tuple[object, ...]
Floats = NDArray[np.float64]
#: Table key → rows in the column order of the catalogue.
Rows = dict[str, list[Row]]

_STRIDE = 100_000
#: The sources code no more diagnoses than this in one admission.
_MOST_CODES = 39
#: Illness → mean number of procedures for it, where that is not small.
_DONE = {
    "delivery": 1.4,
    "dialysis_status": 0.8,
    "respiratory_failure": 0.6,
    "pleural_effusion": 0.4,
    "fracture_limb": 0.5,
    "nstemi": 0.6,
    "stemi": 0.9,
    "anemia": 0.5,
    "blood_loss": 0.3,
    "gi_bleed": 0.6,
    "appendicitis": 0.8,
    "biliary": 0.5,
    "ascites": 0.4,
}
#: Mean number of procedures of an admission that are seldom done, where its illnesses call for some.
_SELDOM_DONE = 1.0
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


def orders_of(plan: Plan, subject: Subject, laboratory: LabRows) -> Rows:
    """Diagnoses, procedures, prescriptions, cultures, intake and output of a subject.

    Args:
        plan: The hospital.
        subject: The subject.
        laboratory: Its laboratory rows: codes follow from values, and drugs from both.
    """
    lasting = stream(plan.seed, Purpose.ILLNESSES, subject.number, 1).random(len(illnesses()) + len(CONDITIONS))
    rng = stream(plan.seed, Purpose.ORDERS, subject.number)
    apart = stream(plan.seed, Purpose.SELDOM_PROCEDURES, subject.number)
    rows: Rows = {key: [] for key in ("diagnoses_icd", "procedures_icd", "prescriptions", "microbiologyevents")}
    rows |= {"inputevents": [], "outputevents": []}
    for admission in subject.admissions:
        coded = coded_illnesses(rng, subject, admission, laboratory)
        rows["diagnoses_icd"] += _diagnoses(rng, subject, admission, coded, lasting)
        usual = _procedures(rng, subject, admission, coded)
        rows["procedures_icd"] += usual + _seldom(apart, subject, admission, coded, behind=len(usual))
        rows["prescriptions"] += _prescriptions(rng, subject, admission, coded)
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
def _conditioned(kind: str) -> dict[str, tuple[tuple[Any, ...], WeightedChoice]]:
    """Condition → drugs or cultures of it with a weighted choice."""
    items: tuple[Drug | Culture, ...] = drugs() if kind == "drugs" else cultures()
    groups: dict[str, list[Drug | Culture]] = {}
    for item in items:
        groups.setdefault(item.condition, []).append(item)
    return {c: (tuple(group), WeightedChoice([i.weight for i in group])) for c, group in groups.items()}


@cache
def _chronic() -> dict[str, int]:
    """Condition or illness that lasts → its place among all of them."""
    lasting = [condition.name for condition in CONDITIONS if condition.chronic]
    return {name: place for place, name in enumerate([*lasting, *(i.name for i in illnesses().values() if i.chronic)])}


def _fitting(
    rng: np.random.Generator, kind: str, subject: Subject, admission: Admission, name: str, count: int, *, first: float
) -> list[Title]:
    """Up to `count` codes of a condition or illness that fit the subject's sex and age; `first` decides the first."""
    titles, choice = condition_titles(kind).get((name, admission.version), ((), None))
    if choice is None or not count:
        return []
    places = [choice.at(first), *choice.draw(rng, 2 * count).tolist()]
    fitting = [titles[place] for place in places if titles[place].people.has(subject.gender, subject.age)]
    return list(dict.fromkeys(fitting))[:count]


def _diagnoses(
    rng: np.random.Generator, subject: Subject, admission: Admission, coded: tuple[str, ...], lasting: Floats
) -> list[Row]:
    """Codes: those of the reason first, then of what else there is; what lasts keeps its code from stay to stay."""
    titles: list[Title] = []
    chances = rng.random(len(admission.conditions) + len(coded)).tolist()
    for name, chance in zip((*admission.conditions, *coded), chances, strict=True):
        if name == admission.reason:
            count = 1 + int(rng.poisson(0.5))
        elif name in illnesses():
            count = 1 + int(rng.poisson(illnesses()[name].codes - 0.92))
        else:
            count = 1 + int(rng.poisson(0.3))
        first = float(lasting[_chronic()[name]]) if name in _chronic() else chance
        titles += _fitting(rng, "diagnoses", subject, admission, name, count, first=first)
    place = (subject.subject_id, admission.hadm_id)
    unique = list(dict.fromkeys(titles))[:_MOST_CODES]
    return [(*place, number, title.code, title.version) for number, title in enumerate(unique, 1)]


def _procedures(rng: np.random.Generator, subject: Subject, admission: Admission, coded: tuple[str, ...]) -> list[Row]:
    if rng.random() < 0.25:
        return []
    titles: list[Title] = []
    for name in (*admission.conditions, *coded, "background"):
        mean = 0.8 if name == "background" else 1.1 if name == admission.reason else _DONE.get(name, 0.45)
        count = int(rng.poisson(mean))
        titles += _fitting(rng, "procedures", subject, admission, name, count, first=float(rng.random()))
    titles = list(dict.fromkeys(titles))
    titles = titles if admission.icu or rng.random() < 0.75 else titles[:1]
    return _done(rng, subject, admission, titles)


def _seldom(
    rng: np.random.Generator, subject: Subject, admission: Admission, coded: tuple[str, ...], *, behind: int
) -> list[Row]:
    """What is done for few: of what an admission may call for, one or two, behind its other procedures."""
    names = [
        name
        for name in (*admission.conditions, *coded)
        if (name, admission.version) in condition_titles("seldom_procedures")
    ]
    wanted = int(rng.poisson(_SELDOM_DONE))
    chosen = [names[place] for place in rng.permutation(len(names))[:wanted].tolist()]
    titles = [
        title
        for name in chosen
        for title in _fitting(rng, "seldom_procedures", subject, admission, name, 1, first=float(rng.random()))
    ]
    return _done(rng, subject, admission, list(dict.fromkeys(titles)), behind)


def _done(
    rng: np.random.Generator, subject: Subject, admission: Admission, titles: list[Title], behind: int = 0
) -> list[Row]:
    """Rows of procedures, numbered from behind those that are there, on days of the admission."""
    spread = max(admission.end - admission.start, DAY)
    moments = [admission.start + int(spread * rng.beta(0.7, 2)) for _ in titles]
    place = (subject.subject_id, admission.hadm_id)
    return [
        (*place, number, date_text(moment), title.code, title.version)
        for number, (title, moment) in enumerate(zip(titles, moments, strict=True), behind + 1)
    ]


@cache
def _formulary() -> dict[str, Drug]:
    return {drug.name: drug for drug in drugs()}


def _ordered(rng: np.random.Generator, admission: Admission, coded: tuple[str, ...]) -> list[Drug]:
    """What is ordered in an admission; most of it more than once, as doses and routes change."""
    table = _conditioned("drugs")
    days = min((admission.end - admission.start) / DAY, 16)
    chosen: list[Drug] = []
    for name in (*admission.conditions, *coded, "background"):
        if name in table:
            items, choice = table[name]
            usual = 0.7 if name in illnesses() else 1.7
            mean = 9 + days if name == "background" else 3.0 if name == admission.reason else usual
            chosen += [items[place] for place in choice.draw(rng, int(rng.poisson(mean))).tolist()]
        if name in illnesses():
            given = illnesses()[name].drugs
            draws = rng.random(len(given)).tolist()
            chosen += [
                _formulary()[drug] for (drug, share), draw in zip(given.items(), draws, strict=True) if draw < share
            ]
    distinct = list(dict.fromkeys(chosen))
    again = rng.poisson(0.65 + 0.27 * days, len(distinct)).tolist()
    return [drug for drug, more in zip(distinct, again, strict=True) for _ in range(1 + more)]


def _prescriptions(
    rng: np.random.Generator, subject: Subject, admission: Admission, coded: tuple[str, ...]
) -> list[Row]:
    chosen = _ordered(rng, admission, coded)
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
    found = admission or subject
    conditions = (*found.conditions, *found.illnesses)
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
def _icu(linksto: str) -> tuple[tuple[IcuItem, ...], WeightedChoice]:
    items = tuple(item for item in icu_items() if item.linksto == linksto)
    return items, WeightedChoice([item.weight for item in items])


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
