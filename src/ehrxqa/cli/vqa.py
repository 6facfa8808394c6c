"""`ehrxqa vqa`: image questions, the MIMIC-CXR-VQA resource."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.groups import SuggestingGroup
from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option, seed_option
from ehrxqa.cli.vision import COMMANDS
from ehrxqa.counting import counted
from ehrxqa.errors import SettingsError
from ehrxqa.layout import SPLITS
from ehrxqa.progress import make_progress

__all__ = ["command"]

split_option = click.option(
    "--split",
    type=click.Choice(SPLITS),
    required=True,
    help="Whose images: train and valid have silver labels, test gold ones.",
)


@click.group(cls=SuggestingGroup)
def command() -> None:
    """Questions about single chest X-rays (MIMIC-CXR-VQA), and the vision models that answer them."""


@command.command(
    epilog=example(
        "ehrxqa vqa answer out --questions _train_part1.json _train_part2.json \\",
        "    --split train --out train.json",
    )
)
@click.argument("out_folder", metavar="OUT", type=DIR)
@click.argument("more_questions", metavar="[FILE]...", nargs=-1, type=FILE)
@click.option(
    "--questions",
    metavar="FILE [FILE]...",
    type=FILE,
    multiple=True,
    required=True,
    help="Pre-release question files; several are answered one after the other.",
)
@split_option
@click.option("--out", "target", type=FILE, required=True, help="File to write, questions with answers.")
@quiet_option
@format_option
def answer(
    out_folder: Path,
    more_questions: tuple[Path, ...],
    questions: tuple[Path, ...],
    split: str,
    target: Path,
    quiet: bool,
    output_format: str,
) -> None:
    """Fill the answers of pre-release question files from the labels of the output folder OUT."""
    from ehrxqa.vqa.question_files import vqa_answer

    if more_questions and len(questions) > 1:
        raise SettingsError("give several question files after one --questions, or each with its own")
    report = vqa_answer(
        out_folder, (*questions, *more_questions), split=split, target=target, progress=make_progress(quiet=quiet)
    )
    emit(
        output_format,
        asdict(report),
        lambda: (
            f"{target}: {counted(report.questions, 'question')} of {counted(report.kinds, 'kind')} answered, "
            f"{report.empty:,} with an empty list"
        ),
    )


@command.command(epilog=example("ehrxqa vqa generate out --split valid --per-kind 100 --seed 7"))
@click.argument("out_folder", metavar="OUT", type=DIR)
@split_option
@click.option("--per-kind", type=click.IntRange(min=1), required=True, metavar="N", help="Questions of each kind.")
@seed_option("Of all that is drawn: the same seed, the same questions.")
@click.option(
    "--out",
    "target",
    type=FILE,
    default=None,
    help="File to write, questions with answers; without answers beside it, as _FILE.  [default: OUT/vqa/SPLIT.json]",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@quiet_option
@format_option
def generate(out_folder: Path, quiet: bool, output_format: str, **settings: Any) -> None:
    """Make new image questions of all 48 kinds from the labels of the output folder OUT, and answer them."""
    from ehrxqa.vqa.question_files import vqa_generate

    report = vqa_generate(out_folder, **settings, progress=make_progress(quiet=quiet))
    emit(
        output_format,
        asdict(report),
        lambda: (
            f"{report.file}: {counted(report.questions, 'question')} of {counted(report.kinds, 'kind')} "
            f"(without answers: {report.questions_file})"
        ),
    )


for _one in COMMANDS:
    command.add_command(_one)
