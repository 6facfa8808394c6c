"""Which folder holds a release: the one that wget makes, or one that an archive or a person has named for it.

A folder counts if it is named for the project or the release, in `root` or within another such folder, and holds a
file or folder of the project. What lies in any other folder, the open demo for one, is never taken for a release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ehrxqa.errors import SourceError
from ehrxqa.layout import IMAGES_FOLDER
from ehrxqa.sources.catalogue import FILES, MIMIC_CXR_JPG, Project

__all__ = ["is_clutter_folder", "other_release", "own_folder", "release_folder", "version_in"]

_VERSION: Final = re.compile(r"\d+(?:\.\d+)+", re.ASCII)
#: What browsers and file managers append to a name that is taken.
_COPY: Final = re.compile(r"(?: \(\d+\)| \d+| copy| - copy)$", re.IGNORECASE | re.ASCII)
#: Folders within folders: project, release, archive.
_DEEPEST: Final = 3


def version_in(name: str, project: Project) -> str | None:
    """The release that a folder is named for; "" if for the project alone, None if for neither.

    >>> from ehrxqa.sources.catalogue import MIMIC_IV
    >>> [version_in(name, MIMIC_IV) for name in ("mimic-iv-2.2 (1)", "3.1", "MIMICIV", "mimic-iv-demo")]
    ['2.2', '3.1', '', None]
    """
    name = _COPY.sub("", name)
    if _VERSION.fullmatch(name):
        return name
    for known in (project.archive, project.name, project.slug):
        rest = name.lower().removeprefix(known)
        if len(rest) < len(name):
            if not rest:
                return ""
            if rest[0] in "-_ " and _VERSION.fullmatch(rest[1:]):
                return rest[1:]
    return None


def is_clutter_folder(name: str) -> bool:
    """Whether a file manager or system made a folder of that name for itself."""
    return name.startswith(".") or name == "__MACOSX"


def release_folder(root: Path, project: Project, version: str) -> Path:
    """The folder of a release below `root`; where there is none, the one that it should be.

    Args:
        root: Folder of projects, or of this project or release.
        project: Of PhysioNet.
        version: Its release.

    Raises:
        SourceError: It lies there twice.
    """
    usual = root / project.slug / version
    if _holds(usual, project):
        return usual
    inside = (entry for entry in _named(root, project, version) if version_in(entry.name, project) != entry.name)
    return _only([folder for entry in inside for folder in _and_below(entry, project, version)], project) or usual


def own_folder(folder: Path, project: Project, version: str) -> Path:
    """The folder of a release, given that or one above it which holds nothing but the project.

    Raises:
        SourceError: It lies there twice.
    """
    if _holds(folder, project):
        return folder
    inside = _named(folder, project, version)
    return _only([found for entry in inside for found in _and_below(entry, project, version)], project) or folder


def other_release(root: Path, project: Project, version: str) -> str | None:
    """Another release of a project below `root`, if there is one."""
    for folder in (root / project.slug, root):
        for entry in _folders(folder):
            found = version_in(entry.name, project)
            if found and found != version and (folder != root or found != entry.name):
                return found
    return None


def _only(folders: list[Path], project: Project) -> Path | None:
    found = [folder for folder in folders if _holds(folder, project)]
    if len(found) > 1:
        raise SourceError(
            f"{found[0]}: {project.title} lies there twice, in {found[1]}, too; remove one, or say which by "
            f"{project.option}"
        )
    return found[0] if found else None


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir()] if folder.is_dir() else []


def _named(folder: Path, project: Project, version: str) -> list[Path]:
    """The folders right in one that are named for the project, or for this release of it."""
    return [entry for entry in _folders(folder) if version_in(entry.name, project) in ("", version)]


def _and_below(folder: Path, project: Project, version: str, deepest: int = _DEEPEST) -> Iterator[Path]:
    """A folder, and those in it that are named so, and those in these."""
    yield folder
    if deepest > 1:
        for entry in _named(folder, project, version):
            yield from _and_below(entry, project, version, deepest - 1)


def _holds(folder: Path, project: Project) -> bool:
    """Whether something of the project lies right in a folder."""
    names = {Path(file.path).parts[0] for file in FILES if file.project is project}
    if any((folder / name).exists() or (folder / f"{name}.gz").is_file() for name in names):
        return True
    return project is MIMIC_CXR_JPG and any((folder / IMAGES_FOLDER).glob("p1[0-9]"))
