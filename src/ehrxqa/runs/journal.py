"""What an interrupted run had finished, kept beside its output.

One JSON object per line: first what the run depends on, then each finished record with the digest of its query. A
run that depends on the same goes on where the file ends; any other run starts anew. A line cut short by a
crash is dropped, and any line that is no finished record. A file that no run has written is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from ehrxqa.errors import BuildError, RecordError
from ehrxqa.files import require_writable, write_text
from ehrxqa.json_files import json_text, parse_json, read_text
from ehrxqa.runs.lines import Lines

__all__ = ["Journal"]

#: The one key of the first line.
_MARK: Final = "ehrxqa run"


class Journal:
    """The finished records of a run.

    Args:
        path: The side file.
        depends_on: Everything that determines the outcomes, apart from the queries.
        keys: The keys that every record has.

    Raises:
        BuildError: There is a file of that name that no run has written, or it cannot be written.
        SettingsError: It is no regular file, or an input of the command.
    """

    def __init__(self, path: Path, depends_on: dict[str, Any], keys: Set[str] = frozenset()) -> None:
        self._path = path
        require_writable(path)
        self._finished = self._read(depends_on, keys)
        entries = ({"query": digest, "record": record} for digest, record in self._finished.items())
        write_text(path, "".join(_line(value) for value in ({_MARK: depends_on}, *entries)))
        self._lines = Lines[dict[str, Any]](path)

    def _read(self, depends_on: dict[str, Any], keys: Set[str]) -> dict[str, dict[str, Any]]:
        if not self._path.exists() or not self._path.stat().st_size:
            return {}
        head, *lines = read_text(self._path, fault=BuildError).split("\n")
        first: Any = None
        with suppress(RecordError):
            first = parse_json(self._path, head)
        if not isinstance(first, dict) or first.keys() != {_MARK}:
            raise BuildError(f"{self._path}: would be written as the journal of this run, but is another file; move it")
        if first[_MARK] != json.loads(json.dumps(depends_on)):
            return {}
        kept: dict[str, dict[str, Any]] = {}
        for line in lines:
            with suppress(RecordError):
                match parse_json(self._path, line):
                    case {"query": str(digest), "record": dict(record)} if record.keys() >= keys:
                        kept[digest] = record
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
        self._lines.add({"query": digest, "record": record})

    def remove(self) -> None:
        """Delete the file: the run is complete."""
        self._lines.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()


def _line(value: Any) -> str:
    return json_text(value) + "\n"
