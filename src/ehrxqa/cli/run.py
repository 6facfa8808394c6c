"""`ehrxqa run`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option, workers_option
from ehrxqa.layout import SPLITS
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "run",
    epilog=example(
        "ehrxqa run out --parser gold --vision oracle",
        "ehrxqa run out --parser recorded:queries.json --vision prior --subset mini-100",
        "ehrxqa run out --parser template --vision linear --images sources/mimic-cxr-jpg/2.0.0",
    ),
)
@click.argument("out", type=DIR)
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True, help="Whose questions.")
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
@click.option("--images", type=DIR, help="Folder of MIMIC-CXR-JPG, for models that look at images.")
@click.option("--questions", type=FILE, help="Another question file of the split, such as a paraphrased one.")
@click.option("--subset", metavar="NAME", help="mini-100, a modality or a scope, such as image-single-1.")
@click.option("--ids", type=FILE, help="File with the ids to ask: a JSON list, or one per line.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Ask only the first N.")
@click.option("--trials", type=click.IntRange(min=1), default=1, show_default=True, help="How often each is asked.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything drawn.")
@click.option("--profile", default="paper", show_default=True, help="Rules of the comparison, as for evaluate.")
@click.option("--name", metavar="ID", help="Folder below OUT/runs.  [default: parser, model, split, digest]")
@click.option("--restart", is_flag=True, help="Throw away what that folder holds.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="S",
    help="Seconds a query may take.",
)
@click.option("--max-rows", type=click.IntRange(min=1), default=100_000, show_default=True, help="Rows of a result.")
@workers_option
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
    workers: int | None,
    output_format: str,
    quiet: bool,
) -> None:
    """Ask a parser and a vision model the questions of OUT, and score the answers.

    Everything is kept in OUT/runs/ID: queries, outcomes, answers, scores, whose fault a wrong answer is, and all that
    made the numbers. Run an interrupted command again to go on; nothing is asked twice.
    """
    from dataclasses import asdict

    from ehrxqa.models.report import run_text
    from ehrxqa.models.run import run

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
        workers=workers,
        progress=make_progress(quiet=quiet),
    )
    value = {"run": asdict(report.run), "profile": report.scores.profile, "summary": report.scores.summary}
    emit(output_format, value, lambda: run_text(report))
