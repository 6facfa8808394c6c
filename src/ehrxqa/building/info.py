"""`ehrxqa info`: what an output folder holds and how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ehrxqa.errors import BuildError
from ehrxqa.runs.manifest import read_manifest

__all__ = ["info"]


def info(out: Path | str) -> dict[str, Any]:
    """Facts about an output folder, from its manifest.

    Returns:
        `synthetic`, `kind`, `mode`, `data_set`, `releases` (number by title of the project), `settings`, `versions`,
        `sources` (number and bytes), and for each stage its counts and
        outputs.

    Raises:
        BuildError: There is no build.
    """
    out = Path(out)
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build (no manifest.json); make one with: ehrxqa build SOURCES {out}")
    return {
        "out": str(out),
        "synthetic": manifest.synthetic,
        "kind": manifest.kind,
        "mode": manifest.mode,
        "data_set": manifest.data_set,
        "releases": manifest.release_numbers,
        "settings": manifest.settings,
        "versions": manifest.versions,
        "sources": {
            "files": len(manifest.sources),
            "bytes": sum(record.bytes for record in manifest.sources.values()),
        },
        "stages": {
            name: {
                "counts": stage.counts,
                "outputs": {path: record.bytes for path, record in stage.outputs.items()},
            }
            for name, stage in manifest.stages.items()
        },
    }
