"""`ehrxqa verify`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command("verify", epilog=example("ehrxqa verify out", "ehrxqa verify out --expected other-out"))
@click.argument("out", type=DIR)
@click.option("--expected", type=DIR, metavar="DIR", help="Another output folder, or table listings, to compare with.")
@quiet_option
@format_option
def command(out: Path, expected: Path | None, quiet: bool, output_format: str) -> int:
    """Check an output folder against its manifest, the published counts, and another folder.

    The exit status is 1 if anything is wrong; of each table the first difference is named.
    """
    from ehrxqa.building.verify import verify

    report = verify(out, expected, progress=make_progress(quiet=quiet))

    def text() -> str:
        lines = [f"ok       {line}" for line in report.checked] + [f"PROBLEM  {line}" for line in report.problems]
        return "\n".join(
            [*lines, f"{out}: {'all as it should be' if report.ok else f'{len(report.problems)} problems'}"]
        )

    emit(output_format, {"ok": report.ok, "checked": report.checked, "problems": report.problems}, text)
    return 0 if report.ok else 1
