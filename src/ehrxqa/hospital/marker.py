"""The file at the root of a tree that says what made it, of what, and whether it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError
from ehrxqa.json_files import read_json

__all__ = ["counts_of_finished"]

#: What must be the same for a tree to be the one that is asked for.
_SAME = ("parameters", "generator", "tables")


def counts_of_finished(marker: Path, wanted: Mapping[str, Any], what: str) -> dict[str, int] | None:
    """Counts of the finished tree whose marker this is; None if it is still to be written.

    Args:
        marker: Where it is, or will be: at the root of the tree.
        wanted: The marker of the tree that is asked for.
        what: What the tree is, with its article.

    Raises:
        SettingsError: The folder holds something else.
    """
    out = marker.parent
    if not out.exists():
        return None
    if not out.is_dir():
        raise SettingsError(f"{out}: is a file; name a folder to write {what} to")
    if not marker.is_file():
        if all(entry.name == f"{marker.name}.part" for entry in out.iterdir()):
            return None
        raise SettingsError(f"{out}: is not empty and does not hold {what}; choose an empty folder")
    found = read_json(marker, fault=SettingsError)
    try:
        same = all(found[key] == wanted[key] for key in _SAME if key in wanted)
        complete, counts = bool(found["complete"]), dict(found["counts"])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{marker}: cannot be read; remove the folder or choose another") from error
    if not same:
        raise SettingsError(
            f"{out}: holds {what} of other parameters or tables, or of another version; remove it, or choose another "
            "folder"
        )
    return counts if complete else None
