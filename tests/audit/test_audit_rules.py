"""Every rule of the audit on a tiny database of nobody's schema: golds that break it, and near misses that do not."""

from __future__ import annotations

import json

import apsw
import pytest

import ehrxqa
from ehrxqa.auditing.audit_rules import AUDIT_RULES

_TABLES = """
create table Patients(subject_id, gender, dod);
insert into Patients values (1, 'f', null), (2, 'm', '2100-05-01 00:00:00'), (3, 'f', null);
create table Visits(subject_id, hadm_id, admittime, dischtime);
insert into Visits values (1, 11, '2100-01-01', '2100-01-03'), (1, 12, '2100-02-01', null), (1, 13, '2100-03-01',
    '2100-03-02'), (2, 21, '2100-01-05', '2100-01-06'), (3, 31, '2100-01-05', '2100-01-07');
create table Drugs(subject_id, hadm_id, drug, dose, starttime);
insert into Drugs values (1, 11, 'heparin', 5, '2100-01-01 10:00'), (1, 11, 'aspirin', 1, '2100-01-01 10:00'),
    (1, 12, 'heparin', '5-10', '2100-02-01 10:00'), (2, 21, 'heparin', 5, '2100-01-05 10:00'),
    (2, 21, 'heparin', 5, '2100-01-05 12:00'), (3, 31, 'insulin', '7', '2100-01-05 12:00');
create table d_codes(code, title);
insert into d_codes values ('a', 'asthma'), ('b', 'asthma'), ('c', 'gout');
create table diagnoses(subject_id, code);
insert into diagnoses values (1, 'a'), (2, 'b'), (3, 'b'), (3, 'c');
create table notes(subject_id, note);
"""

_RANKED = "select drug from ( select drug, dense_rank() over ( order by count(*) ) as r from drugs group by drug )"

#: Rule → question and program of golds that break it, and of near misses.
CASES = {
    "fails": ([("?", "select dose from nowhere")], [("?", "SELECT Drugs.dose FROM DRUGS")]),
    "tie": (
        [
            ("?", "SELECT drug FROM Drugs WHERE subject_id = 1 ORDER BY starttime LIMIT 1"),
            ("?", "select gender from patients where subject_id in ( select subject_id from visits "
                  "where subject_id > 1 order by admittime desc limit 1 )"),
        ],
        # what is tied makes no difference to the answer
        [("?", "select gender from patients where subject_id in ( select subject_id from visits "
               "where subject_id <> 2 order by admittime desc limit 1 )"),
         ("?", "select count(*) from patients where subject_id = ( select subject_id from visits "
               "where subject_id > 1 order by admittime desc limit 1 )")],
    ),
    "limit-without-order": (
        [("?", "SELECT drug FROM Drugs LIMIT 1")],
        [("?", "select count(*) from drugs limit 1"), ("?", "select 1 in (select 1 from drugs limit 1)")],
    ),
    "null-first": (
        [("what ended first?", "SELECT hadm_id FROM Visits WHERE subject_id = 1 ORDER BY dischtime LIMIT 1")],
        [("?", "select hadm_id from visits where subject_id = 1 order by dischtime desc limit 1"),
         ("?", "select subject_id from visits where subject_id = 1 order by dischtime limit 1")],
    ),
    "several-values": (
        [("?", "select count(*) from diagnoses where code = ( select code from d_codes where title = 'asthma' )")],
        [("?", "select count(*) from diagnoses where code = ( select code from d_codes where title = 'gout' )"),
         ("?", "select count(*) from patients where gender = 'x' or 0 < ( select subject_id from diagnoses )")],
    ),
    "text-number": (
        [("?", "SELECT SUM(Drugs.Dose) FROM Drugs WHERE subject_id = 1"),
         ("?", "select drug from drugs where dose > 3")],
        # the text of a number is added as that number; texts that are not read do not count; nor does a drug's name
        [("?", "select sum(dose) from drugs where subject_id = 3"),
         ("?", "select sum(dose) from drugs where hadm_id = 11"),
         ("what is the dose?", "select drug from drugs where drug = 'heparin' and subject_id = 2")],
    ),
    "rows-counted": (
        [("How many patients got heparin?", "SELECT COUNT(*) FROM Drugs WHERE drug = 'heparin'")],
        [("how many times did patients get heparin?", "select count(*) from drugs where drug = 'heparin'"),
         ("how many patients got insulin?", "select count(*) from drugs where drug = 'insulin'"),
         ("how many patients got heparin?", "select count(distinct subject_id) from drugs where drug = 'heparin'")],
    ),
    "integer-division": (
        [("what share?", "select ( select count(*) from patients where gender = 'f' ) / count(*) from patients")],
        [("what share?", "select count(*) * 1.0 / ( select count(*) from drugs ) from patients")],
    ),
    "unknown-id": (
        [("sex of patient 444?", "select gender from patients where subject_id = 444")],
        [("sex of patient 1?", "select gender from patients p where p.subject_id = 1")],
    ),
    "other-id": (
        [("drugs of patient 10000111?", "select drug from drugs where subject_id = 2 and hadm_id = 21")],
        [("drugs of patient 2 in 2100?", "select drug from drugs where subject_id = 2")],
    ),
    "unknown-value": (
        [("?", "select subject_id from drugs where drug = 'Heparin'")],
        [("?", "select subject_id from drugs where drug in ( 'Heparin', 'heparin' )"),
         ("?", "select subject_id from drugs where drug <> 'Heparin'")],
    ),
    "competition-rank": (
        [("?", f"{_RANKED} where r <= 2")],
        [("?", f"{_RANKED} where r <= 1")],
    ),
    "empty-answer": (
        [("?", "select drug from drugs where subject_id = 2 and drug = 'insulin'")],
        [("?", "select count(*) from drugs where subject_id = 2 and drug = 'insulin'")],
    ),
    "empty-table": ([("?", "select note from notes")], [("?", "select gender from patients")]),
    "null-in-answer": ([("?", "select dod from patients")], [("?", "select subject_id from patients")]),
}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "anyone.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute(_TABLES)
    connection.close()
    return path


