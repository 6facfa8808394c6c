from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from question_files import Built, write_links

from ehrxqa import why
from ehrxqa.cli.main import run
from ehrxqa.cli.why import command
from ehrxqa.dataset.links import Links, RowLinks
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.explain.lost_rows import lost_rows
from ehrxqa.explain.why import explain_empty_answers
from ehrxqa.explain.why_text import as_text
from ehrxqa.sql.sandbox import Rows, open_database
from ehrxqa.sql.steps import BaseTable, steps_of


def test_steps_come_after_those_inside_them() -> None:
    sql = "select a from ( select b from t ) as x where c in ( select d from u where e = ( select 1 ) ) and f = 2;"
    steps = steps_of(sql)
    assert [step.sql for step in steps] == [
        "select b from t",
        "select 1",
        "select d from u where e = ( select 1 )",
        sql[:-1],
    ]
    last = steps[-1]
    assert (last.inner, last.derived, last.inside) == ((1, 3), (1,), ((3,), ()))
    assert last.conditions == ("c in ( select d from u where e = ( select 1 ) )", "f = 2")


def test_parts_of_a_compound() -> None:
    steps = steps_of("select a from t union all select ( select b from u ) except select c from v")
    assert steps[-1].operators == ("union all", "except")
    assert [steps[number - 1].sql for number in steps[-1].inner] == [
        "select a from t",
        "select ( select b from u )",
        "select c from v",
    ]


@pytest.mark.parametrize(
    ("where", "conditions"),
    [
        ("a = 1", ("a = 1",)),
        ("a between 1 and 2 and b not between 3 and 4 and c", ("a between 1 and 2", "b not between 3 and 4", "c")),
        ("a = 1 and ( b = 2 or c = 3 )", ("a = 1", "( b = 2 or c = 3 )")),
        ("a = 1 and b = 2 or c = 3", ("a = 1 and b = 2 or c = 3",)),
        (
            "case when a and b then 1 else 0 end and c = 'x and y'",
            ("case when a and b then 1 else 0 end", "c = 'x and y'"),
        ),
        ("a = 1 group by b having count(*) > 1 and d", ("a = 1",)),
        ("a = 1 order by b limit 1", ("a = 1",)),
    ],
)
def test_conditions(where: str, conditions: tuple[str, ...]) -> None:
    assert steps_of(f"select a from t where {where}")[0].conditions == conditions


@pytest.mark.parametrize(
    ("source", "tables"),
    [
        ("t", (BaseTable("t", "t"),)),
        ("t as x", (BaseTable("t", "x"),)),
        ("T x, u", (BaseTable("t", "x"), BaseTable("u", "u"))),
        (
            "t join u as y on t.a = y.a left join v on 1",
            (BaseTable("t", "t"), BaseTable("u", "y"), BaseTable("v", "v")),
        ),
        ("( select 1 ) as x join u on 1", (BaseTable("u", "u"),)),
        ("t cross join u", (BaseTable("t", "t"), BaseTable("u", "u"))),
    ],
)
def test_sources(source: str, tables: tuple[BaseTable, ...]) -> None:
    assert steps_of(f"select a from {source}")[-1].tables == tables


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    connection = apsw.Connection(str(tmp_path / "tiny.db"))
    for statement in (
        "CREATE TABLE t (row_id INTEGER, a INTEGER, b TEXT)",
        "INSERT INTO t VALUES (0, 1, 'x'), (1, 2, 'y'), (2, 2, NULL)",
        "CREATE TABLE u (row_id INTEGER, a INTEGER)",
        "INSERT INTO u VALUES (0, 1), (1, 9)",
        "CREATE TABLE void (a INTEGER)",
    ):
        connection.execute(statement)
    connection.close()
    with open_database(tmp_path / "tiny.db") as sandbox:
        yield sandbox.run


