"""Runs: what is asked, what is kept, what is not asked twice, and whose fault an answer is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import ehrxqa.models.executing as executing
from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError, RecordError, SettingsError
from ehrxqa.models.board import board
from ehrxqa.models.executing import QueryRunner, answer_cache
from ehrxqa.models.parsers import AskedQuestion, Guarded, Prediction
from ehrxqa.models.run import run
from ehrxqa.models.run_folder import read_outcomes, read_queries, read_run, read_scores
from ehrxqa.neuralsql.setup import Setup
from ehrxqa.runs.output_folder import exclusive


def records_of(out: Path) -> list[dict]:
    return json.loads((out / "dataset" / "test.json").read_text())


def faults(report) -> dict[str, int]:
    return {fault: count for fault, count in report.scores.summary["overall"]["faults"].items() if count}


def test_gold_queries_with_perfect_vision_are_right(questioned: Path) -> None:
    report = run(questioned, name="gold-oracle", workers=1)
    assert report.scores.summary["overall"]["scores"]["EX"]["value"] > 98
    assert set(faults(report)) <= {"right", "abstained-rightly", "both"}
    folder = questioned / "runs" / "gold-oracle"
    records = records_of(questioned)
    assert list(json.loads((folder / "answers.json").read_text())) == [str(record["id"]) for record in records]
    assert read_run(folder).status == "done"
    impossible = [str(record["id"]) for record in records if record["is_impossible"]]
    assert impossible
    assert {json.loads((folder / "answers.json").read_text())[identifier] for identifier in impossible} == {"null"}


def test_evaluate_agrees_with_the_scores_of_a_run(questioned: Path) -> None:
    from ehrxqa.evaluation.evaluate import evaluate

    report = run(questioned, name="perturbed", vision="perturbed:0.3", workers=1)
    result = evaluate(questioned / "dataset" / "test.json", report.folder / "answers.json", resamples=0)
    for metric in ("EX", "RS5", "RS10", "RSN"):
        mine = report.scores.summary["overall"]["scores"][metric]["value"]
        assert mine == pytest.approx(result.overall.scores[metric].value)
    assert faults(report)["vision"] > 0
    assert "parser" not in faults(report)


def test_a_wrong_query_is_the_parsers_fault(questioned: Path, tmp_path: Path) -> None:
    records = [record for record in records_of(questioned) if not record["is_impossible"]]
    queries = {str(record["id"]): "select 'certainly not'" for record in records}
    queries[str(records[0]["id"])] = None
    queries[str(records[1]["id"])] = "select no_such_column from patients"
    path = tmp_path / "queries.json"
    path.write_text(json.dumps(queries))
    report = run(questioned, parser=f"recorded:{path}", name="nonsense", workers=1)
    assert set(faults(report)) <= {"parser", "both", "abstained-rightly"}
    by_id = {question.id: question for question in report.scores.questions}
    assert by_id[str(records[0]["id"])].fault == "abstained-rightly"
    broken = by_id[str(records[1]["id"])]
    assert broken.fault in ("parser", "both")
    assert "no such column" in (broken.explanation or "")


def test_a_withheld_query_says_whether_holding_back_was_right(questioned: Path) -> None:
    records = {record["question"]: record for record in records_of(questioned)}

    class Shy:
        name, version = "shy", "1"

        def parse(self, questions, trial):
            for place, question in enumerate(questions):
                yield place, Prediction(None, withheld=records[question.text]["query"])

    report = run(questioned, parser=Shy(), name="shy", subset="table", workers=1)
    assert faults(report).get("abstained-wrongly", 0) > 0
    assert "right" not in faults(report)
    overall = report.scores.summary
    assert overall["overall"]["scores"]["EX"]["value"] < overall["never_abstaining"]["EX"]["value"]


def test_image_questions_are_planned_and_each_asked_once(questioned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning in rounds gives what asking within the query gives, and a second run asks nothing."""
    queries = [record["query"] for record in records_of(questioned) if record["query"]]
    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    cache = questioned.parent / "planned.db"
    setup = Setup(database, "perturbed:0.2", cache=cache)
    with QueryRunner(setup, 1) as direct:
        expected = {query: outcome.answer for query, outcome in direct.run(queries)}
    monkeypatch.setattr(executing, "_AT_ONCE", ())
    with QueryRunner(setup, 1) as planned:
        found = {query: outcome.answer for query, outcome in planned.run(queries)}
        assert planned.asked > 0
    with QueryRunner(setup, 1) as again:
        assert {query: outcome.answer for query, outcome in again.run(queries)} == expected
        assert again.asked == 0
    assert found == expected


