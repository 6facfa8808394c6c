"""`OUT/manifest.json`: what an output folder was made from, how, and what is in it.

It holds no time and no absolute path, so the same inputs, settings and versions give the same bytes. What
only saves work (checksums of inputs by size and time of change) lies in `OUT/.work` and may be lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ehrxqa.errors import BuildError
from ehrxqa.files import sha256_of, write_json
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import converted, json_text, read_as, read_json
from ehrxqa.layout import CURRENT_TIME, MANIFEST, BuildMode, DataKind
from ehrxqa.short_repr import short_repr
from ehrxqa.spec.extra import from_json
from ehrxqa.spec.releases import PROJECTS, FoundRelease, data_set_name, project_of
from ehrxqa.spec.table import Table

__all__ = [
    "OFFICIAL_STAGE",
    "OPEN_DEMO_LICENCE",
    "QUESTIONS_STAGE",
    "Checksums",
    "FileRecord",
    "Manifest",
    "StageRecord",
    "has_manifest",
    "manifest_of",
    "read_manifest",
    "recorded_tables",
    "recorded_time",
    "stage_key",
]

FORMAT: Final = 1
#: The licence of the open demo's tables, and so of all that is made from them.
OPEN_DEMO_LICENCE: Final = "ODbL-1.0"
_KEYS: Final = {"format", "synthetic", "settings", "sources", "stages", "versions"}
#: Stages of questions: those that were generated here, and the official ones with the answers found here.
QUESTIONS_STAGE: Final = "questions"
OFFICIAL_STAGE: Final = "official answers"
#: Packages whose versions can change the bytes of an output.
RECORDED_PACKAGES: Final = ("ehrxqa", "numpy", "pyarrow", "apsw")


@dataclass(frozen=True)
class FileRecord:
    """A file by content.

    Attributes:
        sha256: Of its bytes; of a folder, of the names and sizes of its files.
        bytes: Its size.
    """

    sha256: str
    bytes: int


@dataclass
class StageRecord:
    """A finished stage.

    Attributes:
        key: Digest of everything that went into it; see `stage_key`.
        outputs: Files by path below the output folder.
        counts: Rows in, kept and dropped, by reason.
    """

    key: str
    outputs: dict[str, FileRecord]
    counts: dict[str, Any]


@dataclass
class Manifest:
    """The manifest of an output folder.

    Attributes:
        synthetic: Whether the sources say of themselves that no real patient is in them.
        settings: Every setting, given or default.
        sources: Source files by catalogue key, or by name for the parts of Chest ImaGenome that were used.
        stages: Finished stages by name.
        versions: Versions of the packages that can change an output.
        published: How the sources compare with the lists of checksums beside them (`ehrxqa.building.published`).
        releases: Release of each project of the sources by its slug, and how it was told.
        tables: Tables beyond the 19 that the databases have, as they are declared (`ehrxqa.spec.extra.from_json`).
        hybrid: Whether the sources are the open demo's tables with made-up X-rays (then `synthetic` is false).
    """

    synthetic: bool
    settings: dict[str, Any]
    sources: dict[str, FileRecord] = field(default_factory=dict)
    stages: dict[str, StageRecord] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=lambda: package_versions())
    hybrid: bool = False
    published: dict[str, Any] = field(default_factory=dict)
    releases: Mapping[str, FoundRelease] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def kind(self) -> DataKind:
        """Whose data it is."""
        return "synthetic" if self.synthetic else "hybrid" if self.hybrid else "credentialed"

    @property
    def data_set(self) -> str:
        """What the data set is called: EHRXQA only if made of the official releases, tables and way."""
        name = data_set_name({slug: found.version for slug, found in self.releases.items()})
        name = f"{name} with {' and '.join(sorted(self.tables))}" if self.tables else name
        return f"{name} (coherent)" if self.mode == "coherent" and self.kind == "credentialed" else name

    @property
    def mode(self) -> BuildMode:
        """How the databases were made; a manifest that does not say so is of the time of one mode only."""
        return "coherent" if self.settings.get("mode") == "coherent" else "official"

    @property
    def release_numbers(self) -> dict[str, str]:
        """Release of each project of the sources, by its title."""
        return {project_of(slug).title: found.version for slug, found in self.releases.items()}

    def write(self, folder: Path, *, name: str = MANIFEST) -> None:
        """Write `folder/manifest.json`, or a file of another name, whole or not at all."""
        value = {
            "format": FORMAT,
            "synthetic": self.synthetic,
            **({"hybrid": True, "licence": OPEN_DEMO_LICENCE} if self.hybrid else {}),
            **(
                {
                    "data_set": self.data_set,
                    "releases": {slug: vars(found) for slug, found in self.releases.items()},
                }
                if self.releases or self.tables
                else {}
            ),
            **({"tables": self.tables} if self.tables else {}),
            "settings": self.settings,
            "versions": self.versions,
            "sources": {name: vars(record) for name, record in self.sources.items()},
            **({"published": self.published} if self.published else {}),
            "stages": {
                name: {
                    "key": stage.key,
                    "outputs": {path: vars(record) for path, record in stage.outputs.items()},
                    "counts": stage.counts,
                }
                for name, stage in self.stages.items()
            },
        }
        write_json(folder / name, value)


def has_manifest(folder: Path) -> bool:
    """Whether a folder holds a manifest of ours; files of others are called `manifest.json`, too."""
    path = folder / MANIFEST
    value = read_json(path, fault=BuildError) if path.is_file() else None
    return isinstance(value, dict) and value.keys() >= _KEYS


def manifest_of(out: Path) -> Manifest:
    """The manifest of a build.

    Raises:
        BuildError: There is none, or it is not a manifest of ours.
    """
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build (no {MANIFEST}); make one with: ehrxqa build SOURCES {out}")
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of an output folder, or None if there is none.

    Raises:
        BuildError: It is not a manifest of ours, or of a later version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    value = read_json(path, fault=BuildError)
    what = "a manifest of ehrxqa; remove it or choose another folder"
    if not isinstance(value, dict) or not value.keys() >= _KEYS:
        raise BuildError(f"{path}: is not {what}")
    if value["format"] != FORMAT:
        raise BuildError(f"{path}: written by another version of ehrxqa (format {json_text(value['format'])[:40]})")
    manifest = converted(Manifest, value, path, what, fault=BuildError)
    if unknown := sorted(manifest.releases.keys() - {project.slug for project in PROJECTS}):
        raise BuildError(f"{path}: is not {what} (unknown project {unknown[0][:40]!r})")
    for stage in manifest.stages.values():
        for name in stage.outputs:
            output = PurePosixPath(name)
            if output.is_absolute() or ".." in output.parts or "\0" in name:
                raise BuildError(f"{path}: names an output outside of its folder; it was changed by someone")
    return manifest


def package_versions() -> dict[str, str]:
    """Versions of the packages that can change an output."""
    from importlib import metadata

    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            from ehrxqa import __version__

            found[name] = __version__
    return found


def stage_key(
    name: str, inputs: Mapping[str, FileRecord], settings: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    """Digest of a stage's inputs, settings and versions: equal keys mean equal outputs."""
    value = [name, {key: record.sha256 for key, record in inputs.items()}, dict(settings), dict(versions)]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def recorded_time(manifest: Manifest | None) -> str:
    """The current time of the databases of a build, as the questions about them were made with it."""
    stage = None if manifest is None else manifest.stages.get(QUESTIONS_STAGE)
    settings = None if stage is None else stage.counts.get("settings")
    now = settings.get("now") if isinstance(settings, dict) else None
    return now if isinstance(now, str) else CURRENT_TIME


