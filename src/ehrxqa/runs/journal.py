"""What an interrupted run had finished, kept beside its output.

One JSON object per line: first what the run depends on, then each finished record with the digest of its query. A
run that depends on the same goes on where the file ends; any other run starts anew. A line cut short by a
crash is dropped.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ehrxqa.files import disk_errors, write_text

__all__ = ["Journal"]


class Journal:
    """The finished records of a run.

    Args:
        path: The side file.
        depends_on: Everything that determines the outcomes, apart from the queries.
    """

    def __init__(self, path: Path, depends_on: dict[str, Any]) -> None:
        self._path = path
        self._finished = self._read(depends_on)
        entries = ({"query": digest, "record": record} for digest, record in self._finished.items())
        write_text(path, "".join(_line(value) for value in (depends_on, *entries)))
        with disk_errors(path):
            self._stream: TextIO = path.open("a", encoding="utf-8")

    def _read(self, depends_on: dict[str, Any]) -> dict[str, dict[str, Any]]:
        kept: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError), self._path.open(encoding="utf-8") as stream:
            if json.loads(next(stream, "null")) != json.loads(json.dumps(depends_on)):
                return {}
            for line in stream:  # the last one may be cut short
                entry = json.loads(line)
                kept[entry["query"]] = entry["record"]
        return kept

    @staticmethod
    def _digest(identifier: str | int, query: str | None) -> str:
        return hashlib.sha256(json.dumps([identifier, query]).encode()).hexdigest()

    def finished(self, identifier: str | int, query: str | None) -> dict[str, Any] | None:
        """The record of a query that an earlier run finished, or None."""
        return self._finished.get(self._digest(identifier, query))

    def add(self, identifier: str | int, query: str | None, record: dict[str, Any]) -> None:
        """Keep a finished record."""
        digest = self._digest(identifier, query)
        self._finished[digest] = record
        with disk_errors(self._path):
            self._stream.write(_line({"query": digest, "record": record}))
            self._stream.flush()

    def remove(self) -> None:
        """Delete the file: the run is complete."""
        self._stream.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
