"""What each stage needs from PhysioNet: projects, releases and files.

The files of a build are those of the catalogue. The question files are found by name in the project's own
`SHA256SUMS.txt`, because only their names are known beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ehrxqa.errors import SettingsError
from ehrxqa.layout import SPLITS
from ehrxqa.sources.catalogue import (
    CHEST_IMAGENOME,
    FILES,
    MIMIC_CXR_JPG,
    MIMIC_IV,
    PROJECTS,
    Project,
    SourceFile,
    source_file,
)
from ehrxqa.sources.release_folder import release_folder

__all__ = ["DEMO", "EHRXQA", "QUESTIONS_VQA", "RELEASES", "Release", "Stage", "Wanted", "place_of", "wanted_files"]


class Stage(Enum):
    """What the files are for."""

    BUILD = "build"
    IMAGES = "images"
    QUESTIONS = "questions"
    DEMO = "demo"


@dataclass(frozen=True)
class Release:
    """A release of a PhysioNet project.

    Attributes:
        slug: Name in addresses.
        version: Release.
        title: Name for people.
        open_access: Whether anybody may read it without signing in.
    """

    slug: str
    version: str
    title: str
    open_access: bool = False

    @property
    def folder(self) -> str:
        """Folder below the root, and in addresses, e.g. `mimiciv/2.2`."""
        return f"{self.slug}/{self.version}"

    @property
    def agreement(self) -> str:
        """Where its data use agreement is signed."""
        return f"https://physionet.org/sign-dua/{self.slug}/{self.version}/"


def _release(project: Project) -> Release:
    return Release(project.slug, project.version, project.title)


EHRXQA = Release("ehrxqa", "1.0.0", "EHRXQA")
QUESTIONS_VQA = Release("mimic-ext-mimic-cxr-vqa", "1.0.0", "MIMIC-Ext-MIMIC-CXR-VQA")
DEMO = Release("mimic-iv-demo", "2.2", "MIMIC-IV demo", open_access=True)
RELEASES = (*(_release(project) for project in (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME)), EHRXQA, QUESTIONS_VQA, DEMO)
_BY_SLUG = {release.slug: release for release in RELEASES}

#: Two files of the catalogue are not on PhysioNet: the project's script makes them from the scene graphs.
MADE_LOCALLY = frozenset({"attribute_relations_tabular", "bbox_objects_tabular"})

#: That script. It is brought for those who want to run it themselves; nothing here ever does.
SCRIPT = "utils/scene_postprocessing/scenegraph_postprocessing.py"


@dataclass(frozen=True)
class Wanted:
    """One file, or several that are known by a pattern of their path.

    Attributes:
        release: The release it belongs to.
        path: Its path below the release; empty when `pattern` is given.
        pattern: Matches the whole path of the files that are meant; at least one must exist.
        label: What to call the pattern in messages.
        source: Its catalogue entry, if it has one.
    """

    release: Release
    path: str = ""
    pattern: re.Pattern[str] | None = None
    label: str = ""
    source: SourceFile | None = None

    def means(self, path: str) -> bool:
        """Whether a path below the release is this file."""
        return path == self.path if self.pattern is None else self.pattern.fullmatch(path) is not None

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.release.folder}/{self.path or self.label}"


def wanted_files(stages: tuple[Stage, ...], *, only: tuple[str, ...] = (), split: str | None = None) -> list[Wanted]:
    """What the stages need, in catalogue order, each file once.

    Args:
        stages: What the files are for; images are chosen elsewhere, here only the metadata that locates them.
        only: Slugs of projects to keep; empty: all.
        split: Of the question files only that split.

    Raises:
        SettingsError: `only` names no project, or none that the stages need.
    """
    for slug in only:
        if slug not in _BY_SLUG:
            raise SettingsError(f"--only {slug}: no such project; there are {', '.join(_BY_SLUG)}")
    found: dict[str, Wanted] = {}
    for stage in stages:
        for wanted in _STAGES[stage](split):
            if not only or wanted.release.slug in only:
                found.setdefault(wanted.name, wanted)
    if not found:
        stage_names = ", ".join(stage.value for stage in stages)
        raise SettingsError(f"--only {','.join(only)}: --for {stage_names} needs nothing from there")
    return list(found.values())


def place_of(root: Path, release: Release) -> Path:
    """The folder of a release below `root`: where an earlier download, of whatever program, has put it, or will be put.

    Raises:
        SourceError: It lies there twice.
    """
    for project in PROJECTS:
        if (project.slug, project.version) == (release.slug, release.version):
            return release_folder(root, project, project.version)
    return root / release.folder


def _published(file: SourceFile, release: Release | None = None) -> Wanted:
    path = file.path + (".gz" if file.compressed else "")
    return Wanted(release or _BY_SLUG[file.project.slug], path, source=file)


def _build(_: str | None) -> list[Wanted]:
    files = [_published(file) for file in FILES if file.key not in MADE_LOCALLY]
    return [*files, Wanted(_BY_SLUG[CHEST_IMAGENOME.slug], SCRIPT)]


def _images(_: str | None) -> list[Wanted]:
    return [_published(source_file("cxr_metadata"))]


def _demo(_: str | None) -> list[Wanted]:
    return [_published(file, DEMO) for file in FILES if file.project is MIMIC_IV]


def _questions(split: str | None) -> list[Wanted]:
    """Question files, with or without the leading underscore of a pre-release, train in one or more parts."""
    wanted = []
    for release in (EHRXQA, QUESTIONS_VQA):
        for name in (split,) if split else SPLITS:
            pattern = re.compile(rf"(?:.*/)?_?{name}(?:_part\d+)?\.json")
            wanted.append(Wanted(release, pattern=pattern, label=f"_{name}.json"))
    return wanted


_STAGES = {Stage.BUILD: _build, Stage.IMAGES: _images, Stage.QUESTIONS: _questions, Stage.DEMO: _demo}
