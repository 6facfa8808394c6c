"""`ehrxqa build`: sources → labels → databases, in resumable stages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ehrxqa.arguments import checked
from ehrxqa.building.published import Published, compare_with_published, require_published
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import disk_errors
from ehrxqa.layout import DATABASE_PATHS, MANIFEST, OFFICIAL_SUBJECTS, BuildMode
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import Checksums, FileRecord, Manifest, StageRecord, read_manifest, stage_key
from ehrxqa.runs.output_folder import WORK_FOLDER, exclusive
from ehrxqa.shown_progress import FITTING
from ehrxqa.sources.build_files import DATABASE_SOURCES, LABEL_SOURCES, silver_files
from ehrxqa.sources.found_releases import found_releases
from ehrxqa.sources.opened import check_bytes
from ehrxqa.sources.tree import SourceTree, find_sources
from ehrxqa.sources.two_copies import require_same_content
from ehrxqa.spec.extra import ExtraTable, as_json, extra_tables
from ehrxqa.spec.releases import FoundRelease

__all__ = ["build"]


@checked
def build(
    sources: Path | str,
    out: Path | str,
    *,
    train_subjects: int = OFFICIAL_SUBJECTS["train"],
    test_subjects: int = OFFICIAL_SUBJECTS["test"],
    seed: int = 0,
    workers: int | None = None,
    folders: Mapping[str, Path | str | None] | None = None,
    releases: Sequence[str] = (),
    tables: Sequence[str | ExtraTable] = (),
    mode: BuildMode | None = None,
    force: bool = False,
    unpublished_sources: bool = False,
    progress: Progress = FITTING,
) -> Manifest:
    """Build labels and both databases; do only what is not done yet.

    Args:
        sources: Folder that holds `mimiciv/2.2`, `mimic-cxr-jpg/2.0.0` and `chest-imagenome/1.0.0`.
        out: Output folder; made if it is missing.
        train_subjects: Subjects of the train database (official: 800).
        test_subjects: Subjects of the test database (official: 400).
        seed: Seed of all draws of the databases; 0 gives the official ones.
        workers: Worker processes (default: number of processors). The result does not depend on it.
        folders: A project's own folder by its slug, where it is not below `sources`.
        releases: Releases other than the official ones, such as `mimic-iv-3.1`; the result is another data set.
        tables: Tables beyond the 19, by name (see `ehrxqa.spec.extra`) or as objects; the result is another data set.
        mode: `official` exchanges values between subjects, renames care units and rotates study times, as the official
            builder does; `coherent` leaves what belongs together, keeps images of any width, and gives a small
            hospital a larger train database. By default coherent for synthetic and hybrid sources, else official.
        force: Build anew, even if the folder holds another build.
        unpublished_sources: Build even from files whose checksum is not the one in the list they were published with.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Returns:
        The manifest, as written to `OUT/manifest.json`.

    Raises:
        SettingsError: A number is out of range, there is no such release, or a table is not declared in full.
        SourceError: A source file is missing, damaged, of another release, or not the published one.
        BuildError: The folder holds something else, is in use, or cannot be written.
    """
    for name, value in (("train_subjects", train_subjects), ("test_subjects", test_subjects)):
        if value < 1:
            raise SettingsError(f"{name} must be at least 1, not {value}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, not {seed}")
    tree = find_sources(sources, folders, releases=releases)
    extra = extra_tables(tables)
    out = Path(out)
    mode = mode or ("coherent" if tree.synthetic or tree.hybrid else "official")
    settings = {"train_subjects": train_subjects, "test_subjects": test_subjects, "seed": seed, "mode": mode}
    with _locked(out) as work:
        paths = _source_paths(tree, extra)
        found = found_releases(tree)
        with progress.task("checksums of the sources"):
            records = Checksums(work / "checksums.json").of(paths, check=_check_source)
        published = compare_with_published(tree, paths, records)
        if not unpublished_sources:
            require_published(published)
        declared = {each.table.name: as_json(each.table) for each in extra}
        manifest = _begin(out, tree, settings, records, found, published, declared, progress, force=force)
        run = _Run(tree, extra, out, work, manifest, workers or os.cpu_count() or 1, progress)
        # the keys of official stages are what they were before there were modes
        made_by = {"mode": mode} if mode != "official" else {}
        run.stage("labels", label_sources(manifest.sources), made_by, run.labels)
        sizes = {name: value for name, value in settings.items() if name != "mode"}
        database_settings = {**sizes, **made_by, **({"tables": declared} if declared else {})}
        run.stage("database", manifest.sources, database_settings, run.databases)
        if run.did_something:
            progress.note(f"{out}: complete")
        else:
            progress.note(f"{out}: already complete, nothing to do")
        for entry in work.iterdir():
            if entry.name not in ("lock", "checksums.json"):
                _remove(entry)
    return manifest


@contextmanager
def _locked(out: Path) -> Iterator[Path]:
    """Hold the output folder for this process, if it is one; give the folder for temporary data."""
    if out.exists() and not out.is_dir():
        raise BuildError(f"{out}: is a file; give a folder")
    with disk_errors(out):
        if out.is_dir() and not (out / MANIFEST).exists() and not (out / WORK_FOLDER).is_dir() and any(out.iterdir()):
            raise BuildError(f"{out}: is not empty and holds no build; choose a new or empty folder")
    with exclusive(out) as work:
        yield work


def _source_paths(tree: SourceTree, extra: Sequence[ExtraTable]) -> dict[str, Path]:
    """All files that are read, by catalogue key."""
    keys = tuple(dict.fromkeys((*LABEL_SOURCES, *DATABASE_SOURCES)))
    tree.require((*keys, *(each.source for each in extra)))
    paths = {key: tree.locate(key) for key in keys}
    paths.update({each.table.name: tree.locate(each.source) for each in extra})
    _, silver = silver_files(tree)
    paths.update({f"silver: {path.name.removesuffix('.gz')}": path for path in silver})
    return paths


def _begin(
    out: Path,
    tree: SourceTree,
    settings: dict[str, Any],
    records: dict[str, FileRecord],
    releases: Mapping[str, FoundRelease],
    published: Published,
    tables: Mapping[str, Any],
    progress: Progress,
    *,
    force: bool,
) -> Manifest:
    """The manifest to go on with: the one that is there if it is of the same build, else a new one."""
    fresh = Manifest(
        synthetic=tree.synthetic,
        hybrid=tree.hybrid,
        settings=settings,
        sources=records,
        releases=releases,
        published=published.as_json(),
        tables=dict(tables),
    )
    found = None if force else read_manifest(out)
    if found is not None:
        found.releases = found.releases or fresh.releases  # written by a version that did not look
        found.settings = {**found.settings, "mode": found.mode}  # or that knew of one mode only
        same_sources = found.sources == records and found.releases == fresh.releases
        same_settings = found.settings == settings and found.tables == fresh.tables
        if same_sources and same_settings and found.versions == fresh.versions:
            return found
        if _untouched(found, fresh):
            fresh.stages = found.stages
            fresh.write(out)
            progress.note(
                f"{out}: goes on with an unfinished build, what is complete of it does not depend on what changed"
            )
            return fresh
        what = (
            "other sources"
            if not same_sources
            else "other settings"
            if not same_settings
            else "other versions of ehrxqa or its libraries"
        )
        raise BuildError(f"{out}: holds a build from {what}; choose another folder, or --force to build it anew")
    if force:
        for name in ("labels", "database"):
            _remove(out / name)
    fresh.write(out)
    return fresh


def _untouched(found: Manifest, fresh: Manifest) -> bool:
    """Whether no stage that is complete has read anything that is different now."""
    labels = label_sources(found.sources) == label_sources(fresh.sources) and found.releases == fresh.releases
    labels = labels and found.mode == fresh.mode
    return all(name == "labels" and labels and found.versions == fresh.versions for name in found.stages)


def _check_source(path: Path) -> None:
    """Read a table to its end, so that one that is cut off is named before long work begins; and compare two copies."""
    if not path.name.removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        return
    packed = path.with_name(path.name + ".gz")
    if packed.is_file():
        require_same_content(path, packed)
    else:
        check_bytes(path)


def label_sources(sources: Mapping[str, FileRecord]) -> dict[str, FileRecord]:
    """Those of the sources that the labels are made of."""
    return {key: record for key, record in sources.items() if key in LABEL_SOURCES or key.startswith("silver: ")}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _Run:
    """One run of the stages."""

    def __init__(
        self,
        tree: SourceTree,
        extra: Sequence[ExtraTable],
        out: Path,
        work: Path,
        manifest: Manifest,
        workers: int,
        progress: Progress,
    ) -> None:
        self._tree = tree
        self._extra = extra
        self._out = out
        self._work = work
        self._manifest = manifest
        self._workers = workers
        self._progress = progress
        self.did_something = False

    def stage(
        self,
        name: str,
        sources: Mapping[str, FileRecord],
        settings: Mapping[str, Any],
        work: Callable[[], tuple[list[str], dict[str, Any]]],
    ) -> None:
        """Run a stage unless its outputs are there, made from the same inputs in the same way."""
        manifest = self._manifest
        key = stage_key(name, sources, settings, manifest.versions)
        done = manifest.stages.get(name)
        if done is not None and done.key == key and self._complete(done):
            return
        self.did_something = True
        outputs, counts = work()
        records = Checksums(self._work / "none").of({path: self._out / path for path in outputs})
        manifest.stages[name] = StageRecord(key, records, counts)
        manifest.write(self._out)

    def _complete(self, stage: StageRecord) -> bool:
        paths = {path: self._out / path for path in stage.outputs}
        return all(path.is_file() and path.stat().st_size == stage.outputs[name].bytes for name, path in paths.items())

    def labels(self) -> tuple[list[str], dict[str, Any]]:
        """Make `OUT/labels`."""
        from ehrxqa.labels.build import make_labels
        from ehrxqa.labels.store import LABEL_FILES, write_labels

        labels, report = make_labels(
            self._tree, workers=self._workers, mode=self._manifest.mode, progress=self._progress
        )
        write_labels(self._out / "labels", labels)
        return [f"labels/{name}" for name in LABEL_FILES], {"silver from": report.origin, **report.counts}

    def databases(self) -> tuple[list[str], dict[str, Any]]:
        """Make `OUT/database`."""
        from ehrxqa.database.build import build_databases
        from ehrxqa.labels.store import read_labels

        settings = self._manifest.settings
        report = build_databases(
            self._tree,
            read_labels(self._out / "labels"),
            {split: self._out / path for split, path in DATABASE_PATHS.items()},
            {"train": settings["train_subjects"], "test": settings["test_subjects"]},
            seed=settings["seed"],
            scratch=self._work,
            extra=[each.table for each in self._extra],
            exchange=self._manifest.mode == "official",
            progress=self._progress,
        )
        return list(DATABASE_PATHS.values()), asdict(report)