def test_pictures_are_asked_one_after_the_other_and_faults_stay_with_their_query(
    questioned: Path, tmp_path: Path
) -> None:
    from ehrxqa.errors import VqaError
    from ehrxqa.vqa.registry import make_model

    seen: list[str] = []

    class Fussy:
        name, version, batch_size = "fussy", "1", 7

        def __init__(self, inner):
            self._inner, self.bad = inner, None

        def answer(self, requests):
            self.bad = self.bad or requests[0].image_id
            if any(request.image_id == self.bad for request in requests):
                raise VqaError("cannot be opened")
            seen.extend(request.image_id for request in requests)
            return self._inner.answer(requests)

    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    ask = 'select func_vqa("{}", t1.study_id) from ( select tb_cxr.study_id from tb_cxr ) as t1'
    queries = [ask.format("list all device."), ask.format("list all disease."), "select 1"]
    model = Fussy(make_model("oracle", database=database))
    with QueryRunner(Setup(database, model, cache=tmp_path / "cache.db"), 1) as runner:
        outcomes = dict(runner.run(queries))
    assert outcomes["select 1"].answer == [1]
    for query in queries[:2]:
        assert outcomes[query].status == "error"
        assert "cannot be opened" in (outcomes[query].error or "")
    places = {image: [place for place, each in enumerate(seen) if each == image] for image in seen}
    assert all(len(places[image]) == 2 for image in seen)
    assert all(later - earlier == 1 for earlier, later in places.values())


def test_a_killed_run_goes_on_and_asks_the_parser_nothing_twice(questioned: Path) -> None:
    asked: list[str] = []
    records = {str(record["id"]): record for record in records_of(questioned)}

    class Breaking:
        name, version = "breaking", "1"

        def __init__(self, after: int) -> None:
            self.after = after

        def parse(self, questions: list[AskedQuestion], trial: int):
            for place, question in enumerate(questions):
                if len(asked) == self.after:
                    raise KeyboardInterrupt
                asked.append(question.id)
                yield place, Prediction(records[question.id]["query"])

    with pytest.raises(KeyboardInterrupt):
        run(questioned, parser=Breaking(30), name="killed", workers=1)
    folder = questioned / "runs" / "killed"
    assert read_run(folder).status == "running"
    assert len(read_queries(folder)) == 30
    # a line that was being written, and outcomes that were lost
    with (folder / "queries.jsonl").open("a") as stream:
        stream.write('{"id": "')
    report = run(questioned, parser=Breaking(10_000), name="killed", workers=1)
    assert sorted(asked) == sorted(records)
    assert report.run.status == "done"
    outcomes = (folder / "outcomes.jsonl").read_text().splitlines()
    (folder / "outcomes.jsonl").write_text("\n".join(outcomes[:20]) + "\n")
    (folder / "run.json").write_text((folder / "run.json").read_text().replace('"done"', '"running"'))
    again = run(questioned, parser=Breaking(0), name="killed", workers=1)
    assert [(q.id, q.value, q.fault) for q in again.scores.questions] == [
        (q.id, q.value, q.fault) for q in report.scores.questions
    ]
    assert len(read_outcomes(folder)) == len(records)


def test_a_complete_run_is_not_done_again_and_another_is_not_mixed_in(questioned: Path) -> None:
    first = run(questioned, limit=5, name="five", workers=1)
    assert not first.was_complete
    second = run(questioned, limit=5, name="five", workers=1)
    assert second.was_complete
    assert second.scores == first.scores
    with pytest.raises(SettingsError, match="subset"):
        run(questioned, limit=6, name="five", workers=1)
    assert run(questioned, limit=6, name="five", restart=True, workers=1).run.subset.questions == 6


