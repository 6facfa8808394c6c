"""A subject as one page: admissions, ICU stays, studies, diagnoses, drugs, measurements, all in shifted time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.explorer.data_images import words_of
from ehrxqa.explorer.library import Library, StudyRef
from ehrxqa.sql.sandbox import Sandbox

__all__ = ["Admission", "Drug", "FindingRow", "IcuStay", "Series", "SubjectView", "subject_view"]


@dataclass(frozen=True, slots=True)
class IcuStay:
    """An ICU stay, as in ICUSTAYS."""

    stay_id: int
    unit: str
    start: str
    end: str | None


@dataclass(frozen=True, slots=True)
class Drug:
    """Prescriptions of one drug during an admission.

    Attributes:
        name: Of the drug.
        route: The routes, separated by commas.
        start, end: First start and last stop.
        times: How many prescriptions.
    """

    name: str
    route: str
    start: str
    end: str | None
    times: int


@dataclass(frozen=True)
class Admission:
    """An admission and what was billed and given during it.

    Attributes:
        hadm_id, start, end, kind, came_from, went_to, insurance, age: As in ADMISSIONS; `end` is None for a stay that
            has not ended.
        stays: ICU stays.
        diagnoses, procedures: Their titles, in the order of their rows.
        drugs: By first start.
        cultures: Specimen, test, organism found, and when.
        studies: X-rays taken during it.
    """

    hadm_id: int
    start: str
    end: str | None
    kind: str
    came_from: str
    went_to: str
    insurance: str
    age: int | None
    stays: tuple[IcuStay, ...]
    diagnoses: tuple[str, ...]
    procedures: tuple[str, ...]
    drugs: tuple[Drug, ...]
    cultures: tuple[tuple[str, str, str, str], ...]
    studies: tuple[StudyRef, ...]


@dataclass(frozen=True)
class Series:
    """Measurements of one item.

    Attributes:
        name, unit: Of the item.
        points: (time, value, admission), by time.
    """

    name: str
    unit: str
    points: tuple[tuple[str, float, int | None], ...]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """An attribute, its category in words, and per study the objects where it is present."""

    attribute: str
    category: str
    objects: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SubjectView:
    """Everything about a subject.

    Attributes:
        base: Database that holds the subject.
        subject_id, gender, born, died: As in PATIENTS.
        admissions: By time.
        studies: By time.
        labs, vitals: Often measured items first.
        findings: The grid of attributes by study.
    """

    base: str
    subject_id: int
    gender: str
    born: str
    died: str | None
    admissions: tuple[Admission, ...]
    studies: tuple[StudyRef, ...]
    labs: tuple[Series, ...]
    vitals: tuple[Series, ...]
    findings: tuple[FindingRow, ...]


_ADMISSIONS: Final = """
SELECT hadm_id, admittime, dischtime, admission_type, admission_location, discharge_location, insurance, age
FROM admissions WHERE subject_id = ? ORDER BY admittime, hadm_id"""
_STAYS: Final = """
SELECT hadm_id, stay_id, first_careunit, intime, outtime FROM icustays WHERE subject_id = ? ORDER BY intime"""
_DIAGNOSES: Final = """
SELECT e.hadm_id, coalesce(d.long_title, e.icd_code) FROM diagnoses_icd e
LEFT JOIN d_icd_diagnoses d ON d.icd_code = e.icd_code WHERE e.subject_id = ? ORDER BY e.row_id"""
_PROCEDURES: Final = """
SELECT e.hadm_id, coalesce(d.long_title, e.icd_code) FROM procedures_icd e
LEFT JOIN d_icd_procedures d ON d.icd_code = e.icd_code WHERE e.subject_id = ? ORDER BY e.row_id"""
_DRUGS: Final = """
SELECT hadm_id, drug, group_concat(DISTINCT route), min(starttime), max(stoptime), count(*) FROM prescriptions
WHERE subject_id = ? GROUP BY hadm_id, drug ORDER BY min(starttime), drug"""
_CULTURES: Final = """
SELECT hadm_id, spec_type_desc, test_name, org_name, charttime FROM microbiologyevents
WHERE subject_id = ? ORDER BY charttime, row_id"""
_LABS: Final = """
SELECT coalesce(d.label, e.itemid), e.valueuom, e.charttime, e.valuenum, e.hadm_id FROM labevents e
LEFT JOIN d_labitems d ON d.itemid = e.itemid
WHERE e.subject_id = ? AND e.valuenum IS NOT NULL ORDER BY e.charttime, e.row_id"""
_VITALS: Final = """
SELECT coalesce(d.label, e.itemid), e.valueuom, e.charttime, e.valuenum, e.hadm_id FROM chartevents e
LEFT JOIN d_items d ON d.itemid = e.itemid
WHERE e.subject_id = ? AND e.valuenum IS NOT NULL ORDER BY e.charttime, e.row_id"""


def subject_view(library: Library, subject_id: int) -> SubjectView | None:
    """Everything about a subject of the databases; None if there is no such subject.

    Raises:
        NeuralSqlError: The database cannot be read.
    """
    if not 0 <= subject_id < 1 << 63:  # SQLite knows no such number
        return None
    for base in ("test", "train"):
        if base not in library.databases:
            continue
        with library.sandbox(base) as sandbox:
            of = sandbox.run("SELECT gender, dob, dod FROM patients WHERE subject_id = ?", (subject_id,)).rows
            if of:
                return _view(library, sandbox, base, subject_id, of[0])
    return None


def _view(library: Library, sandbox: Sandbox, base: str, subject_id: int, person: Sequence[Any]) -> SubjectView:
    studies = tuple(study for study in library.by_subject.get(subject_id, ()) if study.base == base)
    parts = {
        name: _by_admission(sandbox, sql, subject_id)
        for name, sql in (
            ("stays", _STAYS),
            ("diagnoses", _DIAGNOSES),
            ("procedures", _PROCEDURES),
            ("drugs", _DRUGS),
            ("cultures", _CULTURES),
        )
    }
    admissions = tuple(_admission(row, parts, studies) for row in sandbox.run(_ADMISSIONS, (subject_id,)).rows)
    gender, born, died = person
    return SubjectView(
        base=base,
        subject_id=subject_id,
        gender={"m": "male", "f": "female"}.get(str(gender).lower(), "unknown"),
        born=str(born or "")[:10],
        died=None if died is None else str(died),
        admissions=admissions,
        studies=studies,
        labs=_series(sandbox, _LABS, subject_id),
        vitals=_series(sandbox, _VITALS, subject_id),
        findings=_findings(library, studies),
    )


def _by_admission(sandbox: Sandbox, sql: str, subject_id: int) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for hadm_id, *rest in sandbox.run(sql, (subject_id,)):
        if isinstance(hadm_id, int | float):
            found.setdefault(int(hadm_id), []).append(tuple(rest))
    return found


def _admission(
    row: Sequence[Any], parts: Mapping[str, Mapping[int, list[tuple[Any, ...]]]], studies: Sequence[StudyRef]
) -> Admission:
    hadm_id, start, end, kind, came_from, went_to, insurance, age = row
    of = {name: found.get(hadm_id, []) for name, found in parts.items()}
    return Admission(
        hadm_id,
        str(start),
        None if end is None else str(end),
        str(kind or ""),
        str(came_from or ""),
        str(went_to or ""),
        str(insurance or ""),
        age,
        tuple(IcuStay(stay, str(unit), str(begun), _text(ended)) for stay, unit, begun, ended in of["stays"]),
        tuple(dict.fromkeys(str(title) for (title,) in of["diagnoses"])),
        tuple(dict.fromkeys(str(title) for (title,) in of["procedures"])),
        tuple(
            Drug(str(name), str(route or ""), str(first), _text(last), n) for name, route, first, last, n in of["drugs"]
        ),
        tuple(tuple(str(cell or "") for cell in culture) for culture in of["cultures"]),  # type: ignore[misc]
        tuple(study for study in studies if str(start) <= study.time and (end is None or study.time <= str(end))),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _series(sandbox: Sandbox, sql: str, subject_id: int) -> tuple[Series, ...]:
    found: dict[tuple[str, str], list[tuple[str, float, int | None]]] = {}
    for name, unit, time, value, hadm_id in sandbox.run(sql, (subject_id,)):
        if isinstance(value, int | float):
            admission = int(hadm_id) if isinstance(hadm_id, int | float) else None
            found.setdefault((str(name), str(unit or "")), []).append((str(time), float(value), admission))
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(Series(name, unit, tuple(points)) for (name, unit), points in ordered)


def _findings(library: Library, studies: Sequence[StudyRef]) -> tuple[FindingRow, ...]:
    grid: dict[tuple[str, str], list[list[str]]] = {}
    for place, study in enumerate(studies):
        for finding in library.findings(study):
            row = grid.setdefault((finding.category, finding.attribute), [[] for _ in studies])
            row[place].append(finding.object)
    return tuple(
        FindingRow(attribute, words_of(category), tuple(map(tuple, row)))
        for (category, attribute), row in sorted(grid.items())
    )
