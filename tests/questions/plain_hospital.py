"""The rows of a database in plain lists, read once: what the second reader reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

NOW = datetime(2105, 12, 31, 23, 59)
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Row:
    """What happened: when, to whom, and what."""

    time: datetime
    subject: int
    name: str = ""
    value: object = None
    hadm: int = 0
    key: object = None
    text: str = ""
    route: str = ""


@dataclass(frozen=True)
class Stay:
    """An admission or an ICU stay; `end` is None while it lasts."""

    number: int
    subject: int
    begin: datetime
    end: datetime | None
    age: int | None = None
    kind: str = ""
    insurance: str = ""
    marital: str = ""
    route: str = ""

    def holds(self, time):
        """Whether a time lies in it."""
        return self.begin <= time <= (self.end or NOW)


def moment(text):
    """A time of the database; dates are at midnight."""
    return None if text is None else datetime.strptime(text if len(text) > 10 else f"{text} 00:00:00", _STAMP)


class Hospital:
    """The rows of a database, read once."""

    def __init__(self, db):
        def rows(sql):
            return db.execute(sql).fetchall()

        self.admissions = [
            Stay(hadm, subject, moment(begin), moment(end), age, *map(str, texts))
            for hadm, subject, begin, end, age, *texts in rows(
                "select hadm_id, subject_id, admittime, dischtime, age, admission_type, insurance, marital_status, "
                "admission_location from admissions"
            )
        ]
        self.icustays = [
            Stay(number, subject, moment(begin), moment(end))
            for number, subject, begin, end in rows("select stay_id, subject_id, intime, outtime from icustays")
        ]
        self.patients = {
            s: (g, b, moment(d)) for s, g, b, d in rows("select subject_id, gender, dob, dod from patients")
        }
        self.births = {subject: birth for subject, (_, birth, _) in self.patients.items()}
        titles = {kind: defaultdict(set) for kind in ("diagnoses", "procedures")}
        for kind, held in titles.items():
            for code, title in rows(f"select icd_code, long_title from d_icd_{kind}"):
                held[code].add(title)
        self.events = {
            kind: [
                Row(moment(time), subject, title, None, hadm, code)
                for code, subject, time, hadm in rows(f"select icd_code, subject_id, charttime, hadm_id from {table}")
                for title in titles[dictionary][code]
            ]
            for kind, table, dictionary in (
                ("dx", "diagnoses_icd", "diagnoses"),
                ("px", "procedures_icd", "procedures"),
            )
        }
        self.codes = {"dx": titles["diagnoses"], "px": titles["procedures"]}
        self.events["rx"] = [
            Row(moment(time), subject, drug, dose, hadm, drug, route=route)
            for time, subject, drug, dose, hadm, route in rows(
                "select starttime, subject_id, drug, dose_val_rx, hadm_id, route from prescriptions"
            )
        ]
        labs, items = (
            dict(rows("select itemid, label from d_labitems")),
            dict(rows("select itemid, label from d_items")),
        )
        for kind, table, time, value, names in (
            ("lab", "labevents", "charttime", "valuenum", labs),
            ("in", "inputevents", "starttime", "amount", items),
            ("out", "outputevents", "charttime", "value", items),
            ("vit", "chartevents", "charttime", "valuenum", items),
        ):
            self.events[kind] = [
                Row(moment(at), subject, names[item], number, hadm, item)
                for at, subject, item, number, hadm in rows(
                    f"select {time}, subject_id, itemid, {value}, hadm_id from {table}"
                )
            ]
        self.events["body"] = self.events["vit"]
        micro = rows(
            "select charttime, subject_id, spec_type_desc, test_name, org_name, hadm_id from microbiologyevents"
        )
        self.events["spec"] = [Row(moment(t), s, spec, None, h, spec, text=org) for t, s, spec, _, org, h in micro]
        self.events["test"] = [Row(moment(t), s, test, None, h, test, text=org) for t, s, _, test, org, h in micro]
        self.events["unit"] = [
            Row(moment(t), s, unit, None, h, unit)
            for t, s, unit, h in rows(
                "select intime, subject_id, careunit, hadm_id from transfers where careunit is not null"
            )
        ]
        self.events["adm"] = [Row(a.begin, a.subject, a.route, None, a.number, a.number) for a in self.admissions]
        self.events["dis"] = [Row(a.end, a.subject, "", None, a.number, a.number) for a in self.admissions if a.end]
        self.events["icu"] = [Row(a.begin, a.subject, "", None, 0, a.number) for a in self.icustays]
        costs = rows("select chargetime, subject_id, event_type, event_id, cost, hadm_id from cost")
        self.events["cost"] = [Row(moment(t), s, kind, cost, h, event) for t, s, kind, event, cost, h in costs]
        self.ids = {
            kind: dict(rows(f"select row_id, {column} from {table}"))
            for kind, table, column in (
                ("px", "procedures_icd", "icd_code"),
                ("lab", "labevents", "itemid"),
                ("rx", "prescriptions", "drug"),
                ("dx", "diagnoses_icd", "icd_code"),
            )
        }
        self.labs, self.items = labs, items
        self.abbreviations = rows("select abbreviation, label from d_items")
        self.studies = {
            study: (moment(time), subject, hadm)
            for study, time, subject, hadm in rows("select study_id, studydatetime, subject_id, hadm_id from tb_cxr")
        }
        self.findings, self.ratios = defaultdict(set), {}
        for study, place, name, kind, relation, ct, mt in rows(
            "select study_id, object, attribute, category, relation, ct_ratio, mt_ratio from tb_cxr_plus"
        ):
            self.ratios[study] = ct, mt
            if relation == 1:
                self.findings[study].add((place, name, kind))
