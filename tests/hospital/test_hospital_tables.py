from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import numpy as np
import pytest

from ehrxqa.hospital.life import DAY, live
from ehrxqa.hospital.plan import MAX_SUBJECTS, Plan
from ehrxqa.hospital.studies import studies_of
from ehrxqa.hospital.vocabulary import cultures, diagnoses, drugs, icu_items, labs, organisms, procedures

CHART_ITEMS = {
    223762: "temperature celsius",
    220277: "o2 saturation pulseoxymetry",
    220045: "heart rate",
    220210: "respiratory rate",
    220050: "arterial blood pressure systolic",
    220051: "arterial blood pressure diastolic",
    220052: "arterial blood pressure mean",
    226512: "admission weight (kg)",
    226730: "height (cm)",
}
EVENTS = ("labevents", "prescriptions", "microbiologyevents", "diagnoses_icd", "procedures_icd")
CHARTED = ("chartevents", "inputevents", "outputevents")


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def test_every_reference_between_tables_holds(hospital):
    subjects = {row["subject_id"] for row in hospital.rows("patients")}
    owner = {row["hadm_id"]: row["subject_id"] for row in hospital.rows("admissions")}
    stays = {row["stay_id"]: row["hadm_id"] for row in hospital.rows("icustays")}
    assert len(owner) == len(hospital.rows("admissions"))
    assert len(stays) == len(hospital.rows("icustays"))
    assert set(owner.values()) <= subjects
    for key in (*EVENTS, *CHARTED, "transfers", "icustays"):
        for row in hospital.rows(key):
            assert row["subject_id"] in subjects
            assert not row["hadm_id"] or owner[row["hadm_id"]] == row["subject_id"], key
    for key in CHARTED:
        assert all(stays[row["stay_id"]] == row["hadm_id"] for row in hospital.rows(key)), key


@pytest.mark.parametrize(
    ("events", "dictionary", "column"),
    [
        ("diagnoses_icd", "d_icd_diagnoses", "icd_code"),
        ("procedures_icd", "d_icd_procedures", "icd_code"),
        ("labevents", "d_labitems", "itemid"),
        *((key, "d_items", "itemid") for key in CHARTED),
    ],
)
def test_every_event_names_something_in_its_dictionary(hospital, events, dictionary, column):
    known = {row[column] for row in hospital.rows(dictionary)}
    assert {row[column] for row in hospital.rows(events)} <= known


def test_chart_items_have_their_labels(hospital):
    labels = {int(row["itemid"]): row["label"].lower() for row in hospital.rows("d_items")}
    assert {itemid: labels[itemid] for itemid in CHART_ITEMS} == CHART_ITEMS
    assert {int(row["itemid"]) for row in hospital.rows("chartevents")} >= set(CHART_ITEMS)


def test_ids_have_the_published_forms(hospital):
    for key, column, first in (
        ("patients", "subject_id", "1"),
        ("admissions", "hadm_id", "2"),
        ("transfers", "transfer_id", "3"),
        ("icustays", "stay_id", "3"),
        ("cxr_metadata", "study_id", "5"),
    ):
        assert all(len(row[column]) == 8 and row[column][0] == first for row in hospital.rows(key)), key
    images = [row["dicom_id"] for row in hospital.rows("cxr_metadata")]
    assert len(set(images)) == len(images)
    assert all([len(part) for part in image.split("-")] == [8] * 5 for image in images)
    events = [row["labevent_id"] for row in hospital.rows("labevents")]
    assert len(set(events)) == len(events)


def test_ids_stay_unique_in_the_largest_hospital():
    plan = Plan.checked(MAX_SUBJECTS, images=False)
    numbers = range(0, MAX_SUBJECTS, 97)
    subjects = [plan.subject_id(number) for number in numbers]
    assert subjects == sorted(set(subjects))
    assert all(10_000_000 <= subject < 20_000_000 for subject in subjects)
    for make in (plan.hadm_id, plan.unit_stay_id, plan.study_id):
        made = [make(number, running) for number in numbers for running in (0, 1, plan.slots - 1)]
        assert len(set(made)) == len(made)
    lives = [live(plan, number) for number in numbers[:150]]
    assert max(len(life.units) for life in lives) < plan.slots
    assert 13_891_219 not in {plan.subject_id(number) for number in range(38_000, 40_000)}


