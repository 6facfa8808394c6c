"""The clock of a database: what `now` means in queries on it.

Records are shifted to another century, and each data set has its own end of time. SQLite asks the file system for
the time of day; a file system that gives the same time for ever answers `'now'`, `current_date`, `datetime()` and all
their like, however they are written.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Final

import apsw

from ehrxqa.errors import SettingsError

__all__ = ["check_time", "file_system_at"]

_JULIAN_DAY_OF_2000: Final = 2_451_544.5
_MILLISECONDS: Final = 86_400_000

_lock = threading.Lock()
_known: dict[str, _Stopped] = {}


class _Stopped(apsw.VFS):
    """The default file system, with a clock that stands."""

    def __init__(self, name: str, moment: datetime) -> None:
        since = moment - datetime(2000, 1, 1, tzinfo=UTC)
        self._now = round(_JULIAN_DAY_OF_2000 * _MILLISECONDS + since.total_seconds() * 1000)
        super().__init__(name, "")

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        """Milliseconds of the Julian calendar."""
        return self._now


def check_time(now: str) -> str:
    """`now` if it is a time as `YYYY-MM-DD HH:MM:SS`.

    Raises:
        SettingsError: It is not.
    """
    try:
        moment = datetime.strptime(now, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        moment = None
    if moment is None or moment.strftime("%Y-%m-%d %H:%M:%S").zfill(19) != now:
        raise SettingsError(f'the time "{now}" is not written as YYYY-MM-DD HH:MM:SS, such as 2105-12-31 23:59:00')
    return now


def file_system_at(now: str) -> str:
    """Name of a file system of SQLite on which it is always `now`."""
    name = f"ehrxqa at {check_time(now)}"
    with _lock:
        if name not in _known:
            _known[name] = _Stopped(name, datetime.strptime(now, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))
    return name
