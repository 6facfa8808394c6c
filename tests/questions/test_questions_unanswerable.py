"""Questions that cannot be answered: plausible, and really without an answer."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter

import pytest
from official_templates import official_template

import ehrxqa
from ehrxqa.cli.main import _guarded
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.template import official_text
from ehrxqa.questions.unanswerable import UnanswerableTask, unanswerable_records

#: Value slot → where a database would have such a value.
_WHERE = {
    "drug_name": "prescriptions.drug", "lab_name": "d_labitems.label", "test_name": "microbiologyevents.test_name",
    "culture_name": "microbiologyevents.spec_type_desc", "intake_name": "d_items.label",
}  # fmt: skip
_TAGS = {template.q_tag for template in catalogue().values()}


EVERY = tuple(catalogue().values())


@pytest.fixture(scope="module")
def records(copies):
    return unanswerable_records(UnanswerableTask(copies, "test", 160, EVERY, True, "1/test/impossible"))


@pytest.fixture(scope="module")
def db(built):
    connection = sqlite3.connect(f"file:{built / DATABASE_PATHS['test']}?mode=ro", uri=True)
    yield connection
    connection.close()


def known(db, slot, value):
    """Whether the database has a value for a slot."""
    name = slot.rstrip("123")
    if name == "patient_id":
        tables = ("patients", "admissions", "tb_cxr", "tb_cxr_plus", "icustays")
        return any(db.execute(f"select 1 from {table} where subject_id = ?", (value,)).fetchone() for table in tables)
    if name == "study_id":
        tables = ("tb_cxr", "tb_cxr_plus")
        return any(db.execute(f"select 1 from {table} where study_id = ?", (value,)).fetchone() for table in tables)
    table, column = _WHERE[name].split(".")
    return db.execute(f"select 1 from {table} where {column} = ?", (value,)).fetchone() is not None


def test_they_say_that_they_are_impossible(records):
    assert len(records) == 160
    for record in records:
        assert record["is_impossible"] is True
        assert record["query"] == record["_gold_program"] == "null"
        assert record["question"] == record["question"].lower()
        assert record["question"][-1] in "?."
        assert not re.search(r"[{}\[\]<>|]", record["question"])
        assert list(record) == list(records[0])


def test_no_sentence_is_written_twice(records):
    assert len({record["question"] for record in records}) == len(records)


def test_half_ask_for_what_has_no_source_the_others_for_a_value_that_is_not_there(records, db):
    usual = [record for record in records if record["q_tag"] in _TAGS]
    assert abs(len(usual) - len(records) / 2) < len(records) / 5
    missing = Counter()
    for record in usual:
        checked = [slot for slot in record["value"] if slot.rstrip("123") in (*_WHERE, "patient_id", "study_id")]
        absent = [slot for slot in checked if not known(db, slot, record["value"][slot])]
        assert len(absent) == 1, record
        missing[absent[0].rstrip("123")] += 1
        assert str(record["value"][absent[0]]) in record["template"]
        assert str(record["value"][absent[0]]) in record["question"]
    assert len(missing) >= 5, missing


def test_what_has_no_source_is_asked_about_patients_that_exist(records, db):
    """Else a model could tell from the patient's number, and not from what is asked."""
    odd = [record for record in records if record["q_tag"] not in _TAGS]
    of_patient = [record for record in odd if "patient_id" in record["value"]]
    assert len(of_patient) > 30
    assert all(known(db, "patient_id", record["value"]["patient_id"]) for record in of_patient)
    official_ones = {official_text(text) for _, text, _ in NO_SOURCE.values()}
    assert len(official_ones & {record["q_tag"] for record in odd}) >= 4
    for record in odd:
        assert all(str(value) in record["question"] for value in record["value"].values())


def test_only_templates_that_were_asked_for(copies):
    task = UnanswerableTask(copies, "test", 20, (official_template(95), official_template(1100)), False, "x")
    tags = {record["q_tag"] for record in unanswerable_records(task)} & _TAGS
    assert tags <= {official_template(95).q_tag, official_template(1100).q_tag}
    assert tags


def test_the_same_seed_gives_the_same(copies, records):
    task = UnanswerableTask(copies, "test", 20, EVERY, True, "1/test/impossible")
    assert unanswerable_records(task) == records[:20]
    assert unanswerable_records(UnanswerableTask(copies, "test", 20, task.templates, True, "2")) != records[:20]


def test_the_share_is_kept_and_records_have_the_keys_of_the_others(run):
    for split in ("train", "valid", "test"):
        held = run.records(split)
        odd = [record for record in held if record["is_impossible"]]
        assert len(odd) == round(len(held) * 0.1)
        assert all(record["answer"] == "null" for record in odd)
        assert {tuple(record) for record in held} == {tuple(held[0])}
        assert len({record["question"] for record in held}) == len(held)
        # strewn among the others
        places = [record["id"] for record in odd]
        assert min(places) < len(held) / 2 < max(places)
    assert not any('"null"' in line.decode() for line in run.files["links.jsonl"].splitlines())


def test_they_are_off_by_default(fresh, quick):
    ehrxqa.generate(fresh, test=12, families=["95"], workers=1)
    held = json.loads((fresh / "dataset/test.json").read_text())
    assert len(held) == 12
    assert not any(record["is_impossible"] for record in held)


def test_evaluate_rewards_who_abstains(run, tmp_path, capsys):
    gold = run.out / "dataset/test.json"
    held = json.loads(gold.read_text())
    right = {str(record["id"]): record["answer"] for record in held}
    guessing = {key: [1] if answer == "null" else answer for key, answer in right.items()}
    silent = dict.fromkeys(right, "null")
    scores = {}
    arguments = ["evaluate", "--format", "json", "--resamples", "0", "--gold", str(gold), "--predictions"]
    for name, answers in (("right", right), ("guessing", guessing), ("silent", silent)):
        (tmp_path / f"{name}.json").write_text(json.dumps(answers))
        assert _guarded([*arguments, str(tmp_path / f"{name}.json")], False) == 0
        scores[name] = json.loads(capsys.readouterr().out)
    odd, usual = sum(answer == "null" for answer in right.values()), sum(answer != "null" for answer in right.values())
    assert odd == 22  # a tenth of the test split
    counts = {name: (each["overall"]["right"], each["overall"]["abstained"], each["overall"]["wrong"])
              for name, each in scores.items()}  # fmt: skip
    assert counts == {"right": (odd + usual, 0, 0), "guessing": (usual, 0, odd), "silent": (odd, usual, 0)}
