"""`ehrxqa execute`: a file of predicted NeuralSQL queries."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from ehrxqa.cli.options import (
    answering_options,
    emit,
    example,
    format_option,
    other_database_option,
    quiet_option,
    workers_option,
)
from ehrxqa.progress import make_progress

__all__ = ["command"]

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    "execute",
    epilog=example(
        "ehrxqa execute --database out/database/test/mimic_iv_cxr.db --predictions predicted.json \\",
        "    --model oracle --out outcomes.json --answers answers.json",
    ),
)
@click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The integrated database of the split.",
)
@click.option(
    "--predictions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Queries: {id: sql}, a list of {id, query}, JSONL, or a .sql file of statements.",
)
@answering_options
@click.option("--out", type=FILE, required=True, help="Outcomes: a list of {id, status, answer, error, …}.")
@click.option("--answers", type=FILE, help='Answers for evaluation: {id: answer}, "null" for what was not answered.')
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1),
    default=256_000_000,
    show_default=True,
    metavar="N",
    help="Bytes that all answers together may take in --out.",
)
@other_database_option
@workers_option
@format_option
@quiet_option
def command(
    database: Path,
    predictions: Path,
    model: str,
    images: Path | None,
    out: Path,
    answers: Path | None,
    cache: Path | None,
    timeout: float,
    max_rows: int,
    max_bytes: int,
    now: str,
    other_database: bool,
    workers: int | None,
    output_format: str,
    quiet: bool,
) -> None:
    """Run a file of predicted queries, and write what came of each.

    A query that is refused, fails or takes too long is an outcome, not an end. The queries cannot change the
    database or read its TB_CXR_PLUS. Run an interrupted command again to go on.
    """
    from ehrxqa.neuralsql.execute import execute

    summary = execute(
        database,
        predictions,
        out=out,
        model=model,
        answers=answers,
        images=images,
        cache=cache,
        timeout=timeout,
        max_rows=max_rows,
        max_bytes=max_bytes,
        now=now,
        other_database=other_database,
        workers=workers,
        progress=make_progress(quiet=quiet),
    )
    emit(
        output_format,
        dataclasses.asdict(summary),
        lambda: (
            f"{summary.total:,} queries: {summary.answered:,} answered, {summary.abstained:,} abstained, "
            f"{summary.error:,} error, {summary.timeout:,} timeout; {summary.questions:,} image questions\n"
            + f"{summary.noted:,} of them with notes: a fence or prose around the query, or what looks like a slip\n"
            * bool(summary.noted)
            + summary.out
        ),
    )
