"""A reference agent: any model behind an OpenAI-compatible endpoint that calls tools, in a plain loop.

The model is given the question and the tools, and its calls are answered until it hands in an answer. What it sends is
checked like any stranger's; what it says besides is not acted upon.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.agents.budget import BudgetUsedUp
from ehrxqa.agents.calling import TOOLS, as_json, call, said_of
from ehrxqa.agents.questions import INSTRUCTIONS
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tools import Tools
from ehrxqa.errors import EhrxqaError
from ehrxqa.json_files import json_value
from ehrxqa.net.chat import Reply

__all__ = ["Asking", "agent_version", "solve"]

#: Sends a request to the endpoint.
Send = Callable[[Mapping[str, Any]], Reply]

#: Replies without a call of a tool, and refusals for a used-up budget, after which an episode is over.
_PATIENCE: Final = 2
_REMINDER: Final = "Call a tool; hand in your answer with submit_answer."
#: Calls of one reply that are answered.
_MOST_CALLS: Final = 16


@dataclass(frozen=True)
class Asking:
    """How the model is asked.

    Attributes:
        model: Its name at the endpoint.
        temperature: Sent if given.
        seed: Sent if given, one more with each trial.
        pictures: Whether `show_image` is offered, and its pictures sent.
    """

    model: str
    temperature: float | None = None
    seed: int | None = None
    pictures: bool = False


def agent_version(asking: Asking) -> str:
    """A digest of what the model is told and how: instructions, tools, settings."""
    identity = [INSTRUCTIONS, _REMINDER, _declared(asking), asking.model, asking.temperature, asking.pictures]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def solve(
    ask: Callable[[Mapping[str, Any]], Reply], asking: Asking, tools: Tools, question: str, trial: int = 0
) -> int:
    """Let the model work on a question until it hands in an answer, gives up, or its budget is used up.

    Args:
        ask: Sends a request to the endpoint.
        asking: How the model is asked.
        tools: The episode; afterwards its trace says what happened.
        question: What is asked.
        trial: From 0.

    Returns:
        How many requests were sent.

    Raises:
        EndpointError: The endpoint refuses or fails.
    """
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": f"Question: {question}"},
    ]
    requests = idle = 0
    while tools.trace.submission is None and idle < _PATIENCE and requests <= 2 * tools.trace.budget.calls:
        reply = ask(_body(asking, messages, trial))
        requests += 1
        tools.count_tokens(reply.tokens_in + reply.tokens_out)
        said = reply.messages[0] if reply.messages else {}
        calls = list(_calls(said))
        messages.append(_kept(said, calls))
        if not calls:
            idle += 1
            messages.append({"role": "user", "content": _REMINDER})
            continue
        shown: list[dict[str, Any]] = []
        for identifier, name, arguments in calls:
            text, used_up, picture = _answered(tools, asking, name, arguments)
            idle += used_up
            messages.append({"role": "tool", "tool_call_id": identifier, "content": text})
            if picture is not None:
                shown.append(_picture(picture))
        messages += shown  # an answer to a call holds text only; pictures follow it
    return requests


def _declared(asking: Asking) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
        }
        for tool in TOOLS.values()
        if asking.pictures or tool.name != "show_image"
    ]


def _body(asking: Asking, messages: list[dict[str, Any]], trial: int) -> dict[str, Any]:
    body: dict[str, Any] = {"model": asking.model, "messages": messages, "tools": _declared(asking)}
    if asking.temperature is not None:
        body["temperature"] = asking.temperature
    if asking.seed is not None:
        body["seed"] = asking.seed + trial
    return body


def _calls(message: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(id, tool, arguments) of the calls in a message; arguments that are no JSON stay the text that they are."""
    found = message.get("tool_calls")
    for place, made in enumerate(found[:_MOST_CALLS] if isinstance(found, list) else []):
        function = made.get("function") if isinstance(made, dict) else None
        if not isinstance(function, dict):
            continue
        identifier, name, arguments = made.get("id"), function.get("name"), function.get("arguments")
        with suppress(ValueError):
            arguments = json_value(arguments or "{}") if isinstance(arguments, str) else arguments
        yield identifier if isinstance(identifier, str) else f"call-{place}", str(name), arguments


def _kept(message: Mapping[str, Any], calls: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """A message as it is sent back: its text and its calls, nothing else."""
    content = message.get("content")
    kept: dict[str, Any] = {"role": "assistant", "content": content if isinstance(content, str) else ""}
    if calls:
        kept["tool_calls"] = [
            {"id": identifier, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for identifier, name, arguments in calls
        ]
    return kept


def _answered(tools: Tools, asking: Asking, name: str, arguments: Any) -> tuple[str, bool, Picture | None]:
    """What a call is answered with, whether it was turned away because the budget is used up, and a picture."""
    if name == "show_image" and not asking.pictures:
        name = "show_image (not offered)"
    try:
        result = call(tools, name, arguments)
    except BudgetUsedUp as error:
        return f"refused: {said_of(error)}", True, None
    except EhrxqaError as error:
        return f"refused: {said_of(error)}", False, None
    value = as_json(result)
    picture = result if isinstance(result, Picture) else None
    if picture is not None:
        value.pop("png")
    return json.dumps(value, ensure_ascii=False), False, picture


def _picture(picture: Picture) -> dict[str, Any]:
    data = base64.b64encode(picture.png).decode()
    content: list[dict[str, Any]] = [
        {"type": "text", "text": f"The X-ray of study {picture.study_id}:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    ]
    return {"role": "user", "content": content}
