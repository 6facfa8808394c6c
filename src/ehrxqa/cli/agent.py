"""`ehrxqa agent`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import (
    DIR,
    ask_for_host,
    choosing_options,
    confirm_option,
    emit,
    endpoint_option,
    example,
    format_option,
    images_option,
    quiet_option,
    run_folder_options,
    seed_option,
    split_option,
    temperature_option,
    vision_option,
)
from ehrxqa.counting import counted

__all__ = ["command"]


@click.command(
    "agent",
    epilog=example(
        "ehrxqa agent demo/ehrxqa --endpoint http://127.0.0.1:11434/v1 --model qwen3 --subset mini-20",
        "ehrxqa agent out --endpoint https://llm.example/v1 --model big-model --confirm-endpoint llm.example \\",
        "    --images /data/mimic-cxr-jpg --pictures --calls 30 --trials 4",
    ),
)
@click.argument("out", type=DIR)
@endpoint_option
@click.option("--model", required=True, metavar="NAME", help="The model there; it must call tools.")
@split_option("Whose questions.")
@vision_option
@images_option
@click.option("--pictures", is_flag=True, help="Let the model look at X-rays, which are sent to the endpoint.")
@choosing_options
@temperature_option
@seed_option("Sent, one more with each trial.")
@click.option("--calls", type=click.IntRange(min=1), default=60, show_default=True, help="Most calls of tools.")
@click.option("--image-questions", type=click.IntRange(min=0), default=2_000, show_default=True, help="Most of them.")
@click.option("--tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens for a question.")
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="Questions at a time.")
@run_folder_options
@confirm_option
@format_option
@quiet_option
def command(
    out: Path, calls: int, image_questions: int, tokens: int | None, output_format: str, quiet: bool, **settings: Any
) -> None:
    """Let a model answer the questions of OUT with the tools, and score it.

    The model sees the question and the tables, rows and X-rays that it asks for; all of that goes to the endpoint. The
    key, if one is needed, comes from EHRXQA_LLM_API_KEY or the keyring. The run is kept in OUT/runs; run an interrupted
    command again to go on.
    """
    from ehrxqa.agents.agent_run import run_agent
    from ehrxqa.agents.budget import Budget
    from ehrxqa.progress import make_progress

    report = run_agent(
        out,
        **settings,
        budget=Budget(calls=calls, image_questions=image_questions, tokens=tokens),
        ask=ask_for_host if sys.stdin.isatty() and sys.stderr.isatty() else None,
        progress=make_progress(quiet=quiet),
    )
    overall, used = report.scores.summary["overall"], report.run.used
    value = {"folder": str(report.folder), "was_complete": report.was_complete, "overall": overall}

    def text() -> str:
        scores = ", ".join(f"{metric} {score['value']:.1f}" for metric, score in overall["scores"].items())
        return (
            f"{counted(overall['questions'], 'question')}: {scores}\n"
            f"{counted(used.calls, 'request')}, {used.tokens_in:,} + {counted(used.tokens_out, 'token')}, "
            f"{counted(used.images, 'image question')}\n"
            f"{report.folder}"
        )

    emit(output_format, value, text)
