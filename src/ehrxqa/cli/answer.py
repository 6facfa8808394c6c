"""`ehrxqa answer`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ehrxqa.cli.options import (
    FILE,
    cluster_options,
    database_option,
    emit,
    example,
    format_option,
    now_option,
    other_database_option,
    quiet_option,
    timeout_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    from ehrxqa.runs.cluster import Cluster

__all__ = ["command"]


@click.command(
    "answer",
    epilog=example(
        "ehrxqa answer --database out --questions _train.json --out train.json",
        "ehrxqa answer --database out/database/test/mimic_iv_cxr.db --questions _test.json --out test.json",
    ),
)
@database_option()
@click.option("--questions", required=True, type=FILE, metavar="FILE", help="Pre-release file, e.g. _train.json.")
@click.option("--out", required=True, type=FILE, metavar="FILE", help="Final file to write, e.g. train.json.")
@timeout_option(60.0, "one gold program")
@now_option
@other_database_option
@workers_option
@cluster_options("database")
@quiet_option
@format_option
def command(
    database: Path,
    questions: Path,
    out: Path,
    timeout: float,
    now: str,
    other_database: bool,
    workers: int | None,
    cluster: Cluster | None,
    quiet: bool,
    output_format: str,
) -> int:
    """Fill the answers of pre-release question files by running their gold programs.

    Answers are kept in OUT.journal until OUT is written: run an interrupted command again to go on.
    A program that fails is reported with id and reason and left out; the rest is written, and the exit status is 1.
    """
    from ehrxqa.dataset.answer import answer

    report = answer(
        database,
        questions,
        out,
        workers=workers,
        seconds=timeout,
        now=now,
        other_database=other_database,
        cluster=cluster,
        progress=make_progress(quiet=quiet),
    )
    emit(
        output_format,
        {"out": str(out), **asdict(report)},
        lambda: (
            f"{out}: {counted(report.answered, 'question')} answered"
            + (f", {len(report.failed):,} failed" * bool(report.failed))
        ),
    )
    for failure in report.failed:
        print(f"ehrxqa: error: {questions}: id {failure.id}: {failure.reason}", file=sys.stderr)
    return 1 if report.failed else 0
