"""What is packed: compressed files, zip and tar archives, each unpacked in memory within limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from ehrxqa.leakscan.binary_tables import UnreadError, spreadsheet_hits
from ehrxqa.leakscan.limits import FileBounds
from ehrxqa.leakscan.rules import Hit

__all__ = ["COMPRESSED", "DEEPEST", "packed_hits", "tar_hits", "zip_hits"]

#: First bytes → how it is unpacked.
COMPRESSED: dict[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
DEEPEST = 3
_MOST_MEMBERS = 2_000
_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst", ".zstd", ".lz4"})
_BROKEN = (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError, zlib.error)

#: Looks into a member: its name, its bytes, whether these are all.
Look = Callable[[str, bytes, bool], Iterator[Hit]]


def packed_hits(name: str, data: bytes, limits: FileBounds, look: Look) -> Iterator[Hit]:
    """Hits in one compressed file."""
    pieces: list[bytes] = []
    whole = True
    try:
        with _opened(data) as stream:
            while piece := stream.read(1 << 20):
                pieces.append(piece[: limits.bytes_left])
                limits.take(len(piece))
                if not limits.bytes_left or limits.late:
                    whole = False
                    limits.skip(name, f"only its first {sum(map(len, pieces)) >> 20} MiB were read")
                    break
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        whole = False
        limits.skip(name, "cannot be unpacked to its end")
    pure = PurePosixPath(name)
    yield from look(name[: -len(pure.suffix)] if pure.suffix in _SUFFIXES else name, b"".join(pieces), whole)


def _opened(data: bytes) -> Any:
    kind = next(kind for magic, kind in COMPRESSED.items() if data.startswith(magic))
    if kind in ("zstd", "lz4"):
        import pyarrow as pa

        return pa.CompressedInputStream(pa.BufferReader(data), kind)
    openers: dict[str, Any] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    return openers[kind](io.BytesIO(data))


def zip_hits(name: str, data: bytes, limits: FileBounds, look: Look) -> Iterator[Hit]:
    """Hits in a zip archive: each rule once for the archive. A workbook is read as its sheets."""
    seen: set[str] = set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "xl/workbook.xml" in archive.namelist():
                yield from spreadsheet_hits(archive, limits.bytes_left)
            members = [member for member in archive.infolist() if not member.is_dir()]
            for number, member in enumerate(members):
                if number >= _MOST_MEMBERS or not limits.bytes_left or limits.late:
                    limits.skip(name, f"only {number:,} of its {len(members):,} members were read")
                    break
                if member.flag_bits & 1:
                    limits.skip(name, "a member is encrypted")
                    continue
                bound = limits.bytes_left
                with archive.open(member) as stream:
                    content = stream.read(bound + 1)
                limits.take(len(content))
                yield from _once(look(member.filename, content[:bound], len(content) <= bound), seen)
                if len(content) > bound:
                    limits.skip(name, f"only a part of member {number + 1:,} of {len(members):,} was read")
    except UnreadError as error:
        limits.skip(name, str(error))
    except _BROKEN:
        limits.skip(name, "cannot be read as a zip file")


def tar_hits(name: str, data: bytes, limits: FileBounds, look: Look) -> Iterator[Hit]:
    """Hits in a tar archive: each rule once for the archive."""
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= _MOST_MEMBERS or limits.late:
                    limits.skip(name, f"only its first {number:,} members were read")
                    return
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield from _once(look(member.name, stream.read(), True), seen)
    except (tarfile.TarError, OSError, EOFError):
        limits.skip(name, "cannot be read as a tar file to its end")


def _once(hits: Iterator[Hit], seen: set[str]) -> Iterator[Hit]:
    for hit in hits:
        if hit.rule not in seen:
            seen.add(hit.rule)
            yield Hit(hit.rule, None, f"in a packed file: {hit.what}")