def test_an_image_lies_in_at_most_one_stay(hospital):
    stays = defaultdict(list)
    for row in hospital.rows("transfers"):
        if row["outtime"]:
            stays[row["subject_id"]].append((moment(row["intime"]), moment(row["outtime"])))
    inside = images = 0
    for row in hospital.rows("cxr_metadata"):
        time = datetime.strptime(f"{row['StudyDate']} {int(float(row['StudyTime'])):06d}", "%Y%m%d %H%M%S")
        matches = sum(start <= time <= end for start, end in stays[row["subject_id"]])
        assert matches <= 1
        inside += matches
        images += 1
    assert 0.45 < inside / images < 0.85


def test_times_are_in_order(hospital):
    for row in hospital.rows("admissions"):
        assert moment(row["admittime"]) < moment(row["dischtime"])
    spans = {
        row["hadm_id"]: (moment(row["admittime"]), moment(row["dischtime"])) for row in hospital.rows("admissions")
    }
    for row in hospital.rows("icustays"):
        start, end = spans[row["hadm_id"]]
        assert start <= moment(row["intime"]) < moment(row["outtime"]) <= end
    latest = defaultdict(lambda: datetime(2000, 1, 1))
    for row in hospital.rows("transfers"):
        assert latest[row["subject_id"]] <= moment(row["intime"])
        latest[row["subject_id"]] = moment(row["outtime"] or row["intime"])


def test_the_quirks_of_the_sources_occur(hospital):
    prescriptions = hospital.rows("prescriptions")
    doses = {row["dose_val_rx"] for row in prescriptions}
    assert {"1,000", "2.5"} & doses
    assert any("-" in dose for dose in doses)
    assert "" in doses
    assert "" in {row["stoptime"] for row in prescriptions}
    lab = hospital.rows("labevents")
    assert {" ", "", "N/A"} <= {row["valueuom"] for row in lab}
    assert {"", "abnormal"} == {row["flag"] for row in lab}
    assert any(row["valuenum"] == "" for row in lab)
    assert any(row["value"] != row["valuenum"] != "" for row in lab)
    assert any(row["hadm_id"] == "" for row in lab)
    transfers = hospital.rows("transfers")
    assert any(row["hadm_id"] == "" and row["eventtype"] == "ED" for row in transfers)
    assert {row["eventtype"] for row in transfers} == {"ED", "admit", "transfer", "discharge"}
    assert all((row["outtime"] == "") == (row["eventtype"] == "discharge") for row in transfers)
    assert any(row["charttime"] == "" for row in hospital.rows("microbiologyevents"))
    assert any(row["long_title"] == "" for row in hospital.rows("d_icd_diagnoses"))
    titles = Counter(row["long_title"] for row in hospital.rows("d_icd_diagnoses"))
    codes = Counter(row["icd_code"] for row in hospital.rows("d_icd_diagnoses"))
    assert max(titles.values()) > 1
    assert max(codes.values()) > 1
    times = [row["StudyTime"] for row in hospital.rows("cxr_metadata")]
    assert any(len(time.partition(".")[2]) > 10 for time in times)
    views = [row["ViewPosition"] for row in hospital.rows("cxr_metadata")]
    assert {"AP", "PA", "LATERAL", "LL", ""} <= set(views)


def test_people_are_as_varied_as_in_a_hospital():
    plan = Plan.checked(1500, images=False)
    people = [live(plan, number) for number in range(280)]
    ages = [person.age for person in people if person.recorded]
    assert min(ages) < 20
    assert max(ages) == 91
    assert 52 < np.mean(ages) < 66
    stays = [(a.end - a.start) / DAY for person in people for a in person.admissions]
    assert 1.5 < np.median(stays) < 5
    assert max(stays) > 31
    assert 0.02 < np.mean([a.died for person in people for a in person.admissions]) < 0.09
    assert 0.1 < np.mean([bool(a.icu) for person in people for a in person.admissions]) < 0.45
    assert any(not person.recorded for person in people)
    assert any(not person.x_rayed for person in people)
    studies = [len(studies_of(plan, person)) for person in people]
    assert max(studies) > 20
    assert sum(1 for count in studies if 1 <= count <= 8) > 0.75 * len(people)


def test_laboratory_values_are_those_of_their_items(hospital):
    values = defaultdict(list)
    draws = defaultdict(dict)
    for row in hospital.rows("labevents"):
        if row["valuenum"]:
            values[int(row["itemid"])].append(float(row["valuenum"]))
            draws[row["specimen_id"]][int(row["itemid"])] = float(row["valuenum"])
    for itemid, low, high in (
        (50971, 3.9, 4.6),
        (50983, 136, 140),
        (51222, 9.5, 12.5),
        (50912, 0.8, 1.9),
        (51301, 7, 12),
    ):
        assert low < np.mean(values[itemid]) < high, itemid
    pairs = np.array([(d[51221], d[51222]) for d in draws.values() if {51221, 51222} <= d.keys()])
    assert np.corrcoef(pairs.T)[0, 1] > 0.6  # hematocrit and hemoglobin
    assert all(value >= 0 for itemid, group in values.items() if itemid != 50802 for value in group)


