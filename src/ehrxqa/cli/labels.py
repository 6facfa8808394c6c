"""`ehrxqa labels`: `write` (the default), and `audit`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.groups import SuggestingGroup
from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option, seed_option
from ehrxqa.progress import make_progress

__all__ = ["command"]


class _WriteByDefault(SuggestingGroup):
    """`ehrxqa labels OUT FOLDER` is `ehrxqa labels write OUT FOLDER`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or `write`."""
        if args and args[0] not in self.commands:
            return "write", self.commands["write"], args
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options of `write` may come before its arguments."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group("labels", cls=_WriteByDefault)
def command() -> None:
    """Write cohorts and labels as the official CSV files, or hold them against a radiologist's.

    `ehrxqa labels OUT FOLDER` is short for `ehrxqa labels write OUT FOLDER`.
    """


@command.command("write", epilog=example("ehrxqa labels write out label-files --only gold_dataset.csv"))
@click.argument("out", type=DIR)
@click.argument("folder", type=DIR)
@click.option("--only", multiple=True, metavar="NAME", help="Write only this file, e.g. valid_dataset.csv; repeatable.")
@click.option("--gzip", "packed", is_flag=True, help="Write .csv.gz files.")
@quiet_option
@format_option
def write(out: Path, folder: Path, only: tuple[str, ...], packed: bool, quiet: bool, output_format: str) -> None:
    """Write cohorts and labels of a build as the official CSV files, byte for byte.

    OUT is the output folder of a build, FOLDER gets the files. The train labels of the full sources are large
    (150 million rows).
    """
    from ehrxqa.labels.label_files import labels_write

    written = labels_write(out, folder, only=only, packed=packed, progress=make_progress(quiet=quiet)).files
    emit(output_format, list(written), lambda: "\n".join(written))


@command.command("audit", epilog=example("ehrxqa labels audit out physionet.org/files"))
@click.argument("out", type=DIR)
@click.argument("human", type=click.Path(path_type=Path))
@seed_option("Of the intervals of κ.")
@quiet_option
@format_option
def audit(out: Path, human: Path, seed: int, quiet: bool, output_format: str) -> None:
    """Say how silver labels agree with the studies that a radiologist read, per finding.

    OUT is the output folder of a build, HUMAN the file mimic-cxr-2.1.0-test-set-labeled.csv or a folder that holds it.
    Intervals are of 95 %.
    """
    from dataclasses import asdict

    from ehrxqa.labels.agreement import audit_text, labels_audit

    found = labels_audit(out, human, seed=seed)
    emit(output_format, asdict(found), lambda: audit_text(found))
