"""`ehrxqa synth`: write a synthetic hospital."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ehrxqa.cli.options import (
    DIR,
    cluster_options,
    drawing_option,
    emit,
    example,
    format_option,
    quiet_option,
    releases_option,
    seed_option,
    tables_option,
    workers_option,
)
from ehrxqa.hospital import DEFAULT_SUBJECTS, synth, synth_around
from ehrxqa.hospital.as_downloaded import HARMLESS, KINDS
from ehrxqa.hospital.plan import DEFAULT_IMAGE_SIZE, MAX_IMAGE_SIZE
from ehrxqa.hospital.tree import as_dict
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    from ehrxqa.runs.cluster import Cluster

__all__ = ["command"]


@click.command(
    "synth",
    epilog=example(
        "ehrxqa synth hospital --subjects 600",
        "ehrxqa build hospital out",
        "ehrxqa synth hybrid --around physionet     # after: ehrxqa download physionet --for demo",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--subjects",
    type=int,
    default=None,
    metavar="N",
    help=f"Subjects, 60 to 100000.  [default: {DEFAULT_SUBJECTS}]",
)
@click.option(
    "--gold-subjects",
    type=int,
    default=None,
    metavar="N",
    help="Subjects with a study checked by hand; they make the test database.  [default: a quarter, at most 500]",
)
@click.option(
    "--around",
    type=DIR,
    default=None,
    metavar="DEMO",
    help="Draw X-rays for the subjects of the open MIMIC-IV demo in DEMO, and copy its tables.",
)
@seed_option("Of all that is drawn.")
@drawing_option
@click.option(
    "--image-size",
    type=click.IntRange(256, MAX_IMAGE_SIZE),
    default=DEFAULT_IMAGE_SIZE,
    show_default=True,
    metavar="PIXELS",
    help="Longer side of the X-rays, 256 to 1024.",
)
@click.option(
    "--events-factor",
    type=float,
    default=None,
    metavar="X",
    help="Multiplier of laboratory and charted events.  [default: 1.0]",
)
@click.option(
    "--charted-factor",
    type=float,
    default=None,
    metavar="X",
    help="Further multiplier of charted events alone.  [default: 1.0]",
)
@releases_option
@tables_option
@click.option(
    "--as-downloaded",
    multiple=True,
    is_flag=False,
    flag_value=HARMLESS,
    type=click.Choice([HARMLESS, *(kind.name for kind in KINDS)]),
    metavar="[KIND]",
    help="Leave the tree as downloads, file managers and spreadsheets do: with all that must not change what is built, "
    "or with clutter or a fault of one kind (repeatable; docs/hospital.md lists them).",
)
@workers_option
@cluster_options("out")
@quiet_option
@format_option
def command(
    out: Path,
    subjects: int | None,
    gold_subjects: int | None,
    around: Path | None,
    seed: int,
    images: bool,
    image_size: int,
    events_factor: float | None,
    charted_factor: float | None,
    releases: tuple[str, ...],
    tables: tuple[str, ...],
    as_downloaded: tuple[str, ...],
    workers: int | None,
    cluster: Cluster | None,
    quiet: bool,
    output_format: str,
) -> None:
    """Write a synthetic hospital to OUT: tables, scene graphs and X-rays in PhysioNet's own files.

    No real record is in it, unless --around draws X-rays for the real, open tables of the MIMIC-IV demo. The same
    options give the same bytes. Give OUT to `ehrxqa build`.
    """
    progress = make_progress(quiet=quiet)
    if around is not None:
        if cluster is not None:
            raise click.UsageError("--around draws few X-rays, on this machine; leave out --cluster")
        if (subjects, events_factor, charted_factor, releases, tables) != (None, None, None, (), ()):
            raise click.UsageError(
                "--around takes subjects and events from the demo; leave out --subjects, --release, --table and factors"
            )
        if as_downloaded:
            raise click.UsageError("--as-downloaded is for hospitals that are made up; leave out --around")
        report = synth_around(
            out,
            around,
            gold_subjects=gold_subjects,
            seed=seed,
            images=images,
            image_size=image_size,
            workers=workers,
            progress=progress,
        )
    else:
        report = synth(
            out,
            subjects=DEFAULT_SUBJECTS if subjects is None else subjects,
            gold_subjects=gold_subjects,
            seed=seed,
            images=images,
            events_factor=1.0 if events_factor is None else events_factor,
            charted_factor=1.0 if charted_factor is None else charted_factor,
            releases=releases,
            tables=tables,
            image_size=image_size,
            as_downloaded=as_downloaded,
            workers=workers,
            cluster=cluster,
            progress=progress,
        )
    emit(output_format, as_dict(report), lambda: _text(report.fresh, as_dict(report)))


def _text(fresh: bool, values: dict[str, object]) -> str:
    names = ("subjects", "gold_subjects", "admissions", "icustays", "studies", "images", "scene_graphs", "labevents")
    counts = ", ".join(f"{values[name]:,} {name.replace('_', ' ')}" for name in (*names, "chartevents") if values[name])
    return f"{'Wrote' if fresh else 'Found'} {values['out']}: {counts}."
