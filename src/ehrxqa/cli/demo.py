"""`ehrxqa demo`."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    drawing_option,
    emit,
    example,
    format_option,
    quiet_option,
    seed_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.layout import SPLITS
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    from ehrxqa.demonstration.run import DemoReport

__all__ = ["command"]


@click.command("demo", epilog=example("ehrxqa demo", "ehrxqa demo my-demo --subjects 400"))
@click.argument("out", type=DIR, default="demo")
@click.option("--subjects", type=click.IntRange(min=60), default=240, show_default=True, metavar="N", help="Subjects.")
@seed_option("Of all that is drawn.")
@drawing_option
@workers_option
@click.option(
    "--questions",
    type=click.IntRange(min=20),
    default=4000,
    show_default=True,
    metavar="N",
    help="Questions to generate: 8 of 10 for train, 1 for valid, 1 for test.",
)
@quiet_option
@format_option
def command(
    out: Path,
    subjects: int,
    seed: int,
    images: bool,
    questions: int,
    workers: int | None,
    quiet: bool,
    output_format: str,
) -> int:
    """Make a synthetic hospital, build everything from it, and look around.

    Needs no data and no account, and takes about a minute and a half. OUT (default: ./demo) gets the hospital, what is
    built from it, a vision model that is trained on its X-rays, and a board: gold queries and the parser template, each
    with perfect vision, the trained model, and the most frequent answers of train.
    """
    from ehrxqa.demonstration.run import demo
    from ehrxqa.models.board import board_json

    report = demo(
        out,
        subjects=subjects,
        gold_subjects=subjects // 4,
        questions={
            "train": questions - 2 * (questions // 10),
            "valid": questions // 10,
            "test": questions // 10,
        },
        seed=seed,
        images=images,
        workers=workers,
        progress=make_progress(quiet=quiet),
    )
    value: dict[str, Any] = {**asdict(report), "out": str(out), "ok": report.ok}
    value["board"] = board_json([report.board])
    emit(output_format, value, lambda: _text(report))
    return 0 if report.ok else 1


def _text(report: DemoReport) -> str:
    from ehrxqa.models.board import board_text

    lines = [""]
    for split, counts in report.tables.items():
        lines.append(
            f"{report.out}/ehrxqa/database/{split}/mimic_iv_cxr.db: {counted(counts['patients'], 'subject')}, "
            f"{counted(counts['tb_cxr'], 'X-ray study')}, {counted(sum(counts.values()), 'row')} in "
            f"{counted(len(counts), 'table')}"
        )
    for found in report.answers:
        lines += ["", f"{found.scope}: {found.question}", f"  gold SQL   {_short(found.gold_answer)}"]
        if found.neural_answer is not None:
            asked = f"{found.images} image{'s' * (found.images != 1)} asked"
            verdict = "same" if found.agree else "DIFFERENT"
            lines.append(f"  NeuralSQL  {_short(found.neural_answer)}  ({asked}; {verdict})")
    lines += [
        "",
        f"{counted(sum(report.dataset.questions.values()), 'new question')}, each verified before it was written: ",
    ]
    lines[-1] += ", ".join(f"{count:,} {split}" for split, count in report.dataset.questions.items())
    lines += [f"  {'':14}{'train':>7}{'valid':>7}{'test':>7}{'NeuralSQL right':>17}"]
    for name, counts in report.dataset.modalities.items():
        total, right = report.dataset.scores.get(name, (0, 0))
        splits = "".join(f"{counts[split]:>7}" for split in SPLITS)
        lines.append(f"  {name:14}{splits}{f'{right} of {total}':>17}")
    for shown in report.dataset.examples:
        lines += ["", f"{shown.modality}: {shown.question}", *_wrapped("gold SQL", shown.gold_sql)]
        if shown.neural_sql != shown.gold_sql:
            lines += _wrapped("NeuralSQL", shown.neural_sql)
        lines.append(f"  answer     {_short(shown.answer)}")
    lines += ["", "Parsers and vision models side by side, and whose fault wrong answers are:"]
    lines += [f"  {line}" for line in board_text([report.board]).splitlines()]
    agreed = sum(found.agree for found in report.answers)
    lines += ["", f"{agreed} of {len(report.answers)} showcase questions answered alike by gold SQL and NeuralSQL"]
    lines += [f"PROBLEM  {problem}" for problem in report.problems]
    database = f"{report.out}/ehrxqa/database/test/mimic_iv_cxr.db"
    lines += [
        "",
        "Next:",
        f"  ehrxqa info {report.out}/ehrxqa",
        f"  ehrxqa stats {report.out}/ehrxqa",
        f"  ehrxqa board {report.out}/ehrxqa --floors --html board.html",
        f"  ehrxqa compare {report.out}/ehrxqa/runs/template-prior {report.out}/ehrxqa/runs/template-oracle",
        f"  ehrxqa why {report.out}/ehrxqa 0 --split test",
        f"  ehrxqa generate {report.out}/ehrxqa --test 200 --scope image --seed 1 --force",
        f"  ehrxqa query {database} \\",
        "    'select subject_id from tb_cxr where func_vqa(\"is there pleural effusion?\", study_id) = true limit 5'",
        f"  ehrxqa page {report.out} pages",
        f"  X-rays: {report.out}/hospital/mimic-cxr-jpg/2.0.0/files/",
        "  Your own data: ehrxqa build SOURCES OUT; see README.md",
        "",
        f"Look at it: ehrxqa serve {report.out} and open http://127.0.0.1:8765/",
    ]
    return "\n".join(lines)


def _wrapped(name: str, sql: str) -> list[str]:
    """SQL behind its name, over as many lines as it takes."""
    return textwrap.wrap(
        sql,
        118,
        initial_indent=f"  {name:11}",
        subsequent_indent=" " * 13,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _short(answer: list[Any]) -> str:
    text = json.dumps(answer, ensure_ascii=False)
    return text if len(text) <= 100 else text[:97] + "…"
