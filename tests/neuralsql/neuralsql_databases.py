"""Test databases: one small made-up hospital, and the reference tables as the real builder writes them."""

from __future__ import annotations

import csv
import gzip
import random
import sqlite3
from pathlib import Path

#: Table → columns with types, as in the official schema.
SCHEMA: dict[str, str] = {
    "TB_CXR_PLUS": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, study_id INTEGER, image_id TEXT, "
    "viewposition TEXT, studydatetime TEXT, studyorder REAL, object TEXT, relation INTEGER, attribute TEXT, "
    "category TEXT, ct_ratio REAL, mt_ratio REAL",
    "TB_CXR": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, study_id INTEGER, image_id TEXT, "
    "viewposition TEXT, studydatetime TEXT",
    "PATIENTS": "row_id INTEGER, subject_id INTEGER, gender TEXT, dob TEXT, dod TEXT",
    "ADMISSIONS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, admittime TEXT, dischtime TEXT, "
    "admission_type TEXT, admission_location TEXT, discharge_location TEXT, insurance TEXT, language TEXT, "
    "marital_status TEXT, age INTEGER",
    "D_ICD_DIAGNOSES": "row_id INTEGER, icd_code TEXT, long_title TEXT",
    "D_ICD_PROCEDURES": "row_id INTEGER, icd_code TEXT, long_title TEXT",
    "D_ITEMS": "row_id INTEGER, itemid INTEGER, label TEXT, abbreviation TEXT, linksto TEXT",
    "D_LABITEMS": "row_id INTEGER, itemid INTEGER, label TEXT",
    "DIAGNOSES_ICD": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, icd_code TEXT, charttime TEXT",
    "PROCEDURES_ICD": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, icd_code TEXT, charttime TEXT",
    "LABEVENTS": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, itemid INTEGER, charttime TEXT, valuenum REAL, "
    "valueuom TEXT",
    "PRESCRIPTIONS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, starttime TEXT, stoptime TEXT, drug TEXT, "
    "dose_val_rx REAL, dose_unit_rx TEXT, route TEXT",
    "COST": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, event_type TEXT, event_id INTEGER, chargetime TEXT, "
    "cost REAL",
    "CHARTEVENTS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, stay_id INTEGER, charttime TEXT, "
    "itemid INTEGER, valuenum REAL, valueuom TEXT",
    "INPUTEVENTS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, stay_id INTEGER, starttime TEXT, itemid REAL, "
    "amount REAL",
    "OUTPUTEVENTS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, stay_id INTEGER, charttime TEXT, "
    "itemid INTEGER, value INTEGER",
    "MICROBIOLOGYEVENTS": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, charttime TEXT, spec_type_desc TEXT, "
    "test_name TEXT, org_name TEXT",
    "ICUSTAYS": "row_id INTEGER, subject_id INTEGER, hadm_id INTEGER, stay_id INTEGER, first_careunit TEXT, "
    "last_careunit TEXT, intime TEXT, outtime TEXT",
    "TRANSFERS": "row_id INTEGER, subject_id INTEGER, hadm_id REAL, transfer_id INTEGER, eventtype TEXT, "
    "careunit TEXT, intime TEXT, outtime TEXT",
}

#: (object, attribute, category) triples that the made-up images are labelled with.
FINDINGS = [
    ("left lung", "pneumonia", "disease"),
    ("left lung", "lung opacity", "anatomicalfinding"),
    ("left lung", "atelectasis", "anatomicalfinding"),
    ("right lung", "pneumonia", "disease"),
    ("right lung", "lung opacity", "anatomicalfinding"),
    ("right lung", "endotracheal tube", "tubesandlines"),
    ("mediastinum", "enlarged cardiac silhouette", "anatomicalfinding"),
    ("mediastinum", "enteric tube", "tubesandlines"),
    ("cardiac silhouette", "enlarged cardiac silhouette", "anatomicalfinding"),
    ("cardiac silhouette", "cardiac pacer and wires", "device"),
    ("right lung", "rotated", "technicalassessment"),
]


