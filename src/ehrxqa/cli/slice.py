"""`ehrxqa slice`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ehrxqa.cli.options import DIR, FILE, emit, example, format_option, quiet_option, split_option
from ehrxqa.counting import counted

if TYPE_CHECKING:
    from ehrxqa.agents.slice_policy import Policy

__all__ = ["command"]

#: Slices that are listed on standard output.
_SHOWN = 10


@click.command(
    "slice",
    epilog=example(
        'ehrxqa slice demo/ehrxqa --subject 12143830 --at "2102-01-01 12:00:00" --to patient.db',
        "ehrxqa slice out --questions out/dataset/test.json --policy clinical --to slices",
    ),
)
@click.argument("out", type=DIR)
@click.option("--subject", metavar="ID", help="Whose slice; with --at.")
@click.option("--at", metavar="TIME", help="Until when. With --questions the end of the calendar, if not given.")
@click.option("--questions", type=FILE, metavar="FILE", help="Cut a slice for each subject of these questions.")
@split_option("Whose database and questions.")
@click.option(
    "--policy",
    type=click.Choice(["charted", "clinical"]),
    default="charted",
    show_default=True,
    help="clinical: billed codes are known from discharge on.",
)
@click.option(
    "--to", required=True, type=click.Path(path_type=Path), help="The file to write; with --questions a folder."
)
@format_option
@quiet_option
def command(
    out: Path,
    subject: str | None,
    at: str | None,
    questions: Path | None,
    split: str,
    policy: Policy,
    to: Path,
    output_format: str,
    quiet: bool,
) -> None:
    """Write the database as it was at a time: what an agent may know.

    What has not happened yet is gone: discharge and out times, stop times, death, later events and studies, and the
    answer key altogether. Each question is asked of the slice and of the whole database, and it is said whether the
    answers are the same, or why not.
    """
    from ehrxqa.agents.slicing import slice_questions, slice_subject, subject_number
    from ehrxqa.errors import SettingsError
    from ehrxqa.files import reading
    from ehrxqa.layout import CURRENT_TIME
    from ehrxqa.progress import make_progress
    from ehrxqa.runs.output_folder import built_files

    if (subject is None) == (questions is None):
        raise SettingsError("give either --subject (and --at) or --questions")
    progress = make_progress(quiet=quiet)
    with reading(questions, *built_files(out)):
        if questions is not None:
            when = at or CURRENT_TIME
            report = slice_questions(out, questions, to, at=when, split=split, policy=policy, progress=progress)
        elif at is None:
            raise SettingsError("say until when: --at TIME")
        else:
            report = slice_subject(out, subject_number(subject or ""), at, to, split=split, policy=policy)
    value = {
        "slices": [str(made.path) for made in report.slices],
        "list": str(report.list),
        "questions": report.questions,
        "same_answer": report.same,
    }

    def text() -> str:
        lines = []
        for made in report.slices[:_SHOWN]:
            known, later = (sum(counts) for counts in zip(*made.rows.values(), strict=True))
            lines.append(f"{made.path}: {counted(known, 'row')}, {later:,} come later")
        if len(report.slices) > _SHOWN:
            lines.append(f"… and {counted(len(report.slices) - _SHOWN, 'more slice')}")
        lines.append(
            f"{report.same:,} of {counted(report.questions, 'question has', 'questions have')} the same "
            f"answer there: {report.list}"
        )
        return "\n".join(lines)

    emit(output_format, value, text)
