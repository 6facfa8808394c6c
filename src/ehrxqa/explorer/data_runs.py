"""Runs: boards, one run by family and fault, its calibration, two runs compared; every number names its questions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import EhrxqaError
from ehrxqa.explorer.data_questions import Item, QuestionIndex
from ehrxqa.explorer.data_traces import TraceCall, calls_of
from ehrxqa.explorer.marking import Piece, marked_sql
from ehrxqa.files import file_fault
from ehrxqa.layout import RUNS_FOLDER
from ehrxqa.models.run_folder import RUN, SCORES, read_outcomes, read_queries, read_run, read_scores
from ehrxqa.models.run_records import FAULTS, OutcomeLine, QueryLine, QuestionScore, Run, Scores

__all__ = ["VERDICTS", "Calibration", "Comparison", "FamilyRow", "RunAnswer", "RunBoard", "RunView", "StoredRun"]

#: What may come of a question, in the order of tables.
VERDICTS: Final = ("correct", "abstained", "wrong")
_BINS: Final = 10

Key = tuple[str, str]


@dataclass(frozen=True)
class StoredRun:
    """A run that has ended, as its folder holds it.

    Attributes:
        run: What made its numbers.
        scores: The numbers.
        queries, outcomes: By question and trial.
        stamp: Tells whether the folder has changed since.
    """

    run: Run
    scores: Scores
    queries: Mapping[tuple[str, int], QueryLine]
    outcomes: Mapping[tuple[str, int], OutcomeLine]
    stamp: tuple[int, int]

    @property
    def id(self) -> str:
        """Name of its folder."""
        return self.run.id

    def verdict(self, score: QuestionScore) -> str:
        """One of `VERDICTS`."""
        if score.value >= 1:
            return "correct"
        outcome = self.outcomes.get((score.id, score.trial))
        held = outcome is not None and outcome.outcome == "abstained"
        return "abstained" if held or (score.fault or "").startswith("abstained") else "wrong"

    def counts(self) -> Counter[str]:
        """Verdicts over all questions and trials."""
        return Counter(self.verdict(score) for score in self.scores.questions)


@dataclass(frozen=True)
class FamilyRow:
    """A family of questions in a run: how many, and verdicts and faults by name."""

    family: str
    total: int
    verdicts: Mapping[str, int]
    faults: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Questions whose confidence lies in one tenth: bounds, how many, mean confidence, share that is correct."""

    low: float
    high: float
    total: int
    confidence: float
    correct: float


@dataclass(frozen=True)
class RunView:
    """One run.

    Attributes:
        stored: The run.
        counts: Verdicts.
        faults: Faults that occur, in their order.
        families: By family.
        calibration: By tenths of confidence; empty without confidences.
    """

    stored: StoredRun
    counts: Mapping[str, int]
    faults: tuple[str, ...]
    families: tuple[FamilyRow, ...]
    calibration: tuple[Calibration, ...]


@dataclass(frozen=True)
class Comparison:
    """Two runs over the same split.

    Attributes:
        left, right: The runs.
        counts: (verdict of the left one, of the right one) → questions that both were asked, first trials.
        differ: Questions on which one is correct and the other is not, (split, id, left, right).
    """

    left: StoredRun
    right: StoredRun
    counts: Mapping[tuple[str, str], int]
    differ: tuple[tuple[Item, str, str], ...]


@dataclass(frozen=True)
class RunAnswer:
    """What one run answered to a question.

    Attributes:
        id, trial: Of the run.
        fault: Whose fault it is, or the verdict where that was not looked into.
        answer: As given; None unless answered.
        reason: Why there is none.
        confidence: Of the query, if the parser has one.
        query: In pieces.
        same_query: Whether it is the gold query.
        explanation: In a line.
        calls: What an agent did before.
    """

    id: str
    trial: int
    fault: str
    answer: Any
    reason: str | None
    confidence: float | None
    query: tuple[Piece, ...]
    same_query: bool
    explanation: str | None
    calls: tuple[TraceCall, ...] = ()


