"""`ehrxqa info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import DIR, emit, example, format_option, quiet_option
from ehrxqa.counting import counted

__all__ = ["command"]


@click.command("info", epilog=example("ehrxqa info out", "ehrxqa info out --format json"))
@click.argument("out", type=DIR)
@quiet_option
@format_option
def command(out: Path, quiet: bool, output_format: str) -> None:
    """Say what an output folder holds and how it was made."""
    from ehrxqa.building.facts import build_facts, facts_json, facts_text
    from ehrxqa.building.info import info

    found = info(out).as_json()
    facts = build_facts(out)
    found["facts"] = facts_json(facts)
    if not (quiet and output_format == "text"):
        emit(output_format, found, lambda: f"{_text(found)}\n\n{facts_text(facts)}")


_KINDS = {
    "synthetic": "a synthetic hospital",
    "hybrid": "the open MIMIC-IV demo with made-up X-rays (ODbL 1.0)",
    "credentialed": "credentialed data",
}


def _text(found: dict[str, Any]) -> str:
    sources = found["sources"]
    lines = [
        f"{found['out']}: built from {_KINDS[found['kind']]}, "
        f"{sources['files']} files, {sources['bytes'] / 1e6:,.1f} MB",
        "settings: " + ", ".join(f"{name} {value}" for name, value in found["settings"].items()),
        "versions: " + ", ".join(f"{name} {value}" for name, value in found["versions"].items()),
    ]
    for name, stage in found["stages"].items():
        size = sum(stage["outputs"].values()) / 1e6
        lines += ["", f"{name}: {counted(len(stage['outputs']), 'file')}, {size:,.1f} MB"]
        lines += _counts(stage["counts"], "  ")
    if not found["stages"]:
        lines.append("no stage is complete yet; run the build again")
    return "\n".join(lines)


def _counts(counts: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in counts.items():
        if isinstance(value, dict):
            if all(not isinstance(inner, dict) for inner in value.values()):
                lines.append(f"{indent}{name}: " + ", ".join(f"{key} {_number(inner)}" for key, inner in value.items()))
            else:
                lines += [f"{indent}{name}:", *_counts(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_number(value)}")
    return lines


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
