"""`ehrxqa download-images`: the X-rays of the built databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.download import connections_option, dry_run_option, recheck_option, replace_option
from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option
from ehrxqa.layout import SPLITS
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "download-images",
    epilog=example(
        "ehrxqa download-images out --sources ~/physionet --dry-run",
        "ehrxqa download-images out --sources ~/physionet --split test",
        "ehrxqa download-images out --sources ~/physionet --questions out/dataset/_test.json",
    ),
)
@click.argument("out", type=DIR)
@click.option(
    "--sources",
    type=DIR,
    default=None,
    help="Folder of the sources; images go below mimic-cxr-jpg/2.0.0/files there.  [default: OUT/sources]",
)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default=None,
    help="Only the database of this split (train and valid share one), and of --questions only this split.",
)
@click.option("--questions", type=FILE, default=None, help="Only images that a question of this file needs.")
@click.option("--subjects", type=FILE, default=None, help="Only images of the subject_ids in this file.")
@connections_option
@dry_run_option
@replace_option
@recheck_option
@format_option
@quiet_option
def command(out: Path, connections: int, output_format: str, quiet: bool, **settings: Any) -> None:
    """Download the X-ray images of the studies in the databases of OUT."""
    from ehrxqa.downloading import Network, download_images

    result = download_images(
        out, **settings, network=Network(connections=connections), progress=make_progress(quiet=quiet)
    )
    emit(output_format, result.as_json(), result.as_text)