def test_trials_give_mean_interval_and_pass_k(questioned: Path) -> None:
    records = {str(record["id"]): record for record in records_of(questioned)}

    class Moody:
        name, version = "moody", "1"

        def parse(self, questions, trial):
            for place, question in enumerate(questions):
                right = trial == 0 or int(question.id) % 2 == 0
                yield place, Prediction(records[question.id]["query"] if right else "select 'no'")

    summary = run(questioned, parser=Moody(), subset="table", trials=2, name="moody", workers=1).scores.summary
    first, second = (trial["EX"] for trial in summary["per_trial"])
    assert first > second
    score = summary["overall"]["scores"]["EX"]
    assert score["value"] == pytest.approx((first + second) / 2)
    assert score["low"] < score["value"] < score["high"]
    assert summary["pass_k"]["1"] == pytest.approx(score["value"])
    assert summary["pass_k"]["2"] == pytest.approx(second)


def test_subsets_are_fixed_by_digest(questioned: Path, tmp_path: Path) -> None:
    small = run(questioned, subset="mini-10", name="mini", workers=1)
    assert small.run.subset.questions == 10
    scope = run(questioned, subset="image-single-1", name="scope", workers=1)
    assert set(scope.scores.summary["scope"]) == {"IMAGE-SINGLE-1"}
    ids = tmp_path / "ids.txt"
    ids.write_text("3\n1\n")
    assert [question.id for question in run(questioned, ids=ids, name="ids", workers=1).scores.questions] == ["1", "3"]
    ids.write_text("[1, 100000]")
    with pytest.raises(RecordError, match="100000"):
        run(questioned, ids=ids, workers=1)
    with pytest.raises(SettingsError, match="mini-N"):
        run(questioned, subset="everything", workers=1)


def test_another_database_is_refused(questioned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "dataset").mkdir(parents=True)
    shutil.copy(questioned / "dataset" / "test.json", out / "dataset")
    (out / "database" / "test").mkdir(parents=True)
    other = out / "database" / "test" / "mimic_iv_cxr.db"
    shutil.copy(questioned / "database" / "train" / "mimic_iv_cxr.db", other)
    with pytest.raises(RecordError, match="asks about; build it again, or ask"):
        run(out, workers=1)
    shutil.copy(questioned / "manifest.json", out)
    with pytest.raises(RecordError, match=r"manifest\.json names"):
        run(out, workers=1)


