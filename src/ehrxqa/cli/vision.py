"""`ehrxqa vqa train`, `plan`, `ask` and `evaluate`: vision models."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    FILE,
    ask_for_host,
    cluster_options,
    confirm_option,
    emit,
    example,
    few_options,
    format_option,
    images_option,
    quiet_option,
    seed_option,
    split_option,
)
from ehrxqa.counting import counted
from ehrxqa.layout import Split, database_path
from ehrxqa.progress import make_progress

if TYPE_CHECKING:
    pass

__all__ = ["COMMANDS"]


@click.command(epilog=example("ehrxqa vqa train out --images hospital --to linear"))
@click.argument("out_folder", metavar="OUT", type=DIR)
@click.option("--images", type=DIR, required=True, help="The sources, or the folder of MIMIC-CXR-JPG.")
@click.option(
    "--to", "name", required=True, metavar="NAME", help="Name of the model; it is written to OUT/models/NAME."
)
@click.option(
    "--kind",
    type=click.Choice(["linear", "cnn"]),
    default="linear",
    show_default=True,
    help="linear: regression on blurred pixels, seconds; cnn: a small network, needs torch (extra vqa).",
)
@click.option("--size", type=click.IntRange(8, 1024), metavar="PX", help="Pixels of a side.  [default: 28, cnn: 160]")
@click.option(
    "--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the images, for cnn.  [default: 16]"
)
@click.option("--device", default="auto", show_default=True, help="Where a cnn is trained: auto, cpu, cuda, …")
@seed_option("Of all that is drawn.")
@click.option("--force", is_flag=True, help="Replace a model of that name.")
@quiet_option
@format_option
def train(out_folder: Path, quiet: bool, output_format: str, **settings: Any) -> None:
    """Train a vision model on the labelled X-rays of the train split, with thresholds fitted on valid.

    It is then named like any other model: --model NAME. Weights trained on real X-rays fall under their data use
    agreement; leak-scan knows such files.
    """
    from ehrxqa.vqa.trained.train import vqa_train

    report = vqa_train(out_folder, **settings, progress=make_progress(quiet=quiet))

    def text() -> str:
        measured, missing = report.measured, f", {report.missing_images:,} missing" if report.missing_images else ""
        area = "" if measured["auroc"] is None else f", AUROC {measured['auroc']:.3f}"
        return (
            f"{report.folder}: {report.kind} model of {counted(report.train_images, 'image')} "
            f"(thresholds: {counted(measured['held_out'], 'held-out one')}{missing})\n"
            f"{100 * measured['exact']:.1f} % of {counted(measured['asked'], 'question')} on held-out "
            f"images exact{area}"
        )

    emit(output_format, asdict(report), text)


@click.command(
    epilog=example(
        "ehrxqa vqa plan out --queries predicted.json --out pairs.jsonl",
        "ehrxqa vqa ask out --pairs pairs.jsonl --model hf:my-model --images sources --out answers.jsonl",
        "ehrxqa execute … --model recorded:answers.jsonl",
    )
)
@click.argument("out_folder", metavar="OUT", type=DIR)
@click.option("--queries", type=FILE, required=True, help="Queries: {id: sql}, a list of {id, query}, or JSONL.")
@few_options("queries")
@split_option("Whose database.")
@click.option("--answers", type=FILE, multiple=True, help="Answered pairs of earlier rounds; repeatable.")
@click.option("--out", "target", type=FILE, required=True, help="File for the pairs, JSON lines.")
@quiet_option
@format_option
def plan(
    out_folder: Path,
    queries: Path,
    ids: Path | None,
    limit: int | None,
    split: Split,
    answers: tuple[Path, ...],
    target: Path,
    quiet: bool,
    output_format: str,
) -> None:
    """List the distinct (image, question) pairs that a file of queries needs, grouped by image.

    Questions may depend on each other: answer the pairs, name the answers with --answers, and plan again until none
    are left. The queries then run without a model: --model recorded:ANSWERS.
    """
    from ehrxqa.neuralsql.needed import vqa_plan
    from ehrxqa.vqa.question_files import require_folder

    require_folder(out_folder)
    report = vqa_plan(
        database_path(out_folder, split),
        queries,
        target=target,
        answers=answers,
        ids=ids,
        limit=limit,
        progress=make_progress(quiet=quiet),
    )

    def text() -> str:
        lines = [
            f"{report.file}: {counted(report.pairs, 'pair')} on {counted(report.images, 'image')}; "
            f"{report.ready:,} of {counted(report.queries, 'query needs', 'queries need')} no further answer"
        ]
        if report.faulty:
            lines.append(
                f"{counted(report.faulty, 'query cannot', 'queries cannot')} be run: {'; '.join(report.reasons)}"
            )
        return "\n".join(lines)

    emit(output_format, asdict(report), text)


@click.command(
    epilog=example(
        "ehrxqa vqa ask out --pairs pairs.jsonl --model linear --images sources --out answers/1.jsonl --shard 1/4",
        "ehrxqa vqa ask out --questions valid.json --split valid --model linear --images sources --out answers.jsonl",
    )
)
@click.argument("out_folder", metavar="OUT", type=DIR)
@click.option("--pairs", type=FILE, help="File of pairs, as plan writes it.")
@click.option("--questions", type=FILE, help="Question file of MIMIC-CXR-VQA, with answers or without.")
@split_option("Whose images.")
@click.option(
    "--model", required=True, metavar="V", help="Who answers: oracle, linear, hf:FOLDER, endpoint:URL:MODEL, …"
)
@images_option
@confirm_option
@click.option(
    "--shard", default="1/1", show_default=True, metavar="I/N", help="Only the I-th of N parts of the images."
)
@click.option(
    "--out", "target", type=FILE, required=True, help="File of answers, JSON lines; an unfinished one goes on."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Worker processes, each with the model.  [default: 1, this process; of --cluster local, one a processor]",
)
@cluster_options("out_folder")
@quiet_option
@format_option
def ask(out_folder: Path, shard: str, quiet: bool, output_format: str, **settings: Any) -> None:
    """Let a vision model answer pairs, image by image; every answer is kept as it comes.

    Run a killed command again to go on: nothing is asked twice. The answers are read by recorded:FILE, those of several
    shards by recorded:FOLDER.
    """
    from ehrxqa.vqa.ask import Shard, vqa_ask
    from ehrxqa.vqa.question_files import require_folder

    require_folder(out_folder)
    report = vqa_ask(
        out_folder,
        **settings,
        confirm=ask_for_host if sys.stdin.isatty() and sys.stderr.isatty() else None,
        shard=Shard.read(shard),
        progress=make_progress(quiet=quiet),
    )

    def text() -> str:
        lines = [
            f"{report.file}: {report.known + report.asked:,} of {counted(report.pairs, 'pair')} on "
            f"{counted(report.images, 'image')} "
            f"answered by {report.model} ({report.known:,} before), {counted(report.abstained, 'abstention')}"
        ]
        if report.unread:
            share = 100 * report.unread / max(1, report.asked)
            lines.append(
                f"{counted(report.unread, 'reply')} of this run could not be read ({share:.1f} %); they abstain"
            )
        if report.failed:
            lines.append(f"{report.failed:,} not answered, run again to try: {'; '.join(report.reasons)}")
        return "\n".join(lines)

    emit(output_format, asdict(report), text)


@click.command(epilog=example("ehrxqa vqa evaluate --questions valid.json --answers answers.jsonl --by kind"))
@click.option("--questions", type=FILE, required=True, help="Question file with answers.")
@click.option("--answers", type=FILE, required=True, help="What ask wrote.")
@click.option(
    "--by",
    type=click.Choice(["form", "content", "kind", "attribute", "object"]),
    default="content",
    show_default=True,
    help="Groups to show; JSON has them all.",
)
@click.option("--official-answers", is_flag=True, help="F1 over the 110 official answers of MIMIC-CXR-VQA.")
@quiet_option
@format_option
def evaluate(questions: Path, answers: Path, by: str, official_answers: bool, quiet: bool, output_format: str) -> None:
    """Score answers to image questions: exact sets, F1, areas under curves, calibration."""
    from ehrxqa.vqa.evaluate import OFFICIAL_ANSWERS, vqa_evaluate

    scores = vqa_evaluate(questions, answers, answer_space=OFFICIAL_ANSWERS if official_answers else None)

    def text() -> str:
        lines = [
            f"{counted(scores.questions, 'question')}: {100 * scores.accuracy:.1f} % exact, "
            f"micro F1 {100 * scores.micro_f1:.1f}, macro F1 {100 * scores.macro_f1:.1f} over {scores.labels} answers; "
            f"{counted(scores.abstained, 'abstention')}, "
            f"{scores.missing:,} without an answer"
        ]
        if scores.calibration is not None:
            areas = list(scores.auroc_by_finding.values())
            finding = f", mean of {len(areas)} findings {sum(areas) / len(areas):.3f}" if areas else ""
            whole = "-" if scores.auroc is None else f"{scores.auroc:.3f}"
            lines.append(
                f"AUROC of yes/no questions {whole}{finding}; calibration error {scores.calibration['ece']:.3f}, "
                f"Brier score {scores.calibration['brier']:.3f}"
            )
        for grouping in ("open or closed", by):
            groups = scores.groups.get(grouping, {})
            width = max((len(name) for name in groups), default=0)
            lines += [
                grouping,
                *(f"  {name:<{width}} {n:>8,} {100 * share:6.1f}" for name, (n, share) in groups.items()),
            ]
        return "\n".join(lines)

    emit(output_format, asdict(scores), text)


#: The commands, for the group `vqa`.
COMMANDS = (train, plan, ask, evaluate)
