"""How the answer of one question comes about: its program step by step, where rows are lost, what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ehrxqa.dataset.placement import Placement, placement_of
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import Dataset
from ehrxqa.errors import NeuralSqlError
from ehrxqa.explain.evidence import Evidence, evidence_for
from ehrxqa.explain.lost_rows import Loss, lost_rows
from ehrxqa.html_repr import code, facts, screen, table
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.runs.manifest import read_manifest, recorded_time
from ehrxqa.short_repr import short_repr
from ehrxqa.sources.scene_graphs import Member
from ehrxqa.sources.tree import SourceTree
from ehrxqa.sql.errors import RowLimit
from ehrxqa.sql.sandbox import Rows
from ehrxqa.sql.steps import Step, steps_of

__all__ = ["Explanation", "Runner", "StepResult", "asks_images", "explain", "is_empty", "readable"]

#: Rows of a step that are shown.
SHOWN: Final = 5


class Runner(Protocol):
    """What runs one step."""

    def __call__(self, sql: str) -> Rows:
        """The rows of a query; raises NeuralSqlError."""


@dataclass(frozen=True)
class StepResult:
    """A step and what it gives when run by itself.

    Attributes:
        number: Label of the step; a step comes after those inside it, and equal ones are there once.
        sql: Its text, in which a step inside it is written `( step n )`.
        rows: How many rows it gives; None if it cannot be run by itself.
        columns: Names of its columns.
        first_rows: The first few rows.
        note: Why it was not run: it depends on the row of an outer query, or what SQLite says.
        single: Whether the query takes its first row as a value; further rows then do not count.
    """

    number: int
    sql: str
    rows: int | None
    columns: tuple[str, ...]
    first_rows: tuple[tuple[Any, ...], ...]
    note: str
    single: bool


@dataclass(frozen=True)
class Explanation:
    """Everything about the answer of one question.

    Attributes:
        record: The question.
        facts: Modality, scope, family.
        database: File that answers it.
        program: The SQL that was stepped through: the gold program if it is known, else the query.
        steps: In the order of evaluation.
        answer: As the record has it; None if it has none.
        computed: The answer of the program now.
        losses: If no row is left: where they are lost, from the outside to the inside.
        impossible: Whether the database does not hold what is asked; then there are no steps, and abstaining is right.
        evidence: Studies, images, labels and rows.
    """

    record: Record
    facts: Placement
    database: Path
    program: str
    steps: tuple[StepResult, ...]
    answer: Any
    computed: Any
    losses: tuple[Loss, ...]
    evidence: Evidence
    impossible: bool = False

    __repr__ = short_repr

    def _repr_html_(self) -> str:
        about = [("question", self.record["question"]), ("answer", self.answer), ("computed now", self.computed)]
        steps = [(step.number, step.sql, step.rows, step.note) for step in self.steps]
        shown = table(("step", "SQL", "rows", "note"), steps) if steps else ""
        return screen(f"{self.record.get('split', '')} {self.record['id']}", facts(about), code(self.program), shown)


def explain(
    out: Path,
    dataset: Dataset,
    record: Record,
    database: Path,
    program: str,
    run: Runner,
    tree: SourceTree | None = None,
    *,
    shown: int = SHOWN,
    members: Mapping[str, Member] | None = None,
) -> Explanation:
    """Explain the answer of one question of files that were read before.

    Args:
        out: Output folder, for its labels.
        dataset: The question files.
        record: The question.
        database: Database file that answers it.
        program: What is stepped through: the gold program, or the NeuralSQL query.
        run: Runs SQL on the database; for a program with func_vqa it answers images, too.
        tree: The sources, to read the sentences behind the labels.
        shown: Rows of a step that are kept.
        members: Scene graphs by image, if they were looked for before; a zip file then need not be searched again.

    Raises:
        SettingsError: Sentences are asked for, but there are no labels.
        SourceError: The sources are missing, damaged, or not those of the build.
        BuildError: The labels are damaged.
        NeuralSqlError: The program cannot be read or run.
    """
    if _is_impossible(program):
        nothing = Evidence(dataset.links.of(record) is not None, (), 0, ())
        facts = placement_of(record, dataset.links)
        return Explanation(
            record, facts, database, program, (), record.get("answer"), "null", (), nothing, impossible=True
        )
    return _explain(out, dataset, record, database, program, _Remembered(run), tree, shown, members)


class _Remembered:
    """Runs each text once: the whole, its steps and the search for lost rows share most of them."""

    def __init__(self, run: Runner) -> None:
        self._run = run
        self._known: dict[str, Rows | NeuralSqlError] = {}

    def __call__(self, sql: str) -> Rows:
        found = self._known.get(sql)
        if found is None:
            try:
                found = self._run(sql)
            except NeuralSqlError as error:
                found = error
            self._known[sql] = found
        if isinstance(found, NeuralSqlError):
            raise found
        return found


def _is_impossible(program: str) -> bool:
    """Whether a program says that there is none: the text `null` in its place."""
    return program.strip().lower() == "null"


def is_empty(answer: Any) -> bool:
    """Whether an answer holds no value at all."""
    return isinstance(answer, list) and all(value is None for value in answer)


def asks_images(program: str) -> bool:
    """Whether a program needs the engine: it asks images."""
    return "func_vqa" in program.lower()


def readable(program: str, now: str = CURRENT_TIME) -> str:
    """The program as SQLite gets it. NeuralSQL is cleaned by its engine, token by token."""
    from ehrxqa.sql.clean_text import clean
    from ehrxqa.sql.official_text import normalise

    return clean(program, now) if asks_images(program) else normalise(program, now)


def _explain(
    out: Path,
    dataset: Dataset,
    record: Record,
    path: Path,
    program: str,
    run: Runner,
    tree: SourceTree | None,
    shown: int,
    members: Mapping[str, Member] | None,
) -> Explanation:
    from ehrxqa.sql.answer_list import answer_list

    text = readable(program, recorded_time(read_manifest(out)))
    steps = steps_of(text)
    computed = answer_list(run(text).rows)
    results, studies = [], dict[int, None]()
    by_number = {step.number: step for step in steps}
    single = {by_number[number].label for step in steps for number in step.single}
    done = set[int]()
    for step in steps:
        if step.label in done:
            continue
        done.add(step.label)
        result, rows = _run_step(step, by_number, run, shown, single=step.label in single)
        results.append(result)
        if rows is not None and "study_id" in map(str.lower, rows.columns):
            place = [column.lower() for column in rows.columns].index("study_id")
            studies.update((int(study), None) for row in rows if isinstance(study := row[place], int | float))
    facts, link = placement_of(record, dataset.links), dataset.links.of(record)
    # count, max and the like give a row over no rows, too
    nothing = is_empty(computed) or computed == [0]
    return Explanation(
        record=record,
        facts=facts,
        database=path,
        program=text,
        steps=tuple(results),
        answer=record.get("answer"),
        computed=computed,
        losses=tuple(lost_rows(steps, run)) if nothing else (),
        evidence=evidence_for(out, record, facts, link, path, steps, list(studies), run, tree, members),
    )


def _run_step(
    step: Step, steps: Mapping[int, Step], run: Runner, most: int, *, single: bool
) -> tuple[StepResult, Rows | None]:
    shown = _shown(step, steps)
    try:
        rows = run(step.sql)
    except RowLimit as error:
        return StepResult(step.label, shown, None, (), (), f"not shown: {error}", single), None
    except NeuralSqlError as error:
        text = str(error)
        if "no such column" in text:
            text = "depends on the row of the query around it"
        return StepResult(step.label, shown, None, (), (), text, single), None
    return StepResult(step.label, shown, len(rows), rows.columns, tuple(rows.rows[:most]), "", single), rows


def _shown(step: Step, steps: Mapping[int, Step]) -> str:
    """The text of a step with the steps inside it named instead of written out."""
    pieces, at = [], step.start
    text = step.sql
    for number in step.inner:
        inner = steps[number]
        pieces += [text[at - step.start : inner.start - step.start], f"step {inner.label}"]
        at = inner.end
    return " ".join("".join([*pieces, text[at - step.start :]]).split())
