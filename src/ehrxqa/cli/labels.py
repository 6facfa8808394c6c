"""`ehrxqa labels`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command("labels", epilog=example("ehrxqa labels out label-files --only gold_dataset.csv"))
@click.argument("out", type=DIR)
@click.argument("folder", type=DIR)
@click.option("--only", multiple=True, metavar="NAME", help="Write only this file, e.g. valid_dataset.csv; repeatable.")
@click.option("--gzip", "packed", is_flag=True, help="Write .csv.gz files.")
@quiet_option
@format_option
def command(out: Path, folder: Path, only: tuple[str, ...], packed: bool, quiet: bool, output_format: str) -> None:
    """Write cohorts and labels of a build as the official CSV files, byte for byte.

    OUT is the output folder of a build, FOLDER gets the files. The train labels of the full sources are large
    (150 million rows).
    """
    from ehrxqa.errors import SettingsError
    from ehrxqa.files import reading
    from ehrxqa.labels.official_csv import OFFICIAL_FILES, write_official_csv
    from ehrxqa.labels.store import read_labels
    from ehrxqa.runs.output_folder import built_files

    unknown = sorted(set(only) - set(OFFICIAL_FILES))
    if unknown:
        raise SettingsError(f"--only {unknown[0]}: no such file; choose from {', '.join(OFFICIAL_FILES)}")
    labels = read_labels(out / "labels")
    progress = make_progress(quiet=quiet)
    paths = {name: folder / (name + ".gz" * packed) for name in OFFICIAL_FILES if not only or name in only}
    with reading(*built_files(out), writing=paths.values()):
        for name, path in paths.items():
            with progress.task(f"writing {path}"):
                write_official_csv(labels, path, name)
    written = [str(path) for path in paths.values()]
    emit(output_format, written, lambda: "\n".join(written))
