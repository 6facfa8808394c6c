"""`ehrxqa check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option, workers_option
from ehrxqa.progress import make_progress
from ehrxqa.text_table import columns

__all__ = ["command"]


@click.command("check", epilog=example("ehrxqa check out", "ehrxqa check out --format json"))
@click.argument("out", type=DIR)
@workers_option
@quiet_option
@format_option
def command(out: Path, workers: int | None, quiet: bool, output_format: str) -> int:
    """Prove that gold programs and NeuralSQL give the same answers to all questions of OUT, under every profile.

    The exit status is 1 if any differs. The result is kept beside the questions, and `ehrxqa info` says it.
    """
    from ehrxqa.building.gold_check import check

    found = check(out, workers=workers, progress=make_progress(quiet=quiet))

    def text() -> str:
        splits = found.splits.values()
        table = [["answered right by NeuralSQL", *found.splits], ["of", *(f"{each.questions:,}" for each in splits)]]
        for profile in next(iter(splits)).right:
            table.append([f"under {profile}", *(f"{each.right[profile]:,}" for each in splits)])
        differing = [
            f"{name}, {profile}: differs on {', '.join(ids)}"
            for name, split in found.splits.items()
            for profile, ids in split.differ.items()
        ]
        return "\n".join([*columns(table), *differing, found.line()])

    emit(output_format, asdict(found) | {"agrees": found.agrees}, text)
    return 0 if found.agrees else 1
