"""The reference agent against an endpoint on this machine: what it sends, what it survives, and what a run keeps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_endpoint import AgentEndpoint, Message, tool_call
from click.testing import CliRunner

from ehrxqa.agents.agent_run import run_agent
from ehrxqa.agents.budget import Budget
from ehrxqa.agents.trace import Trace
from ehrxqa.cli.main import main
from ehrxqa.errors import EndpointError, SettingsError
from ehrxqa.models.run_folder import read_outcomes, read_run, read_scores, read_trace
from ehrxqa.net.chat import Patience
from ehrxqa.runs.manifest import Manifest
from hostile_corpus import CANARY

QUICK = Patience(attempts=2, connect_seconds=2, answer_seconds=60, first_seconds=0.01)


@pytest.fixture(autouse=True)
def no_keys_and_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EHRXQA_LLM_API_KEY", "OPENAI_API_KEY", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def out(agent_out: Path, tmp_path: Path) -> Path:
    """A build of its own: runs are written into it."""
    return Path(shutil.copytree(agent_out, tmp_path / "out", ignore=shutil.ignore_patterns(".work", "runs")))


def good(messages: list[Message]) -> Message:
    """Looks around, then answers three of four questions rightly, and one wrongly."""
    question = messages[1]["content"]
    turn = sum(message["role"] == "assistant" for message in messages)
    if turn == 0:
        return tool_call("run_sql", {"query": "select * from tb_cxr_plus"})
    if turn == 1:
        assert "answer key" in messages[-1]["content"]
        return tool_call("run_sql", {"query": "select count(*) from patients"})
    if "how many" in question:
        count = json.loads(messages[-1]["content"])["rows"][0][0]
        return tool_call("submit_answer", {"answer": [count]})
    if "gender" in question:
        return tool_call("submit_answer", {"query": "select gender from patients limit 1"})
    if "pneumonia" in question:
        return tool_call("submit_answer", {"answer": ["perhaps"]})
    return tool_call("submit_answer", {"abstain": True})


@pytest.fixture
def endpoint() -> Iterator[AgentEndpoint]:
    server = AgentEndpoint(good)
    yield server
    server.stop()


def test_a_run_keeps_all_that_made_its_numbers(out: Path, endpoint: AgentEndpoint) -> None:
    report = run_agent(out, endpoint=endpoint.url, model="scripted", trials=2, seed=5, name="first")
    assert report.scores.summary["overall"]["right"] == 6
    assert report.scores.summary["overall"]["wrong"] == 2
    assert report.scores.summary["pass_k"] == {"1": 75.0, "2": 75.0}
    run = read_run(report.folder)
    assert (run.kind, run.status, run.parser.spec) == ("agent", "done", "agent:scripted")
    assert (run.used.calls, run.used.tokens_in, run.used.tokens_out) == (24, 2_400, 240)
    assert run.limits.steps == 60
    assert run.arguments["given"]["model"] == "scripted"
    assert json.loads((report.folder / "answers.json").read_text()) == {
        "0": ["f"],
        "1": [6],
        "2": ["perhaps"],
        "3": "null",
    }
    assert len(read_outcomes(report.folder)) == 8
    scores = read_scores(report.folder)
    assert scores == report.scores
    traces = list(read_trace(report.folder))
    assert len(traces) == 8
    trace = Trace.of({key: value for key, value in traces[0].items() if key not in ("id", "trial")})
    assert [call.outcome for call in trace.calls] == ["refused", "answered", "answered"]
    assert trace.spent.tokens == 330
    assert CANARY not in "".join(path.read_text() for path in report.folder.rglob("*") if path.is_file())
    asked = len(endpoint.bodies)
    again = run_agent(out, endpoint=endpoint.url, model="scripted", trials=2, seed=5, name="first")
    assert again.was_complete
    assert len(endpoint.bodies) == asked
    with pytest.raises(SettingsError, match="holds another run"):
        run_agent(out, endpoint=endpoint.url, model="scripted", trials=2, seed=6, name="first")


def test_what_is_sent(out: Path, endpoint: AgentEndpoint) -> None:
    run_agent(out, endpoint=endpoint.url, model="scripted", limit=1, temperature=0.5, seed=9)
    body = endpoint.bodies[0]
    assert (body["model"], body["temperature"], body["seed"]) == ("scripted", 0.5, 9)
    assert [tool["function"]["name"] for tool in body["tools"]] == [
        "describe_tables", "search_values", "run_sql", "list_studies", "ask_image", "submit_answer",
    ]  # fmt: skip
    assert "select" not in json.dumps(body["messages"]).lower().replace("selected", "")
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    later = endpoint.bodies[2]["messages"]
    assert [message["role"] for message in later] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert later[2]["tool_calls"][0]["id"] == later[3]["tool_call_id"]


def test_an_interrupted_run_goes_on(out: Path, endpoint: AgentEndpoint) -> None:
    answered: list[str] = []

    def failing(messages: list[Message]) -> Message | int:
        if len(set(answered)) >= 2 and messages[1]["content"] not in answered:
            return 400
        answered.append(messages[1]["content"])
        return good(messages)

    broken = AgentEndpoint(failing)
    arguments: dict[str, Any] = {"model": "m", "name": "r", "concurrency": 1, "patience": QUICK}
    with pytest.raises(EndpointError, match="HTTP 400"):
        run_agent(out, endpoint=broken.url, **arguments)
    broken.stop()
    folder = out / "runs" / "r"
    assert read_run(folder).status == "running"
    assert len(read_outcomes(folder)) == 2
    # the host is part of what a run is, so the same endpoint must answer again
    with pytest.raises(SettingsError, match="holds another run"):
        run_agent(out, endpoint=endpoint.url, **arguments)
    healed = AgentEndpoint(good)
    run = read_run(folder)
    text = (folder / "run.json").read_text().replace(broken.host, healed.host)
    (folder / "run.json").write_text(text)
    report = run_agent(out, endpoint=healed.url, **arguments)
    healed.stop()
    assert report.scores.summary["overall"]["right"] == 3
    assert len(healed.bodies) == 6
    assert run.id == report.run.id


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "The answer is 6."},
        {"role": "assistant"},
        {"role": "assistant", "content": ["odd"], "tool_calls": "run_sql"},
        {"role": "assistant", "tool_calls": [None, 7, {"function": 5}, {"id": 5}]},
        tool_call("run_sql", "{not json"),
        tool_call("run_sql", "[" * 5_000),
        tool_call("fly", {}),
        tool_call("show_image", {"study_id": "50000001"}),
        tool_call("submit_answer", {"answer": "6"}),
        {"tool_calls": [*tool_call("run_sql", {"query": "select 1"})["tool_calls"]] * 500},
    ],
)
def test_a_model_that_makes_no_sense_abstains_in_the_end(out: Path, message: Message) -> None:
    server = AgentEndpoint(lambda _: message)
    report = run_agent(out, endpoint=server.url, model="odd", limit=2, budget=Budget(calls=5))
    server.stop()
    assert report.scores.summary["overall"]["abstained"] == 2
    assert len(server.bodies) <= 2 * 11
    (outcome, *_) = read_outcomes(report.folder).values()
    assert outcome.reason == "nothing was handed in"


def test_pictures_follow_the_answer_to_their_call(out: Path, images: Path) -> None:
    def looks(messages: list[Message]) -> Message:
        if len(messages) == 2:
            return tool_call("list_studies", {"subject_id": "10000000"})
        if len(messages) == 4:
            study = json.loads(messages[-1]["content"])["studies"][0]["study_id"]
            return tool_call("show_image", {"study_id": study, "side": 64})
        (text, picture) = messages[-1]["content"]
        assert text["text"].startswith("The X-ray of study")
        assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
        return tool_call("submit_answer", {"answer": []})

    server = AgentEndpoint(looks)
    report = run_agent(out, endpoint=server.url, model="sees", limit=1, images=images, pictures=True)
    server.stop()
    assert report.run.digests["images"]
    assert report.run.status == "done"


def test_real_data_are_sent_only_where_a_person_has_said(out: Path, endpoint: AgentEndpoint) -> None:
    Manifest(synthetic=False, settings={}).write(out)
    with pytest.raises(SettingsError, match=f"--confirm-endpoint {endpoint.host}"):
        run_agent(out, endpoint=endpoint.url, model="m")
    with pytest.raises(SettingsError, match="not the host"):
        run_agent(out, endpoint=endpoint.url, model="m", confirm_endpoint="other.example")
    assert endpoint.bodies == []
    asked: list[str] = []
    report = run_agent(out, endpoint=endpoint.url, model="m", ask=lambda what, host: asked.append(what) or host)
    assert report.run.synthetic is False
    assert "rows" in asked[0]
    for url, says in (("http://llm.example/v1", "must be https"), ("https://u:p@llm.example/v1", "holds no user")):
        with pytest.raises(SettingsError, match=says):
            run_agent(out, endpoint=url, model="m")


def test_the_command(out: Path, endpoint: AgentEndpoint) -> None:
    words = ["agent", str(out), "--endpoint", endpoint.url, "--model", "scripted", "--limit", "3", "--calls", "9", "-q"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "3 questions: EX 66.7" in done.output
    assert "9 requests, 900 + 90 tokens" in done.output
    told = CliRunner().invoke(main, [*words, "--format", "json"])
    assert json.loads(told.output)["was_complete"] is True
    parsed = CliRunner().invoke(main, ["run", str(out), "--limit", "3", "--name", "gold", "-q"])
    assert parsed.exit_code == 0, parsed.output
    agent = json.loads(told.output)["folder"]
    compared = CliRunner().invoke(main, ["compare", agent, str(out / "runs" / "gold")])
    assert compared.exit_code == 0, compared.output
    assert "right only in B" in compared.output
    board = CliRunner().invoke(main, ["board", str(out)])
    assert board.exit_code == 0, board.output
    assert "agent:scripted" in board.output
    wrong = CliRunner().invoke(main, [*words, "--pictures"])
    assert isinstance(wrong.exception, SettingsError)
