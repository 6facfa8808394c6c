"""`ehrxqa coverage`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option, workers_option

__all__ = ["command"]


@click.command(epilog=example("ehrxqa coverage out", "ehrxqa coverage out --format json"))
@click.argument("out", type=DIR)
@workers_option
@quiet_option
@format_option
def command(out: Path, workers: int | None, quiet: bool, output_format: str) -> None:
    """Say which of the 426 official templates the build in OUT can produce, and why not the others."""
    from ehrxqa.progress import make_progress
    from ehrxqa.questions.coverage import coverage

    found = coverage(out, workers=workers, progress=make_progress(quiet=quiet))

    def text() -> str:
        scopes = Counter(each.scope for each in found.templates)
        made = Counter(each.scope for each in found.templates if each.databases)
        lines = [f"{found.produced} of {found.total} official templates ({found.with_source} have a source)"]
        lines += [f"  {scope}: {made[scope]} of {number}" for scope, number in scopes.items()]
        lines += [f"not {each.number} ({each.family}): {each.reason}" for each in found.templates if each.reason]
        return "\n".join(lines)

    emit(output_format, asdict(found), text)