# query, steps of the chain, and what the last link says
LOSSES: list[tuple[str, list[int], str]] = [
    ("select a from t", [], ""),
    ("select a from t where a = 1", [], ""),
    ("select a from t where a = 2 and b = 'x'", [1], "of 2 rows, none fulfils"),
    ("select max(a) from t where a > 5", [1], "of 3 rows, none fulfils"),
    ("select count(*) from t where a > 5", [1], "of 3 rows, none fulfils"),
    ("select b from t where a = 2 and b is null", [1], "the selected value is null in all"),
    ("select a from void", [1], "FROM clause is empty"),
    ("select a from t where a in ( select a from u where a > 10 )", [2, 1], "of 2 rows, none fulfils"),
    # an empty sub-query that does not matter is not named
    ("select a from t where a not in ( select a from void ) and a = 7", [2], "none fulfils this condition"),
    ("select a from t where a in ( select a from void ) or a = 7", [2, 1], "FROM clause is empty"),
    ("select x.a from ( select a from t where a > 5 ) as x", [2, 1], "of 3 rows, none fulfils"),
    ("select t.a from t join u on t.a = u.a + 100", [1], "the join finds no pair"),
    ("select a from t group by a having count(*) > 5", [1], "no group fulfils HAVING count(*) > 5"),
    ("select a from t limit 1 offset 7", [1], "LIMIT 1 offset 7 leaves none"),
    ("select a from t where a > 5 union select a from void", [3, 1], "of 3 rows, none fulfils"),
    ("select a from t where a > 5 union select a from u", [], ""),
    ("select a from t where a = 2 intersect select a from u", [3], "no row in common"),
    ("select a from t intersect select a from void", [3, 2], "FROM clause is empty"),
    ("select a from u except select a from u", [2], "takes away every row"),
    ("select a from void except select a from u", [3, 1], "FROM clause is empty"),
    ("select ( select count(*) > 0 from t where a = 9 ) and ( select 1 )", [3, 1], "of 3 rows, none fulfils"),
]


@pytest.mark.parametrize(("sql", "chain", "last"), LOSSES)
def test_where_rows_are_lost(tiny: Any, sql: str, chain: list[int], last: str) -> None:
    found = list(lost_rows(steps_of(sql), tiny))
    assert [loss.step for loss in found] == chain
    if chain:
        assert last in found[-1].reason


def test_a_query_is_only_said_to_lose_rows_if_it_does(tiny: Any) -> None:
    for sql, chain, _ in LOSSES:
        rows: Rows = tiny(sql)
        nothing = all(value in (None, 0) for row in rows for value in row)
        assert nothing == bool(chain)


def test_table_question(built: Built) -> None:
    found = why(built.out, 0, split="test")
    assert found.computed == found.answer != []
    assert [step.rows for step in found.steps] == [1]
    assert found.losses == ()
    assert found.evidence.studies == ()
    (rows,) = found.evidence.rows
    assert (rows.table, rows.total, rows.step) == ("patients", 1, 1)
    assert built.subject in rows.rows[0]
    assert str(found.record["question"]) in as_text(found)


@pytest.mark.parametrize("neuralsql", [False, True])
def test_image_question(built: Built, neuralsql: bool) -> None:
    found = why(built.out, "1", neuralsql=neuralsql)
    assert found.computed == found.answer == [1]
    assert ("func_vqa" in found.program) == neuralsql
    (study,) = found.evidence.studies
    assert (study.study_id, study.subject_id, study.image_id) == (built.studies[0], built.subject, built.image)
    assert study.path == f"p{str(built.subject)[:2]}/p{built.subject}/s{built.studies[0]}/{built.image}.jpg"
    assert study.labels is not None
    assert [(label.object, label.attribute) for label in study.labels] == [built.finding]
    (label,) = study.labels
    assert label.sentence is not None
    assert f"sentence {label.sentence}: {built.finding[1]} in {built.finding[0]}" in as_text(found)


def test_sentences_are_those_of_the_label_files(built: Built) -> None:
    from ehrxqa.labels.store import read_labels

    labels = read_labels(built.out / "labels")
    place = labels.images.image_id.index(built.image)
    gold = labels.sets["gold+"]
    (sentence,) = [
        gold.sentence[row]
        for row in range(len(gold.image))
        if gold.image[row] == place
        and (labels.objects[gold.object[row]], labels.attributes[gold.attribute[row]]) == built.finding
    ]
    study = why(built.out, 1).evidence.studies[0]
    assert study.labels is not None
    assert study.labels[0].sentence == sentence


