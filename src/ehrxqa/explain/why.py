"""`ehrxqa why`: how the answer of a question comes about, step by step, and why it is empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ehrxqa.arguments import checked
from ehrxqa.dataset.answer import database_for
from ehrxqa.dataset.records import GOLD_PROGRAM, Record
from ehrxqa.dataset.splits import Dataset, load_records, read_dataset
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.explain.explanation import Explanation, Runner, StepResult, asks_images, explain, is_empty, readable
from ehrxqa.explain.lost_rows import Loss, lost_rows
from ehrxqa.runs.manifest import read_manifest, recorded_time
from ehrxqa.sources.tree import find_sources
from ehrxqa.sql.sandbox import Rows
from ehrxqa.sql.steps import steps_of

__all__ = ["Explanation", "StepResult", "explain_empty_answers", "gold_programs", "why"]


@checked
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
    with _runner(path, program, recorded_time(read_manifest(out))) as run:
        return explain(out, dataset, record, path, program, run, tree)


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
    now = recorded_time(read_manifest(out))
    with ExitStack() as stack:
        runners: dict[tuple[Path, bool], Runner] = {}
        for name in names:
            programs = gold_programs(dataset, name)
            for record in dataset.splits[name] if name in dataset.answered else []:
                if not is_empty(record["answer"]):
                    continue
                path = database_for(out if database is None else Path(database), [record])
                program = programs.get(str(record["id"])) or str(record["query"])
                key = path, asks_images(program)
                if key not in runners:
                    runners[key] = stack.enter_context(_runner(path, program, now))
                yield record, tuple(lost_rows(steps_of(readable(program, now)), runners[key]))


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


def gold_programs(dataset: Dataset, split: str) -> dict[str, str]:
    """Gold programs of a split by id, as far as its pre-release file is there."""
    path = dataset.folder / f"_{split}.json"
    if not path.is_file():
        return {}
    return {str(record["id"]): record[GOLD_PROGRAM] for record in load_records(path) if GOLD_PROGRAM in record}


def _program(dataset: Dataset, record: Record, *, neuralsql: bool) -> str:
    if neuralsql:
        return str(record["query"])
    split = next(name for name, records in dataset.splits.items() if any(other is record for other in records))
    return gold_programs(dataset, split).get(str(record["id"]), str(record["query"]))


@contextmanager
def _runner(database: Path, program: str, now: str) -> Iterator[Runner]:
    """What runs the steps of a program: the sandbox, or with func_vqa the engine, images answered from labels."""
    with ExitStack() as stack:
        if asks_images(program):
            from ehrxqa.neuralsql.setup import Setup, open_engine

            engine, _ = stack.enter_context(open_engine(Setup(database, now=now)))

            def run(sql: str) -> Rows:
                result = engine.run(sql)
                return Rows(result.columns, result.rows)
        else:
            from ehrxqa.sql.sandbox import open_database

            run = stack.enter_context(open_database(database, now=now)).run
        yield run
