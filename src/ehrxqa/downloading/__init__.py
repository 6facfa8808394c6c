"""Choosing what to download from PhysioNet, and bringing it: `ehrxqa download` and `ehrxqa download-images`.

What comes in: stages, subjects, a file of questions or built databases. What goes out: source files in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.arguments import checked
from ehrxqa.downloading.wanted_images import choice_of_questions, database_images, refuse_synthetic
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.layout import BASES, SPLITS, database_path
from ehrxqa.net.credentials import Credentials
from ehrxqa.net.errors import DownloadError
from ehrxqa.progress import Progress
from ehrxqa.shown_progress import FITTING
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG
from ehrxqa.sources.download.fetch_list import Item, State, image_items, listed_items
from ehrxqa.sources.download.image_selection import Image, ImageSelection, metadata_images, read_subjects
from ehrxqa.sources.download.outcome import DownloadReport, FileReport, planned, refusal
from ehrxqa.sources.download.releases import RELEASES, Release, Stage, Wanted, place_of, wanted_files
from ehrxqa.sources.download.run import Handling, Network, Session, session
from ehrxqa.sources.download.zip_safety import ZipLimits, check_zip
from ehrxqa.sources.tree import project_root

__all__ = [
    "Credentials",
    "DownloadError",
    "DownloadReport",
    "FileReport",
    "Network",
    "ZipLimits",
    "check_zip",
    "download",
    "download_images",
]

_CXR = next(release for release in RELEASES if release.slug == MIMIC_CXR_JPG.slug)


@checked
def download(
    sources: Path | str,
    *,
    stages: Sequence[str] = ("build",),
    only: Sequence[str] = (),
    split: str | None = None,
    subjects: Path | str | None = None,
    questions: Path | str | None = None,
    dry_run: bool = False,
    replace: bool = False,
    recheck: bool = False,
    network: Network | None = None,
    credentials: Credentials | Callable[[], Credentials] | None = None,
    progress: Progress = FITTING,
) -> DownloadReport:
    """Bring source files from PhysioNet into `sources`; what is there and matches is not fetched again.

    Args:
        sources: Folder of the sources, made if missing; a folder that holds `physionet.org/files` will do.
        stages: What for: `build` (tables, metadata, Chest ImaGenome), `images` (those of `subjects` or
            `questions`, found through the metadata), `questions`, `demo` (the open MIMIC-IV demo).
        only: Slugs of projects; the others are left out.
        split: Of the question files only that of `train`, `valid` or `test`; of `questions` only that split.
        subjects: For `images`: file of subject_ids.
        questions: For `images`: file of questions.
        dry_run: Look, ask for sizes, fetch nothing but the lists of checksums.
        replace: Fetch again what is there but is not the published file.
        recheck: Read again the files that an earlier run has checked.
        network: Connections, waits, patience.
        credentials: Instead of environment, netrc, keyring or prompt; or a function that is asked when the host asks.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SettingsError: The selection makes no sense.
        DownloadError: The host refuses all of it, cannot be reached, or sends something else; the message says what to
            do. Where some projects refuse (an agreement is not signed) and others do not, the report names them.
        BuildError: The disk is full or not writable.
    """
    chosen = _stages(stages)
    narrowed = subjects is not None or questions is not None
    if narrowed and Stage.IMAGES not in chosen:
        raise SettingsError("--subjects and --questions choose images: add --for images")
    if split is not None and not {Stage.IMAGES, Stage.QUESTIONS} & set(chosen):
        raise SettingsError("--split chooses questions: add --for questions, or --for images --questions FILE")
    if Stage.IMAGES in chosen and not narrowed:
        raise SettingsError(
            "--for images: say which with --subjects FILE or --questions FILE (all of them are 570 GB), or build first "
            "and use `ehrxqa download-images OUT`"
        )
    choice = _choice(subjects, questions, split) if narrowed else None
    if choice is not None and choice.everything:
        raise SettingsError(
            f"{questions}: {choice.open_questions:,} of its questions are about all subjects; build the "
            "databases, then `ehrxqa download-images OUT --questions FILE`"
        )
    wanted = wanted_files(chosen, only=tuple(only), split=split)
    if choice is not None and not any(one.release == _CXR for one in wanted):
        raise SettingsError(f"--for images needs {_CXR.slug}, which --only leaves out")
    root = _root(Path(sources))
    with session(root, network, credentials, progress, Handling(dry_run, replace, recheck)) as run:
        items, refused = _plan(run, wanted)
        parts = [_run(run, items)]
        if choice is not None:
            metadata = _metadata(root)
            if metadata is None:
                progress.note("the metadata is not here yet: which images will be fetched cannot be told in a dry run")
            else:
                parts.append(_run(run, _plan_images(run, metadata_images(metadata, choice))))
        return _joined(run, parts, refused)


@checked
def download_images(
    out: Path | str,
    *,
    sources: Path | str | None = None,
    split: str | None = None,
    questions: Path | str | None = None,
    subjects: Path | str | None = None,
    dry_run: bool = False,
    replace: bool = False,
    recheck: bool = False,
    network: Network | None = None,
    credentials: Credentials | Callable[[], Credentials] | None = None,
    progress: Progress = FITTING,
) -> DownloadReport:
    """Bring the images of the studies in the built databases of `out`.

    Args:
        out: Output folder of a build.
        sources: Folder of the sources, where the images go; default `out/sources`.
        split: Only the database that answers this split (train and valid share one).
        questions: Only images that a question of this file needs.
        subjects: Only images of the subjects in this file.
        dry_run: Count, estimate the bytes from a sample, fetch no image.
        replace: Fetch again what is there but is not the published file.
        recheck: Read again the files that an earlier run has checked.
        network: Connections, waits, patience.
        credentials: Instead of environment, netrc, keyring or prompt; or a function that is asked when the host asks.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SourceError: There is no built database, or it is synthetic.
        DownloadError, BuildError, SettingsError: As `download`.
    """
    out = Path(out)
    choice = _choice(subjects, questions, split) if subjects is not None or questions is not None else None
    images = _database_images(out, split, choice)
    root = _root(Path(sources) if sources is not None else out / "sources")
    with session(root, network, credentials, progress, Handling(dry_run, replace, recheck)) as run:
        return _joined(run, [_run(run, _plan_images(run, images))])


def _stages(names: Sequence[str]) -> tuple[Stage, ...]:
    known = {stage.value: stage for stage in Stage}
    for name in names:
        if name not in known:
            raise SettingsError(f"--for {name}: there are {', '.join(known)}")
    if not names:
        raise SettingsError(f"--for: say one or more of {', '.join(known)}")
    return tuple(dict.fromkeys(known[name] for name in names))


def _choice(subjects: Path | str | None, questions: Path | str | None, split: str | None) -> ImageSelection:
    if subjects is not None and questions is not None:
        raise SettingsError("give --subjects or --questions, not both")
    if subjects is not None:
        return read_subjects(Path(subjects))
    assert questions is not None
    return choice_of_questions(Path(questions), split)


def _root(sources: Path) -> Path:
    """The folder that holds the projects: the given one, or one close by."""
    if sources.exists() and not sources.is_dir():
        raise SettingsError(f"{sources}: not a folder")
    return project_root(sources, [release.slug for release in RELEASES])


def _plan(run: Session, wanted: Iterable[Wanted]) -> tuple[list[Item], list[Release]]:
    """The items of all projects that may be read, and the projects that refuse.

    Raises:
        DownloadError: All of them refuse.
    """
    by_release: dict[Release, list[Wanted]] = {}
    for one in wanted:
        by_release.setdefault(one.release, []).append(one)
    items: list[Item] = []
    refused: list[Release] = []
    for release, files in by_release.items():
        try:
            items += run.plan(
                release,
                lambda sums, name, files=files: listed_items(run.root, files, sums, name),  # type: ignore[misc]
                lambda path, files=files: any(one.means(path) for one in files),  # type: ignore[misc]
            )
        except DownloadError as error:
            if error.status != 403:
                raise
            refused.append(release)
    if refused and not items:
        raise DownloadError(refusal(refused), status=403)
    return items, refused


def _plan_images(run: Session, images: list[Image]) -> list[Item]:
    paths = {image.path for image in images}
    return run.plan(_CXR, lambda sums, _: image_items(run.root, _CXR, images, sums), paths.__contains__)


@dataclass(frozen=True)
class _Part:
    reports: list[FileReport]
    expected_bytes: int | None
    estimated: bool


def _run(run: Session, items: list[Item]) -> _Part:
    items, total, estimated = run.with_sizes(items)
    if run.handling.dry_run:
        replace = run.handling.replace
        items = run.compare_different(items)
        coming = [item for item in items if replace or item.state is not State.DIFFERENT]
        if total is not None and not estimated:
            total = sum(
                (item.size or 0) - (item.have if item.state is State.PARTIAL else 0) for item in coming if item.needed
            )
        return _Part([planned(item, replace=replace) for item in items], total, estimated)
    items = run.settle_different(items)
    run.check_space(items, total)
    return _Part(run.fetch_all(items, total), total, estimated)


def _joined(run: Session, parts: list[_Part], refused: Sequence[Release] = ()) -> DownloadReport:
    reports = [one for part in parts for one in part.reports]
    images: dict[str, int] = {}
    for one in reports:
        if one.name.startswith("image "):
            images[one.outcome] = images.get(one.outcome, 0) + 1
    totals = [part.expected_bytes for part in parts]
    return DownloadReport(
        run.root,
        run.handling.dry_run,
        tuple(one for one in reports if not one.name.startswith("image ")),
        images,
        None if None in totals else sum(total for total in totals if total is not None),
        any(part.estimated for part in parts),
        run.client.received_bytes,
        tuple(refused),
    )


def _metadata(root: Path) -> Path | None:
    plain = place_of(root, _CXR) / "mimic-cxr-2.0.0-metadata.csv"
    return next((path for path in (plain, plain.with_name(plain.name + ".gz")) if path.is_file()), None)


def _database_images(out: Path, split: str | None, choice: ImageSelection | None) -> list[Image]:
    """Images of the databases that a split, or all splits, are answered on."""
    refuse_synthetic(out)
    if split is not None and split not in SPLITS:
        raise SettingsError(f"--split {split}: there are {', '.join(SPLITS)}")
    databases = [database_path(out, name) for name in ((split,) if split else BASES)]
    there = [database for database in databases if database.is_file()]
    if not there:
        raise SourceError("is missing; build the databases first with `ehrxqa build SOURCES OUT`", path=databases[0])
    found = {image for database in there for image in database_images(database, choice)}
    if not found:
        raise SourceError("the built databases hold none of the images that were asked for", path=out)
    return sorted(found)