def test_empty_answer(built: Built) -> None:
    found = why(built.out, 2)
    assert found.answer == []
    assert [loss.step for loss in found.losses] == [2, 1]
    assert found.losses[-1].condition == "strftime('%Y',admissions.admittime) = '1999'"
    text = as_text(found, only_losses=True)
    assert "Why nothing is found" in text
    assert "Steps" not in text
    assert "The answer is not empty." in as_text(why(built.out, 0, split="test"), only_losses=True)


def test_all_empty_answers(built: Built) -> None:
    found = list(explain_empty_answers(built.out))
    # the subject of the valid question is in no database
    assert [(record["split"], record["id"]) for record, _ in found] == [("valid", 0), ("test", 2)]
    assert all(losses for _, losses in found)
    assert [record["split"] for record, _ in explain_empty_answers(built.out, split="test")] == ["test"]


def test_long_results_are_cut(built: Built) -> None:
    found = why(built.out, 4)
    (step,) = found.steps
    assert step.rows == len(found.computed) > 20
    assert len(step.first_rows) == 5
    (rows,) = found.evidence.rows
    assert (rows.total, len(rows.rows)) == (step.rows, 20)


def test_a_step_that_depends_on_the_row_around_it(own: Path) -> None:
    path = own / "dataset" / "_test.json"
    records = json.loads(path.read_text())
    records[3]["_gold_program"] = (
        "select count(*) from patients where ( select count(*) from admissions where admissions.subject_id = "
        "patients.subject_id ) > 0"
    )
    path.write_text(json.dumps(records))
    found = why(own, 3)
    assert [step.rows for step in found.steps] == [None, 1]
    assert found.steps[0].note == "depends on the row of the query around it"
    assert found.steps[1].sql.startswith("select count(*) from patients where ( step 1 )")


def program_of(own: Path, number: int, program: str, **more: Any) -> None:
    for name in ("_test.json", "test.json"):
        path = own / "dataset" / name
        records = json.loads(path.read_text())
        records[number] |= more | ({"_gold_program": program} if name.startswith("_") else {})
        path.write_text(json.dumps(records))


def test_equal_steps_are_shown_once(own: Path) -> None:
    visits = "select admissions.hadm_id from admissions"
    program_of(own, 3, f"select count(*) from admissions where hadm_id in ( {visits} ) and hadm_id in ( {visits} )")
    found = why(own, 3)
    assert [(step.number, step.sql) for step in found.steps] == [
        (1, visits),
        (2, "select count(*) from admissions where hadm_id in ( step 1 ) and hadm_id in ( step 1 )"),
    ]


def test_a_step_taken_as_one_value_says_so(own: Path) -> None:
    many = "select subject_id from patients"
    program_of(own, 3, f"select ( {many} ) in ( {many} order by 1 )")
    found = why(own, 3)
    assert [step.single for step in found.steps] == [True, False, False]
    text = as_text(found)
    assert text.count("of which the first is taken as the value") == 1


def test_impossible_question(own: Path) -> None:
    program_of(own, 3, "null", query="null", is_impossible=True, answer="null")
    found = why(own, 3)
    assert (found.impossible, found.steps, found.answer) == (True, (), "null")
    assert "abstaining is the right answer" in as_text(found)
    assert "abstaining is the right answer" in as_text(found, only_losses=True)
    assert why(own, 3, neuralsql=True).impossible


def link_of(number: int, scope: str, rows: list[RowLinks], studies: list[int] | None = None, total: int = 0) -> Links:
    """Links of a test question, with at most one study."""
    return Links(
        split="test",
        id=number,
        modality=scope.split("-")[0],
        scope=scope,
        family="has",
        template="official/1000",
        study_ids=studies or [],
        image_ids=["x"] * bool(studies),
        image_paths=["y"] * bool(studies),
        studies_total=total,
        rows=rows,
        bounded=bool(studies),
    )


def test_rows_of_every_table_the_query_reads(own: Path, built: Built) -> None:
    """A sidecar that names rows of one table only does not hide those of another."""
    rows = [RowLinks("labevents", [0], 1), RowLinks("prescriptions", [], 0)]
    link = link_of(3, "table-single", rows)
    write_links(own / "dataset", link.record)
    program_of(own, 3, "select ( select count(*) from labevents ) - ( select count(*) from prescriptions )")
    tables = why(own, 3).evidence.rows
    assert [(table.table, table.step) for table in tables] == [("labevents", None), ("prescriptions", 2)]
    assert tables[1].total > 1


