"""`ehrxqa official`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.download import connections_option
from ehrxqa.cli.options import (
    DIR,
    emit,
    example,
    format_option,
    quiet_option,
    unpublished_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    from ehrxqa.building.official import OfficialReport

__all__ = ["command"]


@click.command(
    "official",
    epilog=example(
        "ehrxqa official out --dry-run                      # what has to be signed, what is there",
        "ehrxqa official out                                # asks for your PhysioNet name and password",
        "ehrxqa official out --sources ~/physionet --with-vqa --images",
    ),
)
@click.argument("out", type=DIR)
@click.option(
    "--sources", type=DIR, metavar="DIR", help="Folder of the sources; what is there is used.  [default: OUT/sources]"
)
@click.option("--with-vqa", is_flag=True, help="Also the questions of MIMIC-CXR-VQA, into OUT/vqa.")
@click.option("--images", is_flag=True, help="Also the X-rays of the studies in the databases.")
@click.option("--dry-run", is_flag=True, help="Say what is needed and what is there; ask nobody, write nothing.")
@unpublished_option
@connections_option
@workers_option
@quiet_option
@format_option
def command(
    out: Path,
    sources: Path | None,
    with_vqa: bool,
    images: bool,
    dry_run: bool,
    unpublished_sources: bool,
    connections: int,
    workers: int | None,
    quiet: bool,
    output_format: str,
) -> int:
    """Make the official EHRXQA dataset in OUT: download, build, answers of all splits, verification.

    It can be interrupted at any moment; the same command goes on, and a second run does nothing. Name and password
    come from PHYSIONET_USERNAME and PHYSIONET_PASSWORD, ~/.netrc, the keyring, or a prompt; never from the command
    line.
    """
    from ehrxqa.building.official import official
    from ehrxqa.building.official_plan import official_plan
    from ehrxqa.downloading import Network

    text = output_format == "text"
    if text and not quiet and not dry_run:
        root = out / "sources" if sources is None else sources
        click.echo("\n".join(official_plan(root, out, with_vqa=with_vqa, images=images).lines()))
    report = official(
        out,
        sources=sources,
        with_vqa=with_vqa,
        images=images,
        dry_run=dry_run,
        unpublished_sources=unpublished_sources,
        workers=workers,
        network=Network(connections=connections),
        progress=make_progress(quiet=quiet),
        said=(lambda line: click.echo(f"✓ {line}")) if text and not quiet else (lambda line: None),
    )
    emit(output_format, _json(report), lambda: _text(out, report))
    return 0 if report.complete or dry_run else 1


def _text(out: Path, report: OfficialReport) -> str:
    from ehrxqa.building.facts import facts_text
    from ehrxqa.sources.download.outcome import refusal

    if report.dry_run:
        return "\n".join(report.plan.lines())
    lines = [facts_text(report.facts)]
    lines += [
        f"{name}: {counted(count, 'gold program gave', 'gold programs gave')} no answer"
        for name, count in report.failures.items()
    ]
    if report.refused:
        lines.append(f"not fetched: {refusal(report.refused)}")
    lines += [*report.files, f"next: ehrxqa stats {out}"]
    return "\n".join(lines)


def _json(report: OfficialReport) -> dict[str, Any]:
    from ehrxqa.building.facts import facts_json

    return {
        "complete": report.complete,
        "dry_run": report.dry_run,
        "plan": report.plan.as_json(),
        "steps": report.steps,
        "failures": report.failures,
        "refused": [release.agreement for release in report.refused],
        "facts": facts_json(report.facts),
        "files": report.files,
    }
