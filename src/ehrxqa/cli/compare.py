"""`ehrxqa compare`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option, seed_option

__all__ = ["command"]


@click.command("compare", epilog=example("ehrxqa compare out/runs/gold-prior out/runs/gold-linear"))
@click.argument("first", type=DIR, metavar="RUN_A")
@click.argument("second", type=DIR, metavar="RUN_B")
@click.option("--families", is_flag=True, help="Show families, too.")
@seed_option("Of the intervals.")
@format_option
@quiet_option
def command(first: Path, second: Path, families: bool, seed: int, output_format: str, quiet: bool) -> None:
    """Compare two runs over the same questions: scores, whose fault wrong answers are, and which ids flipped.

    Intervals are paired bootstraps over questions: * marks differences that they tell from chance.
    """
    from ehrxqa.models.compare import compare, compare_json, compare_text

    found = compare(first, second, seed=seed)
    emit(output_format, compare_json(found), lambda: compare_text(found, families=families))
