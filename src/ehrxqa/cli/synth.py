"""`ehrxqa synth`: write a synthetic hospital."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import emit, example, format_option, quiet_option, workers_option
from ehrxqa.hospital import DEFAULT_SUBJECTS, synth
from ehrxqa.hospital.tree import as_dict
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command("synth", epilog=example("ehrxqa synth hospital --subjects 600", "ehrxqa build hospital out"))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--subjects", type=int, default=DEFAULT_SUBJECTS, show_default=True, metavar="N", help="Subjects, 60 to 100000."
)
@click.option(
    "--gold-subjects",
    type=int,
    default=None,
    metavar="N",
    help="Subjects with a study checked by hand; they make the test database.  [default: a quarter, at most 500]",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Seed of all random numbers.")
@click.option("--images/--no-images", default=True, show_default=True, help="Draw the X-ray files.")
@click.option(
    "--events-factor",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Multiplier of laboratory and charted events.",
)
@click.option(
    "--charted-factor",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Further multiplier of charted events alone.",
)
@workers_option
@quiet_option
@format_option
def command(
    out: Path,
    subjects: int,
    gold_subjects: int | None,
    seed: int,
    images: bool,
    events_factor: float,
    charted_factor: float,
    workers: int | None,
    quiet: bool,
    output_format: str,
) -> None:
    """Write a synthetic hospital to OUT: tables, scene graphs and X-rays in PhysioNet's own files.

    No real record is in it. The same options give the same bytes. Give OUT to `ehrxqa build`.
    """
    report = synth(
        out,
        subjects=subjects,
        gold_subjects=gold_subjects,
        seed=seed,
        images=images,
        events_factor=events_factor,
        charted_factor=charted_factor,
        workers=workers,
        progress=make_progress(quiet=quiet),
    )
    emit(output_format, as_dict(report), lambda: _text(report.fresh, as_dict(report)))


def _text(fresh: bool, values: dict[str, object]) -> str:
    names = ("subjects", "gold_subjects", "admissions", "icustays", "studies", "images", "scene_graphs", "labevents")
    counts = ", ".join(f"{values[name]:,} {name.replace('_', ' ')}" for name in (*names, "chartevents"))
    return f"{'Wrote' if fresh else 'Found'} {values['out']}: {counts}."
