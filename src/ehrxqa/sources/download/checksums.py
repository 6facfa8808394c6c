"""What was published (`SHA256SUMS.txt`), and what on this disk has been checked against it."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ehrxqa.errors import RecordError, SourceError
from ehrxqa.files import disk_errors, sha256_of
from ehrxqa.json_files import parse_json

__all__ = ["LEDGER", "SUMS", "Ledger", "read_sums"]

SUMS = "SHA256SUMS.txt"

#: One JSON object a line: a file of this project that was checked, with the size and time it had then.
LEDGER = ".ehrxqa-checked.jsonl"

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]?(.+)")


def read_sums(path: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    """SHA-256 by path below the project, for the paths that are wanted (the file may list 400,000).

    Raises:
        SourceError: It is not a list of checksums.
    """
    found = {}
    for number, line in _lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            raise SourceError("is not a list of SHA-256 checksums; remove it and run again", path=path, line=number)
        name = match[2].removeprefix("./")
        if wanted(name):
            pure = PurePosixPath(name)
            if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
                raise SourceError("names a file outside the project", path=path, line=number)
            found[name] = match[1].lower()
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                text = line.rstrip("\r\n")
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        raise SourceError("is not a list of SHA-256 checksums; remove it and run again", path=path) from error


class Ledger:
    """Remembers which files were checked, so that a second run need not read them again.

    An entry counts only while size and modification time are what they were. Lines are appended whole; a
    line torn by a killed run is passed over.
    """

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        self._folder, self._keep, self._lock = folder, keep, threading.Lock()
        self._known: dict[str, tuple[int, int, str]] = {}
        try:
            text = (folder / LEDGER).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for line in text.split("\n"):
            with suppress(RecordError):
                match parse_json(folder / LEDGER, line):
                    case {"path": str(path), "size": int(size), "mtime_ns": int(mtime_ns), "sha256": str(sha256)}:
                        self._known[path] = (size, mtime_ns, sha256)

    def matches(self, path: str, sha256: str, *, recheck: bool = False) -> bool:
        """Whether the file has that checksum, by memory or by reading it."""
        target = self._folder / path
        status = target.stat()
        if not recheck and self._known.get(path) == (status.st_size, status.st_mtime_ns, sha256):
            return True
        if sha256_of(target) != sha256:
            return False
        self.record(path, sha256)
        return True

    def record(self, path: str, sha256: str) -> None:
        """Note that the file has that checksum."""
        if not self._keep:
            return
        status = (self._folder / path).stat()
        entry = {"path": path, "size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
        line = (json.dumps(entry) + "\n").encode()
        ledger = self._folder / LEDGER
        with self._lock, disk_errors(ledger):
            self._known[path] = (status.st_size, status.st_mtime_ns, sha256)
            descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
