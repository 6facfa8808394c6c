"""Is this made up? Only a marker can say so: identifiers of the synthetic hospital look like real ones.

A tree is synthetic if it has a `SYNTHETIC.json` of the synthetic hospital at its root, or the `manifest.json` of
a build from one. The nearest marker above a file decides, so that a build from real data inside a synthetic
tree is still found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from ehrxqa.json_files import json_value
from ehrxqa.layout import MANIFEST
from ehrxqa.sources.tree import SYNTHETIC_MARKER

__all__ = ["MARKERS", "marker_says", "nearest_marker"]

MARKERS = (SYNTHETIC_MARKER, MANIFEST)


def marker_says(name: str, data: bytes) -> bool | None:
    """What a marker file says: synthetic or not; None if it is no marker of ours."""
    try:
        value: Any = json_value(data)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("synthetic"), bool):
        return None
    if name == SYNTHETIC_MARKER:
        return value["synthetic"] and bool(value.get("generator"))
    return bool(value["synthetic"]) if isinstance(value.get("stages"), dict) else None


def nearest_marker(path: PurePosixPath, read: Callable[[PurePosixPath], bool | None]) -> bool:
    """Whether the nearest folder at or above a file that has a marker is synthetic.

    Args:
        path: The file.
        read: What the markers of a folder say (None: it has none).
    """
    for folder in path.parents:
        says = read(folder)
        if says is not None:
            return says
    return False
