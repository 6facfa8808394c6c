"""`ehrxqa execute`: a file of predicted NeuralSQL queries."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import (
    FILE,
    answering_options,
    database_option,
    emit,
    example,
    few_options,
    format_option,
    other_database_option,
    quiet_option,
    split_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.layout import database_file
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "execute",
    epilog=example(
        "ehrxqa execute --database out --predictions predicted.json \\",
        "    --model oracle --out outcomes.json --answers answers.json",
    ),
)
@database_option()
@split_option("Whose database, of an output folder.")
@click.option(
    "--predictions",
    type=FILE,
    required=True,
    help="Queries: {id: sql}, a list of {id, query}, JSONL, or a .sql file of statements.",
)
@few_options("queries")
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
def command(database: Path, split: str, predictions: Path, output_format: str, quiet: bool, **settings: Any) -> None:
    """Run a file of predicted queries, and write what came of each.

    A query that is refused, fails or takes too long is an outcome, not an end. The queries cannot change the
    database or read its TB_CXR_PLUS. Run an interrupted command again to go on.
    """
    from ehrxqa.neuralsql.execute import execute

    summary = execute(database_file(database, split), predictions, **settings, progress=make_progress(quiet=quiet))
    emit(
        output_format,
        dataclasses.asdict(summary),
        lambda: (
            f"{counted(summary.total, 'query')}: {summary.answered:,} answered, {summary.abstained:,} abstained, "
            f"{summary.error:,} error, {summary.timeout:,} timeout; {counted(summary.questions, 'image question')}\n"
            + f"{summary.noted:,} of them with notes: what stood around the query, or what looks like a slip\n"
            * bool(summary.noted)
            + f"{summary.fenced:,} of them in a Markdown fence, and ran without it\n" * bool(summary.fenced)
            + summary.out
        ),
    )
