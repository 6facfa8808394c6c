"""`ehrxqa schema`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option

__all__ = ["command"]


@click.command("schema", epilog=example("ehrxqa schema out labevents", "ehrxqa schema out --format json"))
@click.argument("out", type=DIR)
@click.argument("table", required=False)
@quiet_option
@format_option
def command(out: Path, table: str | None, quiet: bool, output_format: str) -> None:
    """Say what the tables and columns of a build are: meaning, unit, coded values, what refers to what.

    OUT is the output folder of a build, TABLE one of its tables; all by default. TB_CXR_PLUS is the answer key, which
    no model may read.
    """
    from ehrxqa.building.schema import schema
    from ehrxqa.spec.extra import as_json

    tables = schema(out, table)
    emit(
        output_format,
        {one.name: {**as_json(one), "answer_key": one.answer_key} for one in tables},
        lambda: str(tables),
    )
