"""`ehrxqa leak-scan`: find what must never be published."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import FILE, emit, example, format_option, quiet_option

__all__ = ["command"]


@click.command(
    "leak-scan",
    epilog=example(
        "ehrxqa leak-scan .",
        "ehrxqa leak-scan . --history            # before a repository becomes public",
        "ehrxqa leak-scan results/ --format json",
    ),
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--history", is_flag=True, help="Also every version of every file in the git history.")
@click.option("--everything", is_flag=True, help="Also files that git ignores.")
@click.option("--allow", type=FILE, default=None, help="Allow list.  [default: .leakscan-allow beside the files]")
@format_option
@quiet_option
def command(
    paths: tuple[Path, ...], history: bool, everything: bool, allow: Path | None, output_format: str, quiet: bool
) -> int:
    """Find what must never be published: rows and numbers of MIMIC, answers, databases, images, credentials.

    Exit status 0: all of it read, nothing found; 1: something found; 3: nothing found, but not all could be read.
    Values of patients are never shown. What the synthetic hospital made is recognised by its
    SYNTHETIC.json, or the manifest.json of a build from it.
    """
    from ehrxqa.leakscan import leak_scan
    from ehrxqa.progress import make_progress

    report = leak_scan(paths, history=history, everything=everything, allow=allow, progress=make_progress(quiet=quiet))
    emit(output_format, report.as_json(), report.as_text)
    return {"clean": 0, "leak": 1, "not read": 3}[report.verdict]
