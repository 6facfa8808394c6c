"""Running NeuralSQL: SQLite does the SQL, a vision model the images.

A query is run on what is known so far. Where it looks up an answer that is not known it sees NULL, and the
pair of study and question is noted. The model is then asked for all noted pairs at once, and the query is run
again, until a run finds all it needs: its rows are those of plain SQL over true answers, whatever the shape of the
query. Since SQLite evaluates conditions that need an image last, only studies that every other condition has
let through are ever noted; and since NULL is not true, a second question is only asked about studies that
passed the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from ehrxqa.counting import counted
from ehrxqa.errors import NeuralSqlError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.neuralsql.answers import Answers, ElementsModule
from ehrxqa.neuralsql.asking import Asker, Unanswered
from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.plan import Plan
from ehrxqa.neuralsql.planner import RESERVED, make_plan
from ehrxqa.neuralsql.result import WITHOUT, Counters, Outcome, Result, status_of
from ehrxqa.neuralsql.rewriting import ELEMENTS, TRUTH
from ehrxqa.sql.errors import Abstained, MemoryLimit, QuerySyntaxError, RowLimit, SqlError
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.reply_text import query_of_reply
from ehrxqa.sql.sandbox import ANSWER_KEY, Rows, Value, open_database
from ehrxqa.vqa.models import VqaAnswer, VqaModel, VqaReply, VqaRequest, as_reply
from ehrxqa.vqa.parse import parse as parse_question
from ehrxqa.vqa.question import VqaQuestion

__all__ = ["Engine"]

#: Prediction texts that mean "I do not answer".
_ABSTENTIONS = frozenset({"null", '"null"', "'null'"})


class Engine:
    """Runs NeuralSQL queries on one database; use it from one thread at a time.

    Args:
        database: The integrated database; it is only read.
        model: Who answers image questions; None for queries without any.
        limits: What one query may use up.
        cache: Answers from earlier runs; new ones are added.
        deny_tables: Tables out of reach of the queries.
        parse: How the text of a question is read. What it does not understand is put to the model as it is, unless
            there is none or it says of itself that it `answers_from_labels`.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`.

    Attributes:
        limits: What one query may use up; the seconds and image questions may be changed between queries.
        parse: How the text of a question is read.
    """

    def __init__(
        self,
        database: Path | str,
        model: VqaModel | None = None,
        *,
        limits: Limits | None = None,
        cache: AnswerCache | None = None,
        deny_tables: frozenset[str] = ANSWER_KEY,
        parse: Callable[[str], VqaQuestion] = parse_question,
        now: str = CURRENT_TIME,
    ) -> None:
        self.limits, self.parse = limits or Limits(), parse
        self._sandbox = open_database(database, limits=self.limits, deny_tables=deny_tables, now=now)
        self._notes: tuple[str, ...] = ()
        self._has_studies = "tb_cxr" in {name.lower() for name in self._sandbox.tables}
        self._answers = Answers(lambda: self.limits.questions)
        self._asker = Asker(Path(database), model, cache)
        self._deny_tables, self._now = deny_tables, now
        self._free_text = model is not None and not getattr(model, "answers_from_labels", False)
        self._sandbox.add_function(TRUTH, self._answers.truth)
        self._sandbox.add_table_function(ELEMENTS, ElementsModule(self._answers))

    def run(self, query: str) -> Result:
        """Run one query.

        Raises:
            Abstained: The query or the model declines.
            LimitReached: Time, rows, memory or questions are used up.
            Denied: The query reaches for something out of its reach.
            QuerySyntaxError: The text is not one query.
            CallError: A func_vqa call has no meaning, or a study that the result needs has no image or answer.
            SqlError: SQLite refuses the query.
        """
        until = time.monotonic() + self.limits.seconds
        self._asker.reset()
        self._notes = ()
        if query.strip().rstrip("; \n").lower() in _ABSTENTIONS:
            raise Abstained("the query says null")
        if len(query) > self.limits.sql_length:
            raise MemoryLimit(
                f"the query has {counted(len(query), 'character')}; at most {self.limits.sql_length:,} are allowed"
            )
        try:
            query.encode()
        except UnicodeEncodeError as error:
            raise QuerySyntaxError(
                f"character {error.start + 1:,} is half of a surrogate pair (a cut emoji?), which is no text"
            ) from None
        query, cleaned = query_of_reply(query)
        self._notes = tuple(WITHOUT + part for part in cleaned)
        plan = make_plan(query, self.parse, deny_tables=self._deny_tables, free_text=self._free_text, now=self._now)
        if self._has_studies:
            self._notes += plan.hints
        if not plan.questions:
            rows = self._sandbox.run_rewritten(plan.sql, until=until)
            return Result(rows.columns, rows.rows, Counters(runs=1), plan.sql, notes=self._notes)
        return self._fill(plan, until)

    def needs(self, query: str) -> tuple[VqaRequest, ...]:
        """The image questions on which a query waits: each once, and none that memory or cache can answer.

        No model is asked. Most queries need one round of questions; those that ask again about what passed a first
        question need another once that is answered (and in the cache). None are left when the query can be run.

        Raises:
            NeuralSqlError: As `run` does.
        """
        self._asker.only_note = True
        try:
            self.run(query)
        except Unanswered as noted:
            return noted.requests
        finally:
            self._asker.only_note = False
        return ()

    def remember(self, answers: Iterable[tuple[VqaRequest, VqaAnswer | VqaReply]]) -> None:
        """Take answers that were found elsewhere, for later queries of this engine and into its cache.

        Raises:
            NeuralSqlError: The cache cannot be written.
        """
        self._asker.remember([(request, as_reply(answer)) for request, answer in answers])

    def _fill(self, plan: Plan, until: float) -> Result:
        """Run, ask for what was missing, run again, until nothing is."""
        answers, runs = self._answers, 0
        answers.begin(plan)
        to_probe = plan.probe is not None
        self._asker.begin(plan, answers.known)
        while True:
            sql = plan.probe if to_probe and plan.probe is not None else plan.sql
            answers.begin_run()
            runs += 1
            rows: Rows | None = None
            failure: NeuralSqlError | None = None
            try:
                rows = self._sandbox.run_rewritten(sql, until=until)
            except (SqlError, RowLimit, MemoryLimit) as error:
                failure = error  # perhaps only because NULL stood for what is not known yet
            missing: Iterable[tuple[int, Value]] = answers.missing
            if not missing:
                if failure is not None:
                    raise failure
                if answers.faults:
                    raise answers.faults[0]
                assert rows is not None
                if not to_probe:
                    return self._result(plan, rows, runs)
                to_probe, width = False, len(plan.probed)
                missing = dict.fromkeys(
                    (plan.question_of[call], study)
                    for row in rows
                    for call, study in zip(plan.probed, row[len(row) - width :], strict=True)
                    if study is not None
                )
                self._asker.ask(missing, self.limits, until)
                for question, study in missing:  # each of them is in a row of the result
                    known = answers.known[question][study]
                    if isinstance(known, NeuralSqlError):
                        raise known
                continue
            self._asker.ask(missing, self.limits, until)

    def _result(self, plan: Plan, rows: Rows, runs: int) -> Result:
        asker = self._asker
        counters = Counters(
            asker.asked,
            asker.cached,
            max(0, self._answers.looked_up - asker.asked - asker.cached),
            asker.batches,
            runs,
        )
        return Result(
            _column_names(rows.columns, plan.items),
            rows.rows,
            counters,
            plan.sql,
            plan.probe,
            asker.by_question(),
            self._notes,
        )

    def outcome(self, query: str) -> Outcome:
        """Run one query and say what came of it; a faulty query is an outcome, not an exception."""
        started = time.monotonic()
        try:
            result = self.run(query)
            answer = result.answer
        except NeuralSqlError as error:
            seconds, counters = time.monotonic() - started, self.asked
            pairs = counters.asked + counters.cached
            return Outcome(status_of(error), None, str(error), pairs, seconds, counters, self._notes)
        except Unanswered as pending:
            seconds = time.monotonic() - started
            return Outcome("error", None, str(pending), 0, seconds, unanswered=pending.requests)
        seconds = time.monotonic() - started
        counters = result.counters
        return Outcome("answered", answer, None, counters.asked + counters.cached, seconds, counters, self._notes)

    @property
    def asked(self) -> Counters:
        """What asking the images of the last query cost, also if it failed."""
        return Counters(asked=self._asker.asked, cached=self._asker.cached, batches=self._asker.batches)

    @property
    def studies(self) -> set[int]:
        """Studies whose images the last query asked about, also if it failed."""
        return self._asker.studies()

    def close(self) -> None:
        """Close the database (not the cache)."""
        self._sandbox.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _column_names(columns: tuple[str, ...], items: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, with the author's words for those that SQLite named after rewritten text."""
    stars = [number for number, item in enumerate(items) if item.endswith("*")]
    names = list(columns)
    for number, item in enumerate(items):
        if not stars or number < stars[0]:
            place = number
        elif number > stars[-1]:
            place = len(columns) - len(items) + number
        else:
            continue
        if 0 <= place < len(names) and RESERVED in names[place]:
            names[place] = item
    return tuple(names)