def make_small(path: Path, seed: int = 0) -> Path:
    """Six made-up subjects with two to five studies each, and a few clinical rows, from a seed."""
    rng = random.Random(seed)
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in SCHEMA}
    study = 50_000_000
    diseases = [("4019", "hypertension"), ("25000", "diabetes"), ("486", "pneumonia")]
    rows["D_ICD_DIAGNOSES"] = [(i, code, title) for i, (code, title) in enumerate(diseases)]
    rows["D_ICD_PROCEDURES"] = [(0, "9604", "insertion of endotracheal tube")]
    rows["D_ITEMS"] = [(0, 220045, "heart rate", "hr", "chartevents"), (1, 226559, "foley", "foley", "outputevents")]
    rows["D_LABITEMS"] = [(0, 50912, "creatinine"), (1, 50931, "glucose")]
    for order in range(6):
        subject = 10_000_000 + order
        gender = "fm"[order % 2]
        rows["PATIENTS"].append((order, subject, gender, f"20{40 + order}-03-01 00:00:00", None))
        for visit in range(rng.randint(1, 2)):
            hadm, year = 20_000_000 + 10 * order + visit, 2101 + visit
            begin, end = f"{year}-05-0{visit + 1} 10:00:00", f"{year}-06-20 12:00:00"
            rows["ADMISSIONS"].append(
                (
                    len(rows["ADMISSIONS"]),
                    subject,
                    hadm,
                    begin,
                    end,
                    "urgent",
                    "emergency room",
                    "home",
                    "medicare",
                    "english",
                    "married",
                    50 + 5 * order,
                )
            )
            code = rng.choice(diseases)[0]
            rows["DIAGNOSES_ICD"].append((len(rows["DIAGNOSES_ICD"]), subject, hadm, code, begin))
            drug, dose = rng.choice(["aspirin", "heparin", "insulin"]), rng.choice([1.0, 0.123456789, 40.0])
            rows["PRESCRIPTIONS"].append(
                (len(rows["PRESCRIPTIONS"]), subject, hadm, begin, end, drug, dose, "mg", "po")
            )
            stay = 30_000_000 + hadm
            rows["ICUSTAYS"].append((len(rows["ICUSTAYS"]), subject, hadm, stay, "micu", "micu", begin, end))
            rows["CHARTEVENTS"].append(
                (len(rows["CHARTEVENTS"]), subject, hadm, stay, begin, 220045, 55.5 + 10 * order, "bpm")
            )
            rows["OUTPUTEVENTS"].append((len(rows["OUTPUTEVENTS"]), subject, hadm, stay, begin, 226559, 100 * order))
            rows["TRANSFERS"].append(
                (len(rows["TRANSFERS"]), subject, float(hadm), hadm + 5, "admit", "micu", begin, end)
            )
            rows["COST"].append(
                (len(rows["COST"]), subject, float(hadm), "prescriptions", len(rows["PRESCRIPTIONS"]) - 1, begin, 7.25)
            )
        for number in range(rng.randint(2, 5)):
            study += rng.randint(1, 9)
            image = f"image{study}"
            hadm_id = None if number % 3 == 2 else float(20_000_000 + 10 * order)
            time = f"210{rng.randint(0, 5)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} 0{number}:30:00"
            view = rng.choice(["ap", "pa"])
            rows["TB_CXR"].append((len(rows["TB_CXR"]), subject, hadm_id, study, image, view, time))
            ratio = rng.choice([0.45, 0.5, 0.55])
            for place, attribute, category in FINDINGS:
                relation = int(rng.random() < 0.35)
                rows["TB_CXR_PLUS"].append(
                    (
                        len(rows["TB_CXR_PLUS"]),
                        subject,
                        hadm_id,
                        study,
                        image,
                        view,
                        time,
                        float(number + 1),
                        place,
                        relation,
                        attribute,
                        category,
                        ratio,
                        0.3,
                    )
                )
    _write(path, rows)
    return path


def _write(path: Path, rows: dict[str, list[tuple[object, ...]]]) -> None:
    db = sqlite3.connect(path)
    for name, columns in SCHEMA.items():
        db.execute(f'CREATE TABLE "{name}" ({columns})')
        marks = ",".join("?" * (columns.count(",") + 1))
        db.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows[name])
    db.commit()
    db.close()


def make_reference(path: Path, shared: Path, split: str) -> Path:
    """The reference tables of a split: official row order is rowid order, an empty field is NULL."""
    folder = shared / "parity" / "expected"
    db = sqlite3.connect(path)
    db.executescript((folder / split / "schema.sql").read_text("utf-8"))
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        source = folder / split / f"{name.lower()}.csv.gz"
        if not source.exists():
            source = folder / "both" / f"{name.lower()}.csv.gz"
        with gzip.open(source, "rt", encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader)
            marks = ",".join("?" * len(header))
            names = ",".join(f'"{column}"' for column in header)
            db.executemany(
                f'INSERT INTO "{name}" ({names}) VALUES ({marks})',
                ([None if field == "" else field for field in row] for row in reader),
            )
    db.commit()
    db.close()
    return path
