"""`ehrxqa stats` in Python: the statistics of question files as one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ehrxqa.arguments import checked
from ehrxqa.dataset.splits import read_dataset
from ehrxqa.dataset.stats import as_text, dataset_stats, fact_rows
from ehrxqa.html_repr import facts, screen, table

__all__ = ["QuestionStats", "stats"]

#: Counts of a group by split, the total first.
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class QuestionStats:
    """What a set of questions is made of; `str()` gives the tables of `ehrxqa stats`.

    Attributes:
        questions: Total, and per split.
        modality, scope, family: Group → total and splits → questions.
        answers: How many are answered, their types, shares of empty and null ones, balance of yes and no.
        question_length: Words per question: min, median, mean, p95, max, histogram.
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
    answers: dict[str, Any]
    question_length: dict[str, Any]
    vocabulary: dict[str, Any]
    images: dict[str, Any]
    about: dict[str, Any]
    ambiguity: dict[str, Any] | None
    discrimination: dict[str, Any] | None
    floors: dict[str, Any] | None
    trust: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def __str__(self) -> str:
        return as_text(self.as_json())

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={count:,}" for name, count in self.questions.items())
        return f"QuestionStats({counts}, templates={self.vocabulary['templates']:,}, families={len(self.family):,})"

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
    return QuestionStats(**dataset_stats(read_dataset(out)))
