"""Subjects, admissions, ICU stays and transfers as the source has them, read once for all databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ehrxqa.counting import counted
from ehrxqa.database.calendar import year_of
from ehrxqa.database.draws import OFFICIAL_SEED, Draws
from ehrxqa.database.event_times import AdmissionTimes
from ehrxqa.database.frame import NAT, ColumnKind, Frame, FrameColumn
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.inferred import as_read
from ehrxqa.database.parser_blocks import TextColumn, block_rows, blocks
from ehrxqa.errors import SourceError
from ehrxqa.sources.catalogue import SourceKind, source_file
from ehrxqa.sources.table_stream import concatenate, read_header, read_table, stream_table
from ehrxqa.sources.text import lowered
from ehrxqa.sources.tree import SourceTree

__all__ = ["AGE_RANGE", "STAY_PERCENTILE", "Clinical", "read_clinical"]

#: Ages at admission that take part, both ends excluded, in years.
AGE_RANGE = (10, 90)
#: Admissions that last as long as this percentile of all, or longer, do not take part.
STAY_PERCENTILE = 99


@dataclass
class Clinical:
    """The source tables of the admission block.

    Attributes:
        patients: subject_id, gender, dob, dod of the subjects with X-rays.
        admissions: Usable admissions of the subjects with X-rays, with age in years.
        times: Admission and discharge of all usable admissions, whoever the subject.
        icustays, transfers: Rows of the subjects with X-rays.
        transfer_hadm_had_null: Whether some transfer of the file has no admission.
        counts: Rows in and kept, by table.
    """

    patients: Frame
    admissions: Frame
    times: AdmissionTimes
    icustays: Frame
    transfers: Frame
    transfer_hadm_had_null: bool
    counts: dict[str, dict[str, int]]


def read_clinical(tree: SourceTree, subjects: IdSet, seed: int = OFFICIAL_SEED) -> Clinical:
    """Read the four tables.

    Args:
        tree: The sources.
        subjects: Subjects with X-rays in any of the databases.
        seed: Seed of the drawn days of birth.

    Raises:
        SourceError: A file is missing or damaged, an id occurs twice, or an admission's subject is unknown.
    """
    patients, anchors = _read_patients(tree, seed)
    _unique(tree, "patients", "subject_id", patients.data("subject_id"))
    admissions = _read(tree, "admissions", None)
    _unique(tree, "admissions", "hadm_id", admissions.data("hadm_id"))
    all_admissions = len(admissions)
    admissions = _usable(tree, admissions, anchors)
    times = _times(admissions)
    usable = len(admissions)
    all_patients = len(patients)
    patients = patients.take(subjects.has(patients.data("subject_id")))
    admissions = admissions.take(subjects.has(admissions.data("subject_id")))
    all_stays = read_table(tree, "icustays", ["stay_id"]).num_rows
    icustays = _read(tree, "icustays", subjects)
    _unique(tree, "icustays", "stay_id", icustays.data("stay_id"))
    transfers = _read(tree, "transfers", subjects)
    return Clinical(
        patients=patients,
        admissions=admissions,
        times=times,
        icustays=icustays,
        transfers=transfers,
        transfer_hadm_had_null=transfers["hadm_id"].kind is ColumnKind.REAL,
        counts={
            "patients": {"rows": all_patients, "with X-rays": len(patients)},
            "admissions": {"rows": all_admissions, "of usable age and length": usable, "with X-rays": len(admissions)},
            "icustays": {"rows": all_stays, "with X-rays": len(icustays)},
            "transfers": {"with X-rays": len(transfers)},
        },
    )


def _read(tree: SourceTree, key: str, subjects: IdSet | None) -> Frame:
    """The used columns of a table; if `subjects` are given, only their rows."""
    file = source_file(key)
    header = read_header(tree.locate(key), file)
    columns = sorted(file.used, key=lambda column: header.index(column.name))
    texts = {column.name: TextColumn(lowered) for column in columns if column.kind is SourceKind.TEXT}
    parts: dict[str, list[npt.NDArray[Any]]] = {column.name: [] for column in columns}
    had_null = {column.name: False for column in columns}
    for batch in blocks(stream_table(tree, key), block_rows(len(header))):
        keep = slice(None) if subjects is None else subjects.has(batch["subject_id"].to_numpy())
        for column in columns:
            values = batch[column.name]
            had_null[column.name] |= values.null_count > 0
            if column.kind is SourceKind.TEXT:
                array: npt.NDArray[Any] = texts[column.name].encode(values)
            elif column.kind in (SourceKind.TIME, SourceKind.DATE):
                array = values.cast(pa.int64()).fill_null(NAT).to_numpy()
            else:
                array = values.to_numpy()
            parts[column.name].append(array[keep])
    frame = {}
    for column in columns:
        name = column.name
        if column.kind is SourceKind.TEXT:
            codes = concatenate(parts[name], np.int64)
            known = tuple(texts[name].vocabulary.texts)
            frame[name] = as_read(
                FrameColumn(ColumnKind.TEXT, codes, known), file_texts=known, file_had_null=had_null[name]
            )
        elif column.kind in (SourceKind.TIME, SourceKind.DATE):
            frame[name] = FrameColumn(ColumnKind.TIME, concatenate(parts[name], np.int64))
        elif had_null[name]:
            frame[name] = FrameColumn(ColumnKind.REAL, concatenate(parts[name], np.float64))
        else:
            frame[name] = FrameColumn(ColumnKind.INT, concatenate(parts[name], np.int64))
    return Frame(frame)


def _unique(tree: SourceTree, key: str, column: str, ids: npt.NDArray[np.int64]) -> None:
    values, counts = np.unique(ids, return_counts=True)
    if len(values) != len(ids):
        raise SourceError(
            f"{int((counts > 1).sum())} {column} occur more than once; the file is not as published",
            path=tree.locate(key),
        )


def _read_patients(tree: SourceTree, seed: int) -> tuple[Frame, tuple[npt.NDArray[np.int64], ...]]:
    """Patients with drawn days of birth, and (subject, anchor year, anchor age) sorted by subject."""
    frame = _read(tree, "patients", None)
    subject, age, year = (frame.data(name) for name in ("subject_id", "anchor_age", "anchor_year"))
    born = year - age
    if len(born) and (born.min() < 1 or born.max() > 9998):
        raise SourceError("an anchor_year and anchor_age give no year of birth", path=tree.locate("patients"))
    first_day = (born - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    days = np.array(Draws.birth_days(born.tolist(), seed), dtype=np.int64)
    order = np.argsort(subject)
    birth = FrameColumn(ColumnKind.TIME, (first_day + days) * 86400)
    patients = Frame(
        {
            "subject_id": frame["subject_id"],
            "gender": frame["gender"],
            "dob": birth,
            "dod": frame["dod"],
        }
    )
    return patients, (subject[order], year[order], age[order])


def _usable(tree: SourceTree, admissions: Frame, anchors: tuple[npt.NDArray[np.int64], ...]) -> Frame:
    """Admissions of usable age and length, with the age in years."""
    subjects, anchor_year, anchor_age = anchors
    subject = admissions.data("subject_id")
    place = np.minimum(np.searchsorted(subjects, subject), max(len(subjects) - 1, 0))
    unknown = ~np.isin(subject, subjects)
    if unknown.any():
        raise SourceError(
            counted(int(unknown.sum()), "admission belongs", "admissions belong")
            + " to subjects that are not in hosp/patients",
            path=tree.locate("admissions"),
        )
    admitted, discharged = admissions.data("admittime"), admissions.data("dischtime")
    age = year_of(admitted) - anchor_year[place] + anchor_age[place]
    admissions = admissions.replace(age=FrameColumn(ColumnKind.INT, age))
    admissions = admissions.take((age > AGE_RANGE[0]) & (age < AGE_RANGE[1]))
    admitted, discharged = admissions.data("admittime"), admissions.data("dischtime")
    days = (discharged - admitted) // 86400
    if not len(days):
        raise SourceError("no admission of usable age (11 to 89 years)", path=tree.locate("admissions"))
    return admissions.take(days < np.percentile(days, q=STAY_PERCENTILE))


def _times(admissions: Frame) -> AdmissionTimes:
    hadm_id = admissions.data("hadm_id")
    order = np.argsort(hadm_id)
    return AdmissionTimes(hadm_id[order], admissions.data("admittime")[order], admissions.data("dischtime")[order])
