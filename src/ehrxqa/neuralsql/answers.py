"""The answers that SQL looks up, and the note of those that are missing.

While a query runs, its calls ask here and never a model. An answer that is not there yet reads as NULL and is
noted; the engine then asks the model for all that were noted and runs the query again, until nothing is
missing. Only then are its rows the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.neuralsql.plan import Plan
from ehrxqa.sql.errors import CallError, QuestionLimit
from ehrxqa.sql.sandbox import Value

__all__ = ["Answers", "ElementsModule", "Known"]

#: What is known of one study: 1 or 0, the elements of a list, or why there is no answer.
Known = int | tuple[str, ...] | NeuralSqlError

#: Characters of a text that may mean a study.
LONGEST_STUDY: Final = 64


class Answers:
    """Answers by question and study, for one query at a time.

    Args:
        most: How many pairs may be noted for a query, known ones included.

    Attributes:
        known: For each question of the plan, what is known: study as the query spells it → answer.
        missing: (question number, study value) pairs that the last run needed and did not find, in the order
            met.
        faults: The first reason for which a study that the last run needed has no answer, if there is one.
        looked_up: How often the last run asked here.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._of_call: list[dict[Value, Known]] = []
        self._plan: Plan | None = None
        self._probed: frozenset[int] = frozenset()
        self._blocked: dict[int, int] = {}  # chain → place of the unanswered call
        self.known: list[dict[Value, Known]] = []
        self.missing: dict[tuple[int, Value], None] = {}
        self.faults: list[NeuralSqlError] = []
        self.looked_up = self._noted = 0

    def begin(self, plan: Plan) -> None:
        """Get ready for the runs of `plan`, with nothing known."""
        self._plan = plan
        self.known = [{} for _ in plan.questions]
        self._of_call = [self.known[number] for number in plan.question_of]
        self._probed = frozenset(plan.probed)
        self.begin_run()

    def begin_run(self) -> None:
        """Forget what the last run noted."""
        self._noted = sum(map(len, self.known))
        self._blocked.clear()
        self.missing.clear()
        self.faults.clear()
        self.looked_up = 0

    def truth(self, call: int, study: Value, *_others: Value) -> Value:
        """The SQL function behind yes/no calls."""
        if study is None:
            return None
        self.looked_up += 1
        try:
            answer = self._of_call[call][study]
        except KeyError:
            self._note(call, study)
            return None
        if self._blocked:
            self._pass(call)
        if isinstance(answer, int):
            return answer
        if call not in self._probed and isinstance(answer, NeuralSqlError):
            self._fault(answer)
        return None

    def elements(self, call: int, study: Value) -> tuple[str, ...]:
        """The rows behind list calls."""
        if study is None:
            return ()
        self.looked_up += 1
        try:
            answer = self._of_call[call][study]
        except KeyError:
            self._note(call, study)
            return ()
        if isinstance(answer, tuple):
            return answer
        if isinstance(answer, NeuralSqlError):
            self._fault(answer)
        return ()

    def _note(self, call: int, study: Value) -> None:
        """Note that an answer is missing, unless one before it in its chain is and may make it needless."""
        assert self._plan is not None
        if call in self._probed:
            return
        if isinstance(study, str | bytes) and len(study) > LONGEST_STUDY:
            # no study, and not worth keeping: a hundred thousand of them would fill the memory
            self._fault(CallError(f"func_vqa: {study[:40]!r} is not a study id"))
            return
        places = self._plan.chains[call]
        for chain, place, _ in places:
            blocked = self._blocked.get(chain)
            if blocked is not None and blocked < place:
                return
        self.missing[self._plan.question_of[call], study] = None
        if len(self.missing) + self._noted > self._most():
            raise QuestionLimit(f"the query asks more than {self._most():,} image questions")
        for chain, place, decides in places:
            if decides:
                self._blocked[chain] = place
            else:
                self._blocked.pop(chain, None)  # SQLite has gone on to another row

    def _fault(self, fault: NeuralSqlError) -> None:
        """Note the first of the reasons: there may be one for each of millions of rows."""
        if not self.faults:
            self.faults.append(fault)

    def _pass(self, call: int) -> None:
        """An answered call at or before an unanswered one: SQLite has gone on to another row."""
        assert self._plan is not None
        for chain, place, _ in self._plan.chains[call]:
            if self._blocked.get(chain, -1) >= place:
                del self._blocked[chain]


class ElementsModule:
    """The table function `ehrxqa_elements(call, study)`; all its columns are hidden, so `*` leaves them out."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def Connect(self, _db: Any, _module: str, _database: str, _table: str, *_args: str) -> tuple[str, Any]:  # noqa: N802
        """Declare the table."""
        schema = "CREATE TABLE x(ehrxqa_call HIDDEN, ehrxqa_study HIDDEN, ehrxqa_element TEXT HIDDEN)"
        return schema, _ElementsTable(self._answers)

    Create = Connect


class _ElementsTable:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def BestIndexObject(self, info: Any) -> bool:  # noqa: N802
        """Both arguments must be given."""
        given = 0
        for number in range(info.nConstraint):
            column = info.get_aConstraint_iColumn(number)
            if (
                column not in (0, 1)
                or given >> column & 1
                or info.get_aConstraint_op(number) != apsw.SQLITE_INDEX_CONSTRAINT_EQ
            ):
                continue
            if not info.get_aConstraint_usable(number):
                return False
            info.set_aConstraintUsage_argvIndex(number, column + 1)
            info.set_aConstraintUsage_omit(number, True)
            given |= 1 << column
        info.estimatedCost, info.estimatedRows = 5.0, 5
        return given == 3

    def Open(self) -> _ElementsCursor:  # noqa: N802
        """A cursor."""
        return _ElementsCursor(self._answers)

    def Disconnect(self) -> None:  # noqa: N802
        """Nothing to free."""

    Destroy = Disconnect


class _ElementsCursor:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._arguments: Sequence[Value] = ()
        self._rows: tuple[str, ...] = ()
        self._at = 0

    def Filter(self, _number: int, _name: str, arguments: Sequence[Any]) -> None:  # noqa: N802
        """Begin with the elements for (call, study)."""
        self._arguments = arguments
        self._rows = self._answers.elements(arguments[0], arguments[1])
        self._at = 0

    def Eof(self) -> bool:  # noqa: N802
        """Whether all elements were given."""
        return self._at >= len(self._rows)

    def Next(self) -> None:  # noqa: N802
        """On to the next element."""
        self._at += 1

    def Column(self, number: int) -> Value:  # noqa: N802
        """An argument, or the element."""
        return self._rows[self._at] if number == 2 else self._at if number < 0 else self._arguments[number]

    def Rowid(self) -> int:  # noqa: N802
        """The element's place."""
        return self._at

    def Close(self) -> None:  # noqa: N802
        """Nothing to free."""
