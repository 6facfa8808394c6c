"""The taskset for verifiers, in an environment of its own: tasks, tools by their protocol, rewards, attacks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verifiers", reason="verifiers pins another mcp; run: make adapters")

from mcp import Client
from mcp.server.mcpserver import MCPServer
from verifiers.v1.mcp.server import _call_state
from verifiers.v1.utils.loaders import import_taskset

import ehrxqa_verifiers as adapter
from ehrxqa.agents.calling import TOOLS
from hostile_corpus import CANARY, CORPUS

pytestmark = pytest.mark.filterwarnings("ignore")


def taskset(out: Path, **options: Any) -> Any:
    tools = {"out": str(out), "split": "test", **options.pop("tools", {})}
    config = adapter.EhrxqaTasksetConfig(task={"tools": tools, **options})
    return adapter.EhrxqaTaskset(config)


def test_verifiers_finds_it_by_its_id() -> None:
    assert import_taskset("ehrxqa-verifiers") is adapter


def test_tasks_are_endless_and_hold_no_answer(agent_out: Path) -> None:
    made = list(taskset(agent_out, seed=4).take(6))
    again = list(taskset(agent_out, seed=4).take(6))
    assert [task.data for task in made] == [task.data for task in again]
    assert len({task.data.prompt for task in made}) > 3
    for task in made:
        wire = task.data.model_dump_json()
        assert "select" not in wire.lower().replace("selected", "")
        assert task.question.text in task.data.prompt
    of_file = list(taskset(agent_out, endless=False).take(8))
    assert {task.question.id for task in of_file} == {"0", "1", "2", "3"}


def episode(out: Path, images: Path, calls: list[tuple[str, Any]]) -> tuple[list[Any], dict[str, Any] | None]:
    """Calls through the client of the same package; gives what came back, and the trace that the state holds."""
    replies: list[Any] = []
    state = adapter.EhrxqaState()

    async def talk() -> None:
        toolset = adapter.EhrxqaToolset(adapter.EhrxqaToolsConfig(out=str(out), split="test", images=str(images)))

        async def pull() -> Any:
            return state

        toolset._pull_state = pull  # the channel to the trainer, which is not there
        async with toolset._exit_stack:
            await toolset.setup()
            server = MCPServer("ehrxqa")
            toolset.register(server)
            async with Client(server) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == list(TOOLS)
                for name, arguments in calls:
                    replies.append(await client.call_tool(name, arguments))

    asyncio.run(talk())
    assert _call_state.get() is None
    return replies, state.trace


def rewarded(task: Any, kept: dict[str, Any] | None) -> dict[str, float]:
    class Trace:
        state = adapter.EhrxqaState(trace=kept)

    return asyncio.run(task.answered(Trace()))


def test_tools_answer_and_answers_are_rewarded(agent_out: Path, images: Path) -> None:
    for task in taskset(agent_out, endless=False, wrong=-1.0).take(4):
        query = task.question.query
        arguments = {"abstain": True} if query is None else {"query": query}
        replies, kept = episode(agent_out, images, [("run_sql", {"query": "select 1"}), ("submit_answer", arguments)])
        assert json.loads(replies[0].content[0].text)["rows"] == [[1]]
        assert rewarded(task, kept)["execution"] == 1.0
        _, kept = episode(agent_out, images, [("submit_answer", {"answer": ["wrong"]})])
        assert rewarded(task, kept) == {"execution": 0.0, "wrong": -1.0, "retrieval": 0.0}
        assert rewarded(task, None)["execution"] == float(task.question.gold == "null")


def test_pictures_come_as_images(agent_out: Path, images: Path) -> None:
    (listed, *_), _ = episode(agent_out, images, [("list_studies", {"subject_id": 10_000_000})])
    study = json.loads(listed.content[0].text)["studies"][0]["study_id"]
    (shown, *_), _ = episode(agent_out, images, [("show_image", {"study_id": study, "side": 64})])
    assert [part.type for part in shown.content] == ["text", "image"]


def test_hostile_queries(agent_out: Path, images: Path) -> None:
    attacks = [attack for attack in CORPUS if attack.outcome == "denied"]
    replies: list[Any] = []
    for start in range(0, len(attacks), 50):
        calls = [("run_sql", {"query": attack.query}) for attack in attacks[start : start + 50]]
        replies += episode(agent_out, images, calls)[0]
    assert len(replies) == len(attacks) > 150
    assert all(reply.is_error for reply in replies)
    assert CANARY not in str(replies)
