"""Where the source files lie: a folder as PhysioNet lays it out, or one folder per project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ehrxqa.errors import SourceError
from ehrxqa.json_files import read_json
from ehrxqa.sources.catalogue import PROJECTS, Project, SourceFile, source_file
from ehrxqa.sources.release_folder import is_clutter_folder, other_release, own_folder, release_folder
from ehrxqa.sources.two_copies import require_same_size
from ehrxqa.spec.releases import chosen

__all__ = ["HYBRID_MARKER", "SYNTHETIC_MARKER", "SourceTree", "find_sources", "project_root"]

#: A file of this name at the root says that everything below it was made by the synthetic hospital.
SYNTHETIC_MARKER = "SYNTHETIC.json"
#: A file of this name says that the tables are those of the open demo, and the X-rays made up.
HYBRID_MARKER = "HYBRID.json"


@dataclass(frozen=True)
class SourceTree:
    """The folders of the three projects.

    Attributes:
        root: Folder that holds `mimiciv/2.2` and so on.
        folders: Folder of each project by its slug, when it is not `SLUG/VERSION` below `root`.
        versions: Release of each project by its slug, where it is not the official one.
        given: The folder that was named, where `root` was found below it.
    """

    root: Path
    folders: Mapping[str, Path]
    versions: Mapping[str, str] = field(default_factory=dict)
    given: Path | None = None

    def version(self, project: Project) -> str:
        """The release that a project is read as."""
        return self.versions.get(project.slug, project.version)

    def folder(self, project: Project) -> Path:
        """The folder of a project's release."""
        return self.folders.get(project.slug, self.root / project.slug / self.version(project))

    def find(self, file: SourceFile) -> Path | None:
        """The path of a file, compressed or not, or None if it is not there.

        An unpacked file is preferred to a packed one: it is quicker to read, and both hold the same rows.

        Raises:
            SourceError: Both are there and of different size.
        """
        plain = self.folder(file.project) / file.path
        packed = plain.with_name(plain.name + ".gz")
        if not plain.is_file():
            return packed if packed.is_file() else None
        if packed.is_file():
            require_same_size(plain, packed)
        return plain

    def locate(self, key: str | SourceFile) -> Path:
        """The path of the file with that catalogue key, or of a file that is none of the catalogue.

        Raises:
            SourceError: It is neither there packed nor unpacked.
        """
        file = source_file(key)
        found = self.find(file)
        if found is None:
            raise SourceError(self._missing([file]))
        return found

    def require(self, keys: Iterable[str | SourceFile]) -> None:
        """Check that all these files are there, and report all that are not at once.

        Raises:
            SourceError: One or more files are missing.
        """
        missing = [file for file in map(source_file, keys) if self.find(file) is None]
        if missing:
            raise SourceError(self._missing(missing))

    @property
    def synthetic(self) -> bool:
        """Whether the tree says of itself that no real patient is in it."""
        return self._says(SYNTHETIC_MARKER, "synthetic")

    @property
    def hybrid(self) -> bool:
        """Whether the tree says that it holds the open demo's tables and made-up X-rays."""
        return self._says(HYBRID_MARKER, "hybrid")

    def _says(self, name: str, what: str) -> bool:
        marker = next(
            (path for folder in (self.root, self.given) if folder and (path := folder / name).is_file()), None
        )
        if marker is None:
            return False
        value = read_json(marker, fault=SourceError)
        if not isinstance(value, dict) or not isinstance(value.get(what, False), bool):
            raise SourceError(f"{what} is not true or false; remove the file or make the hospital again", path=marker)
        return value.get(what) is True

    def _missing(self, files: list[SourceFile]) -> str:
        first = files[0]
        folder = self.folder(first.project)
        suffix = "[.gz]" if first.form.name in ("CSV", "TSV") else ""
        message = f"{folder / first.path}{suffix} is missing"
        if len(files) > 1:
            message += f", and {len(files) - 1} more (" + ", ".join(file.path for file in files[1:6])
            message += ", …)" if len(files) > 6 else ")"
        if not folder.is_dir():
            version = self.version(first.project)
            other = other_release(self.root, first.project, version)
            if other is not None:
                return f"{message}: found release {other} of {first.project.title}, need {version}" + _advice(
                    first.project, other
                )
            return (
                f"{message}: there is no {first.project.title} {version} here; give the folder that "
                f"holds {first.project.slug}/{version}, or {first.project.option} DIR"
            )
        copies = _copies(folder / first.path)
        if copies:
            return f"{message}: there is {copies[0]}; rename it if it is whole, or download the file"
        return f"{message}: download it, or point {first.project.option} at a complete copy"