def audited(tmp_path, database, golds, **options):
    path = tmp_path / "gold.json"
    records = [
        {"id": number, "question": question, "query": program} for number, (question, program) in enumerate(golds)
    ]
    path.write_text(json.dumps(records))
    return ehrxqa.audit(path, database, workers=1, now="2100-12-31 23:59:00", **options)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_and_its_near_misses(tmp_path, database, rule):
    broken, fine = CASES[rule]
    report = audited(tmp_path, database, [*broken, *fine])
    assert [each.id for each in report.findings if each.rule == rule] == [str(n) for n in range(len(broken))]


def test_every_rule_is_tested_here_or_below_or_with_the_files(database):
    elsewhere = {"other-answer", "contradiction", "unsafe-text", "ambiguous", "synonyms", "not-judged"}
    assert {*CASES, *elsewhere} == set(AUDIT_RULES)


def test_sql_in_capitals_is_the_same_sql(tmp_path, database):
    golds = [each for rule, (broken, _) in CASES.items() if rule != "unknown-value" for each in broken]
    lower = audited(tmp_path, database, [(question, program.lower()) for question, program in golds])
    mixed = audited(tmp_path, database, golds)
    assert lower.counts == mixed.counts


def test_an_empty_answer_says_where_the_rows_are_lost(tmp_path, database):
    report = audited(tmp_path, database, [CASES["empty-answer"][0][0]])
    assert report.findings[0].what == "of 2 rows, none fulfils this condition: drug = 'insulin'"


def test_the_answer_of_the_file_is_compared_in_whatever_order_and_form(tmp_path, database):
    records = [
        {"id": 1, "question": "a", "query": "select subject_id from patients", "answer": [3, 1, 2]},
        {"id": 2, "question": "b", "query": "select subject_id from patients", "answer": "[['1'], ['2'], ['3']]"},
        {"id": 3, "question": "c", "query": "select subject_id from patients", "answer": [1, 2]},
        {"id": 4, "question": " C", "query": "select 1 as a", "answer": [1]},
        {"id": 5, "question": "d", "query": "select 2120.5075", "answer": [2120.507]},
    ]
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(records))
    report = ehrxqa.audit(path, database, workers=1)
    assert [(each.id, each.rule) for each in report.findings] == [("3", "other-answer"), ("4", "contradiction")]


def test_titles_that_say_the_same(tmp_path):
    path = tmp_path / "titles.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute("""
        create table d_icd_diagnoses(icd_code, long_title); create table diagnoses_icd(subject_id, icd_code);
        insert into d_icd_diagnoses values ('4019', 'unspecified essential hypertension'), ('I10',
            'essential (primary) hypertension'), ('x', 'gout');
        insert into diagnoses_icd values (1, '4019'), (2, 'I10'), (3, 'x');
    """)
    connection.close()
    program = (
        "select count(distinct subject_id) from diagnoses_icd where icd_code = ( select icd_code from d_icd_diagnoses "
        "where long_title = '%s' )"
    )
    golds = [("?", program % "unspecified essential hypertension"), ("?", program % "gout")]
    report = audited(tmp_path, path, golds)
    assert [(each.id, each.rule, each.what) for each in report.findings] == [("0", "synonyms", "[2]")]
