"""Which release of each project lies in the sources, and whether it is the one that was asked for.

A release is told by what PhysioNet lists in `SHA256SUMS.txt`, else by the name of its folder. Where the name says
nothing, or says the official release, values that only a later release has give it away.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ehrxqa.errors import SourceError
from ehrxqa.sources.catalogue import PROJECTS, Project
from ehrxqa.sources.download.checksums import SUMS, read_sums
from ehrxqa.sources.opened import open_bytes
from ehrxqa.sources.release_folder import version_in
from ehrxqa.sources.tree import SourceTree
from ehrxqa.spec.releases import FoundRelease

__all__ = ["found_releases"]

_BLOCK: Final = 1 << 20
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+", re.ASCII)


def found_releases(tree: SourceTree) -> dict[str, FoundRelease]:
    """The release of each project, by slug, checked against those that the tree is read as.

    Raises:
        SourceError: A project is there in another release than the one asked for, or in one that is refused.
    """
    return {project.slug: _checked(tree, project) for project in PROJECTS}


def _checked(tree: SourceTree, project: Project) -> FoundRelease:
    wanted, folder = tree.version(project), tree.folder(project)
    found = _by_sums(folder, project) or _by_name(folder, project) or FoundRelease(wanted, "assumed")
    if found.version == project.version:
        found = _by_values(tree, project) or found
    release = project.release(found.version)
    found_how = f"told by {found.found_by if found.found_by == SUMS else 'its ' + found.found_by}"
    if release is not None and release.refused:
        raise SourceError(f"is {project.title} {found.version} ({found_how}): {release.refused}", path=folder)
    if found.version != wanted:
        raise SourceError(
            f"is {project.title} {found.version} ({found_how}), need {wanted}{_advice(project, found)}", path=folder
        )
    return found


def _advice(project: Project, found: FoundRelease) -> str:
    if found.version == project.version:
        return f"; leave out --release for {project.title}"
    if project.release(found.version) is None:
        return f"; point {project.option} at that release"
    name = f"{project.name}-{found.version}"
    return f"; to build from it, as another data set than EHRXQA, add --release {name}"


def _by_sums(folder: Path, project: Project) -> FoundRelease | None:
    names = {name for release in project.releases for name in release.listed}
    listed = read_sums(folder / SUMS, names.__contains__) if names and (folder / SUMS).is_file() else {}
    for release in reversed(project.releases):
        if release.listed and all(name in listed for name in release.listed):
            return FoundRelease(release.version, SUMS)
    return None


def _by_name(folder: Path, project: Project) -> FoundRelease | None:
    """The release that the folder is named for: one that is known, or a number below a folder of the project's name."""
    for path in (folder.absolute(), folder.resolve()):
        named_so = path.parent.name == project.slug and _VERSION.fullmatch(path.name)
        if named_so or project.release(path.name) is not None:
            return FoundRelease(path.name, "folder name")
        version = version_in(path.name, project)
        if version and not _VERSION.fullmatch(path.name):
            return FoundRelease(version, "folder name")
    return None


def _by_values(tree: SourceTree, project: Project) -> FoundRelease | None:
    """The latest release that has values which the official one has not."""
    for release in reversed(project.releases):
        for key, column, value in release.values:
            if _may_hold(tree.locate(key), value.encode()):
                from ehrxqa.sources.table_stream import read_table  # pyarrow: seldom needed, and slow to import

                if value in read_table(tree, key, [column])[column].unique().to_pylist():
                    return FoundRelease(release.version, "values")
    return None


def _may_hold(path: Path, text: bytes) -> bool:
    """Whether a text stands anywhere in a table."""
    end = b""
    with open_bytes(path) as stream:
        while block := stream.read(_BLOCK):
            if text in end + block:
                return True
            end = block[-len(text) :]
    return False
