"""`ehrxqa run`: from questions to scores, with a parser and a vision model, in a folder that says all about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.belonging import ASK_OTHERS, check_belongs
from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.evaluation.profiles import profile_named
from ehrxqa.layout import CURRENT_TIME, DATABASE_OF_SPLIT, SPLITS, database_path
from ehrxqa.models.executing import QueryRunner, answer_cache, looks_at_pictures
from ehrxqa.models.judging import gather_evidence, judge_answers
from ehrxqa.models.parsers import AskedQuestion, Context, Estimate, Estimating, Parser, Sharing, make_parser
from ehrxqa.models.provenance import input_digests, package_versions, working_copy
from ehrxqa.models.question_set import QuestionSet, chosen_questions
from ehrxqa.models.report import RunReport
from ehrxqa.models.retrieval import Retrieval
from ehrxqa.models.run_folder import (
    OUTCOMES,
    QUERIES,
    RUN,
    line_text,
    read_outcomes,
    read_queries,
    read_run,
    write_run,
)
from ehrxqa.models.run_identity import end_run, open_run, told_arguments
from ehrxqa.models.run_records import Cost, OutcomeLine, QueryLine, QuestionLimits, Run, System
from ehrxqa.net.consent import Ask
from ehrxqa.neuralsql.setup import Setup, open_engine
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.lines import Lines
from ehrxqa.runs.manifest import Manifest, read_manifest, recorded_time
from ehrxqa.runs.shards import shared_nodes
from ehrxqa.shown_progress import FITTING
from ehrxqa.sql import limits as sql_limits
from ehrxqa.sql.clock import check_time
from ehrxqa.vqa.models import VqaModel

__all__ = ["estimate", "run"]

#: Arguments that cannot change a number.
_NOT_RECORDED: Final = ("workers", "cluster", "progress", "name", "restart", "ask")
_TIMEOUT: Final = 30.0
_MAX_ROWS: Final = 100_000


@checked
def run(
    out: Path | str,
    *,
    split: str = "test",
    parser: str | Parser = "gold",
    vision: str | VqaModel = "oracle",
    images: Path | str | None = None,
    questions: Path | str | None = None,
    subset: str | None = None,
    ids: Path | str | None = None,
    limit: int | None = None,
    trials: int = 1,
    seed: int = 0,
    profile: str = "paper",
    timeout: float = _TIMEOUT,
    max_rows: int = _MAX_ROWS,
    now: str | None = None,
    options: Mapping[str, Any] | None = None,
    name: str | None = None,
    restart: bool = False,
    ask: Ask | None = None,
    workers: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress = FITTING,
) -> RunReport:
    """Ask a parser and a vision model the questions of a split, and score the answers.

    A run that was killed goes on where it was: no question is put twice to the parser, and no (image, question) pair
    to the model.

    Args:
        out: Output folder of a build with questions.
        split: train, valid or test.
        parser: As a text (see `models.parsers`), or an object.
        vision: Who answers image questions, as a text (see `vqa.registry`), or an object.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.
        questions: Another question file of this split, such as a paraphrased one.
        subset: `mini-100`, a modality or a scope; see `models.subsets`.
        ids: File with the ids to ask.
        limit: Ask only the first so many.
        trials: How often each question is asked.
        seed: Of everything drawn.
        profile: Rules of the comparison.
        timeout: Seconds a query may take, once its image questions are answered.
        max_rows: Rows of a result.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`: what `current_time`, `'now'` and the like mean;
            by default that of the questions.
        options: Of the parser, by name.
        name: Of the folder below `OUT/runs`; by default made of parser, model, split and a digest of all settings.
        restart: Throw away what the folder holds.
        ask: Asked to confirm before anything is sent to an endpoint; see `net.consent`.
        workers: Processes; as many as there are processors if None.
        cluster: A Dask cluster whose workers ask a language model, each with its own key, and a vision model that looks
            at pictures.
        progress: Told what happens.

    Raises:
        SettingsError: An argument makes no sense, nothing may be sent, or the folder holds another run.
        RecordError: A file cannot be read, or the database is not the one the questions are about.
        BuildError: A file cannot be written.
    """
    given = {key: value for key, value in locals().items() if key not in ("out", *_NOT_RECORDED)}
    if split not in SPLITS:
        raise SettingsError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    if trials < 1 or timeout <= 0 or max_rows < 1 or (limit is not None and limit < 1):
        raise SettingsError("trials, limit, timeout and the number of rows are greater than 0")
    out, database = Path(out), database_path(out, split)
    if not database.is_file():
        raise MissingError(f"{database}: no such database; build it first: ehrxqa build SOURCES {out}")
    rules = profile_named(profile)
    chosen, asked = chosen_questions(out, split, questions, subset, ids, limit)
    manifest = read_manifest(out)
    now = check_time(now or recorded_time(manifest))
    digests = input_digests(asked.path, database, images)
    check_belongs(
        database,
        digests["database"],
        asked.path,
        asked.records.values(),
        base=DATABASE_OF_SPLIT[split],
        hint=ASK_OTHERS,
    )
    setup = Setup(
        database,
        vision,
        None if images is None else Path(images),
        answer_cache(out),
        sql_limits.Limits(seconds=timeout, rows=max_rows),
        now=now,
    )
    maker = _parser(parser, out, database, asked, seed, manifest, options or {}, ask, progress, now)
    count = max(1, min(workers or os.cpu_count() or 1, len(asked.records)))
    if cluster is not None and not (isinstance(maker, Sharing) or looks_at_pictures(vision)):
        raise SettingsError(
            f"{cluster.address}: is for language models and for models that look at pictures; the parser {maker.name} "
            f"and {_spec_of(vision)} answer here in no time"
        )
    with shared_nodes(cluster, progress=progress) as shared, QueryRunner(setup, count, progress, shared) as runner:
        if shared is not None and isinstance(maker, Sharing):
            maker.share(shared)
        commit, dirty = working_copy()
        record = Run(
            id="",
            status="running",
            kind="parser",
            split=split,
            parser=System(
                parser if isinstance(parser, str) else getattr(parser, "spec", "object"), maker.name, maker.version
            ),
            vision=System(_spec_of(vision), runner.name, runner.version),
            seed=seed,
            trials=trials,
            limits=QuestionLimits(timeout, max_rows),
            arguments=told_arguments(given, run),
            digests=digests,
            packages=package_versions(),
            commit=commit,
            dirty=dirty,
            subset=chosen,
            synthetic=manifest is not None and manifest.synthetic is True,
            now=now,
        )
        with open_run(out, record, name=name, profile=profile, restart=restart) as (folder, record, done):
            if done is not None:
                return RunReport(folder, read_run(folder), done, True)
            earlier = read_run(folder).used.images if (folder / RUN).is_file() else 0
            record = replace(record, used=Cost(images=earlier))
            write_run(folder, record)
            try:
                _parse(folder, maker, asked, trials, progress)
                _execute(folder, runner, asked, trials)
                queries, outcomes = read_queries(folder), read_outcomes(folder)
                if vision == "oracle":
                    evidence = gather_evidence(asked, queries, outcomes, runner, runner)
                else:
                    with QueryRunner(replace(setup, model="oracle"), count, progress) as oracle:
                        evidence = gather_evidence(asked, queries, outcomes, runner, oracle)
            except BaseException:  # whatever ends the run, what was put to the model is counted when it goes on
                write_run(folder, replace(record, used=Cost(images=earlier + runner.asked)))
                raise
            with open_engine(replace(setup, model="oracle", cache=None)) as (engine, _):
                scores = judge_answers(asked, queries, outcomes, evidence, rules, seed, Retrieval(engine))
            used = sum((line.cost for line in queries.values()), Cost(images=earlier + runner.asked))
            record = end_run(folder, record, used, asked.records, outcomes, scores)
    return RunReport(folder, record, scores, False)


def estimate(
    out: Path | str,
    *,
    split: str = "test",
    parser: str = "gold",
    questions: Path | str | None = None,
    subset: str | None = None,
    ids: Path | str | None = None,
    limit: int | None = None,
    trials: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Estimate:
    """What the parser of a run would take; nothing is sent, asked or written.

    Args:
        out: Output folder of a build with questions.
        split: As for `run`; so are all others.
        parser: As a text.
        questions: Another question file.
        subset: Which questions.
        ids: Which questions.
        limit: Which questions.
        trials: How often each is asked.
        options: Of the parser.

    Raises:
        SettingsError: An argument makes no sense.
        RecordError: A file cannot be read.
    """
    out, database = Path(out), database_path(out, split)
    _, asked = chosen_questions(out, split, questions, subset, ids, limit)
    manifest = read_manifest(out)
    now = recorded_time(manifest)
    maker = _parser(parser, out, database, asked, 0, manifest, options or {}, None, SILENT, now)
    given = [AskedQuestion(identifier, record["question"]) for identifier, record in asked.records.items()]
    return maker.estimate(given, trials) if isinstance(maker, Estimating) else Estimate()


def _spec_of(system: str | Parser | VqaModel) -> str:
    """How a system is named: as on the command line, if it has such a name."""
    return system if isinstance(system, str) else str(getattr(system, "spec", "object"))


def _parser(
    parser: str | Parser,
    out: Path,
    database: Path,
    asked: QuestionSet,
    seed: int,
    manifest: Manifest | None,
    options: Mapping[str, Any],
    ask: Ask | None,
    progress: Progress,
    now: str = CURRENT_TIME,
) -> Parser:
    if not isinstance(parser, str):
        return parser
    context = Context(
        out,
        database,
        seed,
        {identifier: asked.gold_query(identifier) for identifier in asked.records},
        {identifier: placed.modality for identifier, placed in asked.facts.items()},
        manifest is not None and manifest.synthetic is True,
        options,
        ask,
        progress,
        now,
        {identifier: placed.needs for identifier, placed in asked.facts.items() if placed.needs},
    )
    return make_parser(parser, context)


def _parse(folder: Path, parser: Parser, asked: QuestionSet, trials: int, progress: Progress) -> None:
    """Have a query for every question and trial."""
    known = read_queries(folder)
    with Lines[QueryLine](folder / QUERIES, line_text) as lines:
        for trial in range(trials):
            left = [identifier for identifier in asked.records if (identifier, trial) not in known]
            if not left:
                continue
            given = [AskedQuestion(identifier, asked.records[identifier]["question"]) for identifier in left]
            with progress.task(f"parser {parser.name}", total=len(left), unit="questions") as task:
                for place, made in parser.parse(given, trial):
                    lines.add(
                        QueryLine(
                            left[place],
                            trial,
                            made.query,
                            made.confidence,
                            made.explanation,
                            made.cost,
                            made.withheld,
                            made.steps,
                        )
                    )
                    task.advance()
    known = read_queries(folder)
    left = [identifier for trial in range(trials) for identifier in asked.records if (identifier, trial) not in known]
    if left:
        raise SettingsError(
            f"the parser {parser.name} left out {counted(len(left), 'question')}, the first is {left[0]}"
        )


def _execute(folder: Path, runner: QueryRunner, asked: QuestionSet, trials: int) -> None:
    """Have an outcome for every question and trial."""
    queries, known = read_queries(folder), read_outcomes(folder)
    wanted: dict[str, list[QueryLine]] = {}
    with Lines[OutcomeLine](folder / OUTCOMES, line_text) as lines:
        for trial in range(trials):
            for identifier in asked.records:
                line = queries[identifier, trial]
                if (identifier, trial) in known:
                    continue
                if line.query is None:
                    lines.add(OutcomeLine(identifier, trial, "abstained", reason=line.explanation or "no query"))
                else:
                    wanted.setdefault(line.query, []).append(line)
        for query, outcome in runner.run(list(wanted), "predicted queries"):
            for line in wanted[query]:
                lines.add(
                    OutcomeLine(
                        line.id,
                        line.trial,
                        outcome.status,
                        outcome.answer,
                        outcome.error,
                        outcome.questions,
                        round(outcome.seconds, 4),
                    )
                )
