"""`ehrxqa paraphrase`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    ask_for_host,
    confirm_option,
    emit,
    endpoint_option,
    example,
    format_option,
    quiet_option,
    temperature_option,
)
from ehrxqa.counting import counted
from ehrxqa.layout import SPLITS

if TYPE_CHECKING:
    from ehrxqa.paraphrasing.run import ParaphraseEstimate

__all__ = ["command"]


@click.command(
    "paraphrase",
    epilog=example(
        "ehrxqa paraphrase out --endpoint http://127.0.0.1:11434/v1 --model llama3.1",
        "ehrxqa paraphrase out --endpoint https://llm.example/v1 --model big-model \\",
        "    --confirm-endpoint llm.example --split train --limit 1000",
    ),
)
@click.argument("out", type=DIR)
@endpoint_option
@click.option("--model", required=True, metavar="NAME", help="The model there; becomes para_type.")
@click.option(
    "--split",
    "splits",
    type=click.Choice(SPLITS),
    multiple=True,
    help="Only this split; repeatable.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most questions to reword.")
@click.option(
    "--per-request",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    metavar="N",
    help="Most wordings of one sentence to ask for at once.",
)
@temperature_option
@click.option("--seed", type=int, metavar="S", help="Sent if given; another seed asks again.")
@click.option(
    "--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, metavar="N", help="Requests at a time."
)
@confirm_option
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and how many requests it takes; send nothing.")
@format_option
@quiet_option
def command(
    out: Path,
    splits: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    output_format: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Let a language model reword the questions in OUT.

    It is sent sentences with placeholders instead of names, numbers and dates. A reply that changes the meaning, as
    far as can be checked, is refused. The key, if one is needed, comes from EHRXQA_LLM_API_KEY or the keyring. Run an
    interrupted command again to go on.
    """
    from ehrxqa.paraphrasing.run import estimate, paraphrase
    from ehrxqa.progress import make_progress

    if dry_run:
        found = estimate(out, splits=splits, limit=limit)
        emit(output_format, asdict(found), lambda: _said(found))
        return
    report = paraphrase(
        out,
        **settings,
        splits=splits,
        limit=limit,
        ask=ask_for_host if sys.stdin.isatty() and sys.stderr.isatty() else None,
        progress=make_progress(quiet=quiet),
    )

    def text() -> str:
        changed = sum(report.changed.values())
        lines = [f"{changed:,} of {counted(report.questions, 'question')} reworded by {report.model}"]
        lines += [f"  {split}: {number:,}" for split, number in report.changed.items()]
        lines.append(
            f"{counted(report.shapes, 'sentence')}, {counted(report.requests, 'request')}, "
            f"{counted(report.remembered, 'reply')} kept from before"
        )
        lines += [f"kept, {reason}: {number:,}" for reason, number in report.kept.items()]
        lines += [f"refused, {reason}: {number:,}" for reason, number in report.rejected.items()]
        if report.others:
            lines.append(f"left alone, not worded by machine: {report.others:,}")
        return "\n".join(lines)

    emit(output_format, asdict(report), text)


def _said(found: ParaphraseEstimate) -> str:
    lines = [
        f"{counted(found.questions, 'question')}, {counted(found.sentences, 'different sentence')}: "
        f"{counted(found.requests, 'request')}, up to "
        f"{found.most:,} if replies are refused; nothing was sent"
    ]
    lines += [f"kept, {reason}: {number:,}" for reason, number in found.kept.items()]
    return "\n".join([*lines, *(f"  such as: {sentence}" for sentence in found.examples)])
