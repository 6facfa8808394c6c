"""The questions of one template about one database: the unit of work, alone in its chance and its duplicates."""

from __future__ import annotations

import hashlib
import json
import math
import random
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from ehrxqa.dataset.links import Links
from ehrxqa.dataset.records import final_record
from ehrxqa.questions.checking import LONGER_NAME, TIES, Checked, Checker, ToldApart
from ehrxqa.questions.clock import clock_at
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.drawing.sampler import Sampler
from ehrxqa.questions.facts import Facts, read_facts
from ehrxqa.questions.held_out import NOTHING_HELD_OUT, HeldOut, split_of_patient, split_of_question
from ehrxqa.questions.needs import SHARES, Stratum, is_stratified, wanted_stratum
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.question_records import record_of
from ehrxqa.questions.saying import our_wording
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.template import Template
from ehrxqa.sql.errors import TimeLimit

__all__ = ["BatchResult", "BatchTask", "Bench", "Wanted", "bench_of", "run_batch", "truth_key"]

#: Draws for one question.
_DRAWS: Final = 60
#: Draws after which one is less choosy: a ranking may have ties, which is then said, an answer may be frequent, and yes may stand for no.
_LOOSE: Final = 40
#: Draws for another good question, once there is one.
_FURTHER: Final = 8
#: Good rankings that are drawn for each that is taken, at most: their mutants look at everybody.
_MOST_RANKINGS: Final = 2
#: Questions in a row that could not be drawn, after which a template has nothing more to give.
_GIVE_UP: Final = 3
#: Sentences that are tried.
_WORDINGS: Final = 6
#: Of a hundred counts, so many shall be of more than one thing, as far as that can be drawn.
_SEVERAL_PERCENT: Final = 70
#: By how many yes and no of a template may differ in a split.
_MOST_LEAD: Final = 2
#: An answer that is no truth value may be that of half the questions of a template, and of three in any case.
_MOST_EQUAL: Final = 3


class Wanted(NamedTuple):
    """A question that is wanted: its split, and whether its list is to be empty or its count 0."""

    split: str
    empty: bool = False


@dataclass(frozen=True)
class BatchTask:
    """What to make.

    Attributes:
        copies: The database.
        template: The template.
        wanted: The questions, in order.
        seed: Seed of all chance, a text.
        seen: Keys of questions that exist already.
        held_out: What the splits may not share.
        truths: Split and truth value, as `truth_key` writes them, and how many questions with that answer exist already.
        ambiguous: Whether another reading of a question may give another answer.
        choices: Good questions that are drawn for each that is taken: that which tells most misreadings that none of
            the template has told yet; of equal ones that which most mutants answer otherwise.
    """

    copies: Copies
    template: Template
    wanted: tuple[Wanted, ...]
    seed: str
    seen: frozenset[bytes] = frozenset()
    held_out: HeldOut = NOTHING_HELD_OUT
    truths: tuple[tuple[str, int], ...] = ()
    ambiguous: bool = False
    choices: int = 1


@dataclass(frozen=True, slots=True)
class _Good:
    """A question that may be taken."""

    question: Question
    keys: tuple[bytes, bytes]
    checked: Checked
    links: Links
    wording: str
    told_apart: ToldApart


