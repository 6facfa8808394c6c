"""Are the sources the published files? Each is compared with the `SHA256SUMS.txt` its project is published with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.errors import SourceError
from ehrxqa.runs.manifest import FileRecord
from ehrxqa.sources.catalogue import PROJECTS
from ehrxqa.sources.download.checksums import SUMS, read_sums
from ehrxqa.sources.tree import SourceTree

__all__ = ["Published", "compare_with_published", "require_published"]


@dataclass(frozen=True)
class Published:
    """How the sources compare with what was published.

    Attributes:
        equal: How many have the checksum of their project's list.
        different: Names of those that have another one.
        unlisted: Names of those that a list is there for, but does not hold: unpacked copies, files made locally.
        without_list: Names of those whose project has no list beside it.
    """

    equal: int
    different: tuple[str, ...]
    unlisted: tuple[str, ...]
    without_list: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many sources there are."""
        return self.equal + len(self.different) + len(self.unlisted) + len(self.without_list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the manifest."""
        lists = {name: list(getattr(self, name)) for name in ("different", "unlisted", "without_list")}
        return {"equal": self.equal, **lists}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Published:
        """The comparison that a manifest holds.

        Raises:
            KeyError, TypeError: It is not one.
        """
        different, unlisted, without = (tuple(map(str, value[n])) for n in ("different", "unlisted", "without_list"))
        return cls(int(value["equal"]), different, unlisted, without)

    def line(self) -> str:
        """The fact in one line."""
        if not self.total:
            return "not compared"
        if len(self.without_list) == self.total:
            return f"no list of checksums ({SUMS}) beside them to compare with"
        parts = [f"{self.equal} of {self.total} files are the published ones"]
        for names, what in (
            (self.different, "not the published ones"),
            (self.unlisted, f"not in their project's {SUMS}"),
            (self.without_list, f"without {SUMS} beside them"),
        ):
            if names:
                parts.append(f"{len(names)} {what}: {_some(names)}")
        return "; ".join(parts)


def compare_with_published(tree: SourceTree, paths: Mapping[str, Path], records: Mapping[str, FileRecord]) -> Published:
    """Compare sources with the lists beside them; only lists are read, the checksums are known already.

    Args:
        tree: Where the projects lie.
        paths: Files by key.
        records: Their checksums, by the same keys.

    Raises:
        SourceError: A list is not a list of checksums.
    """
    equal = 0
    different: list[str] = []
    unlisted: list[str] = []
    without: list[str] = []
    listed = {project.slug: tree.folder(project) for project in PROJECTS}
    by_project: dict[str, list[str]] = {slug: [] for slug in listed}
    for key, path in paths.items():
        slug = next((slug for slug, folder in listed.items() if path.is_relative_to(folder)), None)
        if slug is None:
            without.append(path.name)
        else:
            by_project[slug].append(key)
    for slug, keys in by_project.items():
        folder = listed[slug]
        names = {key: paths[key].relative_to(folder).as_posix() for key in keys}
        if not (folder / SUMS).is_file():
            without += names.values()
            continue
        sums = read_sums(folder / SUMS, set(names.values()).__contains__)
        for key, name in names.items():
            if name not in sums:
                unlisted.append(name)
            elif sums[name] == records[key].sha256:
                equal += 1
            else:
                different.append(name)
    return Published(equal, tuple(sorted(different)), tuple(sorted(unlisted)), tuple(sorted(without)))


def require_published(found: Published) -> None:
    """Stop unless no source differs from what was published.

    Raises:
        SourceError: One does.
    """
    if found.different:
        raise SourceError(
            f"not the published files: {_some(found.different)} (other checksums than in {SUMS} beside them); fetch "
            "them again with: ehrxqa download SOURCES --replace, or build from what is there with --unpublished-sources"
        )


def _some(names: tuple[str, ...], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