def test_questions_without_answers_are_held_against_their_gold_query(questioned: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.json"
    bare = [{key: value for key, value in record.items() if key != "answer"} for record in records_of(questioned)]
    path.write_text(json.dumps(bare[:20]))
    report = run(questioned, questions=path, name="bare", workers=1)
    assert report.scores.summary["overall"]["scores"]["EX"]["value"] == 100


def test_a_parser_of_ones_own(questioned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_parser.py").write_text(
        "def parse(question):\n"
        "    if 'gender' not in question:\n"
        "        return None\n"
        "    raise RuntimeError('not today')\n"
        "class Constant:\n"
        "    name, version = 'constant', '7'\n"
        "    def __init__(self, context):\n"
        "        assert context.database.is_file()\n"
        "    def parse(self, questions, trial):\n"
        "        from ehrxqa.models.parsers import Prediction\n"
        "        return ((n, Prediction('select 1', 0.5)) for n in range(len(questions)))\n"
    )
    monkeypatch.chdir(tmp_path)
    report = run(questioned, parser="python:my_parser:parse", limit=30, name="mine", workers=1)
    assert set(faults(report)) == {"abstained-rightly"}
    other = run(questioned, parser="python:my_parser:Constant", limit=30, name="mine-too", workers=1)
    assert (other.run.parser.name, other.run.parser.version) == ("constant", "7")
    assert {line.confidence for line in read_queries(other.folder).values()} == {0.5}
    with pytest.raises(SettingsError, match="is not one of"):
        run(questioned, parser="nobody", workers=1)


def test_the_command_says_the_scores_and_json_holds_them(questioned: Path) -> None:
    words = ["run", str(questioned), "--limit", "10", "--name", "said", "-q"]
    ran = CliRunner().invoke(main, [*words, "--format", "json"])
    assert ran.exit_code == 0, ran.output
    value = json.loads(ran.stdout)
    assert value["run"]["subset"]["questions"] == 10
    assert value["run"]["arguments"]["given"] == {"limit": 10}
    text = CliRunner().invoke(main, words).stdout
    assert "gold × oracle" in text
    assert "EX" in text
    scores = read_scores(questioned / "runs" / "said")
    assert scores is not None
    assert scores.summary == value["summary"]
    assert answer_cache(questioned).parent.name == ".work"


def test_rows_and_studies_found_on_the_way_are_measured(questioned: Path) -> None:
    from ehrxqa.models.retrieval import Retrieval, found_by
    from ehrxqa.neuralsql.setup import open_engine

    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    with open_engine(Setup(database)) as (engine, _):
        ((subject, drug),) = engine.run(
            "select subject_id, drug from prescriptions group by 1 having count( distinct drug ) > 2 limit 1"
        ).rows
        of_subject = f"select count(*) from prescriptions where prescriptions.subject_id = {subject}"
        one_drug = f"{of_subject} and prescriptions.drug = '{drug}'"
        retrieval = Retrieval(engine)
        narrow, wide = retrieval.measures(of_subject, one_drug), retrieval.measures(one_drug, of_subject)
        assert narrow["row_precision"] == wide["row_recall"] == 1.0
        assert 0 < narrow["row_recall"] == wide["row_precision"] < 1
        assert retrieval.measures(of_subject, None) == {"row_recall": 0.0}
        assert retrieval.measures(of_subject, "select count(*) from labevents where 0") == {"row_recall": 0.0}
        assert retrieval.measures(of_subject, of_subject.upper()) == {"row_recall": 1.0, "row_precision": 1.0}
        assert retrieval.measures(None, of_subject) == {}
        ask = 'select func_vqa("list all device.", t1.study_id) from ( select tb_cxr.study_id from tb_cxr {} ) as t1'
        first, every = ask.format("order by tb_cxr.studydatetime asc limit 1"), ask.format("")
        assert len(found_by(first, engine).studies) == 1
        studies = retrieval.measures(first, every)
        assert studies["study_recall"] == 1.0
        assert studies["study_precision"] == 1 / len(found_by(every, engine).studies)
        assert found_by("no sql (", engine).rows == frozenset()


class _OfOthers:
    """A parser with a fault of its own."""

    name, version = "of others", "1"

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def parse(self, questions, trial):
        match self._fault:
            case "raises":
                raise KeyError("nothing there")
            case "texts":
                return iter(["select 1"])
            case "place":
                return iter([(len(questions), Prediction("select 1"))])
            case "nothing":
                return None
        return iter([(place, Prediction("select 1")) for place in range(len(questions))])


@pytest.mark.parametrize("fault", ["raises", "texts", "place", "nothing"])
def test_what_is_wrong_with_a_parser_of_others_is_said(fault):
    with pytest.raises(SettingsError, match='parser "python:mine:Parser": parse'):
        list(Guarded("python:mine:Parser", _OfOthers(fault)).parse([AskedQuestion("0", "how many?")], 0))


def test_a_parser_of_others_is_asked_as_any_other():
    ((place, made),) = Guarded("python:mine:Parser", _OfOthers("")).parse([AskedQuestion("0", "how many?")], 0)
    assert (place, made.query) == (0, "select 1")


def test_image_questions_of_an_ended_run_are_counted_when_it_goes_on(
    questioned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ehrxqa.models.run as running

    once = run(questioned, vision="perturbed:0.1", limit=30, name="counted-once", workers=1).run.used.images
    assert once > 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(running, "gather_evidence", stop)
        with pytest.raises(KeyboardInterrupt):
            run(questioned, vision="perturbed:0.1", limit=30, name="counted", workers=1)
    before = read_run(questioned / "runs" / "counted").used.images
    assert before > 0
    assert run(questioned, vision="perturbed:0.1", limit=30, name="counted", workers=1).run.used.images >= before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--parser", "llm:http://127.0.0.1:9/v1:m", "--limit", "1"],  # nothing answers
        ["--parser", "llm:https://llm.example/v1:m", "--limit", "1"],  # not allowed
        ["--samples", "3"],  # of another parser
        ["--name", ""],
        ["--timeout", "nan"],
        ["--timeout", "inf"],
        ["--parser", "llm:http://127.0.0.1:9/v1:m", "--temperature", "nan"],
    ],
)
def test_a_run_that_cannot_begin_leaves_no_folder(questioned: Path, arguments: list[str]) -> None:
    before = sorted((questioned / "runs").iterdir()) if (questioned / "runs").is_dir() else []
    outcome = CliRunner().invoke(main, ["run", str(questioned), "--workers", "1", *arguments])
    assert outcome.exit_code in (1, 2)
    assert "fault of ours" not in outcome.stderr
    assert (sorted((questioned / "runs").iterdir()) if (questioned / "runs").is_dir() else []) == before


