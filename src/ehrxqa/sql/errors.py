"""What can go wrong with a query, as a tree of exceptions.

::

    NeuralSqlError
    ├── QuerySyntaxError  the text is not one SQL query this engine can read
    ├── CallError         a func_vqa call has no meaning where it stands, or a study has no image
    ├── AnswerShapeError  the rows are not an answer list (two columns, null among rounded floats)
    ├── Abstained         the query or the model declines to answer
    ├── SqlError          SQLite refuses the query (no such column, wrong number of arguments)
    ├── Denied            the query reaches for something that is out of its reach
    └── LimitReached      the query has used up what it was given
        ├── TimeLimit      seconds or virtual-machine steps
        ├── RowLimit       rows or bytes of the result
        ├── MemoryLimit    heap, or a value or query longer than allowed
        └── QuestionLimit  image questions
"""

from __future__ import annotations

from ehrxqa.errors import NeuralSqlError

__all__ = [
    "Abstained",
    "AnswerShapeError",
    "CallError",
    "Denied",
    "LimitReached",
    "MemoryLimit",
    "QuerySyntaxError",
    "QuestionLimit",
    "RowLimit",
    "SqlError",
    "TimeLimit",
]


class QuerySyntaxError(NeuralSqlError):
    """The text is not one query that can be read.

    Attributes:
        line: The 1-based line of the fault, if known.
        column: The 1-based column of the fault, if known.
    """

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        where = "" if line is None else f"line {line}, column {column}: "
        super().__init__(where + message)
        self.line = line
        self.column = column


class CallError(NeuralSqlError):
    """A func_vqa call has no meaning where it stands, or its study has no image."""


class AnswerShapeError(NeuralSqlError):
    """The rows of a result cannot be written as the official answer list."""


class Abstained(NeuralSqlError):  # noqa: N818
    """The query or the model declines to answer."""


class SqlError(NeuralSqlError):
    """SQLite refuses the query."""


class Denied(NeuralSqlError):  # noqa: N818 - reads as the outcome it is
    """The query reaches for something that is out of its reach.

    Attributes:
        action: What was tried, in SQLite's words ("read", "attach", "function", …).
        target: The table, column, function or file it was tried on, if any.
    """

    def __init__(self, message: str, *, action: str = "", target: str = "") -> None:
        super().__init__(message)
        self.action = action
        self.target = target


class LimitReached(NeuralSqlError):  # noqa: N818
    """The query has used up what it was given."""


class TimeLimit(LimitReached):
    """The query has used up its seconds or its virtual-machine steps."""


class RowLimit(LimitReached):
    """The result has more rows or bytes than allowed."""


class MemoryLimit(LimitReached):
    """The query needs more memory, or a longer value or text, than allowed."""


class QuestionLimit(LimitReached):
    """The query asks more image questions than allowed."""
