"""Subjects of tables that others have made, as far as their X-rays need to know them.

The synthetic hospital lives its subjects first and writes tables afterwards; here the tables are there, and the
illnesses are read from their diagnosis codes: a code of our vocabulary means its condition or illness, another what
most codes with the same first three signs mean. What comes only with a condition means that condition, too.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from ehrxqa.errors import SourceError
from ehrxqa.hospital.illnesses import illnesses
from ehrxqa.hospital.life import DAY, HOUR, Admission, IcuStay, Subject, UnitStay
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import CONDITIONS, diagnoses
from ehrxqa.sources.tree import SourceTree

__all__ = ["RECORDED_TABLES", "count_subjects", "read_subjects"]

#: Tables that the subjects are read from, by catalogue key.
RECORDED_TABLES = ("patients", "admissions", "transfers", "icustays", "diagnoses_icd", "procedures_icd")

#: Codes for mechanical ventilation, ICD-9 and ICD-10 procedures.
_VENTILATION = ("967", "5A19")
#: Shorter admissions and unit stays hold no study: there would hardly be time for one.
_SHORTEST_ADMISSION = 2 * HOUR
_SHORTEST_UNIT = HOUR
#: What an admission is for if none of its codes says.
_UNKNOWN = "gi"

_Row = Mapping[str, str]


def read_subjects(plan: Plan, tree: SourceTree) -> list[Subject]:
    """All subjects of a tree's tables, by subject_id; the plan says which of them are gold, and draws what is not told.

    Raises:
        SourceError: A table is missing, or a value is not what it should be.
    """
    tables = {key: _by_subject(tree.locate(key)) for key in RECORDED_TABLES}
    ids = sorted(tables["patients"])
    return [_subject(plan, number, subject_id, tables) for number, subject_id in enumerate(ids)]


def count_subjects(tree: SourceTree) -> int:
    """How many subjects the tables know."""
    return len(_by_subject(tree.locate("patients")))


def _by_subject(path: Path) -> dict[int, list[_Row]]:
    """The rows of a table by subject."""
    found: dict[int, list[_Row]] = defaultdict(list)
    for line, row in _rows(path):
        try:
            found[int(row["subject_id"])].append(row)
        except (KeyError, ValueError, TypeError) as error:
            raise SourceError("has no number in column subject_id", path=path, line=line) from error
    return found


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            reader = csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
            for row in reader:
                yield reader.line_num, row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError("cannot be read to its end; download it again", path=path) from error


def _subject(plan: Plan, number: int, subject_id: int, tables: dict[str, dict[int, list[_Row]]]) -> Subject:
    own = {key: table.get(subject_id, []) for key, table in tables.items()}
    person = own["patients"][0]
    rng = stream(plan.seed, Purpose.LIFE, number)
    try:
        admissions = sorted((_admission(row, own) for row in own["admissions"]), key=lambda one: one.start)
        admissions = [one for one in admissions if one.end - one.start >= _SHORTEST_ADMISSION]
        units = [_unit(row) for row in own["transfers"]]
        units = [one for one in units if one.end is None or one.end - one.start >= _SHORTEST_UNIT]
        times = [*(one.start for one in admissions), *(one.end for one in admissions), *(one.start for one in units)]
        start_of_year = _seconds(f"{int(person['anchor_year'])}-01-01 00:00:00")
        chronic = {condition.name for condition in CONDITIONS if condition.chronic}
        ever = [name for one in admissions for name in one.conditions]
        suffered = [name for one in admissions for name in one.illnesses]
        return Subject(
            number=number,
            subject_id=subject_id,
            gold=number in plan.gold,
            gender=person["gender"],
            age=int(person["anchor_age"]),
            anchor_year=int(person["anchor_year"]),
            anchor_group=person["anchor_year_group"],
            race="",
            language="",
            died_on=_seconds(f"{person['dod']} 00:00:00") if person["dod"] else None,
            conditions=tuple(name for name in dict.fromkeys(ever) if name in chronic),
            recorded=True,
            x_rayed=True,
            first=min(times, default=start_of_year),
            last=max(times, default=start_of_year),
            body=float(np.clip(rng.normal(1.0, 0.06), 0.85, 1.17)),
            admissions=admissions,
            units=units,
            illnesses=tuple(name for name in dict.fromkeys(suffered) if illnesses()[name].chronic),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise SourceError(f"a row of a subject cannot be understood in one of {', '.join(RECORDED_TABLES)}") from error


def _admission(row: _Row, own: dict[str, list[_Row]]) -> Admission:
    hadm_id = row["hadm_id"]
    coded = [code for code in own["diagnoses_icd"] if code["hadm_id"] == hadm_id]
    coded.sort(key=lambda code: int(code["seq_num"]))
    meant = [name for code in coded if (name := _meaning(code["icd_code"].strip(), code["icd_version"].strip()))]
    conditions = [name for what in meant if (name := _implied().get(what, what)) not in illnesses()]
    arrived, left = row["edregtime"], row["edouttime"]
    procedures = (code["icd_code"] for code in own["procedures_icd"] if code["hadm_id"] == hadm_id)
    ventilated = any(code.startswith(_VENTILATION) for code in procedures)
    return Admission(
        hadm_id=int(hadm_id),
        start=_seconds(row["admittime"]),
        end=_seconds(row["dischtime"]),
        reason=conditions[0] if conditions else _UNKNOWN,
        conditions=tuple(dict.fromkeys(conditions)),
        kind=row["admission_type"],
        location=row["admission_location"],
        discharge=row["discharge_location"],
        insurance=row["insurance"],
        marital_status=row["marital_status"],
        provider="",
        version="",
        emergency=(_seconds(arrived), _seconds(left)) if arrived and left else None,
        died=row["hospital_expire_flag"] == "1",
        illnesses=tuple(dict.fromkeys(name for name in meant if name in illnesses())),
        icu=[_icu_stay(stay, ventilated=ventilated) for stay in own["icustays"] if stay["hadm_id"] == hadm_id],
    )


def _icu_stay(row: _Row, *, ventilated: bool) -> IcuStay:
    return IcuStay(
        stay_id=int(row["stay_id"]),
        hadm_id=int(row["hadm_id"]),
        first_careunit=row["first_careunit"],
        last_careunit=row["last_careunit"],
        start=_seconds(row["intime"]),
        end=_seconds(row["outtime"]) if row["outtime"] else _seconds(row["intime"]) + DAY,
        ventilated=ventilated,
    )


def _unit(row: _Row) -> UnitStay:
    return UnitStay(
        transfer_id=int(row["transfer_id"]),
        hadm_id=int(row["hadm_id"]) if row["hadm_id"] else None,
        eventtype=row["eventtype"],
        careunit=row["careunit"],
        start=_seconds(row["intime"]),
        end=_seconds(row["outtime"]) if row["outtime"] else None,
    )


def _seconds(text: str) -> int:
    return int(np.datetime64(text.strip().replace(" ", "T"), "s").astype(np.int64))


@cache
def _by_code() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    """Meaning of each code, and of each code's first three signs (what most codes that begin so mean)."""
    known = {condition.name for condition in CONDITIONS} | illnesses().keys()
    exact = {(title.code, title.version): title.condition for title in diagnoses() if title.condition in known}
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (code, version), condition in exact.items():
        votes[code[:3], version][condition] += 1
    return exact, {key: min(count, key=lambda name: (-count[name], name)) for key, count in votes.items()}


@cache
def _implied() -> dict[str, str]:
    """Illness → the condition that it only comes with."""
    known = {condition.name for condition in CONDITIONS}
    return {
        name: next(other for other in illness.boosts if other in known)
        for name, illness in illnesses().items()
        if not illness.young and not illness.old and known & illness.boosts.keys()
    }


def _meaning(code: str, version: str) -> str | None:
    exact, first_signs = _by_code()
    return exact.get((code, version)) or first_signs.get((code[:3], version))
