"""`ehrxqa download`: source files from PhysioNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option
from ehrxqa.layout import SPLITS
from ehrxqa.progress import make_progress

__all__ = ["command"]


def _projects(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """`--only a,b` and `--only a --only b` mean the same."""
    return tuple(slug.strip() for text in value for slug in text.split(",") if slug.strip())


connections_option = click.option(
    "--connections",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    metavar="N",
    help="Connections at a time; PhysioNet slows down those who open many.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be fetched, with sizes; fetch nothing.")
replace_option = click.option(
    "--replace", is_flag=True, help="Fetch again what is there but is not the published file."
)
recheck_option = click.option(
    "--recheck", is_flag=True, help="Read again the files whose checksum an earlier run has found right."
)


@click.command(
    "download",
    epilog=example(
        "ehrxqa download ~/physionet --dry-run",
        "ehrxqa download ~/physionet --for build --for questions",
        "ehrxqa download ~/physionet --for demo        # open, needs no account",
    ),
)
@click.argument("sources", type=DIR)
@click.option(
    "--for",
    "stages",
    type=click.Choice(["build", "images", "questions", "demo"]),
    multiple=True,
    default=("build",),
    show_default=True,
    help="What the files are for; may be given several times.",
)
@click.option(
    "--only", multiple=True, callback=_projects, metavar="PROJECT,…", help="Only these projects, e.g. mimiciv."
)
@click.option("--split", type=click.Choice(SPLITS), default=None, help="Only the questions of this split.")
@click.option("--subjects", type=FILE, default=None, help="With --for images: a file of subject_ids, one a line.")
@click.option("--questions", type=FILE, default=None, help="With --for images: a file of questions.")
@connections_option
@dry_run_option
@replace_option
@recheck_option
@format_option
@quiet_option
def command(sources: Path, connections: int, output_format: str, quiet: bool, **settings: Any) -> int:
    """Download what the official dataset needs from PhysioNet into SOURCES.

    Files that are there and match the published checksums are not fetched again; what was interrupted goes
    on where it stopped. Name and password come from PHYSIONET_USERNAME and PHYSIONET_PASSWORD, ~/.netrc, the
    keyring, or a prompt; never from the command line.
    """
    from ehrxqa.downloading import Network, download

    result = download(
        sources, **settings, network=Network(connections=connections), progress=make_progress(quiet=quiet)
    )
    emit(output_format, result.as_json(), result.as_text)
    return 1 if result.refused else 0
