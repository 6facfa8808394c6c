"""Making all questions of a run: batches in parallel, what is missing asked of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ehrxqa.progress import Progress
from ehrxqa.questions.batch import BatchResult, BatchTask, run_batch
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.held_out import HeldOut
from ehrxqa.questions.quota import Quota, again, first_quota, wanted_of
from ehrxqa.questions.spool import Spool
from ehrxqa.questions.template import Template
from ehrxqa.runs.shards import ShardPool

__all__ = ["Produced", "Request", "produce"]

#: Rounds in which what some templates could not give is asked of the others.
_ROUNDS: Final = 4


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        templates: By id.
        wanted: Split → questions with an answer.
        seed: Seed of all chance.
        empty: Most that may be empty, of the lists and counts about images.
        held_out: What the splits may not share.
        ambiguous: Whether another reading of a question may give another answer.
        choices: Good questions that are drawn for each that is taken.
    """

    templates: Mapping[str, Template]
    wanted: Mapping[str, int]
    seed: int
    empty: float
    held_out: HeldOut
    ambiguous: bool = False
    choices: int = 1


@dataclass
class Produced:
    """What came of it, beside the spool.

    Attributes:
        rejected: Reason → draws that were not taken.
        faults: Failed proofs, in words.
    """

    rejected: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def produce(
    request: Request, copies: Mapping[str, Copies], spool: Spool, pool: ShardPool, progress: Progress
) -> Produced:
    """Make the questions that are asked for; they lie in the spool then."""
    outcome = Produced()
    so_far: dict[tuple[str, str], BatchResult] = {}
    quota = first_quota(list(request.templates.values()), request.wanted, request.seed)
    with progress.task("questions", sum(request.wanted.values()), "questions") as bar:
        for round_ in range(_ROUNDS):
            short: Counter[tuple[str, str]] = Counter()
            able: list[tuple[str, Template]] = []
            tasks = _tasks(request, quota, copies, so_far, round_)
            left = [task for task in tasks if spool.finished(task) is None]
            results = pool.map(run_batch, left)
            for task in tasks:
                result = spool.finished(task)
                if result is None:
                    result = next(results)
                    spool.add(task, result)
                bar.advance(result.made)
                base, template = task.copies.base, task.template
                known = so_far.setdefault((base, template.id), BatchResult())
                known.keys += result.keys
                known.truths += result.truths
                outcome.rejected += result.rejected
                outcome.faults += result.faults
                for split, number in result.missing.items():
                    short[split, template.modality] += number
                if not result.missing:
                    able.append((base, template))
            quota = again(short, able, request.seed)
            if not quota:
                break
    return outcome


def _tasks(
    request: Request,
    quota: Quota,
    copies: Mapping[str, Copies],
    so_far: Mapping[tuple[str, str], BatchResult],
    round_: int,
) -> list[BatchTask]:
    nothing = BatchResult()
    wanted = wanted_of(quota, request.templates, request.empty if round_ == 0 else 0.0, f"{request.seed}/{round_}")
    return [
        BatchTask(
            copies[base],
            template,
            some,
            f"{request.seed}/{base}/{template.chance}/{round_}",
            frozenset(known.keys),
            request.held_out,
            tuple(sorted(known.truths.items())),
            request.ambiguous,
            request.choices,
        )
        for (base, id_), some in wanted.items()
        for template in (request.templates[id_],)
        for known in (so_far.get((base, id_), nothing),)
    ]
