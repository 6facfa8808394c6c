"""Databases, clocks and texts of others: answered as they mean it, within the limits."""

from __future__ import annotations

import json
import re
import sqlite3
import time

import apsw
import pytest
from click.testing import CliRunner

from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.execute import execute
from ehrxqa.sql.clean_text import clean
from ehrxqa.sql.errors import CallError, Denied, QuestionLimit, RowLimit, TimeLimit
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.reply_text import query_of_reply
from ehrxqa.sql.sandbox import ANSWER_KEY, open_database
from ehrxqa.vqa.database_labels import labels_of_database

P = '"is there pneumonia?"'


@pytest.fixture
def foreign(tmp_path):
    """A database without X-rays, of texts with capitals."""
    db = sqlite3.connect(tmp_path / "foreign.db")
    db.execute("create table people(id integer, name text, born text)")
    db.executemany("insert into people values(?, ?, ?)", [(1, "Ada", "2099-12-10"), (2, "Bo", "2100-12-31")])
    db.commit()
    db.close()
    return tmp_path / "foreign.db"


def run(database, predictions, tmp_path, **more):
    (tmp_path / "predictions.json").write_text(json.dumps(predictions))
    execute(database, tmp_path / "predictions.json", out=tmp_path / "out.json", workers=1, **more)
    return {record["id"]: record for record in json.loads((tmp_path / "out.json").read_text())}


def test_a_database_without_x_rays_is_queried_like_any_other(foreign, tmp_path):
    found = run(foreign, {"a": "select name from people", "b": f"select func_vqa({P}, id) from people"}, tmp_path)
    assert found["a"]["answer"] == ["Ada", "Bo"]
    assert found["b"]["status"] == "error"
    assert "no table TB_CXR" in found["b"]["error"]


def test_rows_of_several_columns_are_a_list_of_rows(foreign, tmp_path):
    found = run(foreign, {"a": "select id, name, 1.23456789 from people"}, tmp_path)
    assert found["a"]["answer"] == [[1, "Ada", 1.234568], [2, "Bo", 1.234568]]


# The clock

NOW = "2100-12-31 23:59:00"
WHAT_NOW_IS = """select current_date, current_timestamp, date('now'), datetime(), strftime('%Y'),
 date('n' || 'ow', '-1 day'), julianday() = julianday('now'), unixepoch(), datetime(current_time), time()"""


def test_every_way_to_ask_the_time_gives_that_of_the_database(foreign):
    with Engine(foreign, now=NOW) as engine:
        (row,) = engine.run(WHAT_NOW_IS).rows
    seconds = 4133980740
    assert row == ("2100-12-31", NOW, "2100-12-31", NOW, "2100", "2100-12-30", 1, seconds, NOW, "23:59:00")
    with Engine(foreign) as engine:
        assert engine.run("select datetime('now'), datetime(current_time)").rows == [("2105-12-31 23:59:00",) * 2]


def test_the_time_is_in_every_outcome(foreign, tmp_path):
    queries = {"a": "select count(*) from people where born < date(current_time)", "b": "select nothing"}
    found = run(foreign, queries, tmp_path, now=NOW)
    assert found["a"]["answer"] == [1]
    assert {record["now"] for record in found.values()} == {NOW}
    assert run(foreign, queries, tmp_path)["a"]["answer"] == [2]


@pytest.mark.parametrize("now", ["2100-12-31", "2100-02-30 00:00:00", "now", "", "2100-12-31T23:59:00"])
def test_a_time_that_is_none(foreign, now):
    with pytest.raises(SettingsError, match="YYYY-MM-DD"):
        Engine(foreign, now=now)


@pytest.mark.shared
def test_the_queries_of_ehrsql_2024_mean_their_own_time(shared, small_database):
    """Every one is what its authors run: the time written out, and nothing else changed."""
    labels = json.loads((shared / "data" / "ehrsql" / "mimic_iv" / "train" / "label.json").read_text("utf-8"))
    queries = [query for query in labels.values() if query != "null"]
    timed = 0
    with Engine(small_database, now=NOW) as engine, open_database(small_database, now=NOW) as plain:
        for query in queries:
            by_hand = re.sub(r"\bcurrent_time\b", f"'{NOW}'", query, flags=re.IGNORECASE)
            assert clean(query, NOW) == by_hand
            timed += by_hand != query
        for query in queries[::25]:
            by_hand = re.sub(r"\bcurrent_time\b", f"'{NOW}'", query, flags=re.IGNORECASE)
            assert repr(outcome_of(engine.run, query)) == repr(outcome_of(plain.run, by_hand)), query
    assert len(queries) > 4000
    assert timed > 1000


def outcome_of(function, query):
    try:
        return function(query).rows
    except Exception as error:
        return str(error)


# Texts of language models

