"""`ehrxqa official`: from a PhysioNet account to the official dataset, with answers, in one command.

Download, build, answers of all splits, verification: each step is one of this package's own functions, and does only
what is missing, so that the command can be run again at any moment, and a second run does nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from ehrxqa.arguments import checked
from ehrxqa.building.build import build
from ehrxqa.building.facts import Fact, build_facts
from ehrxqa.building.official_plan import OfficialPlan, official_plan, split_files
from ehrxqa.building.verify import verify
from ehrxqa.counting import counted
from ehrxqa.dataset.answer import answer
from ehrxqa.downloading import DownloadReport, Network, download, download_images
from ehrxqa.errors import BuildError, SourceError
from ehrxqa.files import atomic_path, disk_errors
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import DATASET_FOLDER, OFFICIAL_SUBJECTS, SPLITS, WORK_FOLDER, question_file
from ehrxqa.net.credentials import Credentials, find_credentials
from ehrxqa.net.errors import DownloadError
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import OFFICIAL_STAGE, Checksums, StageRecord, read_manifest, stage_key
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.sources.download.outcome import refusal
from ehrxqa.sources.download.releases import EHRXQA, QUESTIONS_VQA, RELEASES, Release

__all__ = ["OfficialReport", "official"]

VQA_FOLDER: Final = "vqa"
_TRIES: Final = 3
R = TypeVar("R")


@dataclass(repr=False)
class OfficialReport:
    """What was done.

    Attributes:
        plan: What was needed and there before.
        dry_run: Whether nothing was done.
        steps: One line per finished step.
        failures: Questions without answer, by file: gold programs that gave none.
        refused: Releases that the account may not read yet.
        facts: What is known about the result.
        files: What was made, to look at.
    """

    plan: OfficialPlan
    dry_run: bool = False
    steps: list[str] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    refused: tuple[Release, ...] = ()
    facts: tuple[Fact, ...] = ()
    files: list[str] = field(default_factory=list)

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there."""
        return not self.dry_run and not self.refused and not self.failures


@checked
def official(
    out: Path | str,
    *,
    sources: Path | str | None = None,
    with_vqa: bool = False,
    images: bool = False,
    dry_run: bool = False,
    unpublished_sources: bool = False,
    train_subjects: int = OFFICIAL_SUBJECTS["train"],
    test_subjects: int = OFFICIAL_SUBJECTS["test"],
    workers: int | None = None,
    network: Network | None = None,
    credentials: Credentials | None = None,
    progress: Progress = FITTING,
    said: Callable[[str], None] = lambda line: None,
) -> OfficialReport:
    """Make the official dataset in `out`; do only what is not done yet.

    Args:
        out: Output folder: `database`, `labels`, `dataset`, and `sources` unless they lie elsewhere.
        sources: Folder of the sources; what is there is not fetched again.
        with_vqa: Also the questions of MIMIC-CXR-VQA, answered into `OUT/vqa`.
        images: Also the X-rays of the studies in the databases.
        dry_run: Say what would be done, without an account and without any connection.
        unpublished_sources: Build even from files that differ from their published checksums.
        train_subjects: Subjects of the train database; the official dataset has 800.
        test_subjects: Subjects of the test database; the official dataset has 400.
        workers: Worker processes (default: number of processors).
        network: Connections, waits, patience.
        credentials: Instead of environment, netrc, keyring or prompt.
        progress: Told what happens.
        said: Hears one line per finished step.

    Raises:
        DownloadError: PhysioNet refuses all of it, cannot be reached, or sends something else.
        SourceError: A source is missing, damaged or not the published one.
        BuildError: The folder holds something else, is in use, or cannot be written.
    """
    out = Path(out)
    root = out / "sources" if sources is None else Path(sources)
    report = OfficialReport(official_plan(root, out, with_vqa=with_vqa, images=images), dry_run)
    if dry_run:
        return report

    def done(line: str) -> None:
        report.steps.append(line)
        said(line)

    _claim(out)
    account = _Account(credentials, progress.note)
    only = _projects(with_vqa)
    fetched = account.tried(
        lambda: download(
            root,
            stages=("build", "questions"),
            only=only,
            network=network,
            credentials=account.credentials,
            progress=progress,
        )
    )
    report.refused = fetched.refused
    done(_sources_line(fetched))
    needed = [release for release in fetched.refused if release not in (EHRXQA, QUESTIONS_VQA)]
    if needed:
        raise SourceError(f"{refusal(needed)}; what could be had is in {fetched.root}: run the same command again then")
    manifest = build(
        fetched.root,
        out,
        train_subjects=train_subjects,
        test_subjects=test_subjects,
        mode="official",
        workers=workers,
        unpublished_sources=unpublished_sources,
        progress=progress,
    )
    tables = manifest.stages["database"].counts["tables"]
    rows = sum(sum(counts.values()) for counts in tables.values())
    done(f"labels and databases: {counted(rows, 'row')} in {' and '.join(tables)}")
    if EHRXQA not in fetched.refused:
        done(_answers(fetched.root, out, workers, report, progress))
    if with_vqa and QUESTIONS_VQA not in fetched.refused:
        done(_vqa_answers(fetched.root, out, report, progress))
    if images:
        pictures = account.tried(
            lambda: download_images(
                out, sources=root, network=network, credentials=account.credentials, progress=progress
            )
        )
        done(f"X-rays: {counted(sum(pictures.images.values()), 'image')}")
    checked = verify(out, progress=progress)
    if not checked.ok:
        raise BuildError(f"{out}: " + "; ".join(checked.problems))
    done(f"verified: {', '.join(checked.checked)}")
    report.facts = build_facts(out)
    return report


