"""A whole download: plan, preflight, sizes, space, then a few files at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from ehrxqa.errors import BuildError, EhrxqaError, SettingsError, SourceError
from ehrxqa.net.credentials import Credentials, find_credentials
from ehrxqa.net.errors import DownloadError, TransientFault
from ehrxqa.net.host import named_host
from ehrxqa.net.http_client import Client
from ehrxqa.net.pacing import Clock, Retries, SystemClock, retrying
from ehrxqa.progress import BYTES, SILENT, Progress, Task, human_bytes
from ehrxqa.sources.download.checksums import SUMS, Ledger, read_sums
from ehrxqa.sources.download.fetch_list import Item, State, assess
from ehrxqa.sources.download.outcome import FileReport, explained, hopeless, report, summary
from ehrxqa.sources.download.part_file import Validators, locked_part
from ehrxqa.sources.download.releases import Release, place_of
from ehrxqa.sources.download.transfer import Listener, Remote, fetch

__all__ = ["Handling", "Network", "Session", "session"]

T = TypeVar("T")
R = TypeVar("R")

#: More files than this are not asked for their size one by one; the sum is estimated from so many of them.
SIZE_SAMPLE = 64
SPARE_BYTES = 64 * 2**20
PREFIX_BYTES = 1 << 16


@dataclass(frozen=True)
class Network:
    """How to talk to the host.

    Attributes:
        connections: Connections at a time; PhysioNet slows down those who open many.
        connect_seconds: Longest wait for a connection.
        stall_seconds: Longest wait for the next byte.
        retries: How patient to be.
        address: A loopback test server instead of PhysioNet.
        clock: Makes the clock that waits.
    """

    connections: int = 4
    connect_seconds: float = 20.0
    stall_seconds: float = 60.0
    retries: Retries = field(default_factory=Retries)
    address: str | None = None
    clock: Callable[[], Clock] = SystemClock

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= 16:
            raise SettingsError("connections: between 1 and 16 (4 is what PhysioNet bears well)")


@dataclass(frozen=True)
class Handling:
    """What is done about the files of a run.

    Attributes:
        dry_run: Look, ask for sizes, fetch nothing but the lists of checksums.
        replace: Fetch again what is there but is not the published file.
        recheck: Read again the files that an earlier run has checked.
    """

    dry_run: bool = False
    replace: bool = False
    recheck: bool = False


@contextmanager
def session(
    root: Path,
    network: Network | None = None,
    credentials: Credentials | Callable[[], Credentials] | None = None,
    progress: Progress = SILENT,
    handling: Handling = Handling(),
) -> Iterator[Session]:
    """Connections for one run; they are closed, and waits ended, however the block ends.

    In a dry run nothing is written below `root`.
    """
    network = network or Network()
    clock = network.clock()

    def ask() -> Credentials:
        if credentials is None:
            return find_credentials(progress.note)
        return credentials if isinstance(credentials, Credentials) else credentials()

    client = Client(
        named_host(network.address),
        clock,
        ask,
        connections=network.connections,
        connect_seconds=network.connect_seconds,
        stall_seconds=network.stall_seconds,
    )
    try:
        with tempfile.TemporaryDirectory() if handling.dry_run else nullcontext() as scratch:
            yield Session(root, network, client, progress, handling, None if scratch is None else Path(scratch))
    finally:
        clock.cancel()
        client.close()


class Session:
    """The steps of a run that share its connections."""

    def __init__(
        self,
        root: Path,
        network: Network,
        client: Client,
        progress: Progress,
        handling: Handling,
        scratch: Path | None = None,
    ) -> None:
        self.root, self.client, self.progress, self.handling = root, client, progress, handling
        self._network, self._scratch = network, scratch
        self._ledgers: dict[str, Ledger] = {}

    # -- planning --------------------------------------------------------------------------------------

    def plan(
        self,
        release: Release,
        make_items: Callable[[dict[str, str], str], list[Item]],
        wanted: Callable[[str], bool],
    ) -> list[Item]:
        """The items of one release with their states; the host is asked only if something is missing.

        Args:
            release: The release.
            make_items: Makes the items from the published checksums (and the name of their list).
            wanted: Which paths of the list matter.
        """
        sums_file = place_of(self.root, release) / SUMS
        if sums_file.is_file():
            try:
                items = self._assess(make_items(read_sums(sums_file, wanted), str(sums_file)))
            except SourceError:
                pass  # a stale or damaged list: the one on the host decides
            else:
                if not any(item.needed for item in items):
                    return items
        sums_file = self._fresh_sums(release, sums_file)
        try:
            sums = read_sums(sums_file, wanted)
        except SourceError:
            sums_file.unlink(missing_ok=True)
            raise DownloadError(f"{release.folder}/{SUMS}: what came is not a list of checksums") from None
        return self._assess(make_items(sums, f"{release.folder}/{SUMS}"))

    def _fresh_sums(self, release: Release, sums_file: Path) -> Path:
        """Where the host's list of checksums lies: fetched, unless the one here has its size and time."""
        url = self.client.host.file_path(release.folder, SUMS)
        name = f"{release.folder}/{SUMS}"
        with explained(release, name):
            if sums_file.is_file() and self._retrying(lambda: self._unchanged(url, sums_file), name):
                return sums_file
            if self._scratch is not None:
                sums_file = self._scratch / release.folder / SUMS
            self.progress.note(f"{name}: fetching the list of checksums")
            listener = Listener(self.progress.note)
            fetch(self.client, Remote(url, name), sums_file, self._network.retries, listener, unless=lambda: False)
        return sums_file

    def _unchanged(self, url: str, sums_file: Path) -> bool:
        with self.client.open("HEAD", url) as response:
            status = sums_file.stat()
            modified = response.headers.get("Last-Modified")
            try:
                same_time = modified is not None and parsedate_to_datetime(modified).timestamp() == int(status.st_mtime)
            except ValueError:
                same_time = False
            return same_time and response.length == status.st_size

    def _ledger(self, release: Release) -> Ledger:
        if release.slug not in self._ledgers:
            self._ledgers[release.slug] = Ledger(place_of(self.root, release), keep=self._scratch is None)
        return self._ledgers[release.slug]

    def _assess(self, items: list[Item]) -> list[Item]:
        for item in items:
            self._ledger(item.release)
        recheck = self.handling.recheck
        return self._map(lambda item: assess(item, self._ledger(item.release), recheck=recheck), items)

    # -- sizes and space -------------------------------------------------------------------------------

    def with_sizes(self, items: list[Item]) -> tuple[list[Item], int | None, bool]:
        """The items with their sizes on the host; bytes in all; whether that sum is an estimate.

        Of very many files (images) a spread sample is asked, and the sum is estimated from it.
        """
        needed = [number for number, item in enumerate(items) if item.needed and item.size is None]
        stride = -(-len(needed) // SIZE_SAMPLE) if len(needed) > SIZE_SAMPLE else 1
        asked = needed[::stride]
        sizes = dict(zip(asked, self._map(self._size, [items[number] for number in asked]), strict=True))
        items = [replace(item, size=sizes.get(number, item.size)) for number, item in enumerate(items)]
        known = [size for size in sizes.values() if size is not None]
        if needed and not known:
            return items, None, True
        total = sum(known)
        if len(known) < len(needed):
            total = round(total * len(needed) / len(known))
        return items, total, len(known) < len(needed)

    def _size(self, item: Item) -> int | None:
        url = self.client.host.file_path(item.release.folder, item.path)

        def ask() -> int | None:
            with self.client.open("HEAD", url) as response:
                return response.length if response.status == 200 else None

        with explained(item.release, item.name):
            return self._retrying(ask, item.name)

    def check_space(self, items: Sequence[Item], total: int | None) -> None:
        """Whether what is still to come fits on the disk.

        Raises:
            BuildError: It does not.
        """
        if total is None:
            return
        coming = max(0, total - sum(item.have for item in items if item.state is State.PARTIAL)) + SPARE_BYTES
        folder = next(folder for folder in (self.root, *self.root.absolute().parents) if folder.is_dir())
        free = shutil.disk_usage(folder).free
        if coming > free:
            raise BuildError(
                f"{self.root}: {human_bytes(coming)} are needed, {human_bytes(free)} are free; nothing was fetched "
                "(choose another disk, or fewer files with --only)"
            )

    # -- fetching --------------------------------------------------------------------------------------

    def settle_different(self, items: list[Item]) -> list[Item]:
        """Decide about files that are there but are not the published ones.

        One that is the beginning of the published file (an interrupted wget) is taken over and continued.
        Any other is left alone unless it is to be replaced.

        Raises:
            DownloadError: There are such files; all are named.
        """
        settled, foreign = [], []
        for item in items:
            if item.state is not State.DIFFERENT or self.handling.replace:
                settled.append(item)
            elif (validators := self._continues(item)) is not None:
                with locked_part(item.target, self.client.clock, self.progress.note, item.name) as part:
                    part.take_over(validators)
                self.progress.note(f"{item.name}: an interrupted download, continued")
                settled.append(replace(item, state=State.PARTIAL, why="an interrupted download, continued"))
            else:
                foreign.append(item.name)
        if foreign:
            shown = ", ".join(foreign[:5]) + (f" and {len(foreign) - 5} more" if len(foreign) > 5 else "")
            raise DownloadError(
                f"{shown}: there, but not the published file (another SHA-256); move it away, or use --replace to "
                "fetch it again"
            )
        return settled

    def compare_different(self, items: list[Item]) -> list[Item]:
        """As `settle_different`, but files are only looked at, and those of others are told, not refused."""
        return [
            replace(item, state=State.PARTIAL, why="an interrupted download")
            if item.state is State.DIFFERENT and self._continues(item) is not None
            else item
            for item in items
        ]

    def _continues(self, item: Item) -> Validators | None:
        """What an interrupted file of another program is part of, if its end is what the host has there."""
        if item.size is None or not 0 < item.have < item.size:
            return None
        url = self.client.host.file_path(item.release.folder, item.path)
        start = max(0, item.have - PREFIX_BYTES)

        def ask() -> tuple[bytes, Validators]:
            with self.client.open("GET", url, {"Range": f"bytes={start}-{item.have - 1}"}) as response:
                expected = f"bytes {start}-{item.have - 1}/{item.size}"
                if response.status != 206:
                    return b"", Validators(url, item.size, None, None)
                if response.headers.get("Content-Range", "").strip() != expected:
                    raise TransientFault("the server sent another part than was asked for (206)")
                headers = response.headers
                validators = Validators(url, item.size, headers.get("ETag"), headers.get("Last-Modified"))
                return b"".join(response.chunks()), validators

        with explained(item.release, item.name):
            there, validators = self._retrying(ask, item.name)
        with item.target.open("rb") as stream:
            stream.seek(start)
            return validators if there and stream.read() == there else None

    def fetch_all(self, items: list[Item], total: int | None) -> list[FileReport]:
        """Fetch what is needed, about `total` bytes, a few files at a time.

        Raises:
            EhrxqaError: One or more files could not be fetched; the others are in place.
        """
        needed = [item for item in items if item.needed]
        present = sum(item.have for item in needed if item.state is State.PARTIAL)
        failures: list[tuple[Item, EhrxqaError]] = []
        done: dict[str, FileReport] = {}
        if not needed:
            return [report(item) for item in items]
        name = f"download of {len(needed):,} file{'s' * (len(needed) > 1)}"
        with self.progress.task(name, total, BYTES, done=present) as whole:
            for item, outcome in self._each(partial(self._fetch, whole), needed, stop=hopeless):
                if isinstance(outcome, EhrxqaError):
                    failures.append((item, outcome))
                else:
                    done[str(item.target)] = outcome
        if failures:
            raise summary(failures, len(needed), fetched=len(done))
        return [done.get(str(item.target)) or report(item) for item in items]

    def _fetch(self, whole: Task, item: Item) -> FileReport:
        ledger = self._ledger(item.release)
        remote = Remote(self.client.host.file_path(item.release.folder, item.path), item.name, item.sha256, item.check)

        def finished_meanwhile() -> bool:
            if not item.target.is_file():
                return False
            if item.sha256 is None:
                return assess(item, ledger, recheck=False).state is State.UNCHECKED
            return ledger.matches(item.path, item.sha256)

        have = item.have if item.state is State.PARTIAL else 0
        with whole.part(item.name, item.size, done=have) as part:
            listener = Listener(self.progress.note, part.advance, have)
            with explained(item.release, item.name):
                digest = fetch(
                    self.client, remote, item.target, self._network.retries, listener, unless=finished_meanwhile
                )
            if digest is not None and item.sha256 is not None:
                ledger.record(item.path, digest)
        return replace(report(item), outcome="fetched", bytes=item.target.stat().st_size)

    # -- several at a time -----------------------------------------------------------------------------

    def _retrying(self, operation: Callable[[], R], name: str) -> R:
        return retrying(operation, name, self._network.retries, self.client.clock)

    def _map(self, work: Callable[[Item], R], items: Sequence[Item]) -> list[R]:
        """`work` of each item, in their order; the first failure ends it."""
        found: dict[int, R] = {}
        numbers = {id(item): number for number, item in enumerate(items)}
        for item, outcome in self._each(work, items, stop=lambda _: True):
            if isinstance(outcome, EhrxqaError):
                raise outcome
            found[numbers[id(item)]] = outcome
        return [found[number] for number in range(len(items))]

    def _each(
        self, work: Callable[[Item], R], items: Iterable[Item], *, stop: Callable[[EhrxqaError], bool]
    ) -> Iterator[tuple[Item, R | EhrxqaError]]:
        """Each item with its result or error, as they end; after an error that `stop`s, no new one begins."""
        with ThreadPoolExecutor(self._network.connections, thread_name_prefix="download") as pool:
            futures: dict[Future[R], Item] = {}
            try:
                futures = {pool.submit(work, item): item for item in items}
                for future in as_completed(futures):
                    if future.cancelled():
                        continue
                    try:
                        yield futures[future], future.result()
                    except EhrxqaError as error:
                        if stop(error):
                            for other in futures:
                                other.cancel()
                        yield futures[future], error
            except BaseException:
                self.client.clock.cancel()
                for future in futures:
                    future.cancel()
                self.client.abort()
                raise
