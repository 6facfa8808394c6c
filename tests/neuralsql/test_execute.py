"""Files of queries: forms, outcomes, resuming, workers; and the two commands."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from click.testing import CliRunner

import ehrxqa
from ehrxqa.cli.main import main
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.neuralsql.execute import execute
from ehrxqa.neuralsql.predictions import read_predictions
from ehrxqa.neuralsql.setup import Setup
from ehrxqa.neuralsql.workers import WorkerPool
from ehrxqa.sql.limits import Limits

QUERIES = {
    "a": 'select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id) = true',
    "b": "select 0.12345678",
    "c": "null",
    "d": "select * from tb_cxr_plus",
    "e": "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
    "f": "select gender from patients order by subject_id limit 2",
    "g": None,
    "h": "select study_id from tb_cxr limit 20",
}


def without_seconds(records):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def test_outcomes_do_not_depend_on_the_workers(small_database, tmp_path):
    predictions = tmp_path / "predictions.json"
    predictions.write_text(json.dumps(QUERIES))
    before = hashlib.sha256(small_database.read_bytes()).hexdigest()
    found = {}
    for workers in (1, 2):
        out, answers = tmp_path / f"out{workers}.json", tmp_path / f"answers{workers}.json"
        summary = execute(
            small_database, predictions, out=out, answers=answers, timeout=1.0, max_rows=10, workers=workers
        )
        assert (summary.total, summary.answered, summary.abstained, summary.error, summary.timeout) == (8, 3, 2, 1, 2)
        found[workers] = json.loads(out.read_text())
        assert [list(record) for record in found[workers]] == [
            ["id", "status", "answer", "error", "notes", "questions", "now", "database", "seconds"]
        ] * 8
        assert list(tmp_path.glob("*.journal")) == []
        assert json.loads(answers.read_text()) == {
            "a": found[workers][0]["answer"], "b": [0.123457], "c": "null", "d": "null", "e": "null",
            "f": ["f", "m"], "g": "null", "h": "null",
        }  # fmt: skip
    assert without_seconds(found[1]) == without_seconds(found[2])
    statuses = {record["id"]: record["status"] for record in found[1]}
    assert [statuses[name] for name in "abcdefgh"] == [
        "answered", "answered", "abstained", "error", "timeout", "answered", "abstained", "timeout",
    ]  # fmt: skip
    assert found[1][0]["questions"] == 21
    assert hashlib.sha256(small_database.read_bytes()).hexdigest() == before


def test_an_interrupted_run_is_taken_up(small_database, tmp_path, monkeypatch):
    predictions = tmp_path / "predictions.jsonl"
    lines = [json.dumps({"id": number, "query": f"select {number}", "other": 1}) for number in range(6)]
    predictions.write_text("\n".join(lines))
    out = tmp_path / "out.json"
    original = WorkerPool.run

    def interrupted(self, queries):
        for count, item in enumerate(original(self, queries)):
            if count == 3:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(WorkerPool, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(small_database, predictions, out=out, model="constant:no", workers=1)
    journal = tmp_path / "out.json.journal"
    assert not out.exists()
    assert len(journal.read_text().splitlines()) == 4
    monkeypatch.undo()
    journal.write_text(journal.read_text() + '{"query": "cut sho')
    lines[0] = json.dumps({"id": 0, "query": "select 'changed'"})
    predictions.write_text("\n".join(lines))
    summary = execute(small_database, predictions, out=out, model="constant:no", workers=1)
    assert summary.resumed == 2
    assert [record["answer"] for record in json.loads(out.read_text())] == [["changed"], [1], [2], [3], [4], [5]]
    assert not journal.exists()


def test_a_journal_of_another_model_is_not_used(small_database, tmp_path):
    predictions = tmp_path / "predictions.json"
    predictions.write_text(json.dumps([{"id": 1, "query": "select 1"}]))
    out = tmp_path / "out.json"
    record = {"id": 1, "status": "answered", "answer": [9], "error": None, "questions": 0, "seconds": 0}
    (tmp_path / "out.json.journal").write_text(
        '{"ehrxqa run": {"database": "x"}}\n' + json.dumps({"query": "y", "record": record}) + "\n"
    )
    summary = execute(small_database, predictions, out=out, model="constant:no", workers=1)
    assert (summary.resumed, json.loads(out.read_text())[0]["answer"]) == (0, [1])


def test_a_dead_worker_takes_only_its_query_with_it(small_database):
    setup = Setup(small_database, "constant:no", limits=Limits(seconds=20))
    with WorkerPool(setup, 1) as pool:
        assert pool.model()[0]
        results = pool.run(["select 1", QUERIES["e"], "select 2"])
        assert next(results)[1].answer == [1]
        (worker,) = pool._pool._workers
        threading.Timer(0.5, worker.kill).start()  # while it runs the endless query
        outcomes = dict(results)
    assert "ended unexpectedly" in outcomes[1].error
    assert (outcomes[1].status, outcomes[2].answer) == ("error", [2])


def test_a_stuck_worker_is_killed_and_its_query_is_a_timeout(small_database):
    with WorkerPool(Setup(small_database, "constant:no", limits=Limits(seconds=60)), 1) as pool:
        pool.model()
        pool._patience = 0.3  # as if the query had not ended at its own limit
        outcomes = dict(pool.run([QUERIES["e"], "select 2"]))
    assert (outcomes[0].status, outcomes[1].answer) == ("timeout", [2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"1": "select 1", "2": null}', {"1": "select 1", "2": None}),
        ('[{"id": 1, "query": "a"}, {"id": "x", "query": "b"}, {"id": 1, "query": "c"}]', {1: "c", "x": "b"}),
        ('{"id": 1, "query": "a"}\n\n{"id": 2, "query": null}\n', {1: "a", 2: None}),
        ('{"id": 7, "query": "a"}', {7: "a"}),
    ],
)
def test_forms_of_predictions(tmp_path, text, expected):
    path = tmp_path / "p.json"
    path.write_text(text)
    assert read_predictions(path) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "record 1 has no id"),
        ('[{"id": 1}]', "record 1 has no id or no query"),
        ('[{"id": 1.5, "query": "a"}]', "record 1: the id is neither"),
        ('[{"id": 1, "query": 5}]', "record 1: the query is not a text"),
        ('{"a": ["select 1"]}', 'id "a": the query is not a text'),
        ("nonsense", "is not JSON at line 1"),
        ('{"id": 1, "query": "a"}\n{"id": 2,\n', "line 2: is not JSON"),
        ("3", "expected an object"),
        ("[]", "holds no query"),
        ("{}", "holds no query"),
        ('[{"id": 1, "query": "a"}, {"id": "1", "query": "b"}]', 'record 2: id "1" is there as number and as text'),
        ('{"1": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"1": ' + "7" * 5_000 + "}", "a number of thousands of digits"),
        ('{"id": 1, "query": "a"}\n{"id": 2, "query": ' + "7" * 5_000 + "}", "line 2: holds a number of thousands"),
    ],
)
def test_faulty_predictions_are_named(tmp_path, text, said):
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=said):
        read_predictions(path)


def test_wrong_settings_are_named(small_database, tmp_path):
    predictions = tmp_path / "p.json"
    predictions.write_text('{"1": null}')
    with pytest.raises(SettingsError, match="no such database"):
        execute(tmp_path / "none.db", predictions, out=tmp_path / "o.json")
    with pytest.raises(SettingsError, match="timeout"):
        execute(small_database, predictions, out=tmp_path / "o.json", timeout=0)
    with pytest.raises(SettingsError, match="model"):
        execute(small_database, predictions, out=tmp_path / "o.json", model="nobody", workers=1)


def test_the_commands(small_database, tmp_path):
    runner = CliRunner()
    sql = 'select study_id, func_vqa("is there pneumonia?", study_id) as p from tb_cxr where study_id = 50000008'
    shown = runner.invoke(main, ["query", str(small_database), sql, "--explain"], catch_exceptions=False)
    assert "ehrxqa_truth(0, study_id)" in shown.output
    assert "is there pneumonia?  [kind 22, truth]  1 study asked" in shown.output
    as_json = runner.invoke(main, ["query", str(small_database), sql, "--format", "json", "--explain"])
    value = json.loads(as_json.output)
    assert value["columns"] == ["study_id", "p"]
    assert value["questions"][0]["asked"] == value["counters"]["asked"] == 1
    cache = tmp_path / "c.cache"
    for asked in (1, 0):
        as_json = runner.invoke(
            main, ["query", str(small_database), "-", "--format", "json", "--cache", str(cache)], input=sql
        )
        assert json.loads(as_json.output)["counters"]["asked"] == asked
    as_csv = runner.invoke(main, ["query", str(small_database), "select 'a,b' as x, null as y", "--format", "csv"])
    assert as_csv.stdout == 'x,y\n"a,b",\n'
    predictions = tmp_path / "p.json"
    predictions.write_text('{"1": "select 1"}')
    done = runner.invoke(
        main,
        ["execute", "--database", str(small_database), "--predictions", str(predictions), "--model", "constant:yes",
         "--out", str(tmp_path / "o.json"), "--workers", "1", "--format", "json", "--quiet"],
        catch_exceptions=False,
    )  # fmt: skip
    assert json.loads(done.output)["answered"] == 1
    for name in ("query", "execute"):
        assert "Example:" in runner.invoke(main, [name, "--help"]).output


def test_the_public_functions(small_database):
    assert ehrxqa.query(small_database, "select 2.5").answer == [2.5]
    assert ehrxqa.execute is execute


def test_half_of_an_emoji_ends_neither_a_run_nor_its_repetition(small_database, tmp_path):
    predictions, out = tmp_path / "p.json", tmp_path / "out.json"
    predictions.write_text('[{"id": "\\ud83d", "query": "select 1"}, {"id": 2, "query": "select \'\\ud83d\'"}]')
    for _ in range(2):
        summary = execute(
            small_database, predictions, out=out, answers=tmp_path / "a.json", model="constant:no", workers=1
        )
        assert (summary.answered, summary.error) == (1, 1)
        first, second = json.loads(out.read_bytes())
        assert (first["id"], first["answer"]) == ("\ud83d", [1])
        assert "half of a surrogate pair" in second["error"]
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"\ud83d": [1], "2": "null"}


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        '{"query": 1, "record": {}}',
        '{"query": "a", "record": {"id": 1}}',
        "[" * 50_000,
        '"\\ud83d"',
        "7" * 5_000,
    ],
)
def test_a_line_of_a_journal_that_is_not_ours_is_passed_over(small_database, tmp_path, monkeypatch, line):
    predictions, out, journal = tmp_path / "p.json", tmp_path / "o.json", tmp_path / "o.json.journal"
    predictions.write_text('{"1": "select 1", "2": "select 2"}')
    original = WorkerPool.run

    def interrupted(self, queries):
        yield next(original(self, queries))
        raise KeyboardInterrupt

    monkeypatch.setattr(WorkerPool, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(small_database, predictions, out=out, model="constant:no", workers=1)
    monkeypatch.undo()
    head, record = journal.read_text().splitlines()
    journal.write_text(f"{head}\n{line}\n{record}\n")
    summary = execute(small_database, predictions, out=out, model="constant:no", workers=1)
    assert (summary.resumed, summary.answered) == (1, 2)
