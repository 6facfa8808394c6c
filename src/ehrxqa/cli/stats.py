"""`ehrxqa stats`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option

__all__ = ["command"]


@click.command("stats", epilog=example("ehrxqa stats out", "ehrxqa stats out --page stats.html"))
@click.argument("out", type=DIR)
@click.option("--page", type=FILE, metavar="FILE", help="Write a page with plots, too.")
@format_option
@quiet_option
def command(out: Path, page: Path | None, output_format: str, quiet: bool) -> None:
    """Say what the questions in OUT are made of.

    Questions per split, modality, scope and family; answer types; yes/no balance; empty and null answers; question
    length; vocabulary. OUT is an output folder, or a folder with train.json, valid.json, test.json.
    """
    from ehrxqa.dataset.question_stats import stats
    from ehrxqa.dataset.stats import as_page, as_text
    from ehrxqa.files import reading, write_text
    from ehrxqa.runs.output_folder import built_files

    with reading(*built_files(out), writing=[page]):
        value = stats(out).as_json()
        emit(output_format, value, lambda: as_text(value))
        if page is not None:
            write_text(page, as_page(value, f"Questions of {out.name}"))
            if not quiet:
                click.echo(f"{page}: written", err=True)
