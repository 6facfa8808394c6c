"""Which rows of an event table are kept, and with which values; small tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ehrxqa.database.clinical import _read
from ehrxqa.database.event_reader import EventContext, read_events
from ehrxqa.database.event_times import AdmissionTimes
from ehrxqa.database.events import event_table
from ehrxqa.database.frame import ColumnKind
from ehrxqa.database.id_set import IdSet
from ehrxqa.sources.tree import find_sources
from ehrxqa.spec.tables import TABLES

DIAGNOSES = "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
INPUTS = "subject_id,hadm_id,stay_id,starttime,itemid,amount,amountuom\n"
DRUGS = "subject_id,hadm_id,starttime,stoptime,drug,dose_val_rx,dose_unit_rx,route\n"


def tree(tmp_path, path, text):
    file = tmp_path / "mimiciv/2.2" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return find_sources(tmp_path)


def read(tmp_path, name, path, text, **known):
    context = EventContext(
        admissions=IdSet(np.array([20, 21])),
        subjects=IdSet(np.array([10])),
        times=AdmissionTimes(np.array([20, 21]), np.array([100, 200]), np.array([150, 290])),
        known=known,
        scratch=None,
        seed=0,
        exchange=False,
    )
    return read_events(tree(tmp_path, path, text), event_table(TABLES[name]), context)


def texts(column):
    return [None if code < 0 else column.texts[code] for code in column.data.tolist()]


@pytest.mark.parametrize("packed", [("ml", "mg", "ML", "ml"), ("mg", "ml", "ml", "mg")])
def test_only_fluids_in_ml_count(tmp_path, packed):
    rows = [f"10,20,30,2150-01-01 00:00:0{n},{7 + n},{n}.5,{unit}" for n, unit in enumerate(packed)]
    found = read(
        tmp_path, "inputevents", "icu/inputevents.csv", INPUTS + "\n".join(rows) + "\n", d_items=IdSet(np.arange(20))
    )
    wanted = [n for n, unit in enumerate(packed) if unit.lower() == "ml"]
    assert found.frame.data("amount").tolist() == [n + 0.5 for n in wanted]
    assert found.frame.data("itemid").tolist() == [7 + n for n in wanted]
    assert found.counts["dropped, amountuom not ml"] == 4 - len(wanted)
    assert (found.counts["rows"], found.counts["usable"]) == (4, len(wanted))


def test_codes_of_diagnoses_are_typed_as_a_block_and_a_missing_one_is_a_code(tmp_path):
    text = DIAGNOSES + "10,20,1,0090,9\n10,21,1,,9\n10,20,2,V58,9\n10,20,3,4019,9\n"
    known = frozenset({"nan", "0090", "v58"})
    found = read(tmp_path, "diagnoses_icd", "hosp/diagnoses_icd.csv", text, d_icd_diagnoses=known)
    assert texts(found.frame["icd_code"]) == ["0090", "nan", "v58"]
    assert found.frame.data("charttime").tolist() == [100, 200, 100]
    assert found.counts["dropped, not in d_icd_diagnoses"] == 1


def test_texts_of_prescriptions_are_lowered_and_doses_are_numbers(tmp_path):
    when = "2150-01-01 00:00:00,2150-01-02 00:00:00"
    text = DRUGS + f'10,20,{when},Heparin,"1,000",UNIT,IV\n10,20,{when},NaCl,5,mL,PO\n10,22,{when},NaCl,6,mL,PO\n'
    found = read(tmp_path, "prescriptions", "hosp/prescriptions.csv", text)
    assert [texts(found.frame[name]) for name in ("drug", "dose_unit_rx", "route")] == [
        ["heparin", "nacl"],
        ["unit", "ml"],
        ["iv", "po"],
    ]
    doses = found.frame["dose_val_rx"]
    assert (doses.kind, doses.data.tolist()) == (ColumnKind.INT, [1000, 5])
    assert found.counts["usable"] == 3


@pytest.mark.parametrize(
    ("units", "kind", "values"),
    [
        (("7", "08"), ColumnKind.INT, [7, 8]),
        (("7", ""), ColumnKind.REAL, [7.0, None]),
        (("true", "false"), ColumnKind.INT, [1, 0]),
        (("true", ""), ColumnKind.TEXT, ["true", None]),
        (("", "true"), ColumnKind.TEXT, [None, "true"]),
    ],
)
def test_one_missing_text_among_others_decides_the_kind_of_a_column(tmp_path, units, kind, values):
    head = "subject_id,hadm_id,transfer_id,eventtype,careunit,intime,outtime\n"
    when = "2150-01-01 00:00:00,2150-01-02 00:00:00"
    rows = "".join(f"10,20,{n},admit,{unit},{when}\n" for n, unit in enumerate(units))
    column = _read(tree(tmp_path, "hosp/transfers.csv", head + rows), "transfers", None)["careunit"]
    assert column.kind is kind
    found = texts(column) if kind is ColumnKind.TEXT else column.data.tolist()
    assert [None if value != value else value for value in found] == values
