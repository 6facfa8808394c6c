"""What an interrupted `answer` had found, in `OUT.journal` until `OUT` is written.

Answers go there twice a second, so a run that takes less needs no journal, and a killed one loses no more than that. A
program that failed is not kept: it is run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ehrxqa.runs.journal import Journal

__all__ = ["AnswerJournal", "answer_journal_path"]

#: Seconds for which answers are held back.
_HELD_BACK: Final = 0.5
_ANSWER: Final = "answer"
#: Equal programs are one, whatever the records that have them.
_OF_ALL: Final = "program"

Found = tuple[str, list[Any]]


def answer_journal_path(out: Path) -> Path:
    """The journal of an output file."""
    return out.with_name(out.name + ".journal")


class AnswerJournal:
    """The answers of one run of `answer`, by program.

    Args:
        out: Output of the run.
        depends_on: Gives what determines the answers, apart from the programs; asked only if there is a journal.

    Raises:
        BuildError: There is a file of the journal's name that no run has written, or it cannot be read.
    """

    def __init__(self, out: Path, depends_on: Callable[[], dict[str, Any]]) -> None:
        self._path, self._depends_on = answer_journal_path(out), depends_on
        self._held: list[Found] = []
        self._written = time.monotonic()
        self._journal: Journal | None = self._opened() if self._path.exists() else None

    def _opened(self) -> Journal:
        return Journal(self._path, self._depends_on(), frozenset((_ANSWER,)))

    def known(self, programs: Sequence[str]) -> dict[str, list[Any]]:
        """What an earlier run found, by program."""
        if self._journal is None:
            return {}
        found = ((program, self._journal.finished(_OF_ALL, program)) for program in programs)
        return {program: record[_ANSWER] for program, record in found if record is not None}

    def add(self, found: Iterable[Found]) -> None:
        """Keep answers.

        Raises:
            BuildError: The journal cannot be written.
        """
        self._held += found
        if time.monotonic() - self._written > _HELD_BACK:
            self._write()

    def _write(self) -> None:
        if self._journal is None:
            self._journal = self._opened()
        for program, answer in self._held:
            with suppress(TypeError):  # bytes, which no answer of a question has: found again
                self._journal.add(_OF_ALL, program, {_ANSWER: answer})
        self._held.clear()
        self._written = time.monotonic()

    def remove(self) -> None:
        """Delete the file: the run is complete."""
        self._held.clear()
        if self._journal is not None:
            self._journal.remove()
            self._journal = None

    def __enter__(self) -> AnswerJournal:
        return self

    def __exit__(self, *error: object) -> None:
        if self._journal is not None:
            if self._held:
                self._write()
            self._journal.__exit__(None, None, None)
