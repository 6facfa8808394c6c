"""Questions that can be understood in two ways: found, refused, or written with both answers."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import combinations

import pytest
from made_questions import OFFICIAL, question_of

import ehrxqa
from ehrxqa.questions.alternatives import READINGS, alternative_programs
from ehrxqa.questions.lookup import Lookup
from ehrxqa.questions.programs import INDEXED, gold_program
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.synonyms import same_titles, title_key
from ehrxqa.questions.times import TimeChoice
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.official_text import normalise


@pytest.fixture(scope="module")
def indexed(copies):
    return Lookup(copies.indexed, 20.0)


def answer_of(indexed, program):
    return answer_list(indexed.rows(normalise(program.lower())))


def test_a_visit_has_two_readings_and_a_date_has_one():
    visit = question_of(OFFICIAL[3300], 0, TimeChoice("rel-hosp-last"))
    assert list(alternative_programs(visit, {})) == ["visit-by-date"]
    year = question_of(OFFICIAL[3300], 0, TimeChoice("abs-year-in", 2104))
    assert alternative_programs(year, {}) == {}


def test_which_readings_there_are():
    found = {
        number: set(alternative_programs(question_of(OFFICIAL[number], 0), {"heparin": ("heparin", "heparins")}))
        for number in (134, 155, 158, 165, 92, 6000)
    }
    assert found[134] == {"censoring", "synonyms", "censoring, synonyms"}
    assert found[155] == {"competition-rank"}
    ways = ("fan-out", "synonyms", "competition-rank")
    every = {", ".join(some) for number in (1, 2, 3) for some in combinations(ways, number)}
    assert found[158] >= every
    assert found[165] == every
    assert found[92] == {"synonyms"}
    assert found[6000] == {"visit-by-date"}
    assert set().union(*found.values()) <= set(READINGS)


def test_what_followed_something_with_two_titles_is_counted_once_under_both():
    """A ranking of drugs that neither way alone changes, and both at once do."""
    db = sqlite3.connect(":memory:")
    db.executescript("""
        create table admissions (subject_id, hadm_id);
        create table d_icd_diagnoses (icd_code, long_title);
        create table diagnoses_icd (row_id, hadm_id, icd_code, charttime);
        create table prescriptions (row_id, hadm_id, drug, starttime);
        insert into admissions values (1, 1), (2, 2), (3, 3), (4, 4);
        insert into d_icd_diagnoses values ('9', 'use of insulin'), ('10', 'insulin use');
        insert into diagnoses_icd values (1, 1, '9', '2105-01-01 00:00:00'), (2, 1, '9', '2105-01-02 00:00:00'),
            (3, 2, '9', '2105-01-01 00:00:00'), (4, 3, '10', '2105-01-01 00:00:00'),
            (5, 4, '10', '2105-01-01 00:00:00');
    """)
    given = {1: {"ondansetron": 6, "senna": 5, "heparin": 2}, 2: {"insulin": 1}, 3: {"insulin": 1}, 4: {"insulin": 1}}
    drugs = [(hadm, drug) for hadm, held in given.items() for drug, times in held.items() for _ in range(times)]
    for row, (hadm, drug) in enumerate(drugs):
        db.execute("insert into prescriptions values (?, ?, ?, '2105-01-05 00:00:00')", (row, hadm, drug))
    values, options = {"diagnosis_name": "use of insulin"}, {"n_rank": "three"}
    question = Question(OFFICIAL[168], Choice(values, within="within-n_month", operations=options))
    programs = alternative_programs(question, same_titles(["use of insulin", "insulin use"]))
    third = {name: {drug for (drug,) in db.execute(normalise(program.lower()))} for name, program in programs.items()}
    assert {name for name, names in third.items() if "insulin" in names} == {
        "fan-out, synonyms",
        "fan-out, synonyms, competition-rank",
    }
    assert all("heparin" in names for name, names in third.items() if "fan-out, synonyms" not in name)


def test_a_ranking_is_read_in_two_other_ways_at_once(bench, indexed):
    """Three tests that tie by number and not by date: only by date and with left out ranks is the answer another."""
    ranking = alternative_programs(question_of(OFFICIAL[172], 0), {})
    assert {"visit-by-date", "competition-rank", "visit-by-date, competition-rank"} <= set(ranking)
    both = ranking["visit-by-date, competition-rank"]
    assert " rank() over" in both and "admissions.dischtime" in both


def test_by_date_counts_what_lies_in_the_visit(bench, indexed):
    """By hand, over the facts: how many studies lie between the times of the last completed stay."""
    stays = {
        hadm: (begun, ended or "2105-12-31 23:59:00")
        for hadm, begun, ended in indexed.rows("select hadm_id, admittime, dischtime from admissions")
    }
    last, differ = bench.facts.visits["rel-hosp-last"], 0
    for subject, hadm in list(last.items())[:60]:
        held = bench.facts.studies.get(subject, [])
        question = question_of(OFFICIAL[3300], 0, TimeChoice("rel-hosp-last"))
        question = Question(question.template, replace(question.choice, values={"patient_id": subject}))
        # all studies that show anything at all: a question without a finding
        program = alternative_programs(question, {})["visit-by-date"].split(" and tb_cxr_plus.relation")[0]
        begun, ended = stays[hadm]
        inside = {each.study for each in held if each.labelled and begun <= each.time <= ended}
        assert answer_of(indexed, program) == [len(inside)]
        differ += inside != {each.study for each in held if each.labelled and each.hadm == hadm}
    assert differ > 0


def test_ranks_after_ties(indexed, bench):
    """Competition rank is a part of dense rank, and the same where nothing is tied but the last."""
    program = gold_program(question_of(OFFICIAL[171], 0))
    assert "dense_rank()" in program
    other = gold_program(question_of(OFFICIAL[171], 0), replace(INDEXED, rank="rank()"))
    assert set(answer_of(indexed, other)) <= set(answer_of(indexed, program))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hypertension, essential, unspecified", "essential hypertension"),
        ("do not resuscitate status", "do not resuscitate"),
        ("diabetes mellitus type ii without mention of complication", "type 2 diabetes mellitus without complications"),
        ("malignant neoplasm of bronchus and lung, unspecified",
         "malignant neoplasm of the lung or bronchus, site unspecified"),
    ],
)  # fmt: skip
def test_titles_of_one_thing(one, other):
    assert title_key(one) == title_key(other)
    assert same_titles([one, other, "sepsis"]) == {one: tuple(sorted((one, other))), other: tuple(sorted((one, other)))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cirrhosis of liver without mention of alcohol", "cirrhosis of liver due to alcohol"),
        ("chronic kidney disease, stage 3", "chronic kidney disease, stage 4"),
        ("secondary malignant neoplasm of lung", "malignant neoplasm of lung"),
        ("unspecified", "not elsewhere classified"),
    ],
)
def test_titles_of_two_things(one, other):
    assert title_key(one) != title_key(other)


def test_a_longer_name_of_the_catalogue(bench, monkeypatch):
    """`tf residual` must not be followed by `output`, where `tf residual output` is another item."""
    checker = bench.checker
    monkeypatch.setitem(checker._names, "output_name", {"tf residual", "tf residual output", "foley"})
    monkeypatch.setattr(checker, "_longer_names", {})
    question = question_of(OFFICIAL[56], 0, names=("tf residual",))
    assert checker.longer_name(question, "how many ml of tf residual output in total has patient 1 had?")
    assert not checker.longer_name(question, "how much tf residual was recorded?")
    assert not checker.longer_name(question, "how much tf residual outputs was recorded?")
    longer = question_of(OFFICIAL[56], 0, names=("tf residual output",))
    assert not checker.longer_name(longer, "how many ml of tf residual output in total has patient 1 had?")


def test_a_longer_name_that_is_asked_for_as_well_is_none(bench, monkeypatch):
    checker = bench.checker
    monkeypatch.setitem(checker._names, "drug_name", {"heparin", "heparin flush"})
    monkeypatch.setattr(checker, "_longer_names", {})
    question = question_of(OFFICIAL[71], 0)
    values = {**question.choice.values, "drug_name1": "heparin", "drug_name2": "heparin flush"}
    question = Question(question.template, replace(question.choice, values=values))
    assert not checker.longer_name(question, "when was patient 1 first prescribed both heparin and heparin flush?")


def test_questions_with_two_answers_are_written_only_if_wanted(fresh, quick):
    """The same run, strict and ambiguous: only the latter has other answers, and its links and statistics say so."""
    wanted = {"test": 60, "families": ["3300", "same period", "top after"], "workers": 1, "seed": 1}
    assert ehrxqa.generate(fresh, **wanted).faults == 0
    links = [json.loads(line) for line in (fresh / "dataset" / "links.jsonl").read_text().splitlines()]
    assert all(each["alternatives"] == {} for each in links)
    assert ehrxqa.stats(fresh).ambiguity.ambiguous == 0
    ehrxqa.generate(fresh, **wanted, ambiguous=True, force=True)
    doubt = ehrxqa.stats(fresh).ambiguity
    assert doubt.ambiguous > 0
    assert set(doubt.readings) <= set(READINGS)
    # a system that takes the other reading is wrong, and tolerated
    records = {record["id"]: record for record in json.loads((fresh / "dataset" / "test.json").read_text())}
    links = [json.loads(line) for line in (fresh / "dataset" / "links.jsonl").read_text().splitlines()]
    given = {
        str(each["id"]): next(iter(each["alternatives"].values()), records[each["id"]]["answer"]) for each in links
    }
    (fresh / "given.json").write_text(json.dumps(given))
    result = ehrxqa.evaluate(fresh / "dataset" / "test.json", fresh / "given.json", resamples=0)
    # two readings may give the same answer by chance: then there is nothing to tolerate
    other = sum(given[str(each["id"])] != records[each["id"]]["answer"] for each in links)
    assert (result.ambiguous, result.tolerated) == (doubt.ambiguous, other)
    assert other > 0
    assert result.tolerant_accuracy == 100
    assert result.overall.tally.right == len(given) - other
