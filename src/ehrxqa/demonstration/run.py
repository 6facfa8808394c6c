"""`ehrxqa demo`: everything once, on a synthetic hospital, without any data or account."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.building.build import build
from ehrxqa.building.verify import verify
from ehrxqa.dataset.answer import answer
from ehrxqa.dataset.records import GOLD_PROGRAM, write_records
from ehrxqa.dataset.scopes import scope_of
from ehrxqa.demonstration.experiments import experiments
from ehrxqa.demonstration.showcase import showcase_records
from ehrxqa.evaluation.evaluate import evaluate
from ehrxqa.files import write_json
from ehrxqa.hospital import synth
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import read_json
from ehrxqa.layout import DATABASE_PATHS, DATASET_FOLDER, SPLITS
from ehrxqa.models.board import Board
from ehrxqa.neuralsql.execute import execute
from ehrxqa.progress import Progress
from ehrxqa.questions.generate import generate
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["DEMO_SUBJECTS", "DemoAnswer", "DemoReport", "demo"]

#: Subjects of the demo hospital: enough for both databases, few enough for a minute.
DEMO_SUBJECTS: Final = 240
DEMO_GOLD_SUBJECTS: Final = 60
#: Questions the demo generates, by split.
DEMO_QUESTIONS: Final[Mapping[str, int]] = MappingProxyType({"train": 3200, "valid": 400, "test": 400})


@dataclass(frozen=True)
class DemoAnswer:
    """One question of the demo, answered twice.

    Attributes:
        scope: What it needs.
        question: Its text.
        gold_answer: What the gold program says, from the labels.
        neural_answer: What its NeuralSQL says, asking the oracle image by image; None for table questions.
        images: How many images were asked.
    """

    scope: str
    question: str
    gold_answer: list[Any]
    neural_answer: list[Any] | None
    images: int

    @property
    def agree(self) -> bool:
        """Whether both ways give the same values, in whatever order."""
        return self.neural_answer is None or _multiset(self.gold_answer) == _multiset(self.neural_answer)


@dataclass(frozen=True)
class DemoExample:
    """One generated question with its SQL.

    Attributes:
        modality: Table, Image or Image+Table.
        question: Its text.
        gold_sql: Its gold program.
        neural_sql: Its NeuralSQL; the same if it needs no image.
        answer: Its answer.
    """

    modality: str
    question: str
    gold_sql: str
    neural_sql: str
    answer: list[Any]


@dataclass(frozen=True)
class DemoDataset:
    """The generated questions.

    Attributes:
        questions: Split → questions written, each verified by gold SQL and NeuralSQL before.
        modalities: Modality → split → questions.
        scores: Modality → test questions, and how many the NeuralSQL, run as a model's would be, answers right.
        examples: One test question of each modality, the shortest ones.
    """

    questions: dict[str, int]
    modalities: dict[str, dict[str, int]]
    scores: dict[str, tuple[int, int]]
    examples: tuple[DemoExample, ...]


@dataclass(frozen=True)
class DemoReport:
    """What the demo has made.

    Attributes:
        out: Its folder.
        tables: Rows of each table of each database.
        answers: The showcase questions, answered.
        dataset: The generated questions, evaluated.
        board: Parsers and vision models over the test questions, side by side.
        problems: What verification found; empty if all is well.
    """

    out: Path
    tables: dict[str, dict[str, int]]
    answers: tuple[DemoAnswer, ...]
    dataset: DemoDataset
    board: Board
    problems: tuple[str, ...]

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def ok(self) -> bool:
        """Whether the build verifies and all answers agree."""
        scores = self.dataset.scores.values()
        return not self.problems and all(found.agree for found in self.answers) and all(n == m for n, m in scores)


@checked
def demo(
    out: Path | str = "demo",
    *,
    subjects: int = DEMO_SUBJECTS,
    gold_subjects: int = DEMO_GOLD_SUBJECTS,
    questions: Mapping[str, int] = DEMO_QUESTIONS,
    seed: int = 0,
    images: bool = True,
    workers: int | None = None,
    progress: Progress = FITTING,
) -> DemoReport:
    """Make a synthetic hospital, build everything from it, answer questions, and compare parsers and vision models.

    `OUT/hospital` holds the sources, `OUT/ehrxqa` what is built from them. A second run does only what is missing.

    Args:
        out: Folder for everything.
        subjects: Subjects of the hospital.
        gold_subjects: Subjects whose first study is "checked by hand"; they make the test database.
        questions: Questions to generate, by split.
        seed: Seed of the hospital and of the questions.
        images: Whether to draw X-rays.
        workers: Processes (default: number of processors).
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        EhrxqaError: A step fails; see `synth`, `build`, `answer` and `execute`.
    """
    out = Path(out)
    hospital, built = out / "hospital", out / "ehrxqa"
    synth(
        hospital,
        subjects=subjects,
        gold_subjects=gold_subjects,
        seed=seed,
        images=images,
        workers=workers,
        progress=progress,
    )
    manifest = build(hospital, built, workers=workers, progress=progress)
    database = built / DATABASE_PATHS["test"]
    asked = showcase_records(database)
    folder = built / "showcase"
    write_records(folder / "_test.json", [record for _, record in asked])
    answer(database, folder / "_test.json", folder / "test.json", workers=1, progress=progress)
    gold = read_json(folder / "test.json")

    neural = {str(record["id"]): record["query"] for showcase, record in asked if showcase.neural_sql}
    write_json(folder / "neuralsql.json", neural)
    outcomes = folder / "neuralsql_outcomes.json"
    execute(database, folder / "neuralsql.json", out=outcomes, workers=1, progress=progress)
    found = {str(outcome["id"]): outcome for outcome in read_json(outcomes)}
    answers = []
    for (showcase, record), final in zip(asked, gold, strict=True):
        outcome = found.get(str(record["id"]))
        answers.append(
            DemoAnswer(
                showcase.scope,
                record["question"],
                final["answer"],
                None if outcome is None else outcome["answer"] or [],
                0 if outcome is None else outcome["questions"],
            )
        )
    tables = manifest.stages["database"].counts["tables"]
    dataset = _dataset(built, questions, seed, workers, progress)
    side_by_side = experiments(built, hospital, images=images, seed=seed, workers=workers, progress=progress)
    problems = verify(built, progress=progress).problems
    return DemoReport(out, tables, tuple(answers), dataset, side_by_side, tuple(problems))


def _dataset(
    built: Path, questions: Mapping[str, int], seed: int, workers: int | None, progress: Progress
) -> DemoDataset:
    """Generate questions, run the NeuralSQL of the test split as predictions, and evaluate the answers."""
    manifest = read_manifest(built)
    if manifest is None or "questions" not in manifest.stages:
        generate(
            built,
            train=questions["train"],
            valid=questions["valid"],
            test=questions["test"],
            seed=seed,
            workers=workers,
            force=True,
            progress=progress,
        )
    folder, names = built / DATASET_FOLDER, SPLITS
    records = {split: read_json(folder / f"{split}.json") for split in names}
    predictions, outcomes, found = (built / "showcase" / f"{name}.json" for name in ("queries", "outcomes", "answers"))
    write_json(predictions, {str(record["id"]): record["query"] for record in records["test"]})
    database = built / DATABASE_PATHS["test"]
    execute(database, predictions, out=outcomes, answers=found, workers=workers, progress=progress)
    evaluation = evaluate(folder / "test.json", found, profile="ehrsql", resamples=0)
    programs = read_json(folder / "_test.json")
    examples: dict[str, DemoExample] = {}
    for record, before in sorted(
        zip(records["test"], programs, strict=True), key=lambda pair: len(pair[0]["question"] + pair[0]["query"])
    ):
        if record["answer"] and record["value"]:
            modality = scope_of(record["q_tag"]).modality
            example = DemoExample(modality, record["question"], before[GOLD_PROGRAM], record["query"], record["answer"])
            examples.setdefault(modality, example)
    modalities: dict[str, dict[str, int]] = {name: dict.fromkeys(names, 0) for name in sorted(examples)}
    for split, held in records.items():
        for record in held:
            modalities.setdefault(scope_of(record["q_tag"]).modality, dict.fromkeys(names, 0))[split] += 1
    return DemoDataset(
        questions={split: len(found_records) for split, found_records in records.items()},
        modalities=modalities,
        scores={group.name: (group.tally.total, group.tally.right) for group in evaluation.groups["modality"]},
        examples=tuple(examples[name] for name in sorted(examples)),
    )


def _multiset(values: list[Any]) -> Counter[str]:
    return Counter(json.dumps(value) for value in values)
