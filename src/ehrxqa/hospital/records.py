"""Rows of the tables that say who was where and which images exist; and the dictionaries."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.clock import date_text, study_stamp, time_text
from ehrxqa.hospital.life import DAY, Admission, Subject
from ehrxqa.hospital.orders import Row, Rows
from ehrxqa.hospital.studies import Study
from ehrxqa.hospital.vocabulary import Title, diagnoses, icu_items, labs, procedures

__all__ = ["dictionary_rows", "metadata_rows", "person_rows"]

_VIEW_MEANING = {"AP": "antero-posterior", "PA": "postero-anterior", "LATERAL": "lateral", "LL": "left lateral"}


def person_rows(subject: Subject) -> Rows:
    """patients, admissions, transfers and icustays of a subject; empty for those with X-rays only."""
    if not subject.recorded:
        return {}
    patient = (
        subject.subject_id,
        subject.gender,
        subject.age,
        subject.anchor_year,
        subject.anchor_group,
        date_text(subject.died_on),
    )
    return {
        "patients": [patient],
        "admissions": [_admission(subject, admission) for admission in subject.admissions],
        "transfers": [
            (
                subject.subject_id,
                "" if unit.hadm_id is None else unit.hadm_id,
                unit.transfer_id,
                unit.eventtype,
                unit.careunit,
                time_text(unit.start),
                time_text(unit.end),
            )
            for unit in subject.units
        ],
        "icustays": [
            (
                subject.subject_id,
                stay.hadm_id,
                stay.stay_id,
                stay.first_careunit,
                stay.last_careunit,
                time_text(stay.start),
                time_text(stay.end),
                repr((stay.end - stay.start) / DAY),
            )
            for admission in subject.admissions
            for stay in admission.icu
        ],
    }


def _admission(subject: Subject, admission: Admission) -> Row:
    arrived, left = admission.emergency or (None, None)
    return (
        subject.subject_id,
        admission.hadm_id,
        time_text(admission.start),
        time_text(admission.end),
        time_text(admission.end - 60) if admission.died else "",
        admission.kind,
        admission.provider,
        admission.location,
        admission.discharge,
        admission.insurance,
        subject.language,
        admission.marital_status,
        subject.race,
        time_text(arrived),
        time_text(left),
        int(admission.died),
    )


def metadata_rows(rng: np.random.Generator, subject: Subject, studies: tuple[Study, ...]) -> Rows:
    """The CXR metadata: one row per image."""
    rows: list[Row] = []
    for study in studies:
        views = [image.view for image in study.images]
        name = (
            "CHEST (PORTABLE AP)"
            if study.portable
            else "CHEST (PA AND LAT)"
            if len(views) > 1
            else "CHEST (SINGLE VIEW)"
        )
        for image in study.images:
            date, time = study_stamp(image.time, noise=bool(rng.random() < 0.12))
            rows.append(
                (
                    image.image_id,
                    subject.subject_id,
                    study.study_id,
                    name if rng.random() < 0.93 else "",
                    image.view,
                    image.rows,
                    image.columns,
                    date,
                    time,
                    name,
                    _VIEW_MEANING.get(image.view, ""),
                    "" if study.portable else "Erect",
                )
            )
    return {"cxr_metadata": rows}


def dictionary_rows() -> Rows:
    """The four dictionaries, with a title and a label missing as in the published files."""
    return {
        "d_icd_diagnoses": [*_titles(diagnoses()), ("V9999", 9, "")],
        "d_icd_procedures": [*_titles(procedures()), ("9999", 9, "")],
        "d_labitems": [
            *((lab.itemid, lab.label, lab.fluid, lab.category) for lab in labs()),
            (51999, "", "Blood", "Chemistry"),
        ],
        "d_items": [
            (i.itemid, i.label, i.abbreviation, i.linksto, i.category, i.unit, i.param_type, i.low, i.high)
            for i in icu_items()
        ],
    }


def _titles(titles: tuple[Title, ...]) -> list[Row]:
    return [(title.code, title.version, title.title) for title in titles]
