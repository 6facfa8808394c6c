"""The audit: what lint and a fresh run say about each gold, and what readers say, kept in `OUT/errata.jsonl`.

A line of `errata.jsonl` is `{"split", "id", "verdict", "comment", "flag"}`; the last line about a question counts.
`accepted` says that the gold stands in spite of the flag, `rejected` that it is wrong, `commented` neither.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ehrxqa.dataset.records import Record
from ehrxqa.errors import EhrxqaError, RecordError, SettingsError
from ehrxqa.explorer.data_questions import Item, QuestionIndex
from ehrxqa.explorer.library import Library
from ehrxqa.json_files import json_value, read_text
from ehrxqa.runs.lines import Lines
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.lint import Lint
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.sandbox import Sandbox

__all__ = ["ERRATA", "FLAG_WORDS", "VERDICTS", "Audit", "AuditRow", "Erratum", "Verdict"]

#: Below the output folder.
ERRATA: Final = "errata.jsonl"
Verdict = Literal["accepted", "rejected", "commented"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
#: Flag → what it means, for readers.
FLAG_WORDS: Final = {
    "limit-without-order": "LIMIT keeps rows of a select that is not ordered: which ones is chance.",
    "tie": "The row that LIMIT keeps has others of equal order that give another answer.",
    "null-first": "The row that LIMIT keeps has no value where it is ordered.",
    "several-values": "A select that stands for one value gives several.",
    "text-number": "A column that is used as a number holds text.",
    "unsafe-text": "The official clean-up of queries would change a value in it.",
    "fails": "The gold program does not run.",
    "other-answer": "The gold program now gives another answer than the file has.",
}
#: Of one gold.
_LIMITS: Final = Limits(seconds=10.0, rows=100_000)
#: Characters of a comment.
LONGEST_COMMENT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Erratum:
    """What a reader says about the gold of a question."""

    split: str
    id: str
    verdict: Verdict
    comment: str
    flag: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A question with its flag and what readers say."""

    item: Item
    flag: str | None
    erratum: Erratum | None


class Audit:
    """Flags of gold programs, found in the background, and the verdicts of readers.

    Args:
        library: The output folder.
        index: Gets the facet `flagged`.
    """

    def __init__(self, library: Library, index: QuestionIndex) -> None:
        self._library = library
        self._index = index
        self._lock = threading.RLock()
        self._flags: dict[tuple[str, str], str | None] = {}
        self._errata: dict[tuple[str, str], Erratum] = {}
        self._started = False
        self.total = sum(map(len, library.programs.values()))
        for erratum in read_errata(library.out):
            self._errata[erratum.split, erratum.id] = erratum
        self._tell()

    @property
    def path(self) -> Path:
        """The file of verdicts."""
        return self._library.out / ERRATA

    @property
    def checked(self) -> int:
        """How many gold programs have been looked at."""
        return len(self._flags)

    def start(self) -> None:
        """Check all gold programs in the background; does nothing if it was started before."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self.check_all, name="audit", daemon=True).start()

    def check_all(self) -> None:
        """Check all gold programs."""
        for split, programs in self._library.programs.items():
            try:
                base = self._library.base_of_split(split)
            except SettingsError:
                continue
            with self._library.sandbox(base, _LIMITS) as sandbox:
                checker = _Checker(sandbox, self._library.now)
                for number, (identifier, program) in enumerate(programs.items()):
                    flag = checker.flag(program, self._library.record(split, identifier))
                    with self._lock:
                        self._flags[split, identifier] = flag
                    if number % 500 == 499:
                        self._tell()
        self._tell()

    def is_checked(self, item: Item) -> bool:
        """Whether the gold of a question was looked at."""
        return (item.split, item.id) in self._flags

    def known_flag(self, item: Item) -> str | None:
        """The flag of a question whose gold was looked at; None for others."""
        return self._flags.get((item.split, item.id))

    def flag(self, item: Item) -> str | None:
        """The flag of a question, looked for now if need be."""
        key = item.split, item.id
        with self._lock:
            if key in self._flags:
                return self._flags[key]
        program = self._library.programs.get(item.split, {}).get(item.id)
        if program is None:
            return None
        try:
            with self._library.sandbox(self._library.base_of_split(item.split), _LIMITS) as sandbox:
                flag = _Checker(sandbox, self._library.now).flag(program, item.record)
        except SettingsError:
            return None
        with self._lock:
            self._flags[key] = flag
        return flag

    def erratum(self, item: Item) -> Erratum | None:
        """What a reader says about a question."""
        return self._errata.get((item.split, item.id))

    def judge(self, item: Item, verdict: str, comment: str) -> Erratum:
        """Keep a verdict: in memory and as a line of the file.

        Raises:
            SettingsError: There is no such verdict, or a comment without words.
            BuildError: The file cannot be written.
        """
        comment = " ".join(comment.split())[:LONGEST_COMMENT]
        if verdict not in VERDICTS:
            raise SettingsError(f"a verdict is one of {', '.join(VERDICTS)}")
        if verdict == "commented" and not comment:
            raise SettingsError("a comment needs words")
        erratum = Erratum(item.split, item.id, verdict, comment, self.flag(item) or "")
        with self._lock, Lines[dict[str, Any]](self.path) as lines:
            lines.add(asdict(erratum))
            self._errata[item.split, item.id] = erratum
        self._tell()
        return erratum

    def rows(self) -> tuple[AuditRow, ...]:
        """Flagged questions and those that readers said something about, in the order of the files."""
        with self._lock:
            flags, errata = dict(self._flags), dict(self._errata)
        return tuple(
            AuditRow(item, flags.get(key), errata.get(key))
            for item in self._index.items
            if flags.get(key := (item.split, item.id)) or key in errata
        )

    def _tell(self) -> None:
        """Give the list of questions its facet."""
        with self._lock:
            values: dict[str, list[tuple[str, str]]] = {}
            for key, flag in self._flags.items():
                if flag is not None:
                    values.setdefault(flag, []).append(key)
            for key, erratum in self._errata.items():
                values.setdefault(erratum.verdict, []).append(key)
        self._index.set_facet("flagged", values)


class _Checker:
    """Checks golds of one database."""

    def __init__(self, sandbox: Sandbox, now: str) -> None:
        self._run, self._now = sandbox.run, now
        self._lint = Lint(lambda sql: sandbox.run(sql).rows)

    def flag(self, program: str, record: Record | None) -> str | None:
        """What is wrong with a gold, or None."""
        if program.strip().lower() == "null":
            return None
        try:
            flag = self._lint.check(program)
            answer = answer_list(self._run(normalise(program, self._now)).rows)
        except EhrxqaError:
            return "fails"
        if flag is None and record is not None and record.get("answer", answer) != answer:
            return "other-answer"
        return flag


def read_errata(out: Path) -> Iterable[Erratum]:
    """The verdicts of an output folder, in the order of the file.

    Raises:
        RecordError: The file is damaged; names the line.
    """
    path = out / ERRATA
    if not path.is_file() or not path.stat().st_size:
        return
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value: Mapping[str, Any] = json_value(line)
            erratum = Erratum(**{name: str(value[name]) for name in Erratum.__dataclass_fields__})  # type: ignore[arg-type]
            if erratum.verdict not in VERDICTS:
                raise ValueError(erratum.verdict)
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path}: line {number} is no verdict; correct or remove it") from error
        yield erratum
