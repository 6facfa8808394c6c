"""`ehrxqa export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option
from ehrxqa.counting import counted

__all__ = ["command"]


@click.command(
    "export",
    epilog=example(
        "ehrxqa export out",
        "ehrxqa export out --images hospital",
        "ehrxqa export out --date 2026-11-23 --version 1.1.0",
    ),
)
@click.argument("out", type=DIR)
@click.option("--images", type=DIR, metavar="SOURCES", help="Embed the X-rays of a synthetic or hybrid build.")
@click.option("--datasette", type=DIR, metavar="FOLDER", help="Write what Datasette needs there, and nothing else.")
@click.option("--meds", type=DIR, metavar="FOLDER", help="Write events (MEDS 0.4) there, and nothing else.")
@click.option(
    "--date",
    metavar="YYYY-MM-DD",
    help="Day of publication, for croissant.json.",
)
@click.option(
    "--version", metavar="X.Y.Z", help="Version of the data set.  [default: 1.0.0 for the official one, else 0.1.0]"
)
@click.option("--name", metavar="NAME", help="Name of the data set, for croissant.json.")
@click.option("--url", metavar="URL", help="Address of the page that describes it, for croissant.json.")
@format_option
@quiet_option
def command(out: Path, output_format: str, quiet: bool, **settings: Any) -> None:
    """Write Parquet, a dataset card with plots, Croissant metadata and tables.json of the questions in OUT.

    They lie beside the question files (OUT/dataset) and are made from the same records.
    """
    from ehrxqa.publish.export import export as export_files

    report = export_files(out, **settings)
    if quiet and output_format == "text":
        return
    emit(
        output_format,
        asdict(report),
        lambda: "\n".join(
            [
                f"{report.folder}: "
                + (counted(sum(report.questions.values()), "question") if report.questions else "exported"),
                *(f"  {file}" for file in report.files),
            ]
        ),
    )