class RunBoard:
    """The runs of an output folder; looks for new ones each time it is asked.

    Args:
        out: The output folder.
        index: Gets a facet per run.
    """

    def __init__(self, out: Path, index: QuestionIndex) -> None:
        self._folder = out / RUNS_FOLDER
        self._index = index
        self._lock = threading.Lock()
        self._known: dict[str, StoredRun] = {}
        self._unfinished: tuple[str, ...] = ()
        self._faults: tuple[str, ...] = ()

    def runs(self) -> tuple[StoredRun, ...]:
        """Runs that have ended, by id."""
        with self._lock:
            self._refresh()
            return tuple(self._known[name] for name in sorted(self._known))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Runs without scores."""
        return self._unfinished

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with runs that cannot be read."""
        return self._faults

    def _refresh(self) -> None:
        found: dict[str, StoredRun] = {}
        unfinished, faults = [], []
        try:
            inside = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        except OSError as error:
            inside = []
            faults.append(str(file_fault(error) or error))
        for folder in inside:
            try:
                if not (folder / RUN).is_file():
                    continue
            except OSError as error:  # a folder that may not be read
                faults.append(str(file_fault(error) or error))
                continue
            try:
                status = (folder / SCORES).stat()
            except OSError:
                unfinished.append(folder.name)
                continue
            stamp = status.st_mtime_ns, status.st_size
            known = self._known.get(folder.name)
            if known is not None and known.stamp == stamp:
                found[folder.name] = known
                continue
            try:
                scores = read_scores(folder)
                if scores is not None:
                    found[folder.name] = StoredRun(
                        read_run(folder), scores, read_queries(folder), read_outcomes(folder), stamp
                    )
            except EhrxqaError as error:
                faults.append(str(error))
        if found != self._known:
            self._index.set_run_facets({name: self._facet(run) for name, run in sorted(found.items())})
        self._known, self._unfinished, self._faults = found, tuple(unfinished), tuple(faults)

    def _facet(self, run: StoredRun) -> dict[str, list[Key]]:
        values: dict[str, list[Key]] = {verdict: [] for verdict in VERDICTS}
        values |= {f"fault: {fault}": [] for fault in FAULTS}
        for score in run.scores.questions:
            if score.trial == 0:
                key = run.run.split, score.id
                values[run.verdict(score)].append(key)
                if score.fault is not None:
                    values[f"fault: {score.fault}"].append(key)
        return {value: keys for value, keys in values.items() if keys}

    def run(self, identifier: str) -> StoredRun | None:
        """A run that has ended, or None."""
        return next((run for run in self.runs() if run.id == identifier), None)

    def view(self, identifier: str) -> RunView | None:
        """One run by family, fault and confidence."""
        run = self.run(identifier)
        if run is None:
            return None
        by_family: dict[str, list[QuestionScore]] = {}
        for score in run.scores.questions:
            item = self._index.item(run.run.split, score.id)
            by_family.setdefault("not in the files" if item is None else item.facts.family, []).append(score)
        families = tuple(
            FamilyRow(
                family,
                len(scores),
                Counter(run.verdict(score) for score in scores),
                Counter(score.fault for score in scores if score.fault is not None),
            )
            for family, scores in sorted(by_family.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        )
        there = {score.fault for score in run.scores.questions}
        return RunView(
            run, run.counts(), tuple(fault for fault in FAULTS if fault in there), families, tuple(_calibration(run))
        )

    def compare(self, left: str, right: str) -> Comparison | None:
        """Two runs compared; None if one is not there or they are of different splits."""
        one, other = self.run(left), self.run(right)
        if one is None or other is None or one.run.split != other.run.split:
            return None
        verdicts = [
            {score.id: run.verdict(score) for score in run.scores.questions if score.trial == 0} for run in (one, other)
        ]
        both = [name for name in verdicts[0] if name in verdicts[1]]
        counts = Counter((verdicts[0][name], verdicts[1][name]) for name in both)
        differ = [
            (item, verdicts[0][name], verdicts[1][name])
            for name in both
            if (verdicts[0][name] == "correct") != (verdicts[1][name] == "correct")
            and (item := self._index.item(one.run.split, name)) is not None
        ]
        return Comparison(one, other, counts, tuple(differ))

    def answers(self, item: Item, tables: frozenset[str]) -> tuple[RunAnswer, ...]:
        """What every run answered to a question."""
        return tuple(self._answers(item, tables))

    def _answers(self, item: Item, tables: frozenset[str]) -> Iterable[RunAnswer]:
        for run in self.runs():
            if run.run.split != item.split:
                continue
            for score in run.scores.questions:
                if score.id != item.id:
                    continue
                line = run.queries.get((score.id, score.trial))
                outcome = run.outcomes.get((score.id, score.trial))
                query = None if line is None else line.query
                explanation = score.explanation or (None if line is None else line.explanation)
                yield RunAnswer(
                    run.id,
                    score.trial,
                    score.fault or run.verdict(score),
                    score.answer,
                    None if outcome is None else outcome.reason,
                    None if line is None else line.confidence,
                    () if query is None else marked_sql(query, tables),
                    query == item.record["query"],
                    explanation,
                    calls_of(self._folder / run.id, score.id, score.trial),
                )


def _calibration(run: StoredRun) -> Iterable[Calibration]:
    pairs: list[tuple[float, bool]] = []
    for score in run.scores.questions:
        line = run.queries.get((score.id, score.trial))
        if line is not None and line.confidence is not None:
            pairs.append((line.confidence, run.verdict(score) == "correct"))
    for number in range(_BINS):
        low, high = number / _BINS, (number + 1) / _BINS
        inside = [pair for pair in pairs if low <= pair[0] < high or (number == _BINS - 1 and pair[0] == 1.0)]
        if inside:
            yield Calibration(low, high, len(inside), _mean([c for c, _ in inside]), _mean([r for _, r in inside]))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