@dataclass
class BatchResult:
    """What was made.

    Attributes:
        lines: Split, and record, answer and links as JSON, of each question in order.
        keys: Keys of the questions.
        missing: Split → questions that could not be made.
        rejected: Reason → draws that were not taken.
        faults: Failed proofs, in words.
        made: How many lines.
        truths: How many of them are a yes or a no, by `truth_key`.
    """

    lines: list[tuple[str, str]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    made: int = 0
    truths: Counter[str] = field(default_factory=Counter)


class Bench(NamedTuple):
    """What a worker keeps of a database."""

    facts: Facts
    sampler: Sampler
    checker: Checker


@cache
def bench_of(copies: Copies) -> Bench:
    """The facts, sampler and checker of a database; made once in a process."""
    facts = read_facts(copies.facts)
    return Bench(facts, Sampler(facts), Checker(copies, facts.labels))


@cache
def _patients(copies: Copies, split: str) -> frozenset[int]:
    return frozenset(subject for subject in bench_of(copies).facts.subjects if split_of_patient(subject) == split)


def truth_key(split: str, truth: bool) -> str:
    """A split and a truth value as one text.

    >>> truth_key("train", True)
    'train yes'
    """
    return f"{split} {'yes' if truth else 'no'}"


def run_batch(task: BatchTask) -> BatchResult:
    """Make the questions of one template; the result depends on the task alone."""
    with clock_at(task.copies.now):
        return _Batch(task).run()


class _Batch:
    def __init__(self, task: BatchTask) -> None:
        self._task = task
        self._bench = bench_of(task.copies)
        self._template = task.template
        self._rng = random.Random(task.seed)
        self._seen = set(task.seen)
        self._truths = Counter(dict(task.truths))
        self._strata: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._told: set[str] = set()
        self._refused: dict[tuple[bytes, Wanted, bool, bool, bool, Stratum | None], str] = {}
        self._choices = min(task.choices, _MOST_RANKINGS) if task.template.answer == "top" else task.choices
        self._most_equal = max(_MOST_EQUAL, math.ceil(len(task.wanted) / 2))
        self._result = BatchResult()

    def run(self) -> BatchResult:
        misses = 0
        for wanted in self._task.wanted:
            if misses >= _GIVE_UP or not self._make(wanted):
                misses += 1
                self._result.missing[wanted.split] += 1
            else:
                misses = 0
        return self._result

    def _make(self, wanted: Wanted) -> bool:
        """Draw until one question is good; False if none was."""
        task, template = self._task, self._template
        held_out = task.held_out.subjects and template.of_patient and wanted.split != "test"
        patients = _patients(task.copies, wanted.split) if held_out else None
        stratum = self._next_stratum(wanted.split) if is_stratified(template) else None
        truth = stratum == "both" if stratum else self._wanted_truth(wanted.split)
        several = template.answer == "count" and not wanted.empty and self._rng.randrange(100) < _SEVERAL_PERCENT
        best: _Good | None = None
        found, last = 0, _DRAWS
        for attempt in range(_DRAWS):
            loose = attempt >= _LOOSE
            if best is not None and (loose or attempt > last):
                break
            if attempt >= _LOOSE and stratum:
                stratum = self._rng.choice([each for each in SHARES if each != "either"])
                truth = stratum == "both"
            elif attempt == _LOOSE and template.answer == "truth":
                truth = not truth
                if self._lead(wanted.split, truth) >= _MOST_LEAD:
                    return False
            choice = self._bench.sampler.draw(
                template, self._rng, truth=truth, empty=wanted.empty, subjects=patients, stratum=stratum
            )
            reason: str | _Good | None = "nothing to draw from"
            for variant in _variants(choice):
                question, better_than = Question(template, variant), None if best is None else self._worth(best)
                reason = self._take(question, wanted, truth, several and not loose, loose, stratum, better_than)
                if reason != TIES:
                    break
            if isinstance(reason, str):
                self._result.rejected[reason] += 1
                continue
            best = reason or best
            found += 1
            last = min(last, attempt + _FURTHER)
            if found >= self._choices:
                break
        if best is not None:
            self._write(best, wanted)
        return best is not None

    def _worth(self, good: _Good) -> tuple[int, float]:
        """How well a question tells systems apart, beside those that are there."""
        return len(good.told_apart.told - self._told), good.told_apart.share

    def _wanted_truth(self, split: str) -> bool:
        lead = self._lead(split, True)
        return self._rng.randrange(2) == 0 if lead == 0 else lead < 0

    def _next_stratum(self, split: str) -> Stratum:
        """What the next question of a split about an event and a finding shall need."""
        number = self._strata[split]
        self._strata[split] += 1
        official = self._template.official
        return wanted_stratum(zlib.crc32(self._template.id.encode()) if official is None else official, number)

    def _lead(self, split: str, truth: bool) -> int:
        """By how many an answer is ahead of the other."""
        return self._truths[truth_key(split, truth)] - self._truths[truth_key(split, not truth)]

    def _take(
        self,
        question: Question,
        wanted: Wanted,
        truth: bool,
        several: bool,
        loose: bool,
        stratum: Stratum | None,
        better_than: tuple[int, float] | None,
    ) -> str | _Good | None:
        """A question that is new and good; else why it is not. What was refused once is not looked at again.

        None if it is good, but tells systems apart no better than another one.
        """
        key = _digest(question.key)
        if key in self._seen:
            return "duplicate"
        asked = (key, wanted, truth, several, loose, stratum)
        if asked not in self._refused:
            try:
                found = self._look_at(question, key, wanted, truth, several, loose, stratum, better_than)
            except TimeLimit:  # in the answer, or in any of the programs that prove it
                found = "a program that takes too long"
            if not isinstance(found, str):
                return found
            self._refused[asked] = found
        return self._refused[asked]

    def _look_at(
        self,
        question: Question,
        key: bytes,
        wanted: Wanted,
        truth: bool,
        several: bool,
        loose: bool,
        stratum: Stratum | None,
        better_than: tuple[int, float] | None,
    ) -> str | _Good | None:
        task, checker = self._task, self._bench.checker
        if task.held_out.questions and not question.template.of_patient and split_of_question(question) != wanted.split:
            return "question of another split"
        told = None
        if better_than is not None:  # most others are no better, and need no proof
            if reason := checker.glance(question, truth=truth, empty=wanted.empty, strict=not loose):
                return reason
            if (told := checker.told_apart(question, self._told, better_than)) is None:
                return None
        checked = checker.check(question, truth=truth, empty=wanted.empty, strict=not loose, ambiguous=task.ambiguous)
        if checked.fault:
            self._result.faults.append(f"template {task.template.id}: {checked.fault}")
            return "a failed proof"
        if checked.answer is None:
            return checked.reason
        if stratum and checked.needs not in (stratum, "both"):
            return "needs the wrong one of tables and images"
        if several and checked.answer == [1]:
            return "a count of one"
        answer = json.dumps(checked.answer)
        if question.template.answer != "truth" and self._answers[answer] >= self._most_equal and not loose:
            return "an answer that is frequent already"
        links = checker.links(question, wanted.split, checked)
        bare, other = _selections(question, links, answer)
        if other in self._seen:
            return "a filter that changes nothing"
        ties = question.template.answer == "top" and len(checked.answer) > question.ranks
        wording = self._worded(question, ties)
        if not wording:
            return LONGER_NAME
        told = told or checker.told_apart(question, self._told)
        links = msgspec.structs.replace(
            links, mutants=told.mutants, killed=told.killed, told=sorted(told.told), untold=sorted(told.untold)
        )
        return _Good(question, (key, bare), checked, links, wording, told)

    def _write(self, good: _Good, wanted: Wanted) -> None:
        """Take a good question."""
        answer = good.checked.answer or []
        self._seen |= {*good.keys}
        self._told |= good.told_apart.told
        self._result.keys += good.keys
        self._answers[json.dumps(answer)] += 1
        if good.question.template.answer == "truth":
            key = truth_key(wanted.split, bool(answer[0]))
            self._truths[key] += 1
            self._result.truths[key] += 1
        record = record_of(good.question, wanted.split, 0, good.wording)
        line = json.dumps([record, final_record(record, answer)["answer"], good.links.record])
        self._result.lines.append((wanted.split, line))
        self._result.made += 1

    def _worded(self, question: Question, ties: bool) -> str:
        """A sentence that asks for nothing else, or none."""
        for _ in range(_WORDINGS):
            wording = our_wording(question, self._rng, ties=ties)
            if not self._bench.checker.longer_name(question, wording):
                return wording
        return ""


def _variants(choice: Choice | None) -> Iterator[Choice]:
    """What was drawn; and shorter rankings: where one ends among ties, a longer one does too."""
    if choice is None:
        return
    yield choice
    lengths = list(OPERATIONS["n_rank"].options)  # the shortest first
    if drawn := choice.operations.get("n_rank"):
        for shorter in reversed(lengths[: lengths.index(drawn)]):
            yield replace(choice, operations={**choice.operations, "n_rank": shorter})


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


def _selections(question: Question, links: Links, answer: str) -> tuple[bytes, bytes]:
    """Keys of what is selected with, and without, a time filter: of a pair, both would ask the same."""
    rows: Any = [links.study_ids, links.studies_total, [[row.table, row.row_ids, row.total] for row in links.rows]]
    text = f"{question.bare_key}\n{answer}\n{json.dumps(rows)}"
    filtered = question.filtered
    return _digest(f"{filtered}\n{text}"), _digest(f"{not filtered}\n{text}")
