"""`ehrxqa compare`: two runs over the same questions: what changed, where, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ehrxqa import html_repr
from ehrxqa.arguments import checked
from ehrxqa.errors import RecordError
from ehrxqa.models.run_folder import read_run, read_scores
from ehrxqa.models.run_records import FAULTS, QuestionScore, Run, Scores
from ehrxqa.text_table import columns

__all__ = ["Comparison", "Difference", "compare", "compare_json", "compare_text"]

_RESAMPLES: Final = 2000
_SHOWN: Final = 20
_PENALTY: Final = 10.0


@dataclass(frozen=True)
class Difference:
    """A score of both runs over a group of questions, in percent.

    Attributes:
        questions: How many.
        first: Of the first run.
        second: Of the second run.
        low: Lower end of the 95 % interval of second minus first, from resampled questions (paired).
        high: Its upper end.
    """

    questions: int
    first: float
    second: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """Second minus first."""
        return self.second - self.first

    @property
    def is_more_than_chance(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        first: The first run.
        second: The second run.
        ex: Execution accuracy over all questions; `rs10` likewise.
        groups: modality, scope, family → name → execution accuracy.
        faults: Whose fault answers were in the first run and in the second → how many.
        gained: Ids that only the second run has right.
        lost: Ids that only the first run has right.
    """

    first: Run
    second: Run
    ex: Difference
    rs10: Difference
    groups: Mapping[str, Mapping[str, Difference]]
    faults: Mapping[tuple[str, str], int]
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Comparison({self.first.id} → {self.second.id}: EX {self.ex.gain:+.1f})"

    def __str__(self) -> str:
        return compare_text(self)

    def _repr_html_(self) -> str:
        return html_repr.screen(repr(self), html_repr.code(compare_text(self)))


@checked
def compare(first: Path | str, second: Path | str, *, seed: int = 0) -> Comparison:
    """Compare two runs, question by question; of several trials the first counts.

    Args:
        first: Folder of a run.
        second: Folder of another one, over the same questions.
        seed: Of the intervals.

    Raises:
        RecordError: A run is not finished, or they asked different questions, or are scored by different rules.
    """
    runs = [read_run(folder) for folder in (first, second)]
    scores = [_scores(Path(folder)) for folder in (first, second)]
    if scores[0].profile != scores[1].profile:
        raise RecordError(f"{second}: scored by the profile {scores[1].profile}, {first} by {scores[0].profile}")
    mine, theirs = ({question.id: question for question in each.questions if question.trial == 0} for each in scores)
    if runs[0].digests.get("dataset") != runs[1].digests.get("dataset") or mine.keys() != theirs.keys():
        raise RecordError(f"{first} and {second} asked different questions; run both over the same file and subset")
    ids = list(mine)
    groups = {
        name: {
            group: _difference([mine[key] for key in members], [theirs[key] for key in members], 0.0, seed)
            for group, members in _members(scores[0], name).items()
        }
        for name in ("modality", "scope", "family")
    }
    faults: dict[tuple[str, str], int] = {}
    for key in ids:
        pair = (str(mine[key].fault), str(theirs[key].fault))
        faults[pair] = faults.get(pair, 0) + 1
    pairs = ([mine[key] for key in ids], [theirs[key] for key in ids])
    return Comparison(
        runs[0],
        runs[1],
        _difference(*pairs, 0.0, seed),
        _difference(*pairs, _PENALTY, seed),
        groups,
        faults,
        tuple(key for key in ids if theirs[key].value > mine[key].value),
        tuple(key for key in ids if theirs[key].value < mine[key].value),
    )


def _scores(folder: Path) -> Scores:
    scores = read_scores(folder)
    if scores is None:
        raise RecordError(f"{folder}: the run is not finished; start it again to go on")
    return scores


def _members(scores: Scores, grouping: str) -> dict[str, list[str]]:
    """Group → ids, in the order of the summary."""
    found: dict[str, list[str]] = {name: [] for name in scores.summary[grouping]}
    for question in scores.questions:
        if question.trial == 0:
            found[question.groups[grouping]].append(question.id)
    return {name: ids for name, ids in found.items() if ids}


def _difference(
    first: Sequence[QuestionScore], second: Sequence[QuestionScore], penalty: float, seed: int
) -> Difference:
    one, other = (np.array([_points(each, penalty) for each in side]) for side in (first, second))  # (questions,)
    gains = other - one
    rng = np.random.default_rng([seed, len(gains)])
    drawn = rng.multinomial(len(gains), np.full(len(gains), 1 / len(gains)), size=_RESAMPLES) @ gains / len(gains)
    low, high = (float(end) for end in np.percentile(drawn, (2.5, 97.5)))
    return Difference(len(gains), float(one.mean()), float(other.mean()), low, high)


def _points(score: QuestionScore, penalty: float) -> float:
    """100 for a right answer, 0 for an abstention, minus the penalty for a wrong one."""
    if score.value >= 1:
        return 100.0
    return 0.0 if score.verdict == "abstained" else -100.0 * penalty


def compare_json(found: Comparison) -> dict[str, Any]:
    """The comparison as JSON can hold it."""
    return {
        "first": found.first.id,
        "second": found.second.id,
        "EX": _json(found.ex),
        "RS10": _json(found.rs10),
        "groups": {name: {key: _json(each) for key, each in held.items()} for name, held in found.groups.items()},
        "faults": [{"first": one, "second": other, "questions": n} for (one, other), n in found.faults.items()],
        "gained": list(found.gained),
        "lost": list(found.lost),
    }


def _json(each: Difference) -> dict[str, Any]:
    return asdict(each) | {"gain": each.gain}


def compare_text(found: Comparison, *, families: bool = False) -> str:
    """The comparison for a terminal."""
    names = [f"{run.parser.spec} × {run.vision.spec}" for run in (found.first, found.second)]
    table = [["", "n", "A", "B", "B - A", "95 % interval", ""]]
    table += [_row("EX", found.ex), _row("RS10", found.rs10)]
    for name, groups in found.groups.items():
        if name == "family" and not families:
            continue
        table.append([f"EX by {name}"])
        table += [_row(f"  {key}", each) for key, each in groups.items()]
    kinds = [fault for fault in FAULTS if any(fault in pair for pair in found.faults)]
    moved = [["A \\ B", *kinds]]
    moved += [[one, *(f"{found.faults.get((one, other), 0):,}" for other in kinds)] for one in kinds]
    return "\n".join(
        [
            f"A: {found.first.id} ({names[0]})",
            f"B: {found.second.id} ({names[1]})",
            "",
            *columns(table),
            "",
            "Whose fault, from A (rows) to B (columns):",
            *columns(moved),
            "",
            _ids("right only in B", found.gained),
            _ids("right only in A", found.lost),
        ]
    )


def _row(name: str, each: Difference) -> list[str]:
    interval = f"[{each.low:+,.1f}, {each.high:+,.1f}]"
    mark = "*" if each.is_more_than_chance else ""
    return [
        name,
        f"{each.questions:,}",
        f"{each.first:,.1f}",
        f"{each.second:,.1f}",
        f"{each.gain:+,.1f}",
        interval,
        mark,
    ]


def _ids(what: str, ids: Sequence[str]) -> str:
    more = f" … (--format json lists all {len(ids):,})" if len(ids) > _SHOWN else ""
    return f"{len(ids):,} {what}: {' '.join(ids[:_SHOWN])}{more}".rstrip(": ")
