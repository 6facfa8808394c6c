"""Which tests run a changed place: those that call its function, found by one recorded run of the unchanged tests."""

from __future__ import annotations

import json
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from pathlib import Path

from mutants.changes import Change

__all__ = ["Place", "Record", "place_of", "read_record", "write_wanted"]


@dataclass(frozen=True)
class Place:
    """Where a change lies.

    Attributes:
        path: Of the file, below `src/ehrxqa`.
        lines: First lines of the functions whose callers run it: that of its function; all functions of the file if it
            runs when the module is imported.
        on_import: Whether it does.
    """

    path: str
    lines: tuple[int, ...]
    on_import: bool


@dataclass
class Record:
    """What a recorded run has found.

    Attributes:
        calls: (path, first line of a function) → tests that call it, in the order of the run.
        in_setup: Of these functions, those that a fixture calls: other tests may see what it made.
        seconds: Test → how long it takes, in the order of the run.
        failed: Tests that fail unchanged; they are not asked.
    """

    calls: dict[tuple[str, int], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    in_setup: set[tuple[str, int]] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: set[str] = field(default_factory=set)

    def of(self, places: Iterable[str]) -> Record:
        """The same, of the tests below some files and folders alone."""
        wanted = tuple(places)
        seconds = {test: seconds for test, seconds in self.seconds.items() if test.startswith(wanted)}
        return Record(self.calls, self.in_setup, seconds, self.failed)

    def first(self, place: Place) -> list[str]:
        """The tests that call the function of a place, the quickest first, file by file."""
        called = {
            test for line in place.lines for test in self.calls.get((place.path, line), {}) if test in self.seconds
        }
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in sorted(called - self.failed, key=lambda test: self.seconds[test]):
            by_file[test.partition("::")[0]].append(test)
        return [test for tests in by_file.values() for test in tests]

    def then(self, place: Place) -> list[str]:
        """The other tests that may notice the change: all, if it runs in a fixture or on import."""
        if not place.on_import and not any((place.path, line) in self.in_setup for line in place.lines):
            return []
        first = set(self.first(place))
        return [test for test in self.seconds if test not in first and test not in self.failed]


def place_of(change: Change, source: str) -> Place:
    """The function that a change lies in."""
    inside: types.CodeType | None = None
    functions = []
    for code in _codes(compile(source, change.path, "exec")):
        if code.co_flags & CO_OPTIMIZED:
            functions.append(code.co_firstlineno)
        if any(_holds(position, change) for position in code.co_positions()):
            inside = code  # the innermost comes last
    if inside is None or not inside.co_flags & CO_OPTIMIZED:
        return Place(change.path, tuple(sorted(set(functions))), True)
    return Place(change.path, (inside.co_firstlineno,), False)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _holds(position: tuple[int | None, int | None, int | None, int | None], change: Change) -> bool:
    line, end_line, column, end_column = position
    if line is None or end_line is None or column is None or end_column is None:
        return False
    return (line, column) <= (change.line, change.column) < (end_line, end_column)


def write_wanted(folder: Path, root: Path, places: Iterable[Place]) -> None:
    """Say what a recorded run looks for; `root` is its `src/ehrxqa`."""
    lines: dict[str, set[int]] = defaultdict(set)
    for place in places:
        lines[place.path].update(place.lines)
    value = {"root": str(root), "lines": {path: sorted(found) for path, found in lines.items()}}
    (folder / "wanted.json").write_text(json.dumps(value), encoding="utf-8")


def read_record(folder: Path) -> Record:
    """What a recorded run has written."""
    record = Record()
    for name, phase, outcome, seconds in _lines(folder / "tests.jsonl"):
        record.seconds[name] += seconds
        if outcome == "failed" or (outcome == "skipped" and phase != "teardown"):
            record.failed.add(name)
    for path, line, current in _lines(folder / "calls.jsonl"):
        test, _, phase = current.rpartition(" ")
        record.calls[path, line].setdefault(test)
        if phase != "(call)":
            record.in_setup.add((path, line))
    return record


def _lines(path: Path) -> Iterator[list]:  # type: ignore[type-arg]
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
