"""`ehrxqa verify`."""

from __future__ import annotations

from pathlib import Path

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option
from ehrxqa.counting import counted
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
    from ehrxqa.building.facts import build_facts, facts_json, facts_text
    from ehrxqa.building.verify import verify

    facts = build_facts(out)
    report = verify(out, expected, progress=make_progress(quiet=quiet))

    def text() -> str:
        lines = [f"ok       {line}" for line in report.checked] + [f"PROBLEM  {line}" for line in report.problems]
        verdict = "all that was checked is right" if report.ok else f"{counted(len(report.problems), 'problem')}"
        return "\n".join([*lines, f"{out}: {verdict}", facts_text(facts)])

    value = {"ok": report.ok, "checked": report.checked, "problems": report.problems, "facts": facts_json(facts)}
    emit(output_format, value, text)
    return 0 if report.ok else 1
