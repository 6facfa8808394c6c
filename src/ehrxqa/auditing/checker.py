"""What is wrong with one gold: every rule, on one database."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ehrxqa.auditing.corrections import as_written, correction, counted_correction
from ehrxqa.auditing.counted_things import counts_of_things, thing_counted
from ehrxqa.auditing.effects import Answers, matters, replaced
from ehrxqa.auditing.golds import GoldQuery
from ehrxqa.auditing.other_readings import TITLES, other_readings
from ehrxqa.errors import EhrxqaError, NeuralSqlError
from ehrxqa.evaluation.answer_files import Predicted
from ehrxqa.evaluation.comparing import compared_form, judge
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.explain.explanation import asks_images
from ehrxqa.explain.lost_rows import lost_rows
from ehrxqa.questions.synonyms import same_titles
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.clean_text import clean
from ehrxqa.sql.comparisons import comparisons, table_columns
from ehrxqa.sql.errors import LimitReached
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.lint import Lint, is_unsafe
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.same_rows import same_rows
from ehrxqa.sql.sandbox import Rows, Sandbox, open_database
from ehrxqa.sql.steps import steps_of
from ehrxqa.sql.structure import Structure, read

__all__ = ["AuditFinding", "GoldChecker", "runnable"]

#: Characters of a part of a program that a finding shows.
_SHOWN: Final = 160
#: Dictionary of titles → the table whose rows name its codes.
_EVENTS: Final = {"d_icd_diagnoses": "diagnoses_icd", "d_icd_procedures": "procedures_icd"}
#: A number in a question that is an id for certain, whatever stands before it.
_ID: Final = re.compile(
    r"\b(?:patient|subject|study|admission|stay|visit|image)(?:\s+(?:id|number))?\s+(\d{3,})\b|\b(\d{7,})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A rule that a gold breaks.

    Attributes:
        split: Of the question; empty if the file says none.
        id: Of the question.
        rule: Name of the rule (`audit_rules.AUDIT_RULES`).
        what: In one line what it is about: a part of the program, a value, where rows are lost.
        corrected: The program mended; None where it is not certain what was meant.
    """

    split: str
    id: str
    rule: str
    what: str
    corrected: str | None = None


def runnable(gold: GoldQuery, now: str) -> str:
    """The text that the database is given for the program of a gold.

    Raises:
        QuerySyntaxError: It cannot be read as SQL tokens.
    """
    program = (gold.program or "").strip()
    return normalise(program, now) if gold.official else clean(program, now)


