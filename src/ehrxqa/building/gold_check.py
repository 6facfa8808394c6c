"""`ehrxqa check`: do gold programs and NeuralSQL give the same answers, under every profile?

A perfect system is one that writes the NeuralSQL of each question, with a vision model that is always right. Whatever
it loses is lost by the questions, not by the system; so it must lose nothing, by whichever rules answers are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import load_records
from ehrxqa.errors import BuildError
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.files import sha256_of, write_json
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import read_json
from ehrxqa.layout import DATASET_FOLDER, SPLITS, database_path, question_file
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import read_manifest, recorded_time
from ehrxqa.shown_progress import FITTING

__all__ = ["CHECK_PATH", "GoldCheck", "SplitCheck", "check", "read_gold_check"]

CHECK_PATH: Final = f"{DATASET_FOLDER}/check.json"
_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class SplitCheck:
    """One split.

    Attributes:
        questions: How many it has.
        right: Profile → how many NeuralSQL answers are the gold answers under it.
        differ: Profile → ids of some that are not; at most 20.
    """

    questions: int
    right: Mapping[str, int]
    differ: Mapping[str, list[str]]


@dataclass(frozen=True)
class GoldCheck:
    """All splits.

    Attributes:
        splits: Split → what was found.
        digests: Checksums of the question files and databases that were read, by path below the output folder.
    """

    splits: Mapping[str, SplitCheck]
    digests: Mapping[str, str]

    _repr_html_ = html_repr

    def __repr__(self) -> str:
        return f"GoldCheck({self.line()})"

    @property
    def agrees(self) -> bool:
        """Whether every question agrees under every profile."""
        return all(right == split.questions for split in self.splits.values() for right in split.right.values())

    def line(self) -> str:
        """The fact in one line."""
        total = sum(split.questions for split in self.splits.values())
        if self.agrees:
            return (
                f"gold programs and NeuralSQL agree on {total:,} of {counted(total, 'question')} "
                f"under {len(PROFILES)} profiles"
            )
        worst = {name: sum(split.right[name] for split in self.splits.values()) for name in PROFILES}
        counts = ", ".join(f"{name} {right:,}" for name, right in worst.items())
        return f"gold programs and NeuralSQL agree, of {counted(total, 'question')}, under {counts}"


@checked
def check(out: Path | str, *, workers: int | None = None, progress: Progress = FITTING) -> GoldCheck:
    """Run the NeuralSQL of every question with the oracle, and compare with the gold answers under every profile.

    The result is kept in `OUT/dataset/check.json`, with the checksums of what was read.

    Args:
        out: Output folder of a build with question files that have answers.
        workers: Worker processes (default: number of processors).
        progress: Told what happens.

    Raises:
        BuildError: There are no question files with answers, or no database for them.
        RecordError: A question file cannot be read.
    """
    out = Path(out)
    splits: dict[str, SplitCheck] = {}
    read: dict[str, Path] = {}
    for split in SPLITS:
        questions = question_file(out, split)
        records = load_records(questions) if questions.is_file() else []
        if not records:
            continue
        database = database_path(out, split)
        if not database.is_file():
            raise BuildError(f"{database}: is missing; build it with: ehrxqa build SOURCES {out}")
        now = recorded_time(read_manifest(out))
        splits[split] = _check_split(questions, records, database, now, workers, progress)
        read |= {str(path.relative_to(out)): path for path in (questions, database)}
    if not splits:
        raise BuildError(
            f"{out / DATASET_FOLDER}: holds no question file with answers (train.json, valid.json, test.json)"
        )
    found = GoldCheck(splits, {name: sha256_of(path) for name, path in sorted(read.items())})
    write_json(out / CHECK_PATH, asdict(found))
    return found


def read_gold_check(out: Path) -> GoldCheck | None:
    """What `check` found, if it was run and neither questions nor databases have changed since."""
    try:
        value: Any = read_json(out / CHECK_PATH)
        splits = {name: SplitCheck(**split) for name, split in value["splits"].items()}
        found = GoldCheck(splits, dict(value["digests"]))
        there = {name: sha256_of(out / name) for name in found.digests}
        complete = all(set(split.right) == set(PROFILES) for split in splits.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if there == found.digests and complete else None


def _check_split(
    questions: Path, records: list[Record], database: Path, now: str, workers: int | None, progress: Progress
) -> SplitCheck:
    # numpy and the engine: not for those who read what was found
    from ehrxqa.evaluation.evaluate import evaluate
    from ehrxqa.neuralsql.execute import execute

    with tempfile.TemporaryDirectory(prefix="ehrxqa-check-") as scratch:
        queries, outcomes, answers = (Path(scratch, f"{name}.json") for name in ("queries", "outcomes", "answers"))
        write_json(queries, {str(record["id"]): record["query"] for record in records})
        execute(database, queries, out=outcomes, answers=answers, now=now, workers=workers, progress=progress)
        right: dict[str, int] = {}
        differ: dict[str, list[str]] = {}
        for name in PROFILES:
            result = evaluate(questions, answers, profile=name, resamples=0)
            wrong = [key for key, verdict in result.verdicts.items() if verdict != "right"]
            right[name] = len(records) - len(wrong)
            if wrong:
                differ[name] = wrong[:_MOST_NAMED]
    return SplitCheck(len(records), right, differ)
