"""Slices: what has not happened yet is gone, nothing else is, and each question is proved or told why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from ehrxqa.agents import slice_policy
from ehrxqa.agents.opened import open_build
from ehrxqa.agents.slice_policy import POLICIES, rule_of
from ehrxqa.agents.slices import cut, known_time
from ehrxqa.agents.slicing import slice_questions, slice_subject, subject_number
from ehrxqa.agents.tasks import endless_tasks
from ehrxqa.agents.tools import Tools
from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.layout import CURRENT_TIME, database_path
from ehrxqa.spec.tables import TABLES, open_tables
from hostile_corpus import CANARY

SUBJECT = 10_000_000


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    db = apsw.Connection(f"file:{path}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


@pytest.fixture(scope="module")
def database(agent_out: Path) -> Path:
    return database_path(agent_out, "test")


def test_every_table_with_times_has_a_rule_that_names_them_all() -> None:
    for table in open_tables():
        rule = rule_of(table)
        times = {column.name for column in table.columns if column.type == "time"}
        assert times <= {rule.since, *rule.later, "dob"}, table.name
        assert {*rule.later, *rule.later.values()} <= set(table.names)
    with pytest.raises(BuildError, match="nobody has said when"):
        rule_of(replace(TABLES["labevents"], name="vitals"))


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("at", ["2101-05-01 09:59:59", "2101-05-01 10:00:00", "2102-06-20 11:59:59", CURRENT_TIME])
def test_a_slow_obvious_loop_says_the_same(database: Path, tmp_path: Path, policy: Any, at: str) -> None:
    made = cut(database, tmp_path / "slice.db", subject=SUBJECT, at=at, policy=policy)
    ended = {row[2] for row in rows(database, "select * from admissions") if row[4] is not None and row[4] <= at}
    for table in open_tables():
        rule, names = rule_of(table), table.names
        expected = []
        for row in rows(database, f"select * from {table.name} order by rowid"):
            value = dict(zip(names, row, strict=True))
            if "subject_id" in value and value["subject_id"] != SUBJECT:
                continue
            if rule.since is not None and not (value[rule.since] is not None and value[rule.since] <= at):
                continue
            coded = table.name != "cost" or value["event_type"] in ("diagnoses_icd", "procedures_icd")
            if policy == "clinical" and rule.at_discharge and coded and value["hadm_id"] not in ended:
                continue
            known = {
                name: None if name in rule.later and not (value[rule.later[name]] or "9") <= at else value[name]
                for name in names
            }
            expected.append(tuple(known.values()))
        assert rows(made.path, f"select * from {table.name} order by rowid") == expected, table.name
        assert made.rows[table.name][0] == len(expected)


def test_times_that_lie_ahead_are_not_known(database: Path, tmp_path: Path) -> None:
    at = "2101-05-15 00:00:00"
    made = cut(database, tmp_path / "slice.db", subject=SUBJECT, at=at)
    for table, column in (
        ("admissions", "dischtime"), ("admissions", "discharge_location"), ("icustays", "outtime"),
        ("icustays", "last_careunit"), ("prescriptions", "stoptime"), ("transfers", "outtime"),
    ):  # fmt: skip
        assert rows(made.path, f"select distinct {column} from {table}") == [(None,)], (table, column)
        assert made.hidden[f"{table}.{column}"] == 1
    for table in open_tables():
        for column in table.columns:
            if column.type == "time":
                later = rows(made.path, f"select count(*) from {table.name} where {column.name} > '{at}'")
                assert later == [(0,)], (table.name, column.name)


def test_the_answer_key_is_not_in_it(database: Path, tmp_path: Path) -> None:
    made = cut(database, tmp_path / "slice.db")
    names = {name.lower() for (name,) in rows(made.path, "select name from sqlite_schema")}
    assert names == {table.name for table in open_tables()} | {"data_dictionary", "image_files", "slice_info"}
    assert CANARY.encode() not in made.path.read_bytes()
    assert b"TB_CXR_PLUS" not in made.path.read_bytes().upper()
    assert b"lung opacity" not in made.path.read_bytes()


def test_paths_and_the_dictionary_come_with_it(database: Path, tmp_path: Path) -> None:
    made = cut(database, tmp_path / "slice.db", subject=SUBJECT)
    files = rows(made.path, "select * from image_files")
    studies = rows(made.path, "select study_id, image_id from tb_cxr order by rowid")
    assert [study for study, _, _ in files] == [str(study) for study, _ in studies]
    assert files[0][1] == f"files/p10/p{SUBJECT}/s{files[0][0]}/{studies[0][1]}.jpg"
    assert files[0][2] == f"files/p10/p{SUBJECT}/s{files[0][0]}.txt"
    meanings = rows(made.path, "select meaning from data_dictionary where table_name != 'tb_cxr_plus'")
    assert len(meanings) == sum(len(table.columns) for table in open_tables())
    assert all(meaning for (meaning,) in meanings)


def test_the_same_slice_is_the_same_bytes(database: Path, tmp_path: Path) -> None:
    first, again = (cut(database, tmp_path / name, subject=SUBJECT, at="2102-01-01 00:00:00").path for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def test_questions_of_the_whole_time_keep_their_answers(agent_out: Path, tmp_path: Path) -> None:
    path = written_questions(agent_out, tmp_path, 30)
    report = slice_questions(agent_out, path, tmp_path / "slices")
    assert report.questions == 30
    assert report.same == 30
    assert report.slices[-1].subject is None
    listed = json.loads(report.list.read_text())
    assert listed["synthetic"] is True
    assert all(isinstance(each["subject_id"], str) for each in listed["slices"][:-1])
    assert all(isinstance(each["id"], str) for made in listed["slices"] for each in made["questions"])


def test_questions_about_what_comes_later_are_told_why(agent_out: Path, tmp_path: Path) -> None:
    path = written_questions(agent_out, tmp_path, 40)
    report = slice_questions(agent_out, path, tmp_path / "slices", at="2101-03-01")
    proofs = [proof for proofs in report.proofs.values() for proof in proofs]
    assert 0 < report.same < 40
    assert all(proof.same == (proof.reason == "") for proof in proofs)
    assert any("known only after 2101-03-01" in proof.reason or "made after 2101" in proof.reason for proof in proofs)


def written_questions(out: Path, folder: Path, number: int) -> Path:
    """Questions of `generate`, with their links, in a file of their own."""
    task = endless_tasks(out, "test", seed=5)
    made = [task(place) for place in range(number)]
    path = folder / "asked.json"
    path.write_text(json.dumps([dict(question.record) for question in made]))
    links = [question.links.record for question in made if question.links]
    (folder / "links.jsonl").write_text("".join(json.dumps(line) + "\n" for line in links))
    return path


def test_agents_work_in_a_slice_with_the_labels_of_the_whole(agent_out: Path, tmp_path: Path) -> None:
    report = slice_subject(agent_out, SUBJECT, "2102-01-01", tmp_path / "s.db")
    with open_build(agent_out, database=tmp_path / "s.db") as build:
        tools = Tools(build)
        known = tools.run_sql("select count(*) from tb_cxr").rows[0][0]
        assert known == report.slices[0].rows["tb_cxr"][0]
        assert tools.run_sql("select count(*) from patients").rows == [[1]]
        asked = tools.run_sql('select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id) in (0, 1)')
        assert asked.rows == [[known]]
        assert tools.run_sql("select current_time, datetime('now')").rows == [["2102-01-01 00:00:00"] * 2]
        assert tools.describe_tables().current_time == "2102-01-01 00:00:00"
        assert "tb_cxr" in {table.name for table in tools.describe_tables().tables}


@pytest.mark.parametrize("text", ["2104-02-30", "yesterday", "2104", "2104-01-01 25:00:00", "2104-01-01'; --", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no time"):
        known_time(text)


def test_faults_are_said_and_nothing_is_written(agent_out: Path, database: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no subject 7"):
        cut(database, tmp_path / "s.db", subject=7)
    with pytest.raises(SettingsError, match="is read by this command"):
        cut(database, database)
    with pytest.raises(SettingsError, match="no such database"):
        cut(tmp_path / "no.db", tmp_path / "s.db")
    with pytest.raises(SettingsError, match="policy must be"):
        cut(database, tmp_path / "s.db", policy="wild")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="a subject is a number"):
        subject_number("1 or 1")
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE x (a)")
    with pytest.raises(BuildError, match="has no table"):
        cut(other, tmp_path / "s.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db"]


def test_a_table_without_a_rule_stops_it(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(slice_policy._RULES, "labevents")
    with pytest.raises(BuildError, match="labevents: nobody has said"):
        cut(database, tmp_path / "s.db")
    assert list(tmp_path.iterdir()) == []


def test_the_command(agent_out: Path, tmp_path: Path) -> None:
    to = tmp_path / "s.db"
    done = CliRunner().invoke(
        main, ["slice", str(agent_out), "--subject", str(SUBJECT), "--at", "2102-01-01", "--to", str(to)]
    )
    assert done.exit_code == 0, done.output
    assert "questions have the same answer" in done.output
    assert json.loads((tmp_path / "s.db.json").read_text())["slices"][0]["subject_id"] == str(SUBJECT)
    for wrong in (
        ["--subject", "1"],
        ["--at", "2102-01-01"],
        ["--subject", "1", "--questions", "x", "--at", "2102-01-01"],
    ):
        done = CliRunner().invoke(main, ["slice", str(agent_out), "--to", str(to), *wrong])
        assert isinstance(done.exception, SettingsError)
