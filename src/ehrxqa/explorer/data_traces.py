"""What an agent did before it answered a question: the calls of its tools, as its run keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError
from ehrxqa.json_files import json_text
from ehrxqa.models.run_folder import read_trace

__all__ = ["TraceCall", "calls_of"]


@dataclass(frozen=True)
class TraceCall:
    """One call of a tool.

    Attributes:
        tool: Its name.
        arguments: Name and value of each, as text.
        outcome: answered, refused, or used-up.
        said: Why it was not answered.
        cost: Rows, image questions, pictures and seconds, where there were any, in words.
    """

    tool: str
    arguments: tuple[tuple[str, str], ...]
    outcome: str
    said: str
    cost: str


def calls_of(folder: Path, identifier: str, trial: int) -> tuple[TraceCall, ...]:
    """The calls of one question, in their order; none for a parser's run or a file that cannot be read."""
    try:
        for record in read_trace(folder):
            if (str(record.get("id")), record.get("trial")) == (identifier, trial):
                return tuple(_call(call) for call in record.get("calls", ()) if isinstance(call, dict))
    except RecordError:
        return ()
    return ()


def _call(call: dict[str, Any]) -> TraceCall:
    arguments = call.get("arguments")
    given = arguments.items() if isinstance(arguments, dict) else ()
    counts = (
        ("row", call.get("rows")),
        ("image question", call.get("image_questions")),
        ("picture", call.get("pictures")),
    )
    cost = [f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts if isinstance(count, int) and count]
    seconds = call.get("seconds")
    if isinstance(seconds, int | float) and seconds >= 0.01:
        cost.append(f"{seconds:.2f} s")
    return TraceCall(
        str(call.get("tool")),
        tuple((str(name), value if isinstance(value, str) else json_text(value)) for name, value in given),
        str(call.get("outcome")),
        str(call.get("said") or ""),
        ", ".join(cost),
    )
