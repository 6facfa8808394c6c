"""`ehrxqa run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    FiniteRange,
    ask_for_host,
    choosing_options,
    cluster_options,
    confirm_option,
    emit,
    example,
    format_option,
    images_option,
    limits_options,
    quiet_option,
    run_folder_options,
    seed_option,
    split_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    from ehrxqa.models.parsers import Estimate
    from ehrxqa.runs.cluster import Cluster

__all__ = ["command"]


@click.command(
    "run",
    epilog=example(
        "ehrxqa run out --parser gold --vision oracle",
        "ehrxqa run out --parser recorded:queries.json --vision prior --subset mini-100",
        "ehrxqa run out --parser template --vision linear --images sources/mimic-cxr-jpg/2.0.0",
        "ehrxqa run out --parser llm:http://127.0.0.1:11434/v1:qwen3 --samples 5 --agreement 0.6",
    ),
)
@click.argument("out", type=DIR)
@split_option("Whose questions.")
@click.option(
    "--parser",
    default="gold",
    show_default=True,
    metavar="P",
    help="Who writes the queries: gold, recorded:FILE, python:MODULE:NAME, …",
)
@click.option(
    "--vision", default="oracle", show_default=True, metavar="V", help="Who looks: oracle, constant:no, hf:FOLDER, …"
)
@images_option
@choosing_options
@seed_option("Of all that is drawn.")
@run_folder_options
@limits_options
@click.option(
    "--now",
    metavar="TIME",
    help="Current time of the database: what current_time and 'now' mean.  [default: that of the questions]",
)
@click.option("--samples", type=click.IntRange(min=1), metavar="K", help="llm: replies to each question, which vote.")
@click.option("--agreement", type=FiniteRange(0, 1), metavar="A", help="llm: share that must agree, else abstain.")
@click.option("--temperature", type=FiniteRange(0, 2), metavar="T", help="llm: of the replies.")
@click.option("--examples", type=click.IntRange(min=0), metavar="N", help="llm: similar train questions to show.")
@click.option("--concurrency", type=click.IntRange(1, 64), metavar="N", help="llm: questions at a time.")
@click.option("--price-in", type=FiniteRange(min=0), metavar="P", help="llm: of a million tokens of prompts.")
@click.option("--price-out", type=FiniteRange(min=0), metavar="P", help="llm: of a million tokens of replies.")
@confirm_option
@click.option("--dry-run", is_flag=True, help="Say how many requests and tokens it would take, and send nothing.")
@workers_option
@cluster_options("out")
@format_option
@quiet_option
def command(
    out: Path,
    split: str,
    parser: str,
    vision: str,
    images: Path | None,
    questions: Path | None,
    subset: str | None,
    ids: Path | None,
    limit: int | None,
    trials: int,
    seed: int,
    profile: str,
    name: str | None,
    restart: bool,
    timeout: float,
    max_rows: int,
    now: str | None,
    dry_run: bool,
    workers: int | None,
    cluster: Cluster | None,
    output_format: str,
    quiet: bool,
    **options: Any,
) -> None:
    """Ask a parser and a vision model the questions of OUT, and score the answers.

    Everything is kept in OUT/runs/ID: queries, outcomes, answers, scores, whose fault a wrong answer is, and all that
    made the numbers. Run an interrupted command again to go on; nothing is asked twice.
    """
    from dataclasses import asdict

    from ehrxqa.models.report import run_text
    from ehrxqa.models.run import estimate, run

    given = {key: value for key, value in options.items() if value is not None} or None
    if dry_run:
        found = estimate(
            out,
            split=split,
            parser=parser,
            questions=questions,
            subset=subset,
            ids=ids,
            limit=limit,
            trials=trials,
            options=given,
        )
        emit(output_format, asdict(found), lambda: _said(found))
        return
    report = run(
        out,
        split=split,
        parser=parser,
        vision=vision,
        images=images,
        questions=questions,
        subset=subset,
        ids=ids,
        limit=limit,
        trials=trials,
        seed=seed,
        profile=profile,
        name=name,
        restart=restart,
        timeout=timeout,
        max_rows=max_rows,
        now=now,
        options=given,
        ask=ask_for_host if sys.stdin.isatty() and sys.stderr.isatty() else None,
        workers=workers,
        cluster=cluster,
        progress=make_progress(quiet=quiet),
    )
    value = {"run": asdict(report.run), "profile": report.scores.profile, "summary": report.scores.summary}
    emit(output_format, value, lambda: run_text(report))


def _said(found: Estimate) -> str:
    if not found.requests:
        return "this parser sends no request"
    money = "" if found.money is None else f", about {found.money:,.2f} in the currency of the price"
    return (
        f"{counted(found.requests, 'request')}, about {counted(found.tokens_in, 'token')} of prompts and "
        f"{found.tokens_out:,} of replies"
        f"{money}; nothing was sent"
    )
