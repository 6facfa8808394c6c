"""Who is in one database, when, and the tables that say so: the admission block.

Order matters: offsets are drawn, everything is shifted, and only then is the cohort chosen among the subjects
whose history has begun; care units and study times are exchanged last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ehrxqa.database.calendar import TimeShift, year_of
from ehrxqa.database.clinical import Clinical
from ehrxqa.database.draws import CURRENT_SHARE, OFFICIAL_SEED, Draws, target_count
from ehrxqa.database.frame import NAT, ColumnKind, Frame, FrameColumn
from ehrxqa.database.shuffle import shuffled_rows
from ehrxqa.database.studies import Studies
from ehrxqa.errors import BuildError

__all__ = ["Cohort", "PlacedStudies", "make_cohort"]

MINUTES_PER_YEAR = 365 * 24 * 60

Ids = npt.NDArray[np.int64]


@dataclass
class PlacedStudies:
    """Studies of the cohort with their final times, in table order.

    Attributes:
        image: Row in the labelled images.
        seconds: Shifted (and rotated) time.
        hadm_id: Admission if it is in the database (NaN: none).
    """

    image: Ids
    seconds: Ids
    hadm_id: npt.NDArray[np.float64]


@dataclass
class Cohort:
    """One database's subjects and the tables about them.

    Attributes:
        draws: Stream G, ready for the costs.
        shift: Offsets of all subjects with X-rays.
        subjects: Subjects in the database.
        admissions_kept: hadm_id in the database.
        tables: patients, admissions, icustays, transfers, without row_id.
        studies: Rows of tb_cxr.
        labelled: Rows of tb_cxr_plus, one per labelled image.
        hadm_kind: Kind of hadm_id in the two X-ray tables.
        counts: Sizes, for the manifest.
    """

    draws: Draws
    shift: TimeShift
    subjects: Ids
    admissions_kept: Ids
    tables: dict[str, Frame]
    studies: PlacedStudies
    labelled: PlacedStudies
    hadm_kind: ColumnKind
    counts: dict[str, int]


def make_cohort(
    clinical: Clinical,
    studies: Studies,
    split: str,
    subjects_wanted: int,
    seed: int = OFFICIAL_SEED,
    *,
    exchange: bool = True,
) -> Cohort:
    """Draw offsets, shift, and choose the cohort of one database.

    Args:
        clinical: The source tables.
        studies: The studies of this database.
        split: `train` or `test`.
        subjects_wanted: Size of the cohort; if fewer qualify, all of them are taken.
        seed: Seed of all draws.
        exchange: Whether care units are renamed and study times rotated, as the official builder does.

    Raises:
        BuildError: No subject qualifies.
    """
    with_studies = studies.subjects
    patients = clinical.patients.take(np.isin(clinical.patients.data("subject_id"), with_studies))
    admissions = clinical.admissions.take(np.isin(clinical.admissions.data("subject_id"), with_studies))
    draws = Draws(seed)
    candidates = _distinct(admissions.data("subject_id"))
    if not len(candidates):
        raise BuildError(
            f"no subject of the {split} database has both X-rays and a usable admission; the sources are too small or "
            "do not belong together"
        )
    shift = _draw_shift(draws, admissions, candidates, studies, split)

    patients = _shifted(patients, shift, ("dob", "dod"), keep="dob")
    admissions = _shifted(admissions, shift, ("admittime", "dischtime"), keep="admittime", floor=True)
    icustays = _shifted(clinical.icustays, shift, ("intime", "outtime"), keep="intime")
    transfers = clinical.transfers.take(~clinical.transfers["intime"].null)
    transfers = _shifted(transfers, shift, ("intime", "outtime"), keep="intime")
    study_time = shift.shift(studies.subject_id, FrameColumn(ColumnKind.TIME, studies.seconds), floor=True).data

    subject = admissions.data("subject_id")
    is_open = admissions["dischtime"].null
    # the share is computed in floating point, as in the official builder
    current_wanted = int(subjects_wanted * CURRENT_SHARE)
    current = draws.choose(_distinct(subject[is_open]), current_wanted)
    others = draws.choose(_distinct(subject[~is_open & ~np.isin(subject, current)]), subjects_wanted - current_wanted)
    chosen = np.concatenate([current, others])
    if not len(chosen):
        raise BuildError(
            f"no subject of the {split} database has an admission between 2100 and the current time; the sources are "
            "too small"
        )

    patients = patients.take(np.isin(patients.data("subject_id"), chosen))
    admissions = admissions.take(np.isin(subject, chosen))
    hadm = np.unique(admissions.data("hadm_id"))
    icustays = icustays.take(np.isin(icustays.data("hadm_id"), hadm))
    transfers = transfers.take(np.isin(transfers.data("hadm_id"), hadm))
    if exchange:
        icustays, transfers = _exchange_care_units(icustays, transfers, seed)

    in_cohort = np.isin(studies.subject_id, chosen) & (study_time != NAT)
    rows = np.flatnonzero(in_cohort)
    hadm_of_study = np.where(np.isin(studies.hadm_id, hadm), studies.hadm_id, np.nan)
    rows, times = _in_order(studies.subject_id, study_time, rows, rotate=exchange)
    placed = PlacedStudies(studies.image[rows], times, hadm_of_study[rows])
    return Cohort(
        draws=draws,
        shift=shift,
        subjects=np.unique(chosen),
        admissions_kept=hadm,
        tables={"patients": patients, "admissions": admissions, "icustays": icustays, "transfers": transfers},
        studies=placed,
        labelled=_labelled(placed, studies, rows),
        hadm_kind=studies.hadm_kind,
        counts={
            "subjects with X-rays": len(with_studies),
            "of these with usable admissions": len(candidates),
            "subjects": len(chosen),
            "current subjects asked": current_wanted,
            "current subjects drawn": len(current),
            "admissions": len(admissions),
            "studies": len(rows),
        },
    )


def _distinct(values: Ids) -> Ids:
    """Distinct values in order of first appearance."""
    _, first = np.unique(values, return_index=True)
    return values[np.sort(first)]


def _draw_shift(draws: Draws, admissions: Frame, candidates: Ids, studies: Studies, split: str) -> TimeShift:
    draws.start_years(len(candidates))  # drawn for first admissions, then replaced by those for first studies
    subjects = studies.subjects
    years = draws.start_years(len(subjects))
    earliest = _first_of(studies.subject_id, studies.seconds, subjects)
    minutes = dict(zip(subjects.tolist(), ((years - year_of(earliest)) * MINUTES_PER_YEAR).tolist(), strict=True))
    last = _last_stays(admissions)
    minutes.update(draws.current_offsets(candidates.tolist(), last, target_count(split, len(candidates))))
    return TimeShift.from_mapping(minutes)


def _first_of(subject: Ids, seconds: Ids, wanted: Ids) -> Ids:
    """The smallest time of each wanted subject."""
    order = np.lexsort((seconds, subject))
    return seconds[order][np.searchsorted(subject[order], wanted)]


def _last_stays(admissions: Frame) -> dict[int, tuple[int, int]]:
    """Admission and discharge time of each subject's last admission (the first in the file on a tie)."""
    subject, admitted, discharged = (admissions.data(name) for name in ("subject_id", "admittime", "dischtime"))
    last: dict[int, tuple[int, int]] = {}
    for who, begin, end in zip(subject.tolist(), admitted.tolist(), discharged.tolist(), strict=True):
        if who not in last or begin > last[who][0]:
            last[who] = (begin, end)
    return last


