"""Waiting for what others have to bring about: it is said for what, from time to time, and ends at a limit."""

from __future__ import annotations

import time
from typing import Final

from ehrxqa.progress import Progress, human_seconds

__all__ = ["Waiting"]

#: Seconds after which it is said for what is waited, each time twice as many.
_SAYING: Final = 10.0
#: Seconds between looks, at first and later.
_LOOKS: Final = (0.1, 1.0)


class Waiting:
    """A time of waiting, which begins now.

    Args:
        who: Waits, in words.
        what: Is waited for, in words.
        seconds: At most.
        progress: Told of it.
    """

    def __init__(self, who: str, what: str, seconds: float, progress: Progress) -> None:
        self._who, self._what, self._limit, self._progress = who, what, seconds, progress
        self._began, self._say = time.monotonic(), _SAYING

    def over(self) -> bool:
        """Whether it took too long; if not, and it is time to, says that it goes on."""
        waited = time.monotonic() - self._began
        if waited > self._limit:
            return True
        if waited > self._say:
            self._progress.note(
                f"{self._who}: waits for {self._what}; {human_seconds(waited)} of at most {human_seconds(self._limit)}"
            )
            self._say *= 2
        return False

    def pause(self) -> None:
        """Sleep until the next look."""
        time.sleep(_LOOKS[time.monotonic() - self._began > _SAYING])

    def failure(self) -> str:
        """That it was in vain."""
        return f"{self._who}: waited {human_seconds(self._limit)} in vain for {self._what}"
