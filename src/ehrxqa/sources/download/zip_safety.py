"""Is this zip file what it claims, and harmless to read or unpack?"""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ehrxqa.net.errors import DownloadError

__all__ = ["ZipLimits", "check_zip"]

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True)
class ZipLimits:
    """What a zip file may hold. The defaults leave room: 243,000 scene graphs are about 10 GB of JSON.

    Attributes:
        members: Entries.
        total_bytes: Unpacked bytes of all entries together.
        member_bytes: Unpacked bytes of one entry.
        ratio: Unpacked over packed bytes, of the whole and of each entry beyond `ratio_from_bytes`.
        ratio_from_bytes: Entries smaller than this may pack as well as they like.
    """

    members: int = 2_000_000
    total_bytes: int = 100 * 10**9
    member_bytes: int = 2 * 10**9
    ratio: float = 200.0
    ratio_from_bytes: int = 1 << 20


def check_zip(path: Path, limits: ZipLimits | None = None, *, name: str | None = None) -> int:
    """Check the directory of a zip file before anyone reads its members.

    Refused are absolute paths, `..`, drive letters, backslashes, links and other special files, encrypted or
    unusually packed members, repeated names, overlapping members, and sizes or ratios out of bounds.

    Args:
        path: The file.
        limits: Bounds; default `ZipLimits()`.
        name: What to call it in messages, if not by its path.

    Returns:
        The number of members.

    Raises:
        DownloadError: One of these, naming the member by its number (its name may hold an image id).
    """
    limits, name = limits or ZipLimits(), name or str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise DownloadError(f"{name}: not a readable zip file ({error})") from error
    if len(members) > limits.members:
        raise DownloadError(f"{name}: {len(members):,} members, more than {limits.members:,}")
    seen: set[str] = set()
    for number, member in enumerate(members, 1):
        fault = _fault(member, limits, seen)
        if fault:
            raise DownloadError(f"{name}: member {number:,} {fault}; refused, nothing was unpacked")
        seen.add(member.filename)
    total = sum(member.file_size for member in members)
    packed_total = path.stat().st_size
    if total > limits.total_bytes:
        raise DownloadError(f"{name}: {total:,} bytes unpacked, more than {limits.total_bytes:,}")
    if total > limits.ratio_from_bytes and total > limits.ratio * packed_total:
        raise DownloadError(f"{name}: unpacks to more than {limits.ratio:g} times its size")
    if _overlapping(members, packed_total):
        raise DownloadError(f"{name}: members overlap; refused, nothing was unpacked")
    return len(members)


def _fault(member: zipfile.ZipInfo, limits: ZipLimits, seen: set[str]) -> str | None:
    name = member.orig_filename
    pure = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    packed = max(1, member.compress_size)
    if pure.is_absolute() or name.startswith("~"):
        return "has an absolute path"
    if ".." in pure.parts:
        return "leaves its folder (..)"
    if not name or "\\" in name or "\0" in name or ":" in name.split("/", 1)[0]:
        return "has a name that other systems read as another path"
    if stat.S_ISLNK(kind):
        return "is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a special file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"is packed with method {member.compress_type}"
    if member.filename in seen:
        return "has the name of an earlier one"
    if member.file_size > limits.member_bytes:
        return f"unpacks to {member.file_size:,} bytes"
    if member.file_size > limits.ratio_from_bytes and member.file_size > limits.ratio * packed:
        return f"unpacks to {member.file_size / packed:,.0f} times its size"
    return None


def _overlapping(members: list[zipfile.ZipInfo], archive_bytes: int) -> bool:
    """Whether two members share packed bytes, as in a bomb made of one overlapping block."""
    end = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < end:
            return True
        end = member.header_offset + 30 + member.compress_size  # 30: the fixed part of a local header
    return end > archive_bytes
