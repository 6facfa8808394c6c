"""Read-only execution: what runs, what is denied, what ends at a limit."""

from __future__ import annotations

import hashlib
import json
import shutil

import apsw
import pytest

from ehrxqa.errors import NeuralSqlError, SettingsError
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import Denied, MemoryLimit, QuerySyntaxError, RowLimit, SqlError, TimeLimit
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.sandbox import ANSWER_KEY, Limits, open_database


@pytest.fixture
def box(small_database):
    with open_database(small_database, limits=Limits(seconds=5), deny_tables=ANSWER_KEY) as sandbox:
        yield sandbox


def test_rows_come_with_column_names_in_stored_order(box):
    result = box.run("SELECT subject_id AS s, gender FROM patients")
    assert result.columns == ("s", "gender")
    assert [row[0] for row in result] == [10_000_000 + order for order in range(6)]
    assert len(result) == 6


def test_parameters_are_bound(box):
    assert box.run("SELECT gender FROM patients WHERE subject_id = ?", (10_000_001,)).rows == [("m",)]


def test_columns_are_known_without_rows(box):
    assert box.run("SELECT gender AS g FROM patients WHERE 0").columns == ("g",)


def test_double_quoted_text_is_a_text_unless_a_column_has_that_name(box):
    assert box.run('SELECT count(*) FROM patients WHERE gender = "m"').rows == [(3,)]
    assert box.run('SELECT count(*) FROM patients WHERE "gender" = "m"').rows == [(3,)]


def test_one_connection_goes_on_after_every_kind_of_end(box):
    for sql, kind in (
        ("SELECT nothing FROM patients", SqlError),
        ("SELECT * FROM tb_cxr_plus", Denied),
        ("DELETE FROM patients", Denied),
        ("SELECT 1; SELECT 2", QuerySyntaxError),
        (" -- nothing\n", QuerySyntaxError),
        ("SELECT hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(printf('%999s', 1)))))))))))))", MemoryLimit),
    ):
        with pytest.raises(kind) as caught:
            box.run(sql)
        assert isinstance(caught.value, NeuralSqlError)
        assert "\n" not in str(caught.value)
        assert box.run("SELECT count(*) FROM patients").rows == [(6,)]


@pytest.mark.parametrize("sql", ["SELECT 1;", "SELECT 1 ; -- said\n ;", "/* first */ SELECT 1", ";SELECT 1"])
def test_comments_and_empty_statements_do_not_count(box, sql):
    assert box.run(sql).rows == [(1,)]


def test_the_answer_key_is_named_in_the_denial(box):
    with pytest.raises(Denied, match="answer key") as caught:
        box.run("SELECT p.attribute FROM (SELECT * FROM Tb_Cxr_Plus) AS p")
    assert (caught.value.action, caught.value.target) == ("read", "TB_CXR_PLUS")


def test_the_gold_path_may_read_the_answer_key(small_database):
    with open_database(small_database) as sandbox:
        assert sandbox.run("SELECT count(*) > 0 FROM tb_cxr_plus").rows == [(1,)]


@pytest.mark.parametrize(
    ("limits", "sql", "kind"),
    [
        (Limits(seconds=0.05), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
         TimeLimit),
        (Limits(steps=20_000), "SELECT count(*) FROM tb_cxr a, tb_cxr b, tb_cxr c, tb_cxr d", TimeLimit),
        (Limits(rows=3), "SELECT * FROM patients", RowLimit),
        (Limits(result_bytes=100), "SELECT * FROM patients", RowLimit),
        (Limits(sql_length=10), "SELECT 1234567", MemoryLimit),
        (Limits(value_bytes=1_000), "SELECT printf('%5000s', 'x')", MemoryLimit),
        (Limits(memory=2_000_000), "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 300000) "
         "SELECT count(*) FROM n", MemoryLimit),
        (Limits(expression_depth=10), "SELECT " + "-" * 0 + "+".join(["1"] * 30), MemoryLimit),
        (Limits(compound_selects=3), " UNION ".join(["SELECT 1"] * 5), MemoryLimit),
        (Limits(columns=2), "SELECT 1, 2, 3", MemoryLimit),
        (Limits(function_arguments=3), "SELECT max(1, 2, 3, 4)", MemoryLimit),
        (Limits(program_steps=50), "SELECT * FROM tb_cxr a JOIN patients USING (subject_id) ORDER BY 3", MemoryLimit),
        (Limits(pattern_length=5), "SELECT 'x' LIKE '%aaaaaaaaaa%'", MemoryLimit),
    ],
)  # fmt: skip
def test_every_limit_ends_the_query(small_database, limits, sql, kind):
    with open_database(small_database, limits=limits) as sandbox:
        with pytest.raises(kind):
            sandbox.run(sql)
        assert sandbox.run("SELECT 1").rows == [(1,)]


def test_the_process_wide_heap_limit_is_given_back(box):
    before = apsw.hard_heap_limit(-1)
    box.run("SELECT 1")
    with pytest.raises(SqlError):
        box.run("SELECT no")
    assert apsw.hard_heap_limit(-1) == before


def test_a_view_does_not_open_the_answer_key(small_database, tmp_path):
    copy = tmp_path / "with view.db"
    shutil.copy(small_database, copy)
    db = apsw.Connection(str(copy))
    db.execute("CREATE VIEW harmless AS SELECT study_id, attribute FROM tb_cxr_plus; CREATE VIEW fine AS SELECT 7 AS x")
    db.close()
    before = hashlib.sha256(copy.read_bytes()).hexdigest()
    with open_database(copy, deny_tables=ANSWER_KEY) as sandbox:
        assert sandbox.run("SELECT x FROM fine").rows == [(7,)]
        for sql in ("SELECT study_id FROM harmless", "SELECT count(*) FROM harmless", "SELECT 1 FROM harmless LIMIT 0"):
            with pytest.raises(Denied):
                sandbox.run(sql)
    with open_database(copy) as sandbox:
        assert sandbox.run("SELECT count(*) > 0 FROM harmless").rows == [(1,)]
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["with view.db"]


def test_a_missing_or_foreign_file_is_a_clear_error(tmp_path):
    with pytest.raises(SettingsError, match="no such database"):
        open_database(tmp_path / "none.db")
    foreign = tmp_path / "foreign.db"
    foreign.write_text("this is not a database, but it is long enough to be looked at as one " * 20)
    with pytest.raises(NeuralSqlError, match="not a SQLite database"):
        open_database(foreign)


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
def test_gold_programs_give_the_official_answers(shared, reference_databases, split):
    folder = shared / "parity" / "answers" / split
    records = json.loads((folder / "_questions.json").read_text("utf-8"))
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    with open_database(reference_databases[split]) as sandbox:
        answers = [answer_list(sandbox.run(normalise(record["_gold_program"]))) for record in records]
    assert answers == [record["answer"] for record in expected]