REPLIES = {
    "```sql\nselect 1\n```": ("select 1", ("fence",)),
    "<think>```sql\nselect 2```</think>\nselect 1": ("select 1", ("think",)),
    "SQLQuery: select 1;": ("select 1;", ("label",)),
    "Sure!\n```sql\nselect 1;\n```\nThat's it.": ("select 1;", ("fence",)),
    "I first tried\n```sql\nselect 2\n```\nbut now\n```\nwith t as (select 1) select * from t\n```": (
        "with t as (select 1) select * from t",
        ("fence",),
    ),
    "With pleasure, here it is.\n\nselect 1;\nIt counts one.": ("select 1;", ("prose",)),
    "select '```', 'SQL: select 2' ; -- done": ("select '```', 'SQL: select 2' ; -- done", ()),
    "select 1; drop table t": ("select 1; drop table t", ()),
    "select 1; select 2": ("select 1; select 2", ()),
    "I cannot answer that.": ("I cannot answer that.", ()),
}


@pytest.mark.parametrize("text", REPLIES)
def test_the_query_in_a_reply(text):
    assert query_of_reply(text) == REPLIES[text]


@pytest.mark.shared
def test_wrapped_queries_are_run_and_it_is_said(shared, foreign, tmp_path):
    replies = json.loads((shared / "cases" / "14-fenced-sql" / "pred.json").read_text("utf-8"))
    found = run(foreign, {name: text.replace("patients", "people") for name, text in replies.items()}, tmp_path)
    assert {record["status"] for record in found.values()} == {"answered"}
    assert {name: record["notes"] for name, record in found.items()} == {
        "fence": ["ran without its fence"],
        "think": ["ran without its think"],
        "prefix": ["ran without its label"],
        "prose": ["ran without its fence"],
    }


def test_the_command_counts_them(foreign, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({"a": "```\nselect 1\n```", "b": "select 2"}))
    options = ["--predictions", str(tmp_path / "p.json"), "--out", str(tmp_path / "o.json"), "--workers", "1"]
    ran = CliRunner().invoke(main, ["execute", "--database", str(foreign), *options, "-q"])
    assert ran.exit_code == 0
    assert "1 of them with notes" in ran.output


def test_torn_signs_of_comparison(foreign, tmp_path):
    found = run(foreign, {"a": "select name from people where id > = 2 and id ! = 1 and name <> '! ='"}, tmp_path)
    assert found["a"]["answer"] == ["Bo"]


def test_a_text_with_capitals_is_pointed_out(small_database, oracle):
    with Engine(small_database, oracle) as engine:
        slips = engine.outcome(
            "select count(*) from tb_cxr where viewposition = 'PA' and strftime('%Y', studydatetime) > 'A'"
        )
        fine = engine.outcome("select count(*) from tb_cxr where viewposition in ('pa', 'ap')")
    assert slips.answer == [0]
    assert [note.partition(" ")[0] for note in slips.notes] == ["'PA'"]
    assert (fine.answer, fine.notes) == ([21], ())


def test_texts_of_others_may_have_capitals(foreign, tmp_path):
    found = run(foreign, {"a": "select id from people where name = 'Ada'"}, tmp_path)
    assert (found["a"]["answer"], found["a"]["notes"]) == ([1], [])


def test_a_file_of_statements(foreign, tmp_path):
    (tmp_path / "queries.sql").write_text("-- two\nselect 'a;b';\n\nselect count(*) from people\n;\n")
    execute(foreign, tmp_path / "queries.sql", out=tmp_path / "out.json", workers=1)
    found = json.loads((tmp_path / "out.json").read_text())
    assert [(record["id"], record["answer"]) for record in found] == [(1, ["a;b"]), (2, [2])]
    ran = CliRunner().invoke(main, ["query", str(foreign), str(tmp_path / "queries.sql"), "--format", "json"])
    assert ran.exit_code != 0  # two statements are not one query


# Limits outside of SQLite


def test_studies_without_end_are_a_limit(small_database, oracle):
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n limit 300000)"
    with Engine(small_database, oracle, limits=Limits(questions=1000)) as engine:
        for study in ("i", "'x' || i", "printf('%900d', i)"):
            with pytest.raises((QuestionLimit, CallError)):
                engine.run(f"{endless} select sum(func_vqa({P}, {study})) from n")
            assert len(engine._answers.missing) <= 1001


def test_values_without_bytes_count_too(small_database):
    nulls = ", ".join(["null"] * 200)
    many = f"with recursive n(i) as (select 1 union all select i + 1 from n limit 90000) select {nulls} from n"
    with open_database(small_database, limits=Limits(result_bytes=1_000_000)) as sandbox, pytest.raises(RowLimit):
        sandbox.run(many)


