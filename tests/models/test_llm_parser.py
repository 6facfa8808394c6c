"""The llm parser against a loopback server that knows the answers, makes a mess of them, fails, and counts."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.cli.main import main
from ehrxqa.errors import EndpointError, SettingsError
from ehrxqa.models.llm.clean_up import clean_up
from ehrxqa.models.llm.parser import LlmParser, LlmSettings, named_model
from ehrxqa.models.llm.voting import DrawnModel, vote
from ehrxqa.models.parsers import AskedQuestion, Context
from ehrxqa.models.run import run
from ehrxqa.models.run_folder import read_queries
from ehrxqa.net.chat import Patience
from ehrxqa.neuralsql.engine import Engine

QUICK = Patience(attempts=2, first_seconds=0.01, answer_seconds=60.0)


class ScriptedModel:
    """Answers `Question: …` by `reply(question, number of the request for it)`; a number is an HTTP status."""

    def __init__(self, reply) -> None:
        self.reply = reply
        self.bodies: list[dict[str, Any]] = []
        self.seen: dict[str, int] = {}
        self.lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][-1]["content"].rpartition("Question: ")[2].removesuffix("\nQuery:")
                with model.lock:
                    model.bodies.append(body)
                    number = model.seen[question] = model.seen.get(question, 0) + 1
                said = model.reply(question, number)
                status, value = (said, {}) if isinstance(said, int) else (200, _completion(said))
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.spec = f"llm:http://127.0.0.1:{self.server.server_address[1]}/v1:model:8b"

    def __enter__(self) -> ScriptedModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _completion(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 100, "completion_tokens": 7}}


@pytest.fixture
def gold(questioned: Path) -> dict[str, str]:
    records = json.loads((questioned / "dataset" / "test.json").read_text())
    return {record["question"]: record["query"] or "null" for record in records}


def parser_of(model: ScriptedModel, out: Path, **options: Any) -> LlmParser:
    database = out / "database" / "test" / "mimic_iv_cxr.db"
    return LlmParser(model.spec.removeprefix("llm:"), Context(out, database, synthetic=True, options=options), QUICK)


def test_a_model_that_knows_all_is_right_and_its_tokens_are_counted(questioned: Path, gold: dict[str, str]) -> None:
    with ScriptedModel(lambda question, _: f"<think>hm</think>\n```sql\n{gold[question]};\n```") as model:
        options = {"examples": 2, "price_in": 1.0, "price_out": 10.0}
        report = run(questioned, parser=model.spec, subset="mini-20", options=options, name="llm", workers=1)
    summary = report.scores.summary
    assert summary["overall"]["scores"]["EX"]["value"] >= 95
    assert (report.run.used.calls, report.run.used.tokens_in, report.run.used.tokens_out) == (20, 2000, 140)
    assert report.run.used.money == pytest.approx((2000 * 1 + 140 * 10) / 1e6)
    assert summary["clean_up"]["fence"] == summary["clean_up"]["thoughts"] == 20
    body = model.bodies[0]
    assert body["model"] == "model:8b"
    assert "tb_cxr_plus" not in json.dumps(body)
    assert body["messages"][1]["content"].count("Question: ") == 3
    assert "func_vqa" in body["messages"][0]["content"]


def test_nothing_is_asked_twice_by_a_killed_run_nor_by_another_one(questioned: Path, gold: dict[str, str]) -> None:
    broken = threading.Event()

    def reply(question: str, number: int) -> str | int:
        if len(model.seen) > 8 and not broken.is_set():
            return 500
        return gold[question]

    with ScriptedModel(reply) as model:
        options = {"examples": 1, "concurrency": 1}
        parser = parser_of(model, questioned, **options)
        with pytest.raises(EndpointError, match="what was answered is kept"):
            run(questioned, parser=parser, subset="mini-15", name="llm-killed", workers=1)
        assert len(read_queries(questioned / "runs" / "llm-killed")) == 8
        broken.set()
        before = len(model.bodies)
        run(questioned, parser=parser_of(model, questioned, **options), subset="mini-15", name="llm-killed", workers=1)
        assert len(model.bodies) - before == 7
        run(questioned, parser=parser_of(model, questioned, **options), subset="mini-15", name="llm-again", workers=1)
        assert len(model.bodies) - before == 7


def test_samples_vote_on_answers_not_on_words(questioned: Path) -> None:
    replies = ["select count(*) from patients", "select 5 - 4", "SELECT count( subject_id ) FROM patients", "nonsense"]
    with ScriptedModel(lambda question, number: replies[(number - 1) % 4]) as model:
        asked = [AskedQuestion("1", "how many patients are there?")]
        ((_, made),) = parser_of(model, questioned, samples=4, concurrency=1).parse(asked, 0)
        assert made.query == replies[0]
        assert made.confidence == 0.5
        assert made.cost.calls == 4
        assert {body["seed"] for body in model.bodies} == {0, 1, 2, 3}
        ((_, shy),) = parser_of(model, questioned, samples=4, agreement=0.6, concurrency=1).parse(asked, 0)
        assert (shy.query, shy.withheld) == (None, replies[0])
        ((_, again),) = parser_of(model, questioned, samples=4, concurrency=1).parse(asked, 1)
        assert again.cost.calls == 4
        assert len(model.bodies) == 8


def test_queries_that_mean_the_same_agree_though_no_picture_is_looked_at(questioned: Path) -> None:
    ask = 'select count(*) from ( select tb_cxr.study_id from tb_cxr ) as t1 where func_vqa("{}", t1.study_id) = {}'
    yes, other = ask.format("is there pneumonia?", "true"), ask.format("is there pleural effusion?", "true")
    same = 'select count(study_id) from tb_cxr where func_vqa("is there pneumonia?", tb_cxr.study_id)'
    with Engine(questioned / "database" / "test" / "mimic_iv_cxr.db", DrawnModel()) as engine:
        assert vote([other, yes, same], engine).query == yes
        assert vote([yes, None, None], engine) == vote([None, None, yes], engine)
        assert vote(["select no_such", "select nor_this"], engine).query is None


def test_values_near_a_name_are_told_as_the_database_spells_them(questioned: Path) -> None:
    with ScriptedModel(lambda question, _: "null") as model:
        parser = parser_of(model, questioned)
        for drug in parser._prompter._values.values["prescriptions.drug"][:40]:
            messages = parser._prompter.messages(f"was patient 10000001 given {drug[:-1]}x?")
            assert f"prescriptions.drug = '{drug}'" in messages[1]["content"]


def test_nothing_is_sent_without_consent(questioned: Path) -> None:
    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    asked = [AskedQuestion("1", "how many?")]
    with ScriptedModel(lambda question, _: "select 1") as model:
        rest = model.spec.removeprefix("llm:")
        real = Context(questioned, database, synthetic=False)
        with pytest.raises(SettingsError, match="nothing was sent"):
            list(LlmParser(rest, real, QUICK).parse(asked, 0))
        wrong = Context(questioned, database, options={"confirm_endpoint": "elsewhere.example"})
        with pytest.raises(SettingsError, match="nothing was sent"):
            list(LlmParser(rest, wrong, QUICK).parse(asked, 0))
        assert model.bodies == []
    far = LlmParser("https://llm.example/v1:big", Context(questioned, database, synthetic=True), QUICK)
    with pytest.raises(SettingsError, match=r"llm\.example"):
        list(far.parse(asked, 0))


def test_a_dry_run_counts_and_sends_nothing(questioned: Path) -> None:
    with ScriptedModel(lambda question, _: "select 1") as model:
        words = ["run", str(questioned), "--parser", model.spec, "--limit", "5", "--samples", "3", "--trials", "2"]
        ran = CliRunner().invoke(main, [*words, "--price-in", "2", "--dry-run", "--format", "json", "-q"])
        assert ran.exit_code == 0, ran.output
        value = json.loads(ran.stdout)
        assert value["requests"] == 30
        assert value["tokens_in"] > 30 * 500
        assert value["money"] == pytest.approx(value["tokens_in"] * 2 / 1e6)
        assert model.bodies == []
    ran = CliRunner().invoke(main, ["run", str(questioned), "--dry-run"])
    assert "no request" in ran.output


@pytest.mark.parametrize("text", ["", "http://x", "http://x/v1", "ftp://x/v1:m", "x:m", "http://x/v1:"])
def test_a_spec_names_an_address_with_its_path_and_a_model(text: str) -> None:
    with pytest.raises(SettingsError, match="llm:URL:MODEL"):
        named_model(text)


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"samples": 0}, {"agreement": 1.5}, {"examples": -1}):
        with pytest.raises(SettingsError):
            LlmSettings.of(wrong)


@pytest.mark.parametrize(
    ("reply", "query", "steps"),
    [
        ("select 1", "select 1", ()),
        ("SELECT a\n\n FROM b ;", "SELECT a FROM b", ("semicolon", "blanks")),
        ("```\nselect 1\n```", "select 1", ("fence",)),
        ("```sqlite\nselect 1", "select 1", ("fence",)),
        ("first\n```sql\nselect 1\n```\nno, better:\n```sql\nselect 2\n```", "select 2", ("fence",)),
        ("thinking </think> select 1", "select 1", ("thoughts",)),
        ("<think>select 2", None, ("thoughts",)),
        ("**SQLQuery:** select 1", "select 1", ("label",)),
        ("Sure! Here is the query: select 1", "select 1", ("prose",)),
        ("Select wisely!\nOr not.", "Select wisely! Or not.", ("blanks",)),
        ("I would write\nWITH a AS (select 1) select 2", "WITH a AS (select 1) select 2", ("prose",)),
        ("select ';' ; select 2", "select ';'", ("semicolon",)),
        ("'null'", None, ()),
        ("", None, ()),
        ("delete from patients", None, ("unread",)),
    ],
)  # fmt: skip
def test_replies_are_cleaned_by_the_documented_rule(reply: str, query: str | None, steps: tuple[str, ...]) -> None:
    cleaned = clean_up(reply)
    assert (cleaned.query, cleaned.steps) == (query, steps)


@given(st.text(max_size=200))
def test_any_reply_gives_a_query_or_an_abstention_and_a_query_stays_as_it_is(reply: str) -> None:
    cleaned = clean_up(reply)
    if cleaned.query is not None:
        assert cleaned.query.lower().startswith(("select", "with"))
        again = clean_up(cleaned.query)
        assert again.query is not None
