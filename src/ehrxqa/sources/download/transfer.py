"""One file from the host to its final name: resumed, validated, and whole or not there at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from ehrxqa.net.errors import DownloadError, StaleFault, TransientFault
from ehrxqa.net.http_client import Client, Response
from ehrxqa.net.pacing import Retries
from ehrxqa.sources.download.part_file import PartFile, Validators, locked_part, part_path

__all__ = ["Listener", "Remote", "fetch"]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/(\d+)", re.ASCII)


@dataclass
class Listener:
    """Hears how far one file has come.

    Attributes:
        note: Told one line that is worth reading.
        advance: Told how many bytes more, or fewer, are on disk.
        done_bytes: How many there are.
    """

    note: Callable[[str], None]
    advance: Callable[[int], None] = lambda _: None
    done_bytes: int = 0

    def at(self, done_bytes: int) -> None:
        """So many bytes of the file are on disk."""
        self.advance(done_bytes - self.done_bytes)
        self.done_bytes = done_bytes


@dataclass(frozen=True)
class Remote:
    """A published file.

    Attributes:
        url: Its path on the host.
        name: What to call it in messages; holds no patient's number.
        sha256: Its published checksum, None if there is none.
        check: Looks at the complete bytes before they get their final name; raises what is wrong.
    """

    url: str
    name: str
    sha256: str | None = None
    check: Callable[[Path], None] | None = None


def fetch(
    client: Client,
    remote: Remote,
    target: Path,
    retries: Retries,
    listener: Listener,
    *,
    unless: Callable[[], bool],
) -> str | None:
    """Bring `remote` to `target`, going on from a part that an earlier run left.

    Args:
        client: Connections to the host.
        remote: What to fetch.
        target: Final name. It changes only when every byte is there and checked; a file that was there is
            replaced in that moment.
        retries: How patient to be.
        listener: Hears how far it has come.
        unless: Asked once the lock is held: whether another run has just finished the file.

    Returns:
        The SHA-256 of the file, or None if another run has finished it meanwhile.

    Raises:
        DownloadError: It cannot be had, or is not what was published; nothing stays under the final name that
            was not there before.
    """
    with locked_part(target, client.clock, listener.note, remote.name) as part:
        if unless():
            part.discard()
            return None
        failures = restarts = 0
        furthest = part.size
        while True:
            try:
                if not _complete(part):
                    _receive(client, remote, part, listener)
                return _finish(remote, part)
            except TransientFault as fault:
                failures = 1 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                if failures >= retries.attempts:
                    kept = f"; the first {part.size:,} bytes are kept for the next run" if part.size else ""
                    raise DownloadError(
                        f"{remote.name}: given up after {failures} tries without a new byte; "
                        f"the last one: {fault}{kept}"
                    ) from fault
                client.clock.sleep(retries.wait_seconds(failures, fault, remote.name))
            except StaleFault as fault:
                part.restart(None)
                furthest = 0
                restarts += 1
                if restarts > retries.restarts:
                    part.discard()
                    raise DownloadError(
                        f"{remote.name}: {fault}, {restarts} times in a row; nothing was kept"
                    ) from fault
                listener.note(f"{remote.name}: {fault}; starting again from its first byte")
                client.clock.sleep(retries.wait_seconds(restarts, TransientFault(str(fault)), remote.name))


def _complete(part: PartFile) -> bool:
    return part.validators is not None and part.validators.size is not None and part.size == part.validators.size


def _receive(client: Client, remote: Remote, part: PartFile, listener: Listener) -> None:
    """Ask for what is missing and append it; returns when the body ended as announced."""
    known = part.validators
    if part.size and (known is None or not _resumable(known, remote, part.size)):
        part.restart(None)
        known = None
    headers = {}
    if known is not None and part.size:
        headers["Range"] = f"bytes={part.size}-"
        if known.strong:
            headers["If-Range"] = known.etag or ""
    with client.open("GET", remote.url, headers) as response:
        if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise TransientFault("something on the way changes the bytes (Content-Encoding)")
        match response.status:
            case 200:
                part.restart(_validators(remote, response.headers, response.length))
            case 206 if headers:
                _check_range(remote, part, response)
            case 206:
                raise TransientFault("a partial answer (206) to a request for the whole file")
            case _:
                _explain_unsatisfied(remote, part, response)
                return
        if not response.framed and remote.sha256 is None:
            raise TransientFault("an answer without length")
        total = part.validators.size if part.validators else None
        listener.at(part.size)
        for data in response.chunks():
            part.append(data)
            listener.at(part.size)
    if total is not None and part.size < total:
        raise TransientFault(f"only {part.size:,} of {total:,} bytes came")


def _resumable(known: Validators, remote: Remote, size: int) -> bool:
    """Whether the part may be continued: there must be a way to notice that the file has changed."""
    fits = known.size is not None and size < known.size
    return fits and known.url == remote.url and (known.strong or remote.sha256 is not None)


def _validators(remote: Remote, headers: Mapping[str, str], size: int | None) -> Validators:
    return Validators(remote.url, size, headers.get("ETag"), headers.get("Last-Modified"))


def _check_range(remote: Remote, part: PartFile, response: Response) -> None:
    """Whether a 206 continues our bytes exactly.

    Raises:
        StaleFault: The file has changed, or the server sends another stretch of it.
    """
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None:
        raise StaleFault("the server sent a part without saying which (206)")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    now = _validators(remote, response.headers, total)
    if part.validators is not None and part.validators.contradicts(now):
        raise StaleFault("the file changed on the server")
    beyond = part.validators is not None and part.validators.size is not None and last >= part.validators.size
    wrong_length = response.length is not None and response.length != last - first + 1
    if first != part.size or last < first or beyond or wrong_length:
        raise StaleFault("the server sent another part than was asked for (206)")


def _explain_unsatisfied(remote: Remote, part: PartFile, response: Response) -> None:
    """A 416: our part is the whole file (the checksum will tell), or not a part of it at all."""
    match = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", "").strip())
    if part.size and remote.sha256 is not None and match is not None and int(match[1]) == part.size:
        return
    if not part.size:
        raise TransientFault("HTTP 416 to a request for the whole file")
    raise StaleFault("the server has no such part of the file (416)")


def _finish(remote: Remote, part: PartFile) -> str:
    """Check the complete bytes and give them their name."""
    digest = part.sha256()
    if remote.sha256 is not None and digest != remote.sha256:
        raise StaleFault("its SHA-256 is not the published one")
    if remote.check is not None:
        try:
            remote.check(part_path(part.target))
        except DownloadError:
            part.discard()
            raise
    part.finish(_modified(part.validators))
    return digest


def _modified(validators: Validators | None) -> float | None:
    """Last-Modified in seconds since 1970, None if it is absent or nonsense."""
    try:
        moment = parsedate_to_datetime((validators and validators.last_modified) or "")
        return max(0.0, moment.timestamp())
    except (ValueError, OverflowError):
        return None