def test_restart_throws_away_what_a_run_holds_and_no_run_that_goes_on(questioned: Path) -> None:
    folder = run(questioned, name="again", subset="mini-5", workers=1).folder
    (folder / "trace.jsonl").write_text("{}\n")
    with exclusive(folder), pytest.raises(BuildError, match="another command is at work"):
        run(questioned, name="again", subset="mini-5", restart=True, workers=1)
    assert (folder / "answers.json").is_file()
    assert not run(questioned, name="again", subset="mini-5", restart=True, workers=1).was_complete
    assert not (folder / "trace.jsonl").exists()


def test_a_timeout_longer_than_anyone_waits(questioned: Path) -> None:
    assert run(questioned, name="patient", limit=2, timeout=1e300, workers=2).scores.questions
    with pytest.raises(SettingsError, match="timeout must be a number, not inf"):
        run(questioned, timeout=float("inf"))


def test_a_folder_that_was_renamed_is_the_run_of_that_name(questioned: Path) -> None:
    folder = run(questioned, name="first-name", limit=2, workers=1).folder
    renamed = folder.rename(folder.with_name("a second name"))
    assert read_run(renamed).id == "a second name"
    named = {row.run.id for found in board(questioned) for row in found.rows}
    assert "a second name" in named
    assert "first-name" not in named
    renamed.rename(folder.with_name("second-name"))
    assert run(questioned, name="second-name", limit=2, workers=1).was_complete


def test_no_command_writes_over_the_build_it_works_on(questioned: Path, tmp_path: Path) -> None:
    manifest, gold = questioned / "manifest.json", questioned / "dataset/test.json"
    queries, before = tmp_path / "queries.json", (questioned / "manifest.json").read_bytes()
    queries.write_text('{"0": "select 1"}')
    for command in (
        ["audit", gold, "--database", questioned, "--out", manifest],
        ["execute", "--predictions", queries, "--database", questioned, "--out", manifest],
        ["evaluate", "--gold", gold, "--predictions", queries, "--out", manifest],
        ["answer", "--questions", questioned / "dataset/_test.json", "--database", questioned, "--out", manifest],
    ):
        outcome = CliRunner().invoke(main, [*map(str, command)])
        assert isinstance(outcome.exception, SettingsError), command
        assert "would be overwritten" in str(outcome.exception)
    assert manifest.read_bytes() == before


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [("--ids", '{"id": 1}', "holds JSON objects, not ids"), ("--questions", "[]", "holds no questions")],
)
def test_files_that_choose_nothing_are_named(
    questioned: Path, tmp_path: Path, option: str, content: str, said: str
) -> None:
    (tmp_path / "chosen.json").write_text(content)
    outcome = CliRunner().invoke(main, ["run", str(questioned), option, str(tmp_path / "chosen.json")])
    assert isinstance(outcome.exception, RecordError)
    assert str(outcome.exception).startswith(f"{tmp_path}/chosen.json: {said}")