class GoldChecker:
    """Checks golds against one database; use it from one thread.

    Args:
        database: The SQLite file.
        now: Its current time.
        seconds: What one program may take.
    """

    def __init__(self, database: Path, now: str, seconds: float) -> None:
        self._now = now
        self._stack = ExitStack()
        self._database = database
        self._sandbox: Sandbox = self._stack.enter_context(
            open_database(database, limits=Limits(seconds=seconds), now=now)
        )
        self._lint = Lint(lambda sql: self._run(sql), lenient=True)
        self._answers = Answers(lambda sql: self._run(sql))
        self._there: dict[tuple[str, str, str], str] = {}
        self._asking = False

    def close(self) -> None:
        """Close the database."""
        self._stack.close()

    @cached_property
    def _engine(self) -> Callable[[str], Rows]:
        """Runs NeuralSQL, images answered from the labels of the database."""
        from ehrxqa.neuralsql.setup import Setup, open_engine

        engine, _ = self._stack.enter_context(open_engine(Setup(self._database, now=self._now)))

        def run(sql: str) -> Rows:
            result = engine.run(sql)
            return Rows(result.columns, result.rows)

        return run

    @cached_property
    def _schema(self) -> Mapping[str, frozenset[str]]:
        return table_columns(self._sandbox)

    @cached_property
    def _without_rows(self) -> frozenset[str]:
        return frozenset(name for name in self._schema if not self._sandbox.run(f'select 1 from "{name}" limit 1').rows)

    @cached_property
    def _titles(self) -> Mapping[str, tuple[str, ...]]:
        """Title → all titles that say the same, of codes that occur: others change no answer."""
        found: set[str] = set()
        for table, column in TITLES:
            events, code = _EVENTS[table], "icd_code" if "icd_code" in self._schema.get(table, ()) else "icd9_code"
            if {column, code} <= self._schema.get(table, frozenset()) and code in self._schema.get(events, ()):
                used = f"select distinct {column} from {table} where {code} in ( select {code} from {events} )"
                found |= {str(title) for (title,) in self._sandbox.run(used) if title}
        return same_titles(found)

    def _rows_of(self, sql: str) -> Rows:
        return self._engine(sql) if self._asking else self._sandbox.run(sql)

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return self._rows_of(sql).rows

    def check(self, gold: GoldQuery) -> list[AuditFinding]:
        """The rules that a gold breaks, in the order of their weight for the first of each kind."""
        findings: list[AuditFinding] = []
        try:
            for found in self._found(gold):
                findings.append(AuditFinding(gold.split, gold.id, *found))
        except LimitReached as error:  # of a change of the program: one that is slow does not end the audit of all
            findings.append(AuditFinding(gold.split, gold.id, "not-judged", str(error)))
        return findings

    def answer(self, gold: GoldQuery) -> list[Any]:
        """What the program of a gold gives.

        Raises:
            NeuralSqlError: It does not run.
        """
        self._asking = asks_images(gold.program or "")
        return _listed(self._run(runnable(gold, self._now)))

    def _found(self, gold: GoldQuery) -> Iterator[tuple[str, str, str | None]]:
        if gold.impossible:
            return
        for reading, answer in gold.alternatives.items():
            yield "ambiguous", f"{reading}: {_short(answer)}", None
        if gold.program is None:
            yield from _of_answer(gold.answer)
            return
        if gold.official and is_unsafe(gold.program):
            yield "unsafe-text", _short(gold.program), None
        self._asking = asks_images(gold.program)
        try:
            text = runnable(gold, self._now)
            structure = read(text)
            rows = self._run(text)
        except NeuralSqlError as error:
            yield "fails", str(error), None
            return
        yield from self._of_program(gold, structure, rows)

    def _of_program(
        self, gold: GoldQuery, structure: Structure, rows: list[tuple[Any, ...]]
    ) -> Iterator[tuple[str, str, str | None]]:
        if empty := self._empty_tables(structure):
            yield "empty-table", ", ".join(empty), None
            return
        if gold.answer is not None and not _is_answer(rows, gold.answer):
            yield "other-answer", f"{_short(_listed(rows))}, not {_short(gold.answer)}", None
        written = as_written(gold.program or "", structure)
        for found in self._lint.findings(structure):
            if not matters(structure, found, self._answers):
                continue
            what = found.what or structure.text(found.start, found.end)
            mended = None if written is None else correction(written, found)
            yield found.rule, _short(what), mended if mended is not None and self._is_better(gold, mended) else None
        yield from self._counts(gold, structure, rows, written)
        yield from self._divisions(structure)
        yield from self._values(gold, structure)
        if not self._asking:
            whole = structure.text(0, len(structure.tokens))
            for reading, program in other_readings(structure, self._schema, self._titles):
                if self._answers.differ(whole, program):
                    yield reading, _short(_listed(self._answers.of(program) or [])), None
        yield from self._empty(structure, rows)

    def _empty_tables(self, structure: Structure) -> list[str]:
        """The tables that a program reads and that have no row at all."""
        read_here = {
            (source.table or "").lower()
            for query in structure.queries.values()
            for select in query.selects
            for source in structure.sources(select)
        }
        return sorted(read_here & self._without_rows)

    def _is_better(self, gold: GoldQuery, mended: str) -> bool:
        """Whether a mended program runs, and gives an answer."""
        from dataclasses import replace

        try:
            rows = self._run(runnable(replace(gold, program=mended), self._now))
        except NeuralSqlError:
            return False
        return any(value is not None for row in rows for value in row)

    def _counts(
        self, gold: GoldQuery, structure: Structure, rows: list[tuple[Any, ...]], written: Structure | None
    ) -> Iterator[tuple[str, str, str | None]]:
        thing = thing_counted(gold.question)
        if thing is None:
            return
        for place, program in enumerate(counts_of_things(structure, thing)):
            other = self._answers.of(program)
            if other is not None:  # the first that runs counts what is meant
                if not same_rows(rows, other):
                    mended = None if written is None else counted_correction(written, thing, place)
                    yield "rows-counted", f"{_short(_listed(rows))}, but {thing}: {_short(_listed(other))}", mended
                return

    def _divisions(self, structure: Structure) -> Iterator[tuple[str, str, str | None]]:
        first, last = structure.root.selects[0].clauses.get("select", (0, 0))
        whole = structure.text(0, len(structure.tokens))
        for at in range(first, last):
            if structure.tokens[at].text == "/" and self._answers.differ(
                whole, replaced(structure, at, at + 1, "* 1.0 /")
            ):
                yield "integer-division", _short(structure.text(first, last)), None
                return

    def _values(self, gold: GoldQuery, structure: Structure) -> Iterator[tuple[str, str, str | None]]:
        seen = set()
        for each in comparisons(structure, self._schema):
            if each in seen:
                continue
            seen.add(each)
            is_id = each.column.endswith("_id")
            if not (is_id or each.text):
                continue
            told = [self._missing(each.table, each.column, literal) for literal in each.literals]
            if all(told):
                yield "unknown-id" if is_id else "unknown-value", f"{each.table}.{each.column} = {told[0]}", None
        numbers = {token.text.strip("'\"") for token in structure.tokens if token.kind in ("number", "text")}
        for one, other in _ID.findall(gold.question):
            if (identifier := one or other) not in numbers:
                yield "other-id", identifier, None

    def _missing(self, table: str, column: str, literal: str) -> str:
        """A value that is not in a column, and how it is written there, if it is; nothing if it is there as it is."""
        key = table, column, literal
        if key not in self._there:
            told = ""
            name = f'"{column}" from "{table}" where'
            if not self._sandbox.run(f'select {name} "{column}" = {literal} limit 1').rows:
                alike = f'select {name} lower(trim("{column}")) = lower(trim({literal})) limit 1'
                told = literal + "".join(f", which is {other!r} there" for (other,) in self._sandbox.run(alike))
            self._there[key] = told
        return self._there[key]

    def _empty(self, structure: Structure, rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, str, str | None]]:
        values = [value for row in rows for value in row]
        if any(value is not None for value in values):
            if None in values:
                yield "null-in-answer", _short(_listed(rows)), None
            return
        try:
            losses = list(lost_rows(steps_of(structure.sql), self._rows_of))
        except NeuralSqlError as error:
            yield "empty-answer", str(error), None
            return
        last = losses[-1] if losses else None
        told = "" if last is None else last.reason + (f": {last.condition}" if last.condition else "")
        yield "empty-answer", _short(told), None


