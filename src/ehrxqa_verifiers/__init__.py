"""The environment for `verifiers` (extra `verifiers`): a taskset of endless questions, the tools, the rewards.

The id of the taskset is `ehrxqa-verifiers`. It is a package of its own because `verifiers` finds tasksets by the name
of a module and classes of tasks by import; all it does is hand over to `ehrxqa.environment` and its tools.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import anyio.to_thread
import verifiers.v1 as vf
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import CallToolResult, ImageContent, TextContent
from mcp.types import Tool as McpTool
from pydantic import Field

from ehrxqa.agents.budget import Budget
from ehrxqa.agents.calling import TOOLS, as_json, call, said_of
from ehrxqa.agents.environment import Rewards, reward_parts
from ehrxqa.agents.opened import open_build
from ehrxqa.agents.questions import INSTRUCTIONS, Question
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tasks import TaskSource, endless_tasks, file_tasks
from ehrxqa.agents.tools import Tools
from ehrxqa.agents.trace import Trace
from ehrxqa.errors import EhrxqaError, SettingsError

__all__ = ["EhrxqaTaskset"]

OUT_VARIABLE = "EHRXQA_OUT"


class EhrxqaState(vf.State):
    """What the tool server tells the rewards: the trace of the episode."""

    trace: dict[str, Any] | None = None


class EhrxqaToolsConfig(vf.ToolsetConfig):
    """Which build the tools work on."""

    out: str = Field(default_factory=lambda: os.environ.get(OUT_VARIABLE, ""))
    split: str = "train"
    vision: str = "oracle"
    images: str | None = None
    calls: int = Budget().calls


class EhrxqaTaskConfig(vf.TaskConfig):
    """What is rewarded, and with which tools."""

    tools: EhrxqaToolsConfig = Field(default_factory=EhrxqaToolsConfig)
    seed: int = 0
    endless: bool = True
    wrong: float = Rewards().wrong
    retrieval: float = Rewards().retrieval


class EhrxqaTasksetConfig(vf.TasksetConfig):
    """Which questions are asked."""

    task: EhrxqaTaskConfig = Field(default_factory=EhrxqaTaskConfig)


class EhrxqaData(vf.TaskData):
    """A question, without its answer; the number says which it is."""

    number: int


class EhrxqaToolset(vf.Toolset[EhrxqaToolsConfig, EhrxqaState]):
    """The seven tools; one server is one episode."""

    TOOL_PREFIX = None

    async def setup(self) -> None:
        """Open the build."""
        vision = None if self.config.vision == "none" else self.config.vision
        build = open_build(_out(self.config), self.config.split, vision=vision, images=self.config.images)
        self._tools = Tools(self._exit_stack.enter_context(build), Budget(calls=self.config.calls))

    def register(self, mcp: MCPServer) -> None:
        """Answer with our own declarations and our own check of arguments."""
        server: Any = mcp
        server.list_tools, server.call_tool = self.list_tools, self._with_state(self.call_tool)

    async def list_tools(self) -> list[McpTool]:
        """The declarations of the tools."""
        return [
            McpTool(name=tool.name, description=tool.description, input_schema=tool.schema) for tool in TOOLS.values()
        ]

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context | None = None) -> CallToolResult:
        """Call a tool, and keep the trace where the rewards find it."""
        try:
            result = await anyio.to_thread.run_sync(call, self._tools, name, arguments)
        except EhrxqaError as error:
            return CallToolResult(content=[TextContent(type="text", text=said_of(error))], is_error=True)
        finally:
            self.state.trace = self._tools.trace.record()
        value, content = as_json(result), []
        if isinstance(result, Picture):
            value.pop("png")
            data = base64.b64encode(result.png).decode()
            content.append(ImageContent(type="image", data=data, mime_type="image/png"))
        return CallToolResult(content=[TextContent(type="text", text=json.dumps(value, ensure_ascii=False)), *content])


class EhrxqaTask(vf.Task[EhrxqaData, EhrxqaState, EhrxqaTaskConfig]):
    """One question, with its rewards."""

    @classmethod
    def toolsets(cls, config: EhrxqaTaskConfig) -> list[vf.Toolset]:
        """The tools, a server for each rollout."""
        return [EhrxqaToolset(config.tools)]

    @property
    def question(self) -> Question:
        """The question with its answer, made again from its number; never part of the data."""
        return _source(_out(self.config.tools), self.config.tools.split, self.config.seed, self.config.endless)(
            self.data.number
        )

    @vf.reward
    async def answered(self, trace: vf.Trace) -> dict[str, float]:
        """The parts of the reward, as the environment gives them."""
        rewards = Rewards(wrong=self.config.wrong, retrieval=self.config.retrieval)
        return reward_parts(self.question, _trace(trace), rewards).parts

    @vf.metric
    async def spent(self, trace: vf.Trace) -> dict[str, float]:
        """What the episode has used up."""
        used = _trace(trace).spent
        return {"calls": float(used.calls), "image_questions": float(used.image_questions)}


class EhrxqaTaskset(vf.Taskset[EhrxqaTask, EhrxqaTasksetConfig]):
    """Questions without end, or those of a split's file over and over."""

    INFINITE = True

    def load(self) -> Iterator[EhrxqaTask]:
        """One task after the other."""
        task = self.config.task
        source = _source(_out(task.tools), task.tools.split, task.seed, task.endless)
        number = 0
        while True:
            question = source(number)
            data = EhrxqaData(
                id=f"{task.tools.split}-{task.seed}-{number}",
                number=number,
                prompt=f"Question: {question.text}",
                system_prompt=INSTRUCTIONS,
            )
            yield EhrxqaTask(data, task)
            number += 1


@cache
def _source(out: str, split: str, seed: int, endless: bool) -> TaskSource:
    return endless_tasks(out, split, seed=seed) if endless else file_tasks(out, split, seed)


def _trace(trace: vf.Trace) -> Trace:
    kept = getattr(trace.state, "trace", None)
    return Trace(Budget()) if kept is None else Trace.of(kept)


def _out(config: EhrxqaToolsConfig) -> str:
    if not config.out:
        raise SettingsError(f"say which build: taskset.task.tools.out, or {OUT_VARIABLE}")
    return config.out
