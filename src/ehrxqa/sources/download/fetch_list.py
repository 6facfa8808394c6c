"""What is wanted, what of it is already here, and what has to be fetched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from ehrxqa.net.errors import DownloadError
from ehrxqa.sources.catalogue import Form, SourceFile, source_file
from ehrxqa.sources.download.checksums import SUMS, Ledger
from ehrxqa.sources.download.image_selection import Image
from ehrxqa.sources.download.part_file import part_path
from ehrxqa.sources.download.releases import MADE_LOCALLY, Release, Wanted, place_of
from ehrxqa.sources.download.zip_safety import check_zip
from ehrxqa.sources.scene_graphs import is_graph

__all__ = ["Item", "State", "assess", "check_jpeg", "image_items", "listed_items"]


class State(Enum):
    """How a wanted file stands on this disk."""

    PRESENT = "present"  # whole, and its checksum is the published one
    UNCHECKED = "present, not checked"  # there in another form, which has no published checksum
    PARTIAL = "partly here"  # an earlier run left its beginning
    DIFFERENT = "different"  # a file of that name is there, but it is not the published one
    MISSING = "missing"


@dataclass(frozen=True)
class Item:
    """One published file and its place.

    Attributes:
        release: Where it is published.
        path: Its path below the release.
        target: Its place on this disk.
        name: What to call it; no patient's number.
        sha256: Published checksum; None if the project lists none for it (only images may lack one).
        check: Looks at the complete bytes before they get their final name.
        source: Its catalogue entry, if it has one.
        state: How it stands.
        why: A word on that, for people.
        size: Bytes on the host, once known.
        have: Bytes of it on this disk.
    """

    release: Release
    path: str
    target: Path
    name: str
    sha256: str | None
    check: Callable[[Path], None] | None = None
    source: SourceFile | None = None
    state: State = State.MISSING
    why: str = ""
    size: int | None = None
    have: int = 0

    @property
    def needed(self) -> bool:
        """Whether it has to be fetched, in part or whole."""
        return self.state in (State.PARTIAL, State.DIFFERENT, State.MISSING)


def listed_items(root: Path, wanted: Iterable[Wanted], sums: dict[str, str], sums_name: str) -> list[Item]:
    """The files of one release that are meant, with their published checksums.

    Raises:
        DownloadError: The project lists none of that name; all that are missing are named at once.
    """
    items, unlisted = [], []
    release = None
    for one in wanted:
        release = one.release
        paths = sorted(path for path in sums if one.means(path))
        if not paths:
            unlisted.append(one.path or one.label)
        for path in paths:
            name = f"{release.folder}/{path}"
            check = (lambda part, name=name: _check_zip(part, name)) if path.endswith(".zip") else None
            items.append(Item(release, path, place_of(root, release) / path, name, sums[path], check, one.source))
    if unlisted and release is not None:
        raise DownloadError(
            f"{sums_name} does not list {', '.join(unlisted)}: is this {release.title} {release.version}? "
            f"Remove a stale {SUMS} and run again"
        )
    return items


def _check_zip(path: Path, name: str) -> None:
    check_zip(path, name=name)


def image_items(root: Path, release: Release, images: Sequence[Image], sums: dict[str, str]) -> list[Item]:
    """The image files; one without a published checksum must at least be a whole JPEG."""
    items = []
    folder = place_of(root, release)
    for number, image in enumerate(images, 1):
        path = image.path
        sha256 = sums.get(path)
        name = f"image {number} ({image.image_id[:8]}…)"
        check = check_jpeg if sha256 is None else None
        items.append(Item(release, path, folder / path, name, sha256, check))
    return items


def assess(item: Item, ledger: Ledger, *, recheck: bool) -> Item:
    """Look at the disk: the item with its state."""
    if item.target.is_file():
        size = item.target.stat().st_size
        if item.sha256 is None:
            whole = _is_jpeg(item.target)
            state, why = (State.UNCHECKED, "no published checksum") if whole else (State.MISSING, "cut off")
            return replace(item, state=state, why=why, have=size if whole else 0)
        if ledger.matches(item.path, item.sha256, recheck=recheck):
            return replace(item, state=State.PRESENT, have=size)
        return replace(item, state=State.DIFFERENT, why="its SHA-256 is not the published one", have=size)
    other = _other_form(item)
    if other is not None:
        return replace(item, state=State.UNCHECKED, why=other)
    try:
        have = part_path(item.target).stat().st_size
    except OSError:
        have = 0
    return replace(item, state=State.PARTIAL if have else State.MISSING, have=have)


def _other_form(item: Item) -> str | None:
    """In which other form the content is here, if it is; such a form has no published checksum."""
    file = item.source
    if file is None:
        return None
    if file.form is Form.ZIP:
        return _graphs_in_other_form(item.target)
    packed = item.target.suffix == ".gz"
    other = item.target.with_suffix("") if packed else item.target.with_name(item.target.name + ".gz")
    if other.is_file() and other.stat().st_size:
        return f"{'unpacked' if packed else 'packed'} as {other.name}, cannot be checksummed"
    return None


def _graphs_in_other_form(target: Path) -> str | None:
    project = target.parents[1]
    tables = [project / source_file(key).path for key in sorted(MADE_LOCALLY)]
    if all(table.is_file() or table.with_name(table.name + ".gz").is_file() for table in tables):
        return "both scene_tabular files are here and are used instead"
    folder = target.with_suffix("")
    with_graphs = folder / folder.name if (folder / folder.name).is_dir() else folder
    if with_graphs.is_dir():
        with os.scandir(with_graphs) as entries:
            if any(is_graph(entry.name) for entry in entries):
                return f"unpacked in {folder.name}/, cannot be checksummed"
    return None


def check_jpeg(path: Path) -> None:
    """Whether a file begins and ends as a JPEG does.

    Raises:
        DownloadError: It does not.
    """
    if not _is_jpeg(path):
        raise DownloadError("an image came that is not a whole JPEG; nothing was kept")


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(3)
        if start != b"\xff\xd8\xff":
            return False
        stream.seek(-2, os.SEEK_END)
        return stream.read(2) == b"\xff\xd9"
