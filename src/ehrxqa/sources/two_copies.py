"""A table that lies there unpacked and packed: both are one truth, or it is said that they are not.

Half an unpacked table, left by a disk that was full, reads as a table of fewer rows; only the packed one beside it
tells. Its last four bytes are the size of what it holds, so that two copies are compared without reading them.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Final

from ehrxqa.errors import SourceError
from ehrxqa.sources.opened import open_bytes

__all__ = ["require_same_content", "require_same_size"]

_AT_ONCE: Final = 1 << 20


def require_same_size(plain: Path, packed: Path) -> None:
    """Check that two copies of a table have the same size; they are read only where the size is in doubt.

    Raises:
        SourceError: They do not hold the same, or the packed one is damaged.
    """
    size = plain.stat().st_size
    with packed.open("rb") as stream:
        end = stream.seek(0, 2)
        stream.seek(max(0, end - 4))
        stated = int.from_bytes(stream.read(4), "little")
    if stated != size & 0xFFFFFFFF:  # a file packed in parts states the size of its last part alone
        require_same_content(plain, packed)


def require_same_content(plain: Path, packed: Path) -> None:
    """Read two copies of a table to their ends, and check that they hold the same.

    Raises:
        SourceError: They do not, or one is damaged, or holds what no table does.
    """
    place = 0
    with open_bytes(plain) as one, open_bytes(packed) as other:
        while True:
            first, second = _block(one), _block(other)
            if first != second:
                at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
                how = (
                    f"they differ from byte {place + at + 1:,}"
                    if at is not None
                    else "it is the beginning of the other, as if unpacking was stopped"
                    if len(first) < len(second)
                    else "the other is the beginning of it"
                )
                raise SourceError(
                    f"{plain} and {packed.name} beside it do not hold the same ({how}); remove the one that is wrong"
                )
            if not first:
                return
            place += len(first)


def _block(stream: IO[bytes]) -> bytes:
    """As many bytes as are compared at once, fewer only at the end."""
    parts = []
    left = _AT_ONCE
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
