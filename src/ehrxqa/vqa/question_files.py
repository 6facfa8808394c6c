"""Files of image questions: `vqa_answer` fills answers from labels, `vqa_generate` makes new questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.arguments import checked
from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.files import reading
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import LABELS_FOLDER, SPLITS
from ehrxqa.progress import Progress
from ehrxqa.runs.output_folder import built_files
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.vqa.answering import answer_files
from ehrxqa.vqa.generate import generate
from ehrxqa.vqa.records import write_records
from ehrxqa.vqa.split_labels import read_split_labels

__all__ = ["VqaAnswered", "VqaGenerated", "require_folder", "vqa_answer", "vqa_generate"]


@dataclass(frozen=True)
class VqaAnswered:
    """Image questions that were answered.

    Attributes:
        questions: How many.
        empty: How many have the empty list as answer.
        kinds: How many of the 48 kinds occur.
        file: Where they are.
    """

    questions: int
    empty: int
    kinds: int
    file: str

    __repr__ = short_repr
    _repr_html_ = html_repr


@dataclass(frozen=True)
class VqaGenerated:
    """Image questions that were made.

    Attributes:
        questions: How many.
        empty: How many have the empty list as answer.
        kinds: How many of the 48 kinds occur.
        file: Questions with answers.
        questions_file: The same without answers.
        unbalanced: Kind → questions with another answer than balance asks for.
        missing: Kind → questions that the labels do not give.
    """

    questions: int
    empty: int
    kinds: int
    file: str
    questions_file: str
    unbalanced: dict[int, int]
    missing: dict[int, int]

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def vqa_answer(
    out: Path | str,
    questions: Path | str | Sequence[Path | str],
    *,
    split: str,
    target: Path | str,
    progress: Progress = FITTING,
) -> VqaAnswered:
    """Fill the answers of pre-release files of image questions from the labels of a build.

    Args:
        out: Output folder of the build.
        questions: Pre-release question files; several are answered one after the other.
        split: Whose images: train and valid have silver labels, test gold ones.
        target: File to write, questions with answers.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        RecordError: A file is not of the pre-release form, or questions cannot be answered from the labels.
        SettingsError: There is no such folder or split, or the target is one of the files that are read.
        BuildError: The labels are missing or damaged, or the target cannot be written.
    """
    out, target = Path(out), Path(target)
    files = [Path(questions)] if isinstance(questions, str | Path) else [Path(each) for each in questions]
    _check(out, split)
    with reading(*files, *built_files(out), writing=[target]):
        labels = read_split_labels(out / LABELS_FOLDER, split)
        report = answer_files(labels, files, split, target, progress=progress)
    return VqaAnswered(report.questions, report.empty, report.kinds, str(target))


@checked
def vqa_generate(
    out: Path | str,
    *,
    split: str,
    per_kind: int,
    seed: int = 0,
    target: Path | str | None = None,
    force: bool = False,
    progress: Progress = FITTING,
) -> VqaGenerated:
    """Make new image questions of all 48 kinds from the labels of a build, and answer them.

    Args:
        out: Output folder of the build.
        split: Whose images: train and valid have silver labels, test gold ones.
        per_kind: Questions of each kind.
        seed: Of all that is drawn: the same seed, the same questions.
        target: File to write (default: `OUT/vqa/SPLIT.json`); without answers beside it, as `_SPLIT.json`.
        force: Replace files that are there.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SettingsError: A file is there already, there is no such folder or split, or a number is out of range.
        BuildError: The labels are missing or damaged, or a file cannot be written.
    """
    out = Path(out)
    if per_kind < 1 or seed < 0:
        raise SettingsError("per_kind is at least 1, and seed at least 0")
    target = out / "vqa" / f"{split}.json" if target is None else Path(target)
    questions = target.with_name(f"_{target.name}")
    if not force and (there := next((path for path in (questions, target) if path.exists()), None)) is not None:
        raise SettingsError(f"{there} is there already; name another file with --out, or replace it with --force")
    _check(out, split)
    with reading(*built_files(out), writing=(questions, target)):
        labels = read_split_labels(out / LABELS_FOLDER, split)
        with progress.task("generating"):
            made = generate(labels, split, per_kind=per_kind, seed=seed)
        write_records(questions, made.records)
        report = answer_files(labels, [questions], split, target, progress=progress)
    for counts, what in ((made.unbalanced, "have another answer than balance asks for"), (made.missing, "are missing")):
        if counts:
            listed = ", ".join(f"kind {kind}: {count}" for kind, count in counts.items())
            progress.note(f"note: the labels do not give more; {what}: {listed}")
    return VqaGenerated(
        report.questions, report.empty, report.kinds, str(target), str(questions), made.unbalanced, made.missing
    )


def require_folder(folder: Path) -> None:
    """Refuse an output folder that is not there.

    Raises:
        SettingsError: It is not there.
    """
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such output folder; build it first: ehrxqa build SOURCES {folder}")


def _check(out: Path, split: str) -> None:
    require_folder(out)
    if split not in SPLITS:
        raise SettingsError(f"split must be {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, not {split!r}")
