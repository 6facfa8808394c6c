"""Inspect tasks, run offline with the mock model."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage, get_model

from ehrxqa.agents import inspect_tasks
from ehrxqa.agents.trace import Trace
from ehrxqa.errors import SettingsError
from hostile_corpus import CANARY

# Inspect's own use of other packages is not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# Without a count of its own the mock model looks for a tokenizer on the network.
USAGE = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)


@pytest.fixture(autouse=True)
def streams_left_open() -> Iterator[None]:
    """Inspect leaves streams to the garbage collector, which complains: let it do so here, and not in another test."""
    yield
    gc.collect()


def run(task: Any, reply: Callable[[list[ChatMessage]], ModelOutput], tmp_path: Path) -> EvalLog:
    def outputs(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        output = reply(messages)
        output.usage = USAGE
        return output

    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    (log,) = evaluate(task, model=model, log_dir=str(tmp_path), display="none", log_level="error")
    assert log.status == "success", log.error
    assert CANARY not in log.model_dump_json()
    return log


def metrics(log: EvalLog, reducer: str = "mode") -> dict[str, float]:
    assert log.results is not None
    (found,) = [score for score in log.results.scores if score.reducer in (reducer, None)]
    return {name: each.value for name, each in found.metrics.items()}


def tool(name: str, **arguments: Any) -> ModelOutput:
    return ModelOutput.for_tool_call("mockllm", name, arguments)


def asked(messages: list[ChatMessage]) -> str:
    return next(message.text for message in messages if message.role == "user")


def turn(messages: list[ChatMessage]) -> int:
    return sum(message.role == "assistant" for message in messages)


def agent(messages: list[ChatMessage]) -> ModelOutput:
    """Looks around, is refused the answer key, and answers two of four questions rightly and one wrongly."""
    question, step = asked(messages), turn(messages)
    if step == 0:
        return tool("run_sql", query="select * from tb_cxr_plus")
    if step == 1:
        return tool("list_studies", subject_id="10000000")
    if step == 2:
        study = json.loads(messages[-1].text)["studies"][0]["study_id"]
        return tool("show_image", study_id=study, side=64)
    if step == 3:
        return tool("run_sql", query='select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id)')
    if "how many patients" in question:
        return tool("submit_answer", query="select count(*) from patients")
    if "phone number" in question:
        return tool("submit_answer", abstain=True)
    if "gender" in question:
        return tool("submit_answer", answer=["x"])
    return tool("submit_answer", abstain=True)


def test_an_agent_uses_the_tools_and_is_scored(agent_out: Path, images: Path, tmp_path: Path) -> None:
    log = run(inspect_tasks.test(out=str(agent_out), images=str(images)), agent, tmp_path)
    found = metrics(log)
    assert found["ex"] == 50.0
    assert found["rs5"] == (200 - 500) / 4
    assert found["rs10"] == (200 - 1000) / 4
    assert found["abstained"] == 25.0
    assert found["image_questions"] > 0
    assert found["Image"] == 0.0
    assert log.samples is not None
    (sample,) = [sample for sample in log.samples if sample.id == "1"]
    refused, _, picture, _, done = [message for message in sample.messages if message.role == "tool"]
    assert refused.error is not None
    assert "answer key" in refused.error.message
    assert any(part.type == "image" for part in picture.content)
    assert json.loads(done.text) == {"outcome": "answered", "answer": [6], "reason": ""}
    trace = Trace.of(sample.store["ehrxqa:trace"])
    assert [call.tool for call in trace.calls[:2]] == ["run_sql", "list_studies"]
    assert trace.spent.tokens == 5 * USAGE.total_tokens
    written = [message for message in sample.messages if message.role != "tool"]
    assert '"answer"' not in str([message.content for message in written if message.role in ("system", "user")])


def test_one_reply_is_a_query(agent_out: Path, tmp_path: Path) -> None:
    def reply(messages: list[ChatMessage]) -> ModelOutput:
        told = messages[0].text
        assert "patients: One row per subject." in told
        assert "tb_cxr_plus" not in told
        if "how many patients" in asked(messages):
            return ModelOutput.from_content("mockllm", "```sql\nselect count(*) from patients\n```")
        return ModelOutput.from_content("mockllm", "null")

    log = run(inspect_tasks.test(out=str(agent_out), mode="query", modality="table"), reply, tmp_path)
    found = metrics(log)
    assert found["ex"] == pytest.approx(200 / 3)  # the question without an answer is rightly left
    assert found["abstained"] == pytest.approx(100 / 3)
    assert "Image" not in found


def test_pass_hat_wants_every_trial(agent_out: Path, tmp_path: Path) -> None:
    times: list[int] = []

    def reply(messages: list[ChatMessage]) -> ModelOutput:
        if "how many" not in asked(messages):
            return ModelOutput.from_content("mockllm", "null")
        times.append(1)
        return ModelOutput.from_content("mockllm", f"select {6 if len(times) > 1 else 5}")

    log = run(inspect_tasks.test(out=str(agent_out), mode="query", trials=3), reply, tmp_path)
    assert metrics(log, "mode")["ex"] == 50.0
    assert metrics(log, "pass_hat")["ex"] == 25.0
    assert metrics(log, "pass_hat")["rs5"] == (100 - 500) / 4


def test_an_agent_that_never_answers_abstains(agent_out: Path, tmp_path: Path) -> None:
    def reply(messages: list[ChatMessage]) -> ModelOutput:
        return tool("run_sql", query="select 1") if turn(messages) < 4 else tool("submit_answer", answer=["6"])

    log = run(inspect_tasks.test(out=str(agent_out), calls=2, scope=None), reply, tmp_path)
    assert metrics(log)["ex"] == 0.0
    assert log.samples is not None
    said = [message.error.message for message in log.samples[0].messages if message.role == "tool" and message.error]
    assert any("calls is used up" in each for each in said)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "say which build"),
        ({"mode": "fly"}, "mode must be"),
        ({"scope": "x"}, "no question"),
        ({"trials": 0}, "trials"),
    ],
)
def test_wrong_options_are_said(
    agent_out: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], says: str
) -> None:
    monkeypatch.delenv("EHRXQA_OUT", raising=False)
    out = {"out": str(agent_out)} if options else {}
    with pytest.raises(SettingsError, match=says):
        inspect_tasks.test(**out, **options)


def test_inspect_finds_the_tasks() -> None:
    (point,) = [point for point in entry_points(group="inspect_ai") if point.name == "ehrxqa"]
    assert point.load().test is inspect_tasks.test


def test_the_floor_runs_without_a_network_from_the_command_line(agent_out: Path, tmp_path: Path) -> None:
    words = ["eval", "ehrxqa/test", "--model", "ehrxqa/abstain", "-T", f"out={agent_out}"]
    command = [str(Path(sys.executable).with_name("inspect")), *words, "--log-dir", str(tmp_path), "--display", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success"
    assert metrics(log)["ex"] == 25.0  # one of four has no answer
    assert metrics(log)["abstained"] == 75.0
