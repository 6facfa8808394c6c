"""`ehrxqa serve`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, example, pictures_option, quiet_option

__all__ = ["command"]


@click.command(
    "serve",
    epilog=example(
        "ehrxqa serve demo --open",
        "ehrxqa serve out --images physionet.org/files",
        "ehrxqa serve out --images physionet.org/files --quiz",
    ),
)
@click.argument("out", type=DIR)
@pictures_option
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, metavar="N", help="Port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; others need the printed token.")
@click.option("--quiz", is_flag=True, help="Show the quiz only: no page tells an answer before it is given.")
@click.option("--open", "open_browser", is_flag=True, help="Open the first page in the browser.")
@quiet_option
def command(out: Path, images: Path | None, port: int, host: str, quiz: bool, open_browser: bool, quiet: bool) -> None:
    """Show questions, subjects, X-rays and proofs of OUT in a browser.

    Listens on this machine only, unless --host says otherwise, and loads nothing from elsewhere. Reports, rows and
    pictures of patients are shown; browsers are told to keep none of them.
    """
    from ehrxqa.explorer.serving import serve

    serve(
        out,
        sources=images,
        host=host,
        port=port,
        quiz=quiz,
        open_browser=open_browser,
        say=(lambda _: None) if quiet else click.echo,
    )
