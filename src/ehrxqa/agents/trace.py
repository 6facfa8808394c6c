"""What happened in an episode, as a value that can be saved, read again and shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import msgspec

from ehrxqa.agents.budget import Budget, Spent
from ehrxqa.counting import counted
from ehrxqa.errors import RecordError

__all__ = ["CallOutcome", "Submission", "ToolCall", "Trace", "shortened"]

#: Characters of an argument that are kept.
MOST_KEPT: Final = 2_000
FORMAT: Final = 1

CallOutcome = Literal["answered", "refused", "used-up"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool.

    Attributes:
        tool: Its name.
        arguments: As given, long texts shortened.
        outcome: Whether it was answered, refused for its arguments or by the query, or the budget was used up.
        said: Why it was not answered, in a line.
        rows: Rows given out.
        image_questions: (image, question) pairs it needed.
        pictures: Pictures shown.
        studies: Studies whose image was asked or shown, the first few hundred.
        seconds: That it took.
    """

    tool: str
    arguments: dict[str, Any]
    outcome: CallOutcome
    said: str | None = None
    rows: int = 0
    image_questions: int = 0
    pictures: int = 0
    studies: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Submission:
    """What an episode ended with.

    Attributes:
        kind: `answer` (a list), `query` (NeuralSQL that was run), or `abstain`.
        outcome: As of a query: answered, abstained, error, timeout.
        answer: The answer list if answered.
        query: The NeuralSQL, if one was given.
        reason: Why there is no answer, in a line.
    """

    kind: Literal["answer", "query", "abstain"]
    outcome: Literal["answered", "abstained", "error", "timeout"]
    answer: list[Any] | None = None
    query: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Trace:
    """An episode.

    Attributes:
        budget: What it was given.
        spent: What it has used up.
        calls: In their order.
        submission: What it ended with; None while it goes on.
    """

    budget: Budget
    spent: Spent = field(default_factory=Spent)
    calls: list[ToolCall] = field(default_factory=list)
    submission: Submission | None = None

    def record(self) -> dict[str, Any]:
        """The JSON object of an episode."""
        return {"format": FORMAT, **asdict(self)}

    @staticmethod
    def of(record: dict[str, Any]) -> Trace:
        """The episode that a JSON object describes.

        Raises:
            RecordError: The object is no trace, or of another version.
        """
        if record.get("format") != FORMAT:
            raise RecordError(f"the trace was written by another version of ehrxqa (format {record.get('format')!r})")
        try:
            return msgspec.convert({key: value for key, value in record.items() if key != "format"}, Trace)
        except msgspec.ValidationError as error:
            raise RecordError(f"the record is no trace ({error})") from None


def shortened(value: Any, most: int = MOST_KEPT, depth: int = 4) -> Any:
    """A JSON value with long texts, long lists and deep nesting cut; what JSON cannot write becomes its type's name.

    >>> shortened({"a": "x" * 9}, most=4)
    {'a': 'xxxx… (9 characters)'}
    """
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode()  # half of a surrogate pair fits in no file
        return value if len(value) <= most else f"{value[:most]}… ({counted(len(value), 'character')})"
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else f"… (a number of {value.bit_length():,} bits)"
    if isinstance(value, dict | list | tuple) and depth == 0:
        return "… (nested further)"
    if isinstance(value, dict):
        kept = list(value.items())[:50]
        return {str(shortened(key, 100)): shortened(each, most, depth - 1) for key, each in kept}
    if isinstance(value, list | tuple):
        return [shortened(each, most, depth - 1) for each in value[:50]]
    return f"… ({type(value).__name__})"