def _shifted(frame: Frame, shift: TimeShift, times: tuple[str, ...], *, keep: str, floor: bool = False) -> Frame:
    subject = frame.data("subject_id")
    moved = {name: shift.shift(subject, frame[name], floor=floor) for name in times}
    frame = frame.replace(**moved)
    return frame.take(~frame[keep].null)


def _exchange_care_units(icustays: Frame, transfers: Frame, seed: int) -> tuple[Frame, Frame]:
    """Exchange the names of care units by one mapping, drawn from the ICU stays and applied to transfers too.

    A missing unit is exchanged like any other.
    """
    if not len(icustays):
        return icustays, transfers
    order = shuffled_rows(len(icustays), np.arange(len(icustays)), seed=seed)
    mapping: dict[str | None, str | None] = {}
    for name in ("first_careunit", "last_careunit"):
        column = icustays[name]
        texts: list[str | None] = [*column.texts, None]
        units = [texts[code] for code in column.data.tolist()]
        mapping.update(zip(units, (units[row] for row in order.tolist()), strict=True))
    icustays = icustays.replace(
        **{name: _mapped(icustays[name], mapping) for name in ("first_careunit", "last_careunit")}
    )
    return icustays, transfers.replace(careunit=_mapped(transfers["careunit"], mapping))


def _mapped(column: FrameColumn, mapping: dict[str | None, str | None]) -> FrameColumn:
    texts = [mapping.get(text, text) for text in (*column.texts, None)]
    return FrameColumn.of_texts(texts[code] for code in column.data.tolist())


def _in_order(subject: Ids, time: Ids, rows: Ids, *, rotate: bool) -> tuple[Ids, Ids]:
    """Studies by subject and time; with `rotate`, each gets the time of the subject's next, the last that of the first.

    Returns:
        Rows and their times, by subject and time (ties in the order of the old times).
    """
    rows = rows[np.lexsort((time[rows], subject[rows]))]
    who, when = subject[rows], time[rows]
    if not rotate:
        return rows, when
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    ends = np.append(starts[1:], len(rows)) - 1
    rotated = np.roll(when, -1)
    if len(rows):
        rotated[ends] = when[starts]
    order = np.lexsort((rotated, who))
    return rows[order], rotated[order]


def _labelled(placed: PlacedStudies, studies: Studies, rows: Ids) -> PlacedStudies:
    """The placed studies that have labels, by subject and time, ties in the order of the label file."""
    place_of = {image: place for place, image in enumerate(placed.image.tolist())}
    places = np.array([place_of[image] for image in studies.labelled.tolist() if image in place_of], dtype=np.int64)
    order = np.lexsort((placed.seconds[places], studies.subject_id[rows][places]))
    places = places[order]
    return PlacedStudies(placed.image[places], placed.seconds[places], placed.hadm_id[places])