def recorded_tables(manifest: Manifest) -> tuple[Table, ...]:
    """The tables beyond the 19 that a build has, as they were declared when it was made."""
    return tuple(from_json(name, value) for name, value in sorted(manifest.tables.items()))


class Checksums:
    """SHA-256 of files, remembered by size and time of change.

    Args:
        cache: File to remember in.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, tuple[int, int, str]] = {}
        with suppress(BuildError):  # it only saves work
            self._known = read_as(dict[str, tuple[int, int, str]], cache, "", fault=BuildError)

    def of(
        self, paths: Mapping[str, Path], threads: int = 2, *, check: Callable[[Path], None] = lambda _: None
    ) -> dict[str, FileRecord]:
        """Records of several files, by the same names.

        Args:
            paths: Files by name.
            threads: Files read at a time.
            check: Looks first at each file that is not remembered; raises what is wrong with it.
        """
        with ThreadPoolExecutor(threads) as pool:
            records = dict(zip(paths, pool.map(partial(self._record, check), paths.values()), strict=True))
        if self._cache.parent.is_dir():
            write_json(self._cache, self._known)
        return records

    def _record(self, check: Callable[[Path], None], path: Path) -> FileRecord:
        if path.is_dir():
            return _folder_record(path)
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
        known = self._known.get(str(path.resolve()))
        if known is not None and known[:2] == stamp:
            return FileRecord(known[2], status.st_size)
        check(path)
        digest = sha256_of(path)
        self._known[str(path.resolve())] = (*stamp, digest)
        return FileRecord(digest, status.st_size)


def _folder_record(folder: Path) -> FileRecord:
    """A folder of very many small files is known by their names and sizes."""
    digest, total = hashlib.sha256(), 0
    for entry in sorted(folder.rglob("*")):
        if entry.is_file():
            size = entry.stat().st_size
            digest.update(f"{entry.relative_to(folder)}\0{size}\n".encode())
            total += size
    return FileRecord(digest.hexdigest(), total)
