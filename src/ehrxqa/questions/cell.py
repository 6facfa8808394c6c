"""The questions of one template about one database: the unit of work, alone in its chance and its duplicates."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ehrxqa.dataset.records import final_record
from ehrxqa.questions.checking import Checker
from ehrxqa.questions.facts import Facts, read_facts
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.question import Question
from ehrxqa.questions.sampling import Sampler

__all__ = ["CellResult", "CellTask", "run_cell"]

#: Draws for one question.
_DRAWS: Final = 60
#: Draws after which any truth value is taken, and rankings may have ties.
_LOOSE: Final = 40
#: Questions in a row that could not be drawn, after which a template has nothing more to give.
_GIVE_UP: Final = 3
#: Of a hundred lists and counts about images, so many are empty.
_EMPTY_PERCENT: Final = 4


@dataclass(frozen=True)
class CellTask:
    """What to make.

    Attributes:
        database: The database; `copy` its indexed copy.
        number: The template.
        splits: The split of each question wanted, in order.
        seed: Seed of all chance, a text.
        seen: Keys of questions that exist already.
        held_out: Split → patients of its questions; None: all, in every split.
    """

    database: Path
    copy: Path
    number: int
    splits: tuple[str, ...]
    seed: str
    seen: frozenset[bytes] = frozenset()
    held_out: bool = False


@dataclass
class CellResult:
    """What was made.

    Attributes:
        lines: (split, record, answered record's answer, links) as JSON, in order.
        keys: Keys of the questions.
        missing: Split → questions that could not be made.
        rejected: Reason → draws that were not taken.
        faults: Failed proofs, in words.
    """

    lines: list[tuple[str, str]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class _Bench:
    """What a worker keeps of a database."""

    facts: Facts
    sampler: Sampler
    checker: Checker


_benches: dict[Path, _Bench] = {}


def _bench(task: CellTask) -> _Bench:
    if task.copy not in _benches:
        facts = read_facts(task.database)
        _benches[task.copy] = _Bench(facts, Sampler(facts), Checker(task.database, task.copy, facts.labels))
    return _benches[task.copy]


def _pool(facts: Facts, split: str) -> frozenset[int]:
    """Patients of a split when train and valid share none: one in eight is of valid."""
    ours = split == "valid"
    return frozenset(
        subject for subject in facts.subjects if (hashlib.sha256(str(subject).encode()).digest()[0] % 8 == 0) is ours
    )


def run_cell(task: CellTask) -> CellResult:
    """Make the questions of one template; the result depends on the task alone."""
    bench = _bench(task)
    template = catalogue()[task.number]
    rng = random.Random(task.seed)
    result = CellResult()
    seen = set(task.seen)
    misses = 0
    offset = rng.randrange(2)
    for place, split in enumerate(task.splits):
        if misses >= _GIVE_UP:
            result.missing[split] += 1
            continue
        subjects = _pool(bench.facts, split) if task.held_out else None
        truth = (place + offset) % 2 == 0
        may_be_empty = template.modality != "table" and template.answer in ("list", "count")
        empty = may_be_empty and rng.randrange(100) < _EMPTY_PERCENT
        made: tuple[Question, list[Any]] | None = None
        for attempt in range(_DRAWS):
            choice = bench.sampler.draw(template, rng, truth=truth, empty=empty, subjects=subjects)
            if choice is None:
                result.rejected["nothing to draw from"] += 1
                continue
            question = Question(template, choice)
            key = hashlib.blake2b(question.key.encode(), digest_size=12).digest()
            if key in seen:
                result.rejected["duplicate"] += 1
                continue
            loose = attempt >= _LOOSE
            checked = bench.checker.check(question, truth=None if loose else truth, empty=empty, strict=not loose)
            if checked.fault:
                result.faults.append(f"template {task.number}: {checked.fault}")
                continue
            if checked.answer is None:
                result.rejected[checked.reason] += 1
                continue
            seen.add(key)
            result.keys.append(key)
            made = question, checked.answer
            break
        if made is None:
            misses += 1
            result.missing[split] += 1
            continue
        misses = 0
        question, answer = made
        record = question.record(split, 0, question.wording(rng), "machine")
        links = bench.checker.links(question).record(split, 0)
        result.lines.append((split, json.dumps([record, final_record(record, answer)["answer"], links])))
    return result