def test_changed_answer_is_said(own: Path) -> None:
    path = own / "dataset" / "test.json"
    records = json.loads(path.read_text())
    records[3]["answer"] = [-1]
    path.write_text(json.dumps(records))
    assert "the program now gives another answer" in as_text(why(own, 3))


def test_links_of_the_sidecar(own: Path, built: Built) -> None:
    rows = [RowLinks("tb_cxr_plus", [0, 1], 700), RowLinks("patients", [0], 1)]
    link = link_of(1, "image-single-1", rows, [built.studies[1]], 40)
    write_links(own / "dataset", link.record)
    found = why(own, 1)
    assert found.facts.family == "has"
    assert found.evidence.from_sidecar
    assert [study.study_id for study in found.evidence.studies] == [built.studies[1]]
    assert found.evidence.studies_total == 40
    assert [(table.table, table.total, len(table.rows)) for table in found.evidence.rows] == [
        ("tb_cxr_plus", 700, 2),
        ("patients", 1, 1),
    ]
    assert "Rows behind the answer" in as_text(found)
    # the label table is out of reach of NeuralSQL: its rows are named only
    hidden = why(own, 1, neuralsql=True).evidence.rows[0]
    assert (hidden.columns, hidden.rows) == (("row_id",), ((0,), (1,)))


def test_final_files_alone(own: Path) -> None:
    (own / "dataset" / "_test.json").unlink()
    found = why(own, 1)
    assert "func_vqa" in found.program
    assert found.computed == [1]
    (own / "labels").unlink()
    study = why(own, 1).evidence.studies[0]
    assert study.labels is None
    assert "no label files" in as_text(why(own, 1))


def test_database_elsewhere(own: Path, built: Built, tmp_path: Path) -> None:
    path = tmp_path / "files"
    path.mkdir()
    (path / "test.json").write_text((own / "dataset" / "test.json").read_text())
    with pytest.raises(SettingsError, match="no such database"):
        why(path, 0)
    assert why(path, 0, database=built.out / "database/test/mimic_iv_cxr.db").computed


def test_errors(built: Built, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="id 0 is in valid, test: say which with --split"):
        why(built.out, 0)
    with pytest.raises(RecordError, match="no question with id 99 in test"):
        why(built.out, 99, split="test")
    with pytest.raises(SettingsError, match="has no split 'train'"):
        why(built.out, 0, split="train")
    with pytest.raises(SettingsError, match="has no split 'train'"):
        list(explain_empty_answers(built.out, split="train"))
    with pytest.raises(RecordError, match="no question files"):
        why(tmp_path, 0)
    (tmp_path / "_test.json").write_text((built.out / "dataset" / "_test.json").read_text())
    with pytest.raises(RecordError, match="fill them with ehrxqa answer"):
        list(explain_empty_answers(tmp_path))


def test_command(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(command, [str(built.out), "1", "--format", "json"], catch_exceptions=False)
    value = json.loads(result.stdout)
    assert value["answer"] == value["computed"] == [1]
    assert value["evidence"]["studies"][0]["study_id"] == built.studies[0]
    text = CliRunner().invoke(command, [str(built.out), "--empty"], catch_exceptions=False).output
    assert text.endswith("2 empty answers\n")
    assert "1999" in text
    rows = CliRunner().invoke(command, [str(built.out), "--empty", "--format", "json"], catch_exceptions=False).stdout
    assert [row["id"] for row in json.loads(rows)] == [0, 2]
    with pytest.raises(SystemExit) as done:
        run(["why", str(built.out)])
    assert done.value.code == 2
    assert "give the ID of a question" in capsys.readouterr().err


@pytest.mark.shared
def test_every_empty_reference_answer_has_a_cause(reference: Path) -> None:
    found = list(explain_empty_answers(reference))
    assert len(found) == 68
    for record, losses in found:
        assert losses, record["id"]
        assert "cannot" not in losses[-1].reason


@pytest.mark.shared
def test_reference_questions(reference: Path) -> None:
    for number in range(0, 188, 7):
        for neuralsql in (False, True):
            found = why(reference, number, split="test", neuralsql=neuralsql)
            assert sorted(map(str, found.computed)) == sorted(map(str, found.answer))
            assert found.steps[-1].rows is not None
            assert as_text(found)
