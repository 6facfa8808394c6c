"""`ehrxqa stats` in Python: the statistics of question files as one value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from ehrxqa.arguments import checked
from ehrxqa.dataset.splits import read_dataset
from ehrxqa.dataset.stats import as_text, dataset_stats, fact_rows
from ehrxqa.html_repr import facts, screen, table

__all__ = ["QuestionStats", "stats"]

#: Counts of a group by split, the total first.
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class YesNo:
    """Questions that are answered by yes or no; `families`: family → how many `yes`, how many `no`."""

    questions: int
    yes: int
    no: int
    yes_share: float | None
    families: dict[str, dict[str, int]]


@dataclass(frozen=True)
class AnswerStats:
    """How many questions are answered, by type and split, and which share is empty or null."""

    answered: int
    types: Counts
    empty_share: float
    null_share: float
    yes_no: YesNo


@dataclass(frozen=True)
class Lengths:
    """Words per question; `histogram`: words → questions."""

    min: int
    median: int
    mean: float
    p95: int
    max: int
    histogram: dict[str, int]


@dataclass(frozen=True)
class Words:
    """Distinct words, all words, templates, slot → distinct values, and the most frequent words."""

    words: int
    running_words: int
    templates: int
    values: dict[str, int]
    frequent: list[tuple[str, int]]


@dataclass(frozen=True)
class Images:
    """Questions that ask about studies, the studies, and whether there are links that say so."""

    questions_with_studies: int
    studies: int
    sidecar: bool


@dataclass(frozen=True)
class About:
    """Modality → official templates that are `used` (None without links); subjects and studies that are asked about."""

    templates: dict[str, dict[str, int]] | None
    subjects: int
    studies: int
    most_questions_about_one_subject: int


@dataclass(frozen=True)
class Ambiguity:
    """Questions that another reading answers otherwise; `readings`: reading → how many."""

    questions: int
    ambiguous: int
    share: float
    readings: dict[str, int]


@dataclass(frozen=True)
class Discrimination:
    """Mutants of the gold programs, those with another answer, and misreadings that the set tells."""

    questions: int
    mutants: int
    killed: int
    share: float
    blind: int
    readings: int
    told: int


@dataclass(frozen=True)
class SideFloor:
    """Accuracy of who knows one side only, over all questions and over those that it leaves open."""

    accuracy: float
    open: int
    accuracy_open: float | None


@dataclass(frozen=True)
class Floors:
    """Accuracy without looking, of yes/no questions about an event and a finding."""

    questions: int
    tables_only: SideFloor
    images_only: SideFloor
    question_only: float
    majority: float


@dataclass(frozen=True)
class FamilyTrust:
    """Answers of a family: shares, the most frequent one, and names of the rules that they break."""

    answered: int
    templates: int
    empty_share: float
    null_share: float
    yes_no: int
    yes_share: float | None
    top_answer: str
    top_share: float
    flags: list[str]


@dataclass(frozen=True)
class Duplicates:
    """How many questions are there twice, in which way, and the first of them."""

    within_split: int
    same_query: int
    across_splits: int
    contradictions: int
    listed: list[dict[str, Any]]


@dataclass(frozen=True)
class Trust:
    """Rules in words, what families are like, and duplicates."""

    rules: dict[str, str]
    families: dict[str, FamilyTrust]
    duplicates: Duplicates


@dataclass(frozen=True)
class QuestionStats:
    """What a set of questions is made of; `str()` gives the tables of `ehrxqa stats`.

    Attributes:
        questions: Total, and per split.
        modality, scope, family: Group → total and splits → questions.
        answers: How many are answered, and how; None where none is.
        question_length: Words per question; None without questions.
        vocabulary: Words, templates, distinct values by slot, frequent words.
        images: Questions with studies, and studies.
        about: Templates out of the official ones, subjects and studies asked about.
        ambiguity: Questions that another reading answers otherwise; None where readings are not known.
        discrimination: Mutants of the gold programs, and those with another answer; None where they were not counted.
        floors: Accuracy without looking; None where it cannot be told.
        trust: Rules, what breaks them by family, duplicates.
    """

    questions: dict[str, int]
    modality: Counts
    scope: Counts
    family: Counts
    answers: AnswerStats | None
    question_length: Lengths | None
    vocabulary: Words
    images: Images
    about: About
    ambiguity: Ambiguity | None
    discrimination: Discrimination | None
    floors: Floors | None
    trust: Trust

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        value = asdict(self)
        value["vocabulary"]["frequent"] = [list(pair) for pair in self.vocabulary.frequent]
        value["answers"] = value["answers"] or {"answered": 0}
        value["question_length"] = value["question_length"] or {"histogram": {}}
        return value

    def __str__(self) -> str:
        return as_text(self.as_json())

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={count:,}" for name, count in self.questions.items())
        return f"QuestionStats({counts}, templates={self.vocabulary.templates:,}, families={len(self.family):,})"

    def _repr_html_(self) -> str:
        header = ["scope", *self.questions]
        rows = [(name, *counts.values()) for name, counts in self.scope.items()]
        return screen("Questions", facts((name, text) for name, text in fact_rows(self.as_json())), table(header, rows))


@checked
def stats(out: Path | str) -> QuestionStats:
    """Statistics of the question files of a folder.

    Args:
        out: Output folder of a build, or a folder of question files.

    Raises:
        RecordError: There are no question files, or they are damaged.
    """
    value = dataset_stats(read_dataset(out))
    for name, counted in (("answers", "answered"), ("question_length", "histogram")):
        value[name] = value[name] if value[name][counted] else None
    return msgspec.convert(value, QuestionStats)
