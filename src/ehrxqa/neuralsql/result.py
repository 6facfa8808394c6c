"""What comes of a query: one of four outcomes that are never confused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ehrxqa.errors import NeuralSqlError
from ehrxqa.html_repr import screen, table
from ehrxqa.short_repr import short_repr
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import Abstained, AnswerShapeError, LimitReached
from ehrxqa.sql.sandbox import Rows
from ehrxqa.vqa.models import VqaRequest

__all__ = ["FENCED", "WITHOUT", "Asked", "Counters", "Outcome", "Result", "Status", "status_of"]

Status = Literal["answered", "abstained", "error", "timeout"]

#: How the note of a query begins that was taken out of a text, and that of one that stood in a Markdown fence.
WITHOUT: Final = "ran without its "
FENCED: Final = f"{WITHOUT}fence"


@dataclass(frozen=True, slots=True)
class Asked:
    """One image question of a query, and how many studies it was asked about.

    Attributes:
        text: Its wording in the query.
        kind: Its number among the 48 kinds of image questions; None for a free text.
        answer_type: "truth" or "list".
        asked: Studies on which the model was asked.
        cached: Studies whose answer was known from before.
    """

    text: str
    kind: int | None
    answer_type: str
    asked: int
    cached: int


@dataclass(frozen=True, slots=True)
class Counters:
    """What asking the images cost.

    Attributes:
        asked: (image, question) pairs put to the model.
        cached: Pairs whose answer was known from before.
        saved: Calls that looking row by row would have put to the model, and that were not.
        batches: Calls of the model.
        runs: Runs of the rewritten query, the last one included.
    """

    asked: int = 0
    cached: int = 0
    saved: int = 0
    batches: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """An answered query.

    Attributes:
        columns: Column names.
        rows: Rows in SQLite's order.
        counters: What asking the images cost.
        sql: The rewritten query, as SQLite ran it.
        probe: The query that fetched the studies of a limited select list first, if there was one.
        questions: The image questions, in the order of the text.
        notes: What was taken away from the text before it was run, and what looks like a slip in it.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    counters: Counters
    sql: str
    probe: str | None = None
    questions: tuple[Asked, ...] = ()
    notes: tuple[str, ...] = ()

    __repr__ = short_repr

    def _repr_html_(self) -> str:
        asked = [(each.text, f"{each.asked:,}", f"{each.cached:,}") for each in self.questions]
        costs = table(("image question", "studies asked", "known"), asked) if asked else ""
        number = f"{len(self.rows):,} {'row' if len(self.rows) == 1 else 'rows'}"
        return screen(number, table(self.columns, self.rows), costs)

    @property
    def answer(self) -> list[Any]:
        """The official answer list; a list of rows where there are several columns.

        Raises:
            AnswerShapeError: The rows hold what JSON cannot write, or no number among floats.
        """
        values = answer_list(Rows(self.columns, self.rows))
        for value in values if len(self.columns) < 2 else itertools.chain(*values):
            if isinstance(value, bytes) or (isinstance(value, float) and abs(value) == float("inf")):
                kind = "a blob" if isinstance(value, bytes) else "an infinite number"
                raise AnswerShapeError(f"the answer holds {kind}, which JSON cannot write")
        return values


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one query of a file.

    Attributes:
        status: answered, abstained, error or timeout (a budget used up).
        answer: The answer list if answered.
        error: Why not, in one line, otherwise.
        questions: (image, question) pairs that were needed, asked or known.
        seconds: Wall-clock time.
        counters: What asking the images cost.
        notes: What was taken away from the text before it was run, and what looks like a slip in it.
        unanswered: Questions that no cache could answer, where no model was opened (see `noting`); the status then says
            nothing.
    """

    status: Status
    answer: list[Any] | None
    error: str | None
    questions: int
    seconds: float
    counters: Counters = field(default_factory=Counters)
    notes: tuple[str, ...] = ()
    unanswered: tuple[VqaRequest, ...] = ()


def status_of(error: NeuralSqlError) -> Status:
    """The outcome that an error means."""
    if isinstance(error, Abstained):
        return "abstained"
    return "timeout" if isinstance(error, LimitReached) else "error"
