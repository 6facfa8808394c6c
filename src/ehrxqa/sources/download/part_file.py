"""An unfinished file: its bytes in `NAME.part`, what they are part of in `NAME.part.json`, and its lock.

The lock is held on the `.part` file itself (`flock`), so that it goes with the process however that
ends, and no lock file stays behind. Bytes are handed to the system as they arrive: a killed process loses
at most what was still in flight.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ehrxqa.errors import RecordError
from ehrxqa.files import disk_errors, fsync_path
from ehrxqa.json_files import json_text, read_as
from ehrxqa.net.pacing import Clock

__all__ = ["PartFile", "Validators", "locked_part", "part_path", "sidecar_path"]

READ_BYTES = 1 << 20
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Validators:
    """What identifies the remote file that the bytes belong to.

    Attributes:
        url: Address path it came from.
        size: Its bytes, None if the server did not say.
        etag: Its ETag as sent, None if it has none.
        last_modified: Its Last-Modified as sent.
    """

    url: str
    size: int | None
    etag: str | None
    last_modified: str | None

    @property
    def strong(self) -> bool:
        """Whether the ETag promises identical bytes."""
        return self.etag is not None and self.etag.startswith('"')

    def contradicts(self, other: Validators) -> bool:
        """Whether the two describe different content; what one of them does not state, it does not deny."""
        return (
            self.url != other.url
            or _differ(self.size, other.size)
            or _differ(self.etag, other.etag)
            or ((self.etag is None or other.etag is None) and _differ(self.last_modified, other.last_modified))
        )


def _differ(one: object, two: object) -> bool:
    return one is not None and two is not None and one != two


def part_path(target: Path) -> Path:
    """Where the bytes of an unfinished `target` are."""
    return target.with_name(target.name + ".part")


def sidecar_path(target: Path) -> Path:
    """Where it stands what those bytes are part of."""
    return target.with_name(target.name + ".part.json")


class PartFile:
    """An open, locked `.part` file."""

    def __init__(self, target: Path, descriptor: int) -> None:
        self.target = target
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.validators = _read_sidecar(target)
        self._hash = hashlib.sha256()
        self._hashed = 0
        if self.size and self.validators is None:
            self.restart(None)  # bytes of unknown origin are not built upon

    def restart(self, validators: Validators | None) -> None:
        """Throw the bytes away; what follows belongs to `validators`."""
        with disk_errors(self.target):
            os.ftruncate(self._descriptor, 0)
        self.size, self._hash, self._hashed = 0, hashlib.sha256(), 0
        self.validators = validators
        if validators is None:
            sidecar_path(self.target).unlink(missing_ok=True)
        else:
            # not flushed: a torn sidecar only costs a fresh start of this file
            with disk_errors(self.target):
                sidecar_path(self.target).write_text(json_text(asdict(validators)), encoding="utf-8")

    def append(self, data: bytes) -> None:
        """Write at the end, through to the system."""
        with disk_errors(self.target):
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, self.size)
                if self._hashed == self.size:
                    self._hash.update(view[:written])
                    self._hashed += written
                self.size += written
                view = view[written:]

    def sha256(self) -> str:
        """SHA-256 of the bytes so far; those of an earlier run are read once."""
        while self._hashed < self.size:
            data = os.pread(self._descriptor, min(READ_BYTES, self.size - self._hashed), self._hashed)
            if not data:
                break
            self._hash.update(data)
            self._hashed += len(data)
        return self._hash.hexdigest()

    def take_over(self, validators: Validators) -> None:
        """Make the file under the final name the part: it is the beginning of what `validators` describes.

        The lock stays on what was the part before; whoever comes next opens and locks the new one.
        """
        with disk_errors(self.target):
            if self.size < self.target.stat().st_size:
                self.restart(validators)
                self.target.replace(part_path(self.target))

    def finish(self, modified: float | None) -> None:
        """Flush, give the server's time of change, and rename to the final name.

        The modification time is set as wget does, so that `wget -N` takes the file for its own.
        """
        part = part_path(self.target)
        with disk_errors(self.target):
            if modified is not None:
                os.utime(part, (modified, modified))
            os.fsync(self._descriptor)
            part.replace(self.target)
            with suppress(OSError):  # some file systems cannot flush a folder
                fsync_path(self.target.parent)
            sidecar_path(self.target).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the part and its sidecar."""
        sidecar_path(self.target).unlink(missing_ok=True)
        part_path(self.target).unlink(missing_ok=True)


@contextmanager
def locked_part(target: Path, clock: Clock, note: Callable[[str], None], name: str) -> Iterator[PartFile]:
    """The `.part` file of `target`, made if missing, locked; waits for a run that holds it.

    Raises:
        BuildError: The folder cannot be written.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(part_path(target), clock, note, name)
    try:
        yield PartFile(target, descriptor)
    finally:
        _tidy(target, descriptor)
        os.close(descriptor)


def _lock(part: Path, clock: Clock, note: Callable[[str], None], name: str) -> int:
    noted = False
    while True:
        with disk_errors(part):
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if not noted:
                note(f"{name}: another run is fetching it; waiting")
                noted = True
            clock.sleep(POLL_SECONDS)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        # the run that held it may have renamed it meanwhile: then this is the finished file, not the part
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), part.stat()):
                return descriptor
        os.close(descriptor)


def _tidy(target: Path, descriptor: int) -> None:
    """Leave no empty part behind, while the lock is still held."""
    with suppress(OSError):
        part = part_path(target)
        if os.fstat(descriptor).st_size == 0 and os.path.samestat(os.fstat(descriptor), part.stat()):
            part.unlink()
            sidecar_path(target).unlink(missing_ok=True)


def _read_sidecar(target: Path) -> Validators | None:
    try:
        found = read_as(Validators, sidecar_path(target), "what a part belongs to")
    except RecordError:
        return None  # torn or damaged: the file starts anew
    return None if found.size is not None and found.size < 0 else found