def _copies(path: Path) -> list[str]:
    """Names of files beside the place of a missing one that a browser has given another name or left unfinished."""
    ends = "|".join(map(re.escape, (path.suffix, f"{path.suffix}.gz")))
    name = re.compile(
        rf"{re.escape(path.stem)}(?: ?\(\d+\)| - Copy| copy)?(?:{ends})(?:\.\d+|\.part|\.crdownload|\.download|\.txt)?",
        re.IGNORECASE | re.ASCII,
    )
    there = path.parent.iterdir() if path.parent.is_dir() else ()
    return sorted(entry.name for entry in there if name.fullmatch(entry.name) and entry.is_file())


def _advice(project: Project, version: str) -> str:
    """What can be done about another release."""
    release = project.release(version)
    if release is None:
        return ""
    if release.refused:
        return f" ({version} cannot be built from: {release.refused})"
    return f" (to build from it, as another data set than EHRXQA: --release {project.name}-{version})"


def project_root(folder: Path, slugs: Collection[str]) -> Path:
    """The folder that holds the projects: the given one, or one close by if it is that which holds some.

    A tree that wget made has `physionet.org/files` above the projects; people give a folder above or below that, or
    that of one project or release.

    Args:
        folder: As it was given.
        slugs: Names of the folders of projects.
    """

    def holds(candidate: Path) -> bool:
        return any((candidate / slug).is_dir() for slug in slugs)

    if holds(folder):
        return folder
    for below in (folder / "physionet.org" / "files", folder / "files"):
        if holds(below) or (below.is_dir() and "physionet.org" in below.parts):
            return below
    absolute = folder.absolute()
    if absolute.name in slugs and folder.is_dir():
        return folder.parent
    if absolute.parent.name in slugs and folder.is_dir():
        return folder.parent.parent
    entries = (
        [entry for entry in sorted(folder.iterdir()) if not is_clutter_folder(entry.name)] if folder.is_dir() else []
    )
    inside = [entry for entry in entries if entry.is_dir() and holds(entry)]
    return inside[0] if len(inside) == 1 else folder


def find_sources(
    root: Path | str,
    folders: Mapping[str, Path | str | None] | None = None,
    *,
    releases: Iterable[str] = (),
) -> SourceTree:
    """The source tree below `root`, which may be PhysioNet's `physionet.org/files` or a folder above it.

    Args:
        root: Folder that holds `mimiciv/2.2`, `mimic-cxr-jpg/2.0.0` and `chest-imagenome/1.0.0`, or one close by.
        folders: A project's own folder by its slug, where it is not below `root`.
        releases: Names of releases that are not the official ones, such as `mimic-iv-3.1`.

    Raises:
        SettingsError: There is no such release, or it is refused.
        SourceError: `root` is not a folder, or a project lies there twice.
    """
    versions = chosen(releases)
    given = Path(root)
    if not given.is_dir():
        raise SourceError(f"{given}: no such folder; give the folder that holds mimiciv/2.2 and the other sources")
    root = project_root(given, [project.slug for project in PROJECTS])
    own = {slug: Path(folder) for slug, folder in (folders or {}).items() if folder is not None}
    found = {}
    for project in PROJECTS:
        folder = own.get(project.slug)
        if folder is None:
            found[project.slug] = release_folder(root, project, versions[project.slug])
        elif not folder.is_dir():
            raise SourceError(f"{folder}: no such folder (given with {project.option})")
        else:
            found[project.slug] = own_folder(folder, project, versions[project.slug])
    return SourceTree(root, found, versions, given)
