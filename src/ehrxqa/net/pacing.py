"""Waiting: the clock, how long to back off, and a pause that all connections keep."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

from ehrxqa.net.errors import DownloadError, TransientFault

__all__ = ["Clock", "Interrupted", "Pause", "Retries", "SystemClock", "retry_after_seconds", "retrying"]

T = TypeVar("T")


class Interrupted(Exception):  # noqa: N818
    """The run was cancelled while a worker waited or received."""


class Clock(Protocol):
    """Time as the downloader sees it; tests bring one that does not wait."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def wall(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; raises `Interrupted` if the run is cancelled meanwhile."""
        ...

    def cancel(self) -> None:
        """Wake all that sleep, and let nobody sleep again."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the run is cancelled."""
        ...


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait, unless cancelled."""
        if self._stop.wait(seconds):
            raise Interrupted

    def cancel(self) -> None:
        """Wake all that sleep."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether the run is cancelled."""
        return self._stop.is_set()


@dataclass(frozen=True)
class Retries:
    """How patient to be.

    Attributes:
        attempts: Tries in a row that bring no new byte before a file is given up.
        restarts: How often a file may be started again from its first byte.
        first_seconds: Wait before the second try; doubled each time, less up to half at random.
        longest_seconds: Longest wait of our own.
        longest_asked_seconds: Longest wait a server may ask for; more ends the run with a clear error.
    """

    attempts: int = 8
    restarts: int = 3
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    longest_asked_seconds: float = 900.0
    random: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def wait_seconds(self, failures: int, fault: TransientFault, name: str) -> float:
        """How long to wait for `name` after that many failures in a row (1 or more).

        Raises:
            DownloadError: The server asks for a longer wait than is reasonable.
        """
        asked = fault.retry_after_seconds
        if asked is not None:
            if asked > self.longest_asked_seconds:
                raise DownloadError(f"{name}: {fault}; the server asks to come back in {asked / 60:.0f} minutes")
            return asked
        wait = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, 30))
        return wait * self.random.uniform(0.5, 1.0)


class Pause:
    """A moment before which nobody sends a request: one 429 slows down all connections."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._until, self._lock = clock, 0.0, threading.Lock()

    def ask(self, seconds: float) -> None:
        """Let nobody send for that long."""
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def keep(self) -> None:
        """Wait until the pause, if there is one, is over."""
        while True:
            with self._lock:
                left = self._until - self._clock.monotonic()
            if left <= 0:
                return
            self._clock.sleep(left)


def retrying(operation: Callable[[], T], name: str, retries: Retries, clock: Clock) -> T:
    """Run a small request until it works or patience ends.

    Raises:
        DownloadError: It failed `retries.attempts` times in a row.
    """
    failures = 0
    while True:
        try:
            return operation()
        except TransientFault as fault:
            failures += 1
            if failures >= retries.attempts:
                raise DownloadError(f"{name}: given up after {failures} tries; the last one: {fault}") from fault
            clock.sleep(retries.wait_seconds(failures, fault, name))


def retry_after_seconds(value: str | None, clock: Clock) -> float | None:
    """A Retry-After header in seconds from now (it holds seconds or an HTTP date), or None."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value), 10**9))
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - clock.wall())
    except (ValueError, OverflowError):
        return None
