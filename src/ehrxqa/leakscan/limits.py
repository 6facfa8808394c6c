"""How much of a file is looked at, and what was not: only what was read whole can be called clean."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["MOST_BYTES", "FileBounds"]

#: Bytes of a file, packed or unpacked, that are looked at. What is larger is said not to be read whole.
MOST_BYTES = 64 * 2**20
#: Seconds for one file, with all that is packed in it.
MOST_SECONDS = 30.0


@dataclass
class FileBounds:
    """Bounds for one file; `unread` grows by what they cut off, or what is not understood.

    Attributes:
        most_bytes: Bytes that are looked at, unpacked.
        most_seconds: Time for the file.
        unread: What was not read, and why.
    """

    most_bytes: int = MOST_BYTES
    most_seconds: float = MOST_SECONDS
    unread: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = self.most_bytes
        self._until = time.monotonic() + self.most_seconds

    def skip(self, name: str, why: str) -> None:
        """Note that a file, or a part of it, was not read."""
        self.unread.append((name, why))

    def take(self, count: int) -> None:
        """Count bytes that were unpacked."""
        self._left -= count

    @property
    def bytes_left(self) -> int:
        """Bytes that may still be unpacked."""
        return max(self._left, 0)

    @property
    def late(self) -> bool:
        """Whether the time for the file is over."""
        return time.monotonic() > self._until
