"""What can go wrong on the way from the host to the disk.

`DownloadError` is final and is shown to the user. The two faults never leave the package: a
`TransientFault` is worth another try, a `StaleFault` means that the bytes we hold cannot be continued.
"""

from __future__ import annotations

from pathlib import Path

from ehrxqa.errors import SourceError

__all__ = ["DownloadError", "StaleFault", "TransientFault"]


class DownloadError(SourceError):
    """A file cannot be had, or what came is not what was published.

    Attributes:
        status: HTTP status that led to it, if one did.
    """

    def __init__(self, message: str, *, status: int | None = None, path: Path | str | None = None) -> None:
        super().__init__(message, path=path)
        self.status = status


class TransientFault(Exception):  # noqa: N818  (a fault is mended here, an error is shown)
    """Something that may be gone on the next try: a lost connection, a stall, a busy server.

    Attributes:
        retry_after_seconds: What the server asked for, if it did.
    """

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class StaleFault(Exception):  # noqa: N818
    """The part on disk does not continue what the server sends: start this file again from its first byte."""
