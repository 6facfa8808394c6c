"""Making all questions of a run: cells in parallel, what is missing asked of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ehrxqa.progress import Progress
from ehrxqa.questions.cell import CellResult, CellTask, run_cell
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.held_out import HeldOut
from ehrxqa.questions.quota import Quota, again, first_quota, wanted_of
from ehrxqa.questions.spool import Spool
from ehrxqa.questions.template import Template
from ehrxqa.runs.pool import Pool

__all__ = ["Made", "Order", "produce"]

#: Rounds in which what some templates could not give is asked of the others.
_ROUNDS: Final = 4


@dataclass(frozen=True)
class Order:
    """What is ordered.

    Attributes:
        templates: By number.
        wanted: Split → questions with an answer.
        seed: Seed of all chance.
        empty: Most that may be empty, of the lists and counts about images.
        held_out: What the splits may not share.
    """

    templates: Mapping[int, Template]
    wanted: Mapping[str, int]
    seed: int
    empty: float
    held_out: HeldOut


@dataclass
class Made:
    """What came of it, beside the spool.

    Attributes:
        rejected: Reason → draws that were not taken.
        faults: Failed proofs, in words.
    """

    rejected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def produce(order: Order, copies: Mapping[str, Copies], spool: Spool, pool: Pool, progress: Progress) -> Made:
    """Make the questions that are ordered; they lie in the spool then."""
    made = Made()
    so_far: dict[tuple[str, int], CellResult] = {}
    quota = first_quota(list(order.templates.values()), order.wanted, order.seed)
    with progress.task("questions", sum(order.wanted.values()), "questions") as bar:
        for round_ in range(_ROUNDS):
            short: Counter[tuple[str, str]] = Counter()
            able: list[tuple[str, Template]] = []
            tasks = _tasks(order, quota, copies, so_far, round_)
            left = [task for task in tasks if spool.finished(task) is None]
            results = pool.map(run_cell, left)
            for task in tasks:
                result = spool.finished(task)
                if result is None:
                    result = next(results)
                    spool.add(task, result)
                bar.advance(result.made)
                base, template = task.copies.base, order.templates[task.number]
                known = so_far.setdefault((base, task.number), CellResult())
                known.keys += result.keys
                known.truths += result.truths
                made.rejected += result.rejected
                made.faults += result.faults
                for split, number in result.missing.items():
                    short[split, template.modality] += number
                if not result.missing:
                    able.append((base, template))
            quota = again(short, able, order.seed)
            if not quota:
                break
    return made


def _tasks(
    order: Order, quota: Quota, copies: Mapping[str, Copies], so_far: Mapping[tuple[str, int], CellResult], round_: int
) -> list[CellTask]:
    nothing = CellResult()
    wanted = wanted_of(quota, order.templates, order.empty if round_ == 0 else 0.0, f"{order.seed}/{round_}")
    return [
        CellTask(
            copies[base], number, some, f"{order.seed}/{base}/{number}/{round_}", frozenset(known.keys), order.held_out,
            tuple(sorted(known.truths.items())),
        )
        for (base, number), some in wanted.items()
        for known in (so_far.get((base, number), nothing),)
    ]  # fmt: skip
