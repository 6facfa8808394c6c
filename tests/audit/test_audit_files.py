"""Forms of question files, what an audit writes, and the command."""

from __future__ import annotations

import json

import apsw
import pytest
from click.testing import CliRunner

import ehrxqa
from ehrxqa.cli.audit import command
from ehrxqa.errors import EhrxqaError, RecordError, SettingsError
from ehrxqa.sql.errors import TimeLimit

NOW = "2100-12-31 23:59:00"
BROKEN = "SELECT hadm_id FROM Visits WHERE subject_id = 1 ORDER BY dischtime ASC LIMIT 1"
MENDED = "SELECT hadm_id FROM Visits WHERE subject_id = 1 and dischtime is not null ORDER BY dischtime ASC LIMIT 1"
CODES = "select count(*) from diagnoses where code = ( select code from d_codes where title = 'asthma' )"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "anyone.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute("""
        create table visits(subject_id, hadm_id, dischtime); create table d_codes(code, title);
        create table diagnoses(subject_id, code);
        insert into visits values (1, 11, '2100-01-03'), (1, 12, null), (2, 21, '2100-01-05');
        insert into d_codes values ('a', 'asthma'), ('b', 'asthma'); insert into diagnoses values (1, 'a'), (2, 'b');
    """)
    connection.close()
    return path


def ids(report):
    return {(each.id, each.rule) for each in report.findings}


def records(**more):
    return [
        {"db_id": "anyone", "id": 1, "question": "first?", "query": BROKEN, "answer": [12], **more},
        {"db_id": "anyone", "id": 2, "question": "second?", "query": "select 1 as a", "answer": [1], **more},
    ]


FORMS = {
    "records.json": json.dumps(records()),
    "lines.jsonl": "\n".join(map(json.dumps, records())),
    "label.json": json.dumps({"1": BROKEN, "2": "select 1 as a", "3": "null"}),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_corrected_and_clean_then(tmp_path, database, name):
    path = tmp_path / name
    path.write_text(FORMS[name])
    report = ehrxqa.audit(path, database, now=NOW, out=tmp_path / "errata.jsonl", fix=True, workers=1)
    assert ids(report) == {("1", "null-first")} and report.corrected == 1 and report.wrong == 1
    assert path.read_text() == FORMS[name]
    (line,) = (tmp_path / "errata.jsonl").read_text().splitlines()
    assert (found := json.loads(line))["program"] == BROKEN and found["corrected"] == MENDED
    corrected = tmp_path / f"{path.stem}.corrected{path.suffix}"
    assert report.written == (tmp_path / "errata.jsonl", corrected)
    again = ehrxqa.audit(corrected, database, now=NOW, fix=True, workers=1)
    assert again.findings == () and again.written == ()


def test_a_corrected_record_has_the_corrected_answer_and_nothing_else_is_changed(tmp_path, database):
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(records(mine="kept")))
    ehrxqa.audit(path, database, fix=True, workers=1)
    first, second = json.loads((tmp_path / "gold.corrected.json").read_text())
    assert first == {**records(mine="kept")[0], "query": MENDED, "answer": [11]}
    assert second == records(mine="kept")[1]


def test_labels_are_read_with_the_questions_and_answers_beside_them(tmp_path, database):
    (tmp_path / "label.json").write_text(json.dumps({"x": "SELECT hadm_id FROM visits WHERE subject_id = 2"}))
    (tmp_path / "data.json").write_text(
        json.dumps({"version": "1", "data": [{"id": "x", "question": "of patient 777?"}]})
    )
    (tmp_path / "answer.json").write_text(json.dumps({"x": "[['22']]"}))
    report = ehrxqa.audit(tmp_path, database, workers=1)
    assert ids(report) == {("x", "other-answer"), ("x", "other-id")}
    with pytest.raises(RecordError, match="give the file of labels"):
        ehrxqa.audit(tmp_path / "data.json", database)


def test_splits_without_questions_are_passed_over(tmp_path, database):
    (tmp_path / "_train.json").write_text("[]")
    (tmp_path / "_test.json").write_text(json.dumps(records(split="test")))
    assert {each.split for each in ehrxqa.audit(tmp_path, database, workers=1).findings} == {"test"}


def test_a_file_of_answers_alone(tmp_path, database):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([{"id": 1, "answer": []}, {"id": 2, "answer": [None, 1]}, {"id": 3, "answer": "null"}]))
    report = ehrxqa.audit(path, database, workers=1)
    assert ids(report) == {("1", "empty-answer"), ("2", "null-in-answer")} and report.impossible == 1


def test_official_programs_are_cleaned_as_officially_and_what_that_would_change_is_said(tmp_path, database):
    record = {"db_id": "mimic_iv_cxr", "split": "test", "id": 1, "question": "?"}
    path = tmp_path / "_test.json"
    path.write_text(json.dumps([{**record, "_gold_program": "select 1 where 'a' < = current_time and 'it''s' = 'b'"}]))
    (finding, *_) = ehrxqa.audit(path, database, workers=1).findings
    assert (finding.split, finding.rule) == ("test", "unsafe-text")
    path.write_text(json.dumps([{**record, "_gold_program": "select strftime('%y',current_time) as a"}]))
    (tmp_path / "test.json").write_text(json.dumps([{**record, "query": "x", "answer": ["2100"]}]))
    assert ehrxqa.audit(path, database, now=NOW, workers=1).findings == ()
    assert ehrxqa.audit(tmp_path / "test.json", database, now=NOW, workers=1).findings == ()
    assert ids(ehrxqa.audit(path, database, workers=1)) == {("1", "other-answer")}


def test_all_codes_of_a_title(tmp_path, database):
    path = tmp_path / "gold.json"
    path.write_text(json.dumps([{"id": 1, "question": "?", "query": CODES}]))
    ehrxqa.audit(path, database, fix=True, workers=1)
    (record,) = json.loads((tmp_path / "gold.corrected.json").read_text())
    assert record["query"] == CODES.replace("code = (", "code in (")


def test_the_same_for_any_number_of_workers(tmp_path, database):
    path = tmp_path / "gold.json"
    path.write_text(json.dumps([{**record, "id": number} for number in range(40) for record in records()[:1]]))
    out = [tmp_path / f"errata{workers}.jsonl" for workers in (1, 2)]
    for workers, errata in enumerate(out, start=1):
        ehrxqa.audit(path, database, out=errata, workers=workers)
    assert out[0].read_bytes() == out[1].read_bytes() and out[0].read_text().count("\n") == 40


def test_what_is_read_is_never_written_and_verdicts_of_readers_stay(tmp_path, database):
    path, verdicts = tmp_path / "gold.json", tmp_path / "errata.jsonl"
    path.write_text(json.dumps(records()))
    verdicts.write_text('{"split": "test", "id": "1", "verdict": "accepted", "comment": "", "flag": ""}\n')
    for out in (path, database, verdicts):
        before = out.read_bytes()
        with pytest.raises(SettingsError):
            ehrxqa.audit(path, database, out=out, workers=1)
        assert out.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "[1]", '[{"question": "?"}]', '{"data": []}', '[{"id": [1], "query": "x"}]']
)
def test_what_is_no_question_file_ends_in_one_line(tmp_path, database, text):
    path = tmp_path / "gold.json"
    path.write_text(text)
    with pytest.raises(EhrxqaError) as error:
        ehrxqa.audit(path, database)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_the_command(tmp_path, database):
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(records()))
    arguments = [str(path), "--database", str(database), "--now", NOW, "--quiet"]
    shown = CliRunner().invoke(command, arguments)
    assert shown.exit_code == 0 and "null-first  error" in shown.output and "2 golds: 2 with a program" in shown.output
    value = json.loads(CliRunner().invoke(command, [*arguments, "--format", "json"]).output)
    assert value["counts"] == {"null-first": 1} and value["findings"][0]["severity"] == "error"
    assert repr(ehrxqa.audit(path, database, workers=1)).startswith("AuditReport(questions=2, programs=2,")


def test_a_gold_whose_checks_take_too_long_ends_nothing(tmp_path, database, monkeypatch):
    def slow(self, structure):
        raise TimeLimit("the query takes longer than 10 seconds")

    path = tmp_path / "gold.json"
    path.write_text(json.dumps(records(answer=["another"])))
    monkeypatch.setattr("ehrxqa.auditing.checker.Lint.findings", slow)
    report = ehrxqa.audit(path, database, workers=1)
    assert report.counts["not-judged"] == report.programs == report.counts["other-answer"]
    assert all(each.what.endswith("10 seconds") for each in report.findings if each.rule == "not-judged")
