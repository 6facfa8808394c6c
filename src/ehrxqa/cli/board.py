"""`ehrxqa board`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option, split_option, workers_option
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "board",
    epilog=example("ehrxqa board out", "ehrxqa board out --floors --subset mini-100 --html board.html"),
)
@click.argument("out", type=DIR)
@click.option("--html", type=FILE, metavar="FILE", help="Write it as a page, with charts and scores per family.")
@click.option("--floors", is_flag=True, help="Run the floors first: prior, constant, tables, images, question only.")
@split_option("Of the floors.")
@click.option("--subset", metavar="NAME", help="Of the floors; as for run.")
@click.option("--profile", default="paper", show_default=True, help="Of the floors; as for run.")
@workers_option
@format_option
@quiet_option
def command(
    out: Path,
    html: Path | None,
    floors: bool,
    split: str,
    subset: str | None,
    profile: str,
    workers: int | None,
    output_format: str,
    quiet: bool,
) -> None:
    """Show the finished runs of OUT side by side: scores, whose fault wrong answers are, what was used up.

    Runs over the same questions under the same rules stand in one table, the best first.
    """
    from ehrxqa.files import reading, write_text
    from ehrxqa.models.board import board, board_html, board_json, board_text
    from ehrxqa.models.floors import FLOORS
    from ehrxqa.models.run import run
    from ehrxqa.runs.output_folder import built_files

    if floors:
        for parser, vision in FLOORS.values():
            run(
                out,
                split=split,
                parser=parser,
                vision=vision,
                subset=subset,
                profile=profile,
                workers=workers,
                progress=make_progress(quiet=quiet),
            )
    with reading(*built_files(out), *out.glob("runs/*/*"), writing=[html]):
        found = board(out)
        if html is not None:
            write_text(html, board_html(found, f"Runs of {out.name}"))
            if not quiet:
                click.echo(f"{html}: written", err=True)
    emit(output_format, board_json(found), lambda: board_text(found))
