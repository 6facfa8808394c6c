"""A clock for tests: nothing waits."""

from __future__ import annotations

import threading

from ehrxqa.net.pacing import Interrupted


class FakeClock:
    """Time that passes only when someone sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1_000.0, []
        self._lock = threading.Lock()
        self.cancelled = False

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now

    def sleep(self, seconds: float) -> None:
        if self.cancelled:
            raise Interrupted
        with self._lock:
            self.now += seconds
            self.slept.append(seconds)

    def cancel(self) -> None:
        self.cancelled = True

    def again(self) -> FakeClock:
        """The same clock for one more run."""
        self.cancelled = False
        return self
