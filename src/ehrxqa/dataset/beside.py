"""Question files, the links beside them and the manifest of their build say the same, or it is an error.

Links are found by split and id, so that those of other questions would fit without a word. A folder without links, and
without a manifest of ours above it, is read as it is; so is a file with a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ehrxqa.counting import counted
from ehrxqa.dataset.belonging import build_of
from ehrxqa.dataset.links import LINKS_FILE, LinkTable, read_links
from ehrxqa.errors import RecordError
from ehrxqa.files import sha256_of
from ehrxqa.layout import MANIFEST, SPLITS
from ehrxqa.runs.manifest import FileRecord

__all__ = ["links_beside"]

_SIGNS: Final = 12
#: Name of a question file → its split.
_SPLIT_OF: Final = {f"{mark}{split}.json": split for split in SPLITS for mark in ("", "_")}


def links_beside(files: Mapping[Path, Iterable[Mapping[str, Any]]]) -> LinkTable:
    """The links of question files of one folder; none if there is no such file.

    Args:
        files: Path → its records.

    Raises:
        RecordError: The links are damaged, or of other questions; or a file is not the one that the manifest of its
            build names. Both are named.
    """
    paths = list(files)
    folder = paths[0].parent
    sidecar = folder / LINKS_FILE
    for path in (*paths, *(path.with_name(f"_{path.name}") for path in paths), sidecar):
        _check_recorded(path)  # the file of the gold programs, too
    links = read_links(folder)
    if sidecar.is_file():
        for path, records in files.items():
            if (split := _SPLIT_OF.get(path.name)) is not None:
                _check_ids(path, list(records), sidecar, links.ids(split))
    return links


def _check_recorded(path: Path) -> None:
    """That a file is the one that the manifest of its build names, if it names it."""
    out, manifest = build_of(path)
    if manifest is None or not path.is_file():
        return
    name = path.absolute().relative_to(out).as_posix()
    recorded = [stage.outputs[name] for stage in manifest.stages.values() if name in stage.outputs]
    if recorded and not any(_is_same(path, record) for record in recorded):
        raise RecordError(
            f"{path}: is not the file that {out / MANIFEST} names (SHA-256 {sha256_of(path)[:_SIGNS]}, there "
            f"{recorded[-1].sha256[:_SIGNS]}); make it again, or keep a changed copy in another folder"
        )


def _is_same(path: Path, record: FileRecord) -> bool:
    return path.stat().st_size == record.bytes and sha256_of(path) == record.sha256


def _check_ids(path: Path, records: list[Mapping[str, Any]], sidecar: Path, linked: set[int]) -> None:
    """That a question file and its links are about the same questions; those without an answer need no links."""
    advice = f"take both from one run of generate, or remove {LINKS_FILE}"
    if lacking := linked - {record.get("id") for record in records}:
        raise RecordError(
            f"{sidecar}: names {counted(len(lacking), 'question')} that {path} does not hold (the first: id "
            f"{min(lacking)}); {advice}"
        )
    if unnamed := {record.get("id") for record in records if not record.get("is_impossible")} - linked:
        raise RecordError(
            f"{sidecar}: lacks {counted(len(unnamed), 'question')} that {path} holds (the first: id "
            f"{min(unnamed, key=str)}); {advice}"
        )
