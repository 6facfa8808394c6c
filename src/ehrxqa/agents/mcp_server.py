"""The tools as a Model Context Protocol server (extra `mcp`); no logic of its own.

Every call goes through `calling.call`. Tables and questions are resources too, a question is a prompt. One episode is
open at a time: `submit_answer` ends it, and the next call begins another.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from ehrxqa import __version__
from ehrxqa.agents.budget import Budget
from ehrxqa.agents.calling import TOOLS, Tool, as_json, call, said_of
from ehrxqa.agents.opened import Build
from ehrxqa.agents.questions import INSTRUCTIONS, Question
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tools import Tools
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.runs.lines import Lines

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.tools import Tool as McpTool

__all__ = ["Episodes", "make_server", "write_traces"]


@dataclass(frozen=True)
class PictureInfo:
    """What is told of a picture beside its pixels."""

    study_id: str
    width: int
    height: int


class Episodes:
    """One episode after the other on one build; each that ends is told to `done`."""

    def __init__(self, build: Build, budget: Budget, done: Callable[[Tools], None] = lambda _: None) -> None:
        self._build, self._budget, self._done = build, budget, done
        self.tools = Tools(build, budget)

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool in the episode that is open; `submit_answer` ends it."""
        tools = self.tools
        result = call(tools, name, arguments)
        if tools.trace.submission is not None:
            self._done(tools)
            self.tools = Tools(self._build, self._budget)
        return result


def require_mcp() -> Any:
    """The module mcp.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        import mcp
    except ImportError as error:
        raise SettingsError("the MCP server needs mcp; install it with: pip install 'ehrxqa[mcp]'") from error
    return mcp


def make_server(build: Build, episodes: Episodes, questions: list[Question]) -> MCPServer:
    """The server over a build, not yet listening.

    Raises:
        SettingsError: `mcp` is not installed.
    """
    require_mcp()
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ResourceNotFoundError

    # quiet: what the package logs of a fault quotes values of the database
    tools = [_tool(tool, episodes) for tool in TOOLS.values()]
    server = MCPServer("ehrxqa", version=__version__, instructions=INSTRUCTIONS, tools=tools, log_level="CRITICAL")
    by_id = {question.id: question for question in questions}

    @server.resource("ehrxqa://tables", mime_type="application/json", description="Tables and columns in words.")
    def tables() -> str:
        with build.lock:
            return json.dumps([as_json(table) for table in build.tables.values()], ensure_ascii=False)

    @server.resource("ehrxqa://questions", mime_type="application/json", description="Questions, without answers.")
    def all_questions() -> str:
        return json.dumps([question.shown for question in questions], ensure_ascii=False)

    @server.resource("ehrxqa://questions/{number}", mime_type="application/json", description="One question.")
    def one_question(number: str) -> str:
        if number not in by_id:
            raise ResourceNotFoundError(f"there is no question {number[:40]!r}")
        return json.dumps(by_id[number].shown, ensure_ascii=False)

    @server.prompt(description="Answer one question of the data set with the tools.")
    def answer_question(number: str) -> str:
        if number not in by_id:
            raise ValueError(f"there is no question {number[:40]!r}")
        return f"{INSTRUCTIONS}\n\nQuestion: {by_id[number].text}"

    return server


def _tool(tool: Tool, episodes: Episodes) -> McpTool:
    """A tool as the server declares it; arguments that it does not know are passed on, to be refused with the rest."""
    from mcp.server.mcpserver.tools import Tool as Declared
    from pydantic import ConfigDict

    made = Declared.from_function(_function(tool, episodes), tool.name, None, tool.description, structured_output=True)
    known: Any = made.fn_metadata.arg_model

    class Arguments(known):  # type: ignore[misc]
        model_config = ConfigDict(extra="allow")

        def model_dump_one_level(self) -> dict[str, Any]:
            return {**super().model_dump_one_level(), **(self.model_extra or {})}

    made.fn_metadata.arg_model = Arguments
    made.parameters["additionalProperties"] = False
    return made


def _function(tool: Tool, episodes: Episodes) -> Callable[..., Any]:
    """A tool as a function whose signature says what the declaration of its arguments does."""
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import CallToolResult, ImageContent
    from pydantic import SkipValidation, WithJsonSchema

    returned: Any = get_type_hints(tool.method)["return"]
    shows_picture = returned is Picture

    def function(**arguments: Any) -> Any:
        try:
            result = episodes.call(tool.name, arguments)
        except EhrxqaError as error:
            raise ToolError(said_of(error)) from None
        if not shows_picture:
            return result
        value = as_json(result)
        image = ImageContent(type="image", data=value.pop("png"), mime_type="image/png")
        return CallToolResult(content=[image], structured_content=value)

    parameters = []
    for name, schema in tool.schema["properties"].items():
        # a text stays a text, whatever it looks like; all else is checked by the tool itself
        kinds = {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}
        kind: Any = str if kinds <= {"string", "null", None} else Any
        default = inspect.Parameter.empty if name in tool.schema["required"] else schema["default"]
        said = Annotated[kind, SkipValidation(), WithJsonSchema(schema)]
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=said))
    gives = Annotated[CallToolResult, PictureInfo] if shows_picture else returned
    function.__signature__ = inspect.Signature(parameters, return_annotation=gives)  # type: ignore[attr-defined]
    function.__name__ = tool.name
    return function


def write_traces(path: Path) -> Callable[[Tools], None]:
    """Append the trace of each episode to a file, one JSON object a line."""

    def write(tools: Tools) -> None:
        with Lines[dict[str, Any]](path) as lines:
            lines.add(tools.trace.record())

    return write
