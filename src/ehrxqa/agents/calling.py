"""Calling a tool by name with arguments that nobody has vouched for: the one way in for every front end.

The arguments of each tool are declared once. From the declaration come the JSON schema that a model is shown and the
check of what it sends: unknown names, wrong types, sizes and forms are refused with one line, before anything runs.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ehrxqa.agents.pictures import MOST_SIDE
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tools import Tools
from ehrxqa.agents.trace import shortened
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.parse import MAX_TEXT_LENGTH

__all__ = ["TOOLS", "Tool", "as_json", "call", "said_of"]

_Value = Annotated[str, Meta(max_length=2_000)] | int | float | None
_Row = Annotated[list[_Value], Meta(max_length=100)]
_Values = Annotated[list[_Value | _Row], Meta(max_length=10_000)]
_END = r"$(?!\n)"  # for Python, $ alone also stands before a last line end
_Id = Annotated[str, Meta(pattern=rf"^[0-9]{{1,12}}{_END}")] | Annotated[int, Meta(ge=0, le=10**12 - 1)]
_TWO = "[0-9]{2}"
_DAY = f"[0-9]{{4}}-{_TWO}-{_TWO}"
_Name = Annotated[str, Meta(max_length=100)]
_Query = Annotated[str, Meta(max_length=Limits().sql_length)]


class _Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of a tool; what is not said of one is not accepted."""


class _DescribeTables(_Arguments, frozen=True):
    tables: Annotated[list[_Name], Meta(max_length=30, description="Names of tables; none for all of them.")] = []


class _SearchValues(_Arguments, frozen=True):
    text: Annotated[str, Meta(min_length=1, max_length=200, description="A name, as the question spells it.")]
    column: Annotated[_Name | None, Meta(description="Look only in this table.column or table.")] = None
    limit: Annotated[int, Meta(ge=1, le=100, description="Most values.")] = 20


class _RunSql(_Arguments, frozen=True):
    query: Annotated[_Query, Meta(description="One SELECT; func_vqa may stand wherever a value may.")]
    limit: Annotated[int, Meta(ge=1, le=500, description="Most rows to show.")] = 50


class _ListStudies(_Arguments, frozen=True):
    subject_id: Annotated[_Id, Meta(description="The patient.")]
    before: Annotated[
        Annotated[str, Meta(pattern=rf"^{_DAY}( {_TWO}:{_TWO}(:{_TWO})?)?{_END}")] | None,
        Meta(description="Only studies before this time, YYYY-MM-DD HH:MM:SS."),
    ] = None


class _ShowImage(_Arguments, frozen=True):
    study_id: Annotated[_Id, Meta(description="The study; it has one image.")]
    side: Annotated[int, Meta(ge=64, le=MOST_SIDE, description="Longest side in pixels.")] = 512


class _AskImage(_Arguments, frozen=True):
    question: Annotated[
        str, Meta(min_length=1, max_length=MAX_TEXT_LENGTH, description='Such as "is there pneumonia?".')
    ]
    studies: Annotated[list[_Id], Meta(min_length=1, max_length=200, description="The studies whose X-ray to ask.")]


class _SubmitAnswer(_Arguments, frozen=True):
    answer: Annotated[
        _Values | None, Meta(description="The values of the answer; [] for none, 1 or 0 for yes or no.")
    ] = None
    query: Annotated[_Query | None, Meta(description="Or a query whose one column is the answer.")] = None
    abstain: Annotated[bool, Meta(description="Or true, if the question cannot be answered.")] = False


@dataclass(frozen=True)
class Tool:
    """A tool as front ends declare it.

    Attributes:
        name: Its name.
        description: What it does, in a sentence or two.
        arguments: The declaration of its arguments.
        method: What is called.
    """

    name: str
    description: str
    arguments: type[_Arguments]
    method: Callable[..., Any]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, as an object without references."""
        schema = msgspec.json.schema(self.arguments)
        found: dict[str, Any] = dict(schema["$defs"][self.arguments.__name__])
        return {key: value for key, value in found.items() if key != "title"}


_ARGUMENTS: Final[dict[str, type[_Arguments]]] = {
    "describe_tables": _DescribeTables,
    "search_values": _SearchValues,
    "run_sql": _RunSql,
    "list_studies": _ListStudies,
    "show_image": _ShowImage,
    "ask_image": _AskImage,
    "submit_answer": _SubmitAnswer,
}

#: The tools by name, in the order in which they are shown.
TOOLS: Final[dict[str, Tool]] = {
    name: Tool(name, inspect.getdoc(getattr(Tools, name)) or "", arguments, getattr(Tools, name))
    for name, arguments in _ARGUMENTS.items()
}


def call(tools: Tools, name: str, arguments: Any) -> Any:
    """Call a tool.

    Args:
        tools: The episode.
        name: Of the tool.
        arguments: A JSON object, from anybody.

    Returns:
        One of the values of `ehrxqa.agents.results`.

    Raises:
        EhrxqaError: There is no such tool, the arguments are not what it takes, the tool refuses, or the budget is
            used up; the message is one line for the caller. Whatever the reason, the call counts and is noted.
    """
    tool = TOOLS.get(name) if isinstance(name, str) else None
    try:
        if tool is None:
            raise SettingsError(f"there is no tool {str(shortened(name, 60))!r}; there are: {', '.join(TOOLS)}")
        checked = _checked(tool, arguments)
    except SettingsError as error:
        tools.note_refused(str(shortened(name, 60)), {"given": shortened(arguments)}, str(error))
        raise
    return tool.method(tools, **checked)


def _checked(tool: Tool, arguments: Any) -> dict[str, Any]:
    if not isinstance(arguments, Mapping):
        raise SettingsError(f"{tool.name}: the arguments must be a JSON object")
    try:
        value = msgspec.convert(dict(arguments), tool.arguments)
        found = {field: getattr(value, field) for field in tool.arguments.__struct_fields__}
    except (msgspec.ValidationError, RecursionError, ValueError, TypeError) as error:
        raise SettingsError(f"{tool.name}: {' '.join(str(shortened(str(error), 300)).split())}") from None
    if any(_broken(each) for each in found.values()):
        raise SettingsError(f"{tool.name}: a text of the arguments is not valid Unicode")
    return found


def _broken(value: Any) -> bool:
    """Whether a text, or one in a list, holds half of a surrogate pair."""
    if isinstance(value, list):
        return any(_broken(each) for each in value)
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def as_json(result: Any) -> dict[str, Any]:
    """A result as JSON; a picture as base64."""
    value = asdict(result)
    if isinstance(result, Picture):
        value["png"] = base64.b64encode(result.png).decode()
    return value


def said_of(error: EhrxqaError) -> str:
    """An error as a model reads it: one line, bounded."""
    return str(shortened(" ".join(str(error).split()), 500))
