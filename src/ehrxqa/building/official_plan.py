"""What the official dataset needs, said before anybody is asked: agreements, files, and what is there already."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.layout import DATABASE_PATHS, MANIFEST, OFFICIAL_SUBJECTS, SPLITS, question_file
from ehrxqa.sources.download.outcome import CREDENTIALING
from ehrxqa.sources.download.releases import QUESTIONS_VQA, RELEASES, Release, Stage, wanted_files
from ehrxqa.sources.tree import project_root

__all__ = ["OfficialPlan", "official_plan", "split_files"]

_QUESTIONS: Final = re.compile(rf"_?(?P<split>{'|'.join(SPLITS)})(?:_part(?P<part>\d+))?\.json")


@dataclass(frozen=True)
class Need:
    """One project.

    Attributes:
        release: Which.
        files: Files that are wanted of it.
        there: How many of them are on this disk, in whatever form.
        bytes_there: Their size.
    """

    release: Release
    files: int
    there: int
    bytes_there: int


@dataclass(frozen=True)
class OfficialPlan:
    """What is needed, and what is there.

    Attributes:
        sources: Folder of the sources.
        out: Output folder.
        needs: One entry per project.
        images: Whether the X-rays of the databases are wanted too.
        free_bytes: Free space where the sources go.
        made: What of the result is there already.
    """

    sources: Path
    out: Path
    needs: tuple[Need, ...]
    images: bool
    free_bytes: int
    made: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan for people."""
        lines = [
            f"An account at https://physionet.org, credentialing ({CREDENTIALING}), and the signed agreement of each:",
            *(f"  {need.release.title} {need.release.version}  {need.release.agreement}" for need in self.needs),
            f"Files, into {self.sources} ({self.free_bytes / 1e9:,.0f} GB are free there):",
        ]
        for need in self.needs:
            size = f" ({need.bytes_there / 1e6:,.1f} MB)" if need.there else ""
            lines.append(f"  {need.release.folder}: {need.there} of {need.files} are there{size}")
        lines += [
            "  PhysioNet tells the sizes of the others when you have signed in; they are held against the free space "
            "before anything is fetched.",
        ]
        if self.images:
            lines.append("  and the X-rays of the studies in the databases, which the build will tell")
        lines.append(f"Result, into {self.out}: {', '.join(self.made) or 'nothing of it is there yet'}")
        return lines

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "sources": str(self.sources),
            "out": str(self.out),
            "free_bytes": self.free_bytes,
            "images": self.images,
            "projects": [
                {
                    "project": need.release.folder,
                    "agreement": need.release.agreement,
                    "files": need.files,
                    "there": need.there,
                    "bytes_there": need.bytes_there,
                }
                for need in self.needs
            ],
            "there": list(self.made),
        }


def official_plan(sources: Path, out: Path, *, with_vqa: bool, images: bool) -> OfficialPlan:
    """Look at the disk, and nowhere else."""
    root = project_root(sources, [release.slug for release in RELEASES])
    needs: dict[str, Need] = {}
    for wanted in wanted_files((Stage.BUILD, Stage.QUESTIONS)):
        if wanted.release == QUESTIONS_VQA and not with_vqa:
            continue
        folder = root / wanted.release.folder
        if wanted.pattern is None:
            candidates = [folder / wanted.path, folder / wanted.path.removesuffix(".gz")]
            path = next((one for one in candidates if one.is_file()), None)
        else:
            split = wanted.label.removeprefix("_").removesuffix(".json")
            path = next(iter(split_files(root, wanted.release).get(split, ())), None)
        before = needs.get(wanted.release.slug, Need(wanted.release, 0, 0, 0))
        size = 0 if path is None else path.stat().st_size
        there = before.there + (path is not None)
        needs[wanted.release.slug] = Need(wanted.release, before.files + 1, there, before.bytes_there + size)
    existing = next(folder for folder in (sources, *sources.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    return OfficialPlan(root, out, tuple(needs.values()), images, free, _made(out))


def _made(out: Path) -> tuple[str, ...]:
    """Parts of the result that are there."""
    made = []
    if (out / MANIFEST).is_file():
        made.append("a build that was begun")
    if all((out / path).is_file() for path in DATABASE_PATHS.values()):
        made.append(f"databases ({' and '.join(OFFICIAL_SUBJECTS)})")
    made += [question_file(out, split).name for split in SPLITS if question_file(out, split).is_file()]
    return tuple(made)


def split_files(root: Path, release: Release) -> Mapping[str, tuple[Path, ...]]:
    """The question files of a release by split, parts in order; folders of the project are searched."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted((root / release.folder).rglob("*.json")):
        match = _QUESTIONS.fullmatch(path.name)
        if match:
            found.setdefault(match["split"], []).append((int(match["part"] or 0), path))
    return {split: tuple(path for _, path in sorted(found[split])) for split in SPLITS if split in found}
