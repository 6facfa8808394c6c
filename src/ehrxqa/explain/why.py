"""`ehrxqa why`: how the answer of a question comes about, step by step, and why it is empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from ehrxqa.dataset.answer import database_for
from ehrxqa.dataset.placement import Placement, placement_of
from ehrxqa.dataset.records import GOLD_PROGRAM, Record
from ehrxqa.dataset.splits import Dataset, load_records, read_dataset
from ehrxqa.errors import NeuralSqlError, RecordError, SettingsError
from ehrxqa.explain.evidence import Evidence, evidence_for
from ehrxqa.explain.lost_rows import Loss, lost_rows
from ehrxqa.sources.tree import SourceTree, find_sources
from ehrxqa.sql.errors import RowLimit
from ehrxqa.sql.sandbox import Rows
from ehrxqa.sql.steps import Step, steps_of

__all__ = ["Explanation", "StepResult", "explain_empty_answers", "why"]

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


def why(
    out: Path | str,
    identifier: int | str,
    *,
    split: str | None = None,
    neuralsql: bool = False,
    database: Path | str | None = None,
    sources: Path | str | None = None,
    folders: Mapping[str, Path | str | None] | None = None,
) -> Explanation:
    """Explain the answer of one question.

    Args:
        out: Output folder, or a folder of question files together with `database`.
        identifier: Id of the question.
        split: Its split; needed where several splits have that id.
        neuralsql: Step through the NeuralSQL query, images answered from labels, even if there is a gold program.
        database: Database file, where `out` holds none.
        sources: The source tree that `out` was built from, to read the sentences behind the labels: the text of
            patients' reports, of the studies asked about only. It is part of the result and is written nowhere.
        folders: A project's own folder by its slug, where it is not below `sources`.

    Raises:
        RecordError: There are no question files, or no such question.
        SettingsError: The split is missing, there is no database, or no labels whose sentences could be read.
        SourceError: The sources are missing, damaged, or not those of the build.
        BuildError: The labels are damaged.
        NeuralSqlError: The program cannot be read or run.
    """
    out = Path(out)
    tree = None if sources is None else find_sources(sources, folders)
    dataset = read_dataset(out)
    record = _find(dataset, str(identifier), split)
    path = database_for(out if database is None else Path(database), [record])
    program = _program(dataset, record, neuralsql=neuralsql)
    if _is_impossible(program):
        nothing = Evidence(dataset.links.of(record) is not None, (), 0, ())
        facts = placement_of(record, dataset.links)
        return Explanation(record, facts, path, program, (), record.get("answer"), "null", (), nothing, impossible=True)
    with _runner(path, program) as run:
        return _explain(out, dataset, record, path, program, run, tree)


def explain_empty_answers(
    out: Path | str, *, split: str | None = None, database: Path | str | None = None
) -> Iterator[tuple[Record, tuple[Loss, ...]]]:
    """Every question whose answer is empty or holds only nulls, and where its rows are lost.

    Args:
        out: Output folder, or a folder of question files together with `database`.
        split: Only this one.
        database: Database file, where `out` holds none.

    Raises:
        RecordError: There are no question files with answers.
        SettingsError: There is no such split or database.
    """
    out = Path(out)
    dataset = read_dataset(out)
    if split is not None and split not in dataset.splits:
        raise SettingsError(f"{dataset.folder}: has no split {split!r}, only {', '.join(dataset.splits)}")
    names = [name for name in dataset.splits if split in (None, name)]
    if not any(name in dataset.answered for name in names):
        raise RecordError(f"{dataset.folder}: the questions have no answers yet; fill them with ehrxqa answer")
    with ExitStack() as stack:
        runners: dict[tuple[Path, bool], Runner] = {}
        for name in names:
            programs = _programs(dataset, name)
            for record in dataset.splits[name] if name in dataset.answered else []:
                if not _is_empty(record["answer"]):
                    continue
                path = database_for(out if database is None else Path(database), [record])
                program = programs.get(str(record["id"])) or str(record["query"])
                key = path, _asks_images(program)
                if key not in runners:
                    runners[key] = stack.enter_context(_runner(path, program))
                yield record, tuple(lost_rows(steps_of(_readable(program)), runners[key]))


def _is_impossible(program: str) -> bool:
    """Whether a program says that there is none: the text `null` in its place."""
    return program.strip().lower() == "null"


def _is_empty(answer: Any) -> bool:
    return isinstance(answer, list) and all(value is None for value in answer)


def _find(dataset: Dataset, identifier: str, split: str | None) -> Record:
    if split is not None and split not in dataset.splits:
        raise SettingsError(f"{dataset.folder}: has no split {split!r}, only {', '.join(dataset.splits)}")
    found = {
        name: record
        for name, records in dataset.splits.items()
        if split in (None, name)
        for record in records
        if str(record["id"]) == identifier
    }
    if not found:
        where = ", ".join(dataset.splits) if split is None else split
        raise RecordError(f"{dataset.folder}: no question with id {identifier} in {where}")
    if len(found) > 1:
        raise SettingsError(f"id {identifier} is in {', '.join(found)}: say which with --split")
    return next(iter(found.values()))


def _programs(dataset: Dataset, split: str) -> dict[str, str]:
    """Gold programs of a split by id, as far as its pre-release file is there."""
    path = dataset.folder / f"_{split}.json"
    if not path.is_file():
        return {}
    return {str(record["id"]): record[GOLD_PROGRAM] for record in load_records(path) if GOLD_PROGRAM in record}


def _program(dataset: Dataset, record: Record, *, neuralsql: bool) -> str:
    if neuralsql:
        return str(record["query"])
    split = next(name for name, records in dataset.splits.items() if any(other is record for other in records))
    return _programs(dataset, split).get(str(record["id"]), str(record["query"]))


def _asks_images(program: str) -> bool:
    return "func_vqa" in program.lower()


def _readable(program: str) -> str:
    """The program as SQLite gets it. NeuralSQL is cleaned by its engine, token by token."""
    from ehrxqa.sql.clean_text import clean
    from ehrxqa.sql.official_text import normalise

    return clean(program) if _asks_images(program) else normalise(program)


@contextmanager
def _runner(database: Path, program: str) -> Iterator[Runner]:
    """What runs the steps of a program: the sandbox, or with func_vqa the engine, images answered from labels."""
    with ExitStack() as stack:
        if _asks_images(program):
            from ehrxqa.neuralsql.setup import Setup, open_engine

            engine, _ = stack.enter_context(open_engine(Setup(database)))

            def run(sql: str) -> Rows:
                result = engine.run(sql)
                return Rows(result.columns, result.rows)
        else:
            from ehrxqa.sql.sandbox import open_database

            run = stack.enter_context(open_database(database)).run
        yield run


def _explain(
    out: Path, dataset: Dataset, record: Record, path: Path, program: str, run: Runner, tree: SourceTree | None
) -> Explanation:
    from ehrxqa.sql.answer_list import answer_list

    text = _readable(program)
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
        result, rows = _run_step(step, by_number, run, single=step.label in single)
        results.append(result)
        if rows is not None and "study_id" in map(str.lower, rows.columns):
            place = [column.lower() for column in rows.columns].index("study_id")
            studies.update((int(study), None) for row in rows if isinstance(study := row[place], int | float))
    facts, link = placement_of(record, dataset.links), dataset.links.of(record)
    # count, max and the like give a row over no rows, too
    nothing = _is_empty(computed) or computed == [0]
    return Explanation(
        record=record,
        facts=facts,
        database=path,
        program=text,
        steps=tuple(results),
        answer=record.get("answer"),
        computed=computed,
        losses=tuple(lost_rows(steps, run)) if nothing else (),
        evidence=evidence_for(out, record, facts, link, path, steps, list(studies), run, tree),
    )


def _run_step(step: Step, steps: Mapping[int, Step], run: Runner, *, single: bool) -> tuple[StepResult, Rows | None]:
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
    return StepResult(step.label, shown, len(rows), rows.columns, tuple(rows.rows[:SHOWN]), "", single), rows


def _shown(step: Step, steps: Mapping[int, Step]) -> str:
    """The text of a step with the steps inside it named instead of written out."""
    pieces, at = [], step.start
    text = step.sql
    for number in step.inner:
        inner = steps[number]
        pieces += [text[at - step.start : inner.start - step.start], f"step {inner.label}"]
        at = inner.end
    return " ".join("".join([*pieces, text[at - step.start :]]).split())
