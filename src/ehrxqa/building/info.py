"""`ehrxqa info`: what an output folder holds and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.arguments import checked
from ehrxqa.html_repr import facts, screen, table
from ehrxqa.layout import BuildMode, DataKind
from ehrxqa.runs.manifest import manifest_of
from ehrxqa.short_repr import short_repr

__all__ = ["BuildInfo", "StageInfo", "info"]


@dataclass(frozen=True)
class StageInfo:
    """A finished stage.

    Attributes:
        counts: Rows in, kept and dropped, by reason.
        outputs: Bytes of each file by its path below the output folder.
    """

    counts: Mapping[str, Any]
    outputs: Mapping[str, int]

    __repr__ = short_repr


@dataclass(frozen=True)
class BuildInfo:
    """What an output folder holds and how it was made.

    Attributes:
        out: The folder.
        synthetic: Whether no real subject is in it.
        kind: Whose data they are: synthetic, hybrid or credentialed.
        mode: How it was built: official or coherent.
        data_set: What the data set is called.
        releases: Release of each project by its title.
        settings: Every setting, given or default.
        versions: Versions of the packages that can change an output.
        source_files: Source files read.
        source_bytes: Their size.
        stages: Finished stages by name.
    """

    out: str
    synthetic: bool
    kind: DataKind
    mode: BuildMode
    data_set: str
    releases: Mapping[str, str]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    source_files: int
    source_bytes: int
    stages: Mapping[str, StageInfo]

    __repr__ = short_repr

    def as_json(self) -> dict[str, Any]:
        """All of it, as `ehrxqa info --format json` writes it."""
        return {
            "out": self.out,
            "synthetic": self.synthetic,
            "kind": self.kind,
            "mode": self.mode,
            "data_set": self.data_set,
            "releases": dict(self.releases),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "sources": {"files": self.source_files, "bytes": self.source_bytes},
            "stages": {
                name: {"counts": dict(stage.counts), "outputs": dict(stage.outputs)}
                for name, stage in self.stages.items()
            },
        }

    def _repr_html_(self) -> str:
        about = [
            ("folder", self.out),
            ("data set", self.data_set),
            ("kind", self.kind),
            ("mode", self.mode),
            ("releases", self.releases),
            ("settings", self.settings),
            ("versions", self.versions),
            ("sources", f"{self.source_files:,} files, {self.source_bytes / 1e6:,.1f} MB"),
        ]
        stages = [
            (name, f"{len(stage.outputs):,}", f"{sum(stage.outputs.values()) / 1e6:,.1f} MB")
            for name, stage in self.stages.items()
        ]
        return screen("Build", facts(about), table(("stage", "files", "size"), stages))


@checked
def info(out: Path | str) -> BuildInfo:
    """Facts about an output folder, from its manifest.

    Raises:
        BuildError: There is no build.
    """
    out = Path(out)
    manifest = manifest_of(out)
    return BuildInfo(
        out=str(out),
        synthetic=manifest.synthetic,
        kind=manifest.kind,
        mode=manifest.mode,
        data_set=manifest.data_set,
        releases=manifest.release_numbers,
        settings=manifest.settings,
        versions=manifest.versions,
        source_files=len(manifest.sources),
        source_bytes=sum(record.bytes for record in manifest.sources.values()),
        stages={
            name: StageInfo(stage.counts, {path: record.bytes for path, record in stage.outputs.items()})
            for name, stage in manifest.stages.items()
        },
    )
