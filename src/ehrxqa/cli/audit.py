"""`ehrxqa audit`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import (
    FILE,
    database_option,
    emit,
    example,
    format_option,
    now_option,
    quiet_option,
    timeout_option,
    workers_option,
)
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "audit",
    epilog=example(
        "ehrxqa audit out --database out --out errata.jsonl",
        "ehrxqa audit train/label.json --database mimic_iv.sqlite --now '2100-12-31 23:59:00' --fix",
    ),
)
@click.argument("questions", type=click.Path(path_type=Path))
@database_option("The SQLite file that the questions are about")
@click.option("--out", type=FILE, metavar="FILE", help="Errata to write: one finding a line, as JSON.")
@click.option("--fix", is_flag=True, help="Write NAME.corrected.json beside the file, where a correction is certain.")
@timeout_option(10.0, "one program")
@now_option
@workers_option
@format_option
@quiet_option
def command(
    questions: Path,
    database: Path,
    out: Path | None,
    fix: bool,
    timeout: float,
    now: str,
    workers: int | None,
    output_format: str,
    quiet: bool,
) -> None:
    """Audit the gold answers of QUESTIONS, a question file of whatever form or a folder of them.

    Every program is run, together with what it might as well have given: other rows of a tie, rows without NULL, things
    in place of rows. What makes no difference to the answer is not reported. File and database are only read.
    """
    from ehrxqa.auditing.audit import audit
    from ehrxqa.auditing.audit_text import as_json, as_text

    report = audit(
        questions,
        database,
        out=out,
        fix=fix,
        now=now,
        seconds=timeout,
        workers=workers,
        progress=make_progress(quiet=quiet),
    )
    emit(output_format, as_json(report), lambda: as_text(report))
