"""The audit: what `ehrxqa audit` finds about each gold, and what readers say, kept in `OUT/errata.jsonl`.

A line of `errata.jsonl` is `{"split", "id", "verdict", "comment", "flag"}`; the last line about a question counts.
`accepted` says that the gold stands in spite of the flag, `rejected` that it is wrong, `commented` neither.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ehrxqa.auditing.audit import DEFAULT_SECONDS, contradictions
from ehrxqa.auditing.audit_rules import AUDIT_RULES
from ehrxqa.auditing.checker import AuditFinding, GoldChecker
from ehrxqa.auditing.golds import GoldQuery, gold_of_record
from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.explorer.data_questions import Item, QuestionIndex
from ehrxqa.explorer.library import Library
from ehrxqa.json_files import json_value, read_text
from ehrxqa.runs.lines import Lines

__all__ = ["ERRATA", "FLAG_WORDS", "OPEN", "VERDICTS", "Audit", "AuditRow", "Erratum", "Verdict"]

#: Below the output folder.
ERRATA: Final = "errata.jsonl"
Verdict = Literal["accepted", "rejected", "commented"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
#: In place of a verdict, where no reader has said anything.
OPEN: Final = "open"
#: Flag (a rule of the audit) → what it means, for readers.
FLAG_WORDS: Final = {rule.name: rule.words for rule in AUDIT_RULES.values()}
#: Rule → its place in reports.
_ORDER: Final = {name: place for place, name in enumerate(AUDIT_RULES)}
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
    """A question with what the audit finds and what readers say."""

    item: Item
    findings: tuple[AuditFinding, ...]
    erratum: Erratum | None

    @property
    def kinds(self) -> frozenset[str]:
        """The rules that its gold breaks, and the verdict of readers, or `OPEN`."""
        return frozenset({finding.rule for finding in self.findings} | {self.erratum.verdict if self.erratum else OPEN})


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
        self._found: dict[tuple[str, str], tuple[AuditFinding, ...]] = {}
        self._errata: dict[tuple[str, str], Erratum] = {}
        self._golds_of: dict[str, Mapping[str, GoldQuery]] = {}
        self._elsewhere: dict[str, Mapping[str, str]] = {}
        self._started = False
        for erratum in read_errata(library.out):
            self._errata[erratum.split, erratum.id] = erratum
        self._tell()

    @property
    def path(self) -> Path:
        """The file of verdicts."""
        return self._library.out / ERRATA

    @property
    def total(self) -> int:
        """How many gold programs can be looked at: those of questions whose database is there."""
        return sum(len(self._golds(split)) for split in self._bases)

    @property
    def checked(self) -> int:
        """How many gold programs have been looked at."""
        return len(self._found)

    def start(self) -> None:
        """Check all gold programs in the background; does nothing if it was started before."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self.check_all, name="audit", daemon=True).start()

    def check_all(self) -> None:
        """Check all gold programs."""
        for split, base in self._bases.items():
            with self._checker(base) as checker:
                for number, gold in enumerate(self._golds(split).values()):
                    found = self._look(checker, gold)
                    with self._lock:
                        self._found[split, gold.id] = found
                    if number % 500 == 499:
                        self._tell()
        self._tell()

    def is_checked(self, item: Item) -> bool:
        """Whether the gold of a question was looked at."""
        return (item.split, item.id) in self._found

    def known(self, item: Item) -> tuple[AuditFinding, ...]:
        """What was found about a question whose gold was looked at; nothing for others."""
        return self._found.get((item.split, item.id), ())

    def findings(self, item: Item) -> tuple[AuditFinding, ...]:
        """What `ehrxqa audit` finds about the gold of a question, looked for now if need be."""
        key = item.split, item.id
        with self._lock:
            if key in self._found:
                return self._found[key]
        base = self._bases.get(item.split)
        gold = None if base is None else self._golds(item.split).get(item.id)
        if base is None or gold is None:
            return ()
        with self._checker(base) as checker:
            found = self._look(checker, gold)
        with self._lock:
            self._found[key] = found
        return found

    def _checker(self, base: str) -> closing[GoldChecker]:
        return closing(GoldChecker(self._library.databases[base], self._library.now, DEFAULT_SECONDS))

    @cached_property
    def _bases(self) -> Mapping[str, str]:
        """Split → base, of splits whose database is there."""
        found = {}
        for split in self._library.programs:
            with suppress(SettingsError):
                found[split] = self._library.base_of_split(split)
        return found

    def _look(self, checker: GoldChecker, gold: GoldQuery) -> tuple[AuditFinding, ...]:
        """The rules that a gold breaks, in the order of reports."""
        found = checker.check(gold)
        if elsewhere := self._contradictions(gold.split).get(gold.id):
            found.append(AuditFinding(gold.split, gold.id, "contradiction", elsewhere))
        return tuple(sorted(found, key=lambda each: _ORDER[each.rule]))

    def _golds(self, split: str) -> Mapping[str, GoldQuery]:
        """Id → question, of those with a gold program."""
        with self._lock:
            if split not in self._golds_of:
                links, records = self._library.dataset.links, self._library.dataset.splits.get(split, ())
                programs = self._library.programs[split]
                self._golds_of[split] = {
                    str(record["id"]): gold_of_record({**record, GOLD_PROGRAM: program}, links)
                    for record in records
                    if (program := programs.get(str(record["id"]))) is not None
                }
            return self._golds_of[split]

    def _contradictions(self, split: str) -> Mapping[str, str]:
        """Id → where the same question has another answer."""
        with self._lock:
            if split not in self._elsewhere:
                golds = tuple(self._golds(split).values())
                self._elsewhere[split] = {golds[place].id: what for place, what in contradictions(golds).items()}
            return self._elsewhere[split]

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
        first = next(iter(self.findings(item)), None)
        erratum = Erratum(item.split, item.id, verdict, comment, "" if first is None else first.rule)
        with self._lock, Lines[dict[str, Any]](self.path) as lines:
            lines.add(asdict(erratum))
            self._errata[item.split, item.id] = erratum
        self._tell()
        return erratum

    def rows(self) -> tuple[AuditRow, ...]:
        """Flagged questions and those that readers said something about, in the order of the files."""
        with self._lock:
            found, errata = dict(self._found), dict(self._errata)
        return tuple(
            AuditRow(item, found.get(key, ()), errata.get(key))
            for item in self._index.items
            if found.get(key := (item.split, item.id)) or key in errata
        )

    def _tell(self) -> None:
        """Give the list of questions its facet."""
        with self._lock:
            values: dict[str, list[tuple[str, str]]] = {}
            for key, found in self._found.items():
                for rule in dict.fromkeys(finding.rule for finding in found):
                    values.setdefault(rule, []).append(key)
            for key, erratum in self._errata.items():
                values.setdefault(erratum.verdict, []).append(key)
        self._index.set_facet("flagged", values)


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