def _of_answer(answer: Any) -> Iterator[tuple[str, str, str | None]]:
    """What an answer alone shows."""
    if not isinstance(answer, list):
        return
    values = [value for row in answer for value in (row if isinstance(row, list) else [row])]
    if all(value is None for value in values):
        yield "empty-answer", "no value in it", None
    elif None in values:
        yield "null-in-answer", _short(answer), None


def _is_answer(rows: list[tuple[Any, ...]], answer: Any) -> bool:
    """Whether rows are the answer under the official rules, or those of EHRSQL, which ignore order and round."""
    found = _listed(rows)
    if isinstance(answer, list) and _nearly(found, answer):
        return True
    for profile in (PROFILES["paper"], PROFILES["ehrsql"]):
        try:
            if judge(compared_form(answer, profile), Predicted("answered", found), profile) == "right":
                return True
        except EhrxqaError:
            continue
    return False


def _nearly(found: list[Any], answer: list[Any]) -> bool:
    """Whether two lists hold the same numbers to three places, which some round and others cut off."""
    if len(found) != len(answer):
        return False
    try:
        pairs = zip(sorted(map(float, found)), sorted(map(float, answer)), strict=True)
    except (TypeError, ValueError):
        return False
    return all(math.isclose(one, other, rel_tol=0.0, abs_tol=1.001e-3) for one, other in pairs)


def _listed(rows: list[tuple[Any, ...]]) -> list[Any]:
    """Rows as an answer; what has no official form as it is."""
    try:
        return answer_list(rows)
    except NeuralSqlError:
        return [list(row) for row in rows]


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
