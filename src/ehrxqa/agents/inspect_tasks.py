"""Tasks for Inspect (extra `inspect`): `inspect eval ehrxqa/test -T out=OUT --model …`; no logic of their own.

Two ways to be asked: `mode=agent`, with the tools, pictures included, and `mode=query`, one reply that is NeuralSQL.
Whether an answer is right is decided by `questions.verdict_of`, as everywhere else.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any, Literal

import anyio.to_thread
from inspect_ai import Epochs, Task, task
from inspect_ai.agent import AgentSubmit, as_solver, react
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ContentImage, ContentText
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolDef, ToolError, ToolParam, ToolParams

from ehrxqa.agents.budget import Budget
from ehrxqa.agents.calling import TOOLS, as_json, call, said_of
from ehrxqa.agents.inspect_floor import Floor
from ehrxqa.agents.inspect_scores import TRACE_KEY, execution
from ehrxqa.agents.opened import Build, open_build
from ehrxqa.agents.prompting import query_prompt
from ehrxqa.agents.questions import INSTRUCTIONS, Question, read_questions
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tools import Tools
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.evaluation.profiles import profile_named

__all__ = ["Floor", "definition", "test", "train", "valid"]


@task
def test(**options: Any) -> Task:
    """Questions of the test split; the options are those of `_task`."""
    return _task("test", **options)


@task
def valid(**options: Any) -> Task:
    """Questions of the valid split; the options are those of `_task`."""
    return _task("valid", **options)


@task
def train(**options: Any) -> Task:
    """Questions of the train split; the options are those of `_task`."""
    return _task("train", **options)


def _task(
    split: str,
    out: str | None = None,
    images: str | None = None,
    vision: str = "oracle",
    mode: Literal["agent", "query"] = "agent",
    modality: str | None = None,
    scope: str | None = None,
    trials: int = 1,
    calls: int = Budget().calls,
    image_questions: int = Budget().image_questions,
    profile: str = "paper",
) -> Task:
    """The questions of a split.

    Args:
        split: train, valid or test.
        out: Output folder of a build; by default the environment variable EHRXQA_OUT.
        images: Folder of MIMIC-CXR-JPG, to show pictures.
        vision: Who answers image questions; `none` for nobody.
        mode: `agent` or `query`.
        modality: Only questions of this modality.
        scope: Only questions of this scope.
        trials: How often each question is asked; more than one gives Pass^k.
        calls: Most calls of tools for a question.
        image_questions: Most (image, question) pairs for a question.
        profile: Rules of the comparison.

    Raises:
        SettingsError: There is no build or no such question.
    """
    folder = out or os.environ.get("EHRXQA_OUT")
    if not folder:
        raise SettingsError("say which build: -T out=OUT, or set EHRXQA_OUT")
    if mode not in ("agent", "query"):
        raise SettingsError(f"mode must be agent or query, not {mode!r}")
    profile_named(profile)
    if trials < 1:
        raise SettingsError(f"trials must be at least 1, not {trials}")
    opened = _Opened(folder, split, None if vision == "none" else vision, images)
    kept = {
        question.id: question
        for question in read_questions(folder, split)
        if (modality is None or question.placement.modality.lower() == modality.lower())
        and (scope is None or question.placement.scope.lower() == scope.lower())
    }
    if not kept:
        raise SettingsError(f"no question of {folder} is of that modality and scope")
    budget = Budget(calls=calls, image_questions=image_questions)
    return Task(
        dataset=MemoryDataset([_sample(question) for question in kept.values()], name=f"ehrxqa-{split}"),
        solver=explore(opened, budget) if mode == "agent" else write_query(opened, budget),
        scorer=execution(lambda identifier: kept[identifier], profile),
        epochs=Epochs(trials, ["mode", "pass_hat"] if trials > 1 else ["mode"]),
        # an agent that never hands in an answer comes to an end all the same
        message_limit=4 * calls + 20 if mode == "agent" else None,
        version=1,
    )


class _Opened:
    """A build that is opened when the first sample needs it."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self) -> Build:
        return _open(*self._arguments)

    def __repr__(self) -> str:
        return f"build {self._arguments[0]}"


@cache
def _open(out: str, split: str, vision: str | None, images: str | None) -> Build:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(open_build(out, split, vision=vision, images=images))


def _sample(question: Question) -> Sample:
    return Sample(
        input=question.text,
        target=json.dumps(question.gold),
        id=question.id,
        metadata={"modality": question.placement.modality, "scope": question.placement.scope},
    )


@solver
def explore(opened: Callable[[], Build], budget: Budget) -> Solver:
    """Let the model use the tools until it hands in an answer."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        tools = Tools(opened(), budget)
        definitions = {name: definition(name, tools) for name in TOOLS}
        submit = AgentSubmit(tool=definitions.pop("submit_answer"), keep_in_messages=True)
        agent = react(prompt=INSTRUCTIONS, tools=list(definitions.values()), submit=submit)
        try:
            return await as_solver(agent)(state, generate)
        finally:
            tools.trace.spent.tokens = state.token_usage
            state.store.set(TRACE_KEY, tools.trace.record())

    return solve


@solver
def write_query(opened: Callable[[], Build], budget: Budget) -> Solver:
    """Ask for one reply that is NeuralSQL, with the tables in words before it."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        tools = Tools(opened(), budget)
        system_text = await anyio.to_thread.run_sync(_system_text, opened())
        state.messages.insert(0, ChatMessageSystem(content=system_text))
        state = await generate(state)
        query = state.output.completion.strip() or "null"  # whatever stands around it is taken away where it runs
        await anyio.to_thread.run_sync(lambda: tools.submit_answer(query=query))
        state.store.set(TRACE_KEY, tools.trace.record())
        return state

    return solve


def _system_text(build: Build) -> str:
    with build.lock:
        return query_prompt(build.tables.values(), build.now)


def definition(name: str, tools: Tools) -> ToolDef:
    """A tool as Inspect declares it."""
    declared = TOOLS[name]
    schema = declared.schema

    async def execute(**kwargs: Any) -> Any:
        try:
            result = await anyio.to_thread.run_sync(call, tools, name, kwargs)
        except EhrxqaError as error:
            raise ToolError(said_of(error)) from None
        value = as_json(result)
        if not isinstance(result, Picture):
            return json.dumps(value, ensure_ascii=False)
        value.pop("png")
        data = base64.b64encode(result.png).decode()
        return [
            ContentText(text=json.dumps(value)),
            ContentImage(image=f"data:image/png;base64,{data}"),
        ]

    properties = {key: ToolParam.model_validate(each) for key, each in schema["properties"].items()}
    parameters = ToolParams(properties=properties, required=schema["required"])
    return ToolDef(execute, name, declared.description, parameters, max_output=0)
