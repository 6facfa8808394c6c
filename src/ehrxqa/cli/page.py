"""`ehrxqa page`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import (
    DIR,
    emit,
    example,
    format_option,
    pictures_option,
    quiet_option,
    seed_option,
    split_option,
)
from ehrxqa.counting import counted
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "page",
    epilog=example(
        "ehrxqa page demo pages",
        "ehrxqa page demo pages --ids 3,9,17 --split test",
        "ehrxqa page demo pages --sample 50 --seed 1",
    ),
)
@click.argument("out", type=DIR)
@click.argument("folder", type=DIR)
@pictures_option
@click.option("--ids", metavar="ID,ID", help="Questions to show.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="How many to draw instead.  [default: 20]")
@split_option("Whose questions.")
@seed_option("Of the sample.")
@click.option("--patients", is_flag=True, help="Write pages of patients' data, which stay where the data may be.")
@format_option
@quiet_option
def command(
    out: Path,
    folder: Path,
    images: Path | None,
    ids: str | None,
    sample: int | None,
    split: str,
    seed: int,
    patients: bool,
    output_format: str,
    quiet: bool,
) -> None:
    """Write questions of OUT with subjects, X-rays and proofs as pages in FOLDER.

    Open FOLDER/index.html in any browser; nothing is loaded from elsewhere. Pages of data that are not synthetic hold
    rows, pictures and reports of patients and are only written with --patients.
    """
    from ehrxqa.errors import SettingsError

    if ids is not None and sample is not None:
        raise click.UsageError("give --ids or --sample, not both")
    try:
        from ehrxqa.explorer.static_pages import write_pages
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"pages need {error.name}, which is not installed; install it with: pip install 'ehrxqa[explorer]'"
        ) from error

    wanted = [part.strip() for part in (ids or "").split(",") if part.strip()]
    if ids is not None and not wanted:
        raise SettingsError("--ids: names no question")
    report = write_pages(
        out,
        folder,
        sources=images,
        ids=wanted,
        sample=sample,
        split=split,
        seed=seed,
        patients=patients,
        progress=make_progress(quiet=quiet),
    )
    value = {
        "folder": str(report.folder),
        "questions": report.questions,
        "subjects": report.subjects,
        "images": report.images,
    }
    if not quiet or output_format == "json":
        emit(
            output_format,
            value,
            lambda: (
                f"{report.folder}/index.html: {counted(report.questions, 'question')}, "
                f"{counted(report.subjects, 'subject')}, "
                f"{counted(report.images, 'X-ray')}"
            ),
        )