def _projects(with_vqa: bool) -> tuple[str, ...]:
    left_out = {"mimic-iv-demo"} | (set() if with_vqa else {QUESTIONS_VQA.slug})
    return tuple(release.slug for release in RELEASES if release.slug not in left_out)


def _claim(out: Path) -> None:
    """Mark a new folder as ours before anything is fetched into it: a build takes no folder that holds other things."""
    with disk_errors(out):
        if out.is_dir() and any(out.iterdir()):
            return
        (out / WORK_FOLDER).mkdir(parents=True, exist_ok=True)


class _Account:
    """Name and password: asked for once, when the host first wants them, and again only if they were mistyped."""

    def __init__(self, given: Credentials | None, note: Callable[[str], None]) -> None:
        self._note = note
        self._known: Credentials | None = given

    def credentials(self) -> Credentials:
        """The user's; whoever sits at a terminal is asked if nothing else has them."""
        if self._known is None:
            self._known = find_credentials(self._note)
        return self._known

    def tried(self, work: Callable[[], R]) -> R:
        """Do what needs the account; what was typed and not accepted may be typed again, three times in all."""
        for left in range(_TRIES - 1, -1, -1):
            try:
                return work()
            except DownloadError as error:
                if error.status != 401 or self._known is None or self._known.origin != "the prompt" or not left:
                    raise
                self._note("name or password not accepted; once more")
                self._known = None
        raise AssertionError("unreachable")


def _sources_line(fetched: DownloadReport) -> str:
    new = sum(file.outcome == "fetched" for file in fetched.files)
    there = len(fetched.files) - new
    return f"sources: {there} files were there, {new} fetched ({fetched.received_bytes:,} bytes), in {fetched.root}"


def _answers(root: Path, out: Path, workers: int | None, report: OfficialReport, progress: Progress) -> str:
    """Answer the three official files, unless that was done from the same files and databases."""
    found = split_files(root, EHRXQA)
    missing = [split for split in SPLITS if len(found.get(split, ())) != 1]
    if missing:
        raise SourceError(f"holds no question file _{missing[0]}.json", path=root / EHRXQA.folder)
    manifest = read_manifest(out)
    assert manifest is not None
    inputs = Checksums(out / WORK_FOLDER / "none").of({split: files[0] for split, files in found.items()})
    inputs |= manifest.stages["database"].outputs
    key = stage_key(OFFICIAL_STAGE, inputs, {}, manifest.versions)
    stage = manifest.stages.get(OFFICIAL_STAGE)
    targets = {split: question_file(out, split) for split in SPLITS}
    report.files += [str(target) for target in targets.values()]
    if stage is not None and stage.key == key and all((out / path).is_file() for path in stage.outputs):
        report.failures = {name: count for name, count in stage.counts["failed"].items() if count}
        return f"answers: {sum(stage.counts['answered'].values()):,}, there already"
    answered: dict[str, int] = {}
    failed: dict[str, int] = {}
    for split in SPLITS:
        with atomic_path(question_file(out, split, answered=False)) as part:
            shutil.copyfile(found[split][0], part)
        result = answer(out, found[split][0], targets[split], workers=workers, progress=progress)
        answered[split], failed[split] = result.answered, len(result.failed)
    outputs = [f"{DATASET_FOLDER}/{mark}{split}.json" for split in SPLITS for mark in ("_", "")]
    records = Checksums(out / WORK_FOLDER / "none").of({path: out / path for path in outputs})
    manifest = read_manifest(out) or manifest
    manifest.stages[OFFICIAL_STAGE] = StageRecord(key, records, {"answered": answered, "failed": failed})
    manifest.write(out)
    report.failures = {split: count for split, count in failed.items() if count}
    return "answers: " + ", ".join(f"{split} {count:,}" for split, count in answered.items())


def _vqa_answers(root: Path, out: Path, report: OfficialReport, progress: Progress) -> str:
    """Answer the files of MIMIC-CXR-VQA from the labels."""
    from ehrxqa.vqa.answering import answer_files
    from ehrxqa.vqa.split_labels import read_split_labels

    counts = []
    for split, files in split_files(root, QUESTIONS_VQA).items():
        target = out / VQA_FOLDER / f"{split}.json"
        result = answer_files(read_split_labels(out / "labels", split), files, split, target, progress=progress)
        counts.append(f"{split} {result.questions:,}")
        report.files.append(str(target))
    return "answers about images: " + ", ".join(counts)