def test_an_endless_view_in_the_place_of_the_studies(tmp_path, small_database, monkeypatch):
    path = tmp_path / "endless.db"
    db = apsw.Connection(str(path))
    db.execute(
        "create view tb_cxr as with recursive n(i) as (select 1 union select i + 1 from n) "
        "select i as study_id, 'x' as image_id, 1 as subject_id, '' as viewposition, 1 as row_id from n"
    )
    db.close()
    started = time.monotonic()
    with Engine(path, labels_model(small_database), limits=Limits(seconds=0.5)) as engine, pytest.raises(TimeLimit):
        engine.run(f"select func_vqa({P}, 1)")
    monkeypatch.setattr("ehrxqa.vqa.database_labels._LIMITS", Limits(seconds=0.5))
    with pytest.raises(Exception, match="longer than"):
        labels_of_database(path)
    assert time.monotonic() - started < 10


def labels_model(database):
    from ehrxqa.vqa.registry import make_model

    return make_model("oracle", database=database)


def test_the_median_of_a_bad_order_takes_no_longer(small_database):
    """Closed-form orders made SQLite's own take the square of the number of values."""
    size = 200_000
    numbers = f"with recursive n(i) as (select 0 union all select i + 1 from n limit {size}) "
    started = time.monotonic()
    with open_database(small_database, limits=Limits(seconds=20)) as sandbox:
        ordered = "case when i % 2 then i else 200000 - i end"
        assert sandbox.run(f"{numbers} select median({ordered}), percentile({ordered}, 25) from n").rows
    assert time.monotonic() - started < 10


def test_percentiles_are_those_of_sqlite(small_database):
    ours = open_database(small_database)
    theirs = apsw.Connection(":memory:")
    rows = "(values (3), (null), (1.5), (7), (-2), (7))"
    for sql in (
        f"select median(column1), percentile(column1, 33), percentile_cont(column1, 0.7) from {rows}",
        f"select percentile_disc(column1, 0.31), typeof(median(column1)) from {rows}",
        f"select median(column1) over (order by column1 rows between 2 preceding and current row) from {rows}",
        f"select median(column1) from {rows} where 0",
    ):
        assert ours.run(sql).rows == theirs.execute(sql).fetchall()
    for sql in (
        f"select percentile(column1, 101) from {rows}",
        "select median('x')",
        f"select percentile(column1, column1) from {rows}",
    ):
        with pytest.raises(Exception, match="percentile|median"):
            ours.run(sql)
    ours.close()


def test_answers_beyond_the_bytes_of_a_file_are_left_out_whatever_the_order(small_database, tmp_path):
    queries = {
        str(number): f"select printf('%{size}s', {number})" for number, size in enumerate((500, 90, 5000, 90, 40))
    }
    found = []
    for workers in (1, 2):
        (tmp_path / "p.json").write_text(json.dumps(queries))
        execute(
            small_database,
            tmp_path / "p.json",
            out=tmp_path / "o.json",
            model="constant:no",
            max_bytes=1000,
            workers=workers,
        )
        found.append([record["status"] for record in json.loads((tmp_path / "o.json").read_text())])
    assert found == [["answered", "answered", "timeout", "timeout", "timeout"]] * 2


def test_equal_queries_are_run_once(small_database, tmp_path):
    queries = {str(number): f"select sum(func_vqa({P}, study_id)) from tb_cxr" for number in range(40)}
    (tmp_path / "p.json").write_text(json.dumps(queries))
    summary = execute(small_database, tmp_path / "p.json", out=tmp_path / "o.json", model="constant:yes", workers=2)
    assert (summary.answered, summary.asked, summary.questions) == (40, 21, 40 * 21)


# Labels and logs


@pytest.mark.parametrize(
    "make",
    [
        "create table backup_labels as select * from tb_cxr_plus",
        "create table b as select study_id as s, attribute as a from tb_cxr_plus",
        "create table b(study_id, object, attribute)",
        "create virtual table b using fts5(words)",
    ],
)
def test_labels_are_denied_whatever_they_are_called(small_database, tmp_path, make):
    path = tmp_path / "copy.db"
    path.write_bytes(small_database.read_bytes())
    db = sqlite3.connect(path)
    db.execute(make)
    db.execute("create table fine as select 'lung opacity' as x, 1 as y")
    db.commit()
    db.close()
    name = re.search(r"table (\w+)", make)[1]
    with open_database(path, deny_tables=ANSWER_KEY) as sandbox:
        assert sandbox.run("select y from fine").rows == [(1,)]
        with pytest.raises(Denied):
            sandbox.run(f"select * from {name}")
        assert name not in sandbox.tables
    with open_database(path) as sandbox:
        assert name in sandbox.tables


def test_a_database_with_a_log_is_read_without_a_trace_or_not_at_all(small_database, tmp_path):
    path = tmp_path / "wal.db"
    path.write_bytes(small_database.read_bytes())
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode = wal")
    db.execute("create table more(x)")
    db.commit()
    with pytest.raises(SettingsError, match=r"wal\.db-wal; close the program"):
        open_database(path)
    db.close()
    with Engine(path, labels_model(path)) as engine:
        assert engine.run(f"select count(*) from tb_cxr where func_vqa({P}, study_id)").rows
    assert sorted(each.name for each in tmp_path.iterdir()) == ["wal.db"]
