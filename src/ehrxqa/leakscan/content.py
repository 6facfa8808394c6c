"""What a file holds, whatever it is called: text, table, database, image, or an archive of these."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id
from ehrxqa.leakscan.rules import CREDENTIAL_RULES, Hit, text_hits
from ehrxqa.leakscan.tables import database_hits, delimited_hits, parquet_hits, record_hits

__all__ = ["MOST_BYTES", "Limits", "content_hits"]

#: Bytes of a file, packed or unpacked, that are looked at. What is larger is said not to be read whole.
MOST_BYTES = 64 * 2**20

_REPORT_NAME = re.compile(r"s5\d{7}\.txt", re.ASCII)
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".dcm", ".dicom", ".webp", ".tif", ".tiff"})
_MOST_MEMBERS = 2_000
_DEEPEST = 3


@dataclass
class Limits:
    """Says what was not read: `notes` grows."""

    notes: list[str]
    most_bytes: int = MOST_BYTES


def content_hits(name: str, data: bytes, limits: Limits, *, whole: bool = True, depth: int = 0) -> Iterator[Hit]:
    """What must not be published in one file.

    Args:
        name: Path of the file, `/` between folders.
        data: Its bytes, or its first ones.
        limits: Bounds, and what they cut off.
        whole: Whether `data` is all of it.
        depth: How many archives it is packed in.
    """
    yield from _name_hits(name, data)
    base = PurePosixPath(name).name
    if data.startswith(b"SQLite format 3\0"):
        yield from database_hits(data)
    elif data.startswith(b"PAR1"):
        if whole:
            yield from parquet_hits(data)
    elif data.startswith(b"PK\x03\x04"):
        yield from _zip_hits(name, data, limits, depth, whole=whole)
    elif data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")):
        yield from _packed_hits(name, data, limits, depth)
    elif data[257:262] == b"ustar":
        yield from _tar_hits(name, data, limits, depth)
    else:
        text = _text(data)
        if text is not None:
            rows = list(delimited_hits(text))
            yield from rows
            yield from record_hits(text, base)
            # a table is reported once, not again for each of its columns
            yield from text_hits(text, CREDENTIAL_RULES) if rows else text_hits(text)


def _name_hits(name: str, data: bytes) -> Iterator[Hit]:
    pure = PurePosixPath(name)
    stem = IMAGE_ID.match(pure.name)
    real_stem = stem is not None and not made_up_image_id(stem[0])
    if data[128:132] == b"DICM":
        yield Hit("image", None, "a DICOM file")
    elif real_stem and (data.startswith((b"\xff\xd8\xff", b"\x89PNG")) or pure.suffix.lower() in _IMAGE_SUFFIXES):
        yield Hit("image", None, "an image named like those of MIMIC-CXR")
    elif real_stem:
        yield Hit("image-id", None, "a file named like an image of MIMIC-CXR")
    elif _REPORT_NAME.fullmatch(pure.name):
        yield Hit("report", None, "a text named like a report of MIMIC-CXR")


def _text(data: bytes) -> str | None:
    """The data as text; None if it is binary."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:8192]:
        return None
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _packed_hits(name: str, data: bytes, limits: Limits, depth: int) -> Iterator[Hit]:
    if depth >= _DEEPEST:
        limits.notes.append(f"{name}: packed too deeply, not read")
        return
    opener: Any = gzip.open if data.startswith(b"\x1f\x8b") else bz2.open if data.startswith(b"BZh") else lzma.open
    found = b""
    try:
        with opener(io.BytesIO(data)) as stream:
            while len(found) <= limits.most_bytes and (piece := stream.read(1 << 20)):
                found += piece
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        limits.notes.append(f"{name}: cannot be unpacked to its end")
    whole = len(found) <= limits.most_bytes
    if not whole:
        limits.notes.append(f"{name}: only the first {limits.most_bytes >> 20} MiB were read")
    inner = name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix in (".gz", ".bz2", ".xz") else name
    yield from content_hits(inner, found[: limits.most_bytes], limits, whole=whole, depth=depth + 1)


def _zip_hits(name: str, data: bytes, limits: Limits, depth: int, *, whole: bool) -> Iterator[Hit]:
    if depth >= _DEEPEST or not whole:
        limits.notes.append(f"{name}: {'packed too deeply' if whole else 'a very large zip file'}, not read")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            left = limits.most_bytes
            seen: set[str] = set()
            for member in members[:_MOST_MEMBERS]:
                with archive.open(member) as stream:
                    content = stream.read(min(left, member.file_size) + 1)
                left -= len(content)
                yield from _member_hits(member.filename, content, limits, depth, seen)
                if left <= 0:
                    break
            if len(members) > _MOST_MEMBERS or left <= 0:
                limits.notes.append(f"{name}: not all of its {len(members):,} members were read")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError, zlib.error):
        limits.notes.append(f"{name}: cannot be read as a zip file")


def _tar_hits(name: str, data: bytes, limits: Limits, depth: int) -> Iterator[Hit]:
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= _MOST_MEMBERS:
                    limits.notes.append(f"{name}: only its first {_MOST_MEMBERS:,} members were read")
                    return
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield from _member_hits(member.name, stream.read(), limits, depth, seen)
    except (tarfile.TarError, OSError, EOFError):
        limits.notes.append(f"{name}: cannot be read as a tar file to its end")


def _member_hits(name: str, content: bytes, limits: Limits, depth: int, seen: set[str]) -> Iterator[Hit]:
    """Hits of an archive's member, each rule once for the archive."""
    for hit in content_hits(name, content, limits, depth=depth + 1):
        if hit.rule not in seen:
            seen.add(hit.rule)
            yield Hit(hit.rule, None, f"in a packed file: {hit.what}")
