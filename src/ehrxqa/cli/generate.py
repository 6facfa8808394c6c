"""`ehrxqa generate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    cluster_options,
    emit,
    example,
    format_option,
    now_option,
    quiet_option,
    seed_option,
    workers_option,
)
from ehrxqa.counting import counted

if TYPE_CHECKING:
    pass

__all__ = ["command"]


@click.command(
    epilog=example(
        "ehrxqa generate out --train 2000 --valid 300 --test 300 --seed 1",
        "ehrxqa generate out --test 500 --scope image --force",
    )
)
@click.argument("out", type=DIR)
@click.option("--train", default=0, metavar="N", help="Questions of the train split.")
@click.option("--valid", default=0, metavar="N", help="Questions of the valid split.")
@click.option("--test", default=0, metavar="N", help="Questions of the test split.")
@seed_option("Of all that is drawn.")
@click.option("--scope", "scopes", multiple=True, metavar="NAME", help="Only this scope or modality; repeatable.")
@click.option(
    "--family",
    "--families",
    "families",
    multiple=True,
    metavar="NAME",
    help="Only this family, template (official/28), package or python:MODULE:NAME; repeatable.",
)
@click.option("--impossible", default=0.0, metavar="SHARE", help="Share of unanswerable questions.  [default: 0]")
@click.option(
    "--empty",
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Most that may be empty, of the lists and counts about images.",
)
@click.option(
    "--separate-subjects/--shared-subjects",
    default=True,
    show_default=True,
    help="Train and valid ask about different patients.",
)
@click.option("--separate-questions", is_flag=True, help="What is asked of no patient is asked in one split only.")
@click.option("--ambiguous", is_flag=True, help="Also questions that can be understood in two ways; links say so.")
@click.option(
    "--choices",
    type=click.IntRange(1, 10),
    default=4,
    show_default=True,
    metavar="N",
    help="Of so many good questions take the one that tells systems apart best.",
)
@now_option
@click.option("--force", is_flag=True, help="Replace question files that are there.")
@workers_option
@cluster_options("out")
@quiet_option
@format_option
def command(out: Path, quiet: bool, output_format: str, **settings: Any) -> None:
    """Make new questions over the databases of the build in OUT, each verified before it is written."""
    from ehrxqa.progress import make_progress
    from ehrxqa.questions.generate import generate

    report = generate(out, **settings, progress=make_progress(quiet=quiet))

    def text() -> str:
        lines = [f"{split}: {counted(number, 'question')}" for split, number in report.questions.items() if number]
        lines += [f"  {scope}: {number:,}" for scope, number in report.scopes.items()]
        lines.append(f"templates used: {report.templates}; proofs that failed: {report.faults}")
        if report.mutants:
            lines.append(f"mutants told from the gold: {report.killed / report.mutants:.0%} of {report.mutants:,}")
            lines.append(
                f"misreadings told by the set: {report.readings_told / report.readings:.0%} of {report.readings:,}"
            )
        lines += [
            f"{split}: {counted(number, 'question')} could not be made" for split, number in report.missing.items()
        ]
        return "\n".join([*lines, *report.fault_examples])

    emit(output_format, asdict(report), text)