def test_vital_signs_drift(hospital):
    series = defaultdict(list)
    for row in hospital.rows("chartevents"):
        if row["valuenum"]:
            series[row["stay_id"], int(row["itemid"])].append(float(row["valuenum"]))
    steps = [np.corrcoef(s[:-1], s[1:])[0, 1] for (_, item), s in series.items() if item == 220045 and len(s) > 40]
    assert len(steps) > 3
    assert np.mean(steps) > 0.3
    for item, low, high in (
        (220045, 75, 95),
        (220277, 94, 98),
        (223762, 36.6, 37.6),
        (226730, 155, 185),
        (226512, 60, 105),
    ):
        assert low < np.mean([v for (_, i), s in series.items() if i == item for v in s]) < high, item


def test_the_tables_know_what_the_images_show():
    plan = Plan.checked(900, images=False)
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for number in range(120):
        person = live(plan, number)
        for study in studies_of(plan, person):
            large = any("enlarged cardiac silhouette" in f.attributes for f in study.findings)
            shown["heart_failure" in person.conditions].append(large)
    assert np.mean(shown[True]) > np.mean(shown[False]) + 0.3


def test_the_vocabulary_is_large_enough_and_clean():
    assert len(diagnoses()) > 250
    assert len(procedures()) > 140
    assert len(labs()) > 110
    assert len(drugs()) > 140
    assert len(icu_items()) >= 60
    assert len({c.specimen for c in cultures()}) >= 15
    assert {group for c in cultures() for group in c.groups} <= set(organisms())
    for name in (*(d.title for d in diagnoses()), *(p.title for p in procedures()), *(d.name for d in drugs())):
        assert name == name.strip()
        assert "'" not in name
        assert '"' not in name


def test_ids_tell_nothing_about_the_rank_of_what_they_name():
    plan = Plan.checked(400, seed=3)
    ids = {(number, rank): plan.study_id(number, rank) for number in range(400) for rank in range(6)}
    assert len(set(ids.values())) == len(ids)
    for modulus in (7, 10, 97, 100, 1000):
        ranks = np.array([rank for _, rank in ids])
        rests = np.array(list(ids.values())) % modulus
        means = [rests[ranks == rank].mean() for rank in range(6)]
        assert max(means) - min(means) < 0.12 * modulus  # 400 even numbers of each rank: six deviations
        assert len(set(rests[ranks == 0].tolist())) > 0.3 * modulus


def test_a_lasting_trait_is_as_frequent_among_gold_subjects_as_among_the_others():
    plan = Plan.checked(600, gold_subjects=150)
    for trait in ("scoliosis", "hernia"):
        shares = np.array([plan.share(number, trait) for number in range(600)])
        gold = np.array([number in plan.gold for number in range(600)])
        assert (shares[gold] < 0.04).sum() == 6
        assert (shares[~gold] < 0.04).sum() == 18


def test_names_that_go_together_do_not_always_and_tubes_need_a_bed():
    plan = Plan.checked(300)
    studies = [study for number in range(300) for study in studies_of(plan, live(plan, number))]
    seen = [({a for f in study.findings for a in f.attributes}, study) for study in studies]
    for one, other in (
        ("consolidation", "pneumonia"),
        ("pulmonary edema/hazy opacity", "fluid overload/heart failure"),
        ("increased reticular markings/ild pattern", "interstitial lung disease"),
        ("calcified nodule", "granulomatous disease"),
    ):
        both, left, right = (
            sum(test(names) for names, _ in seen)
            for test in (
                lambda n, a=one, b=other: a in n and b in n,
                lambda n, a=one, b=other: a in n and b not in n,
                lambda n, a=one, b=other: b in n and a not in n,
            )
        )
        assert 4 * both > left > 0 and 4 * both > right > 0, (one, other, both, left, right)
    tubes = {"endotracheal tube", "swan-ganz catheter", "intra-aortic balloon pump", "mediastinal drain", "chest tube"}
    assert any(names & tubes for names, _ in seen)
    assert all(study.portable for names, study in seen if names & tubes)
