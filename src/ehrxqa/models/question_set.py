"""The questions of a run: records by id, and what each is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.dataset.beside import links_beside
from ehrxqa.dataset.placement import Placement, placement_of
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import load_records, read_dataset
from ehrxqa.errors import RecordError
from ehrxqa.models.run_records import Subset
from ehrxqa.models.subsets import choose

__all__ = ["QuestionSet", "chosen_questions", "read_questions"]


@dataclass(frozen=True)
class QuestionSet:
    """Questions of one split.

    Attributes:
        path: The file they come from.
        records: Id → record, in the order asked.
        facts: Id → modality, scope and family.
    """

    path: Path
    records: dict[str, Record]
    facts: dict[str, Placement]

    def gold_query(self, identifier: str) -> str | None:
        """The gold NeuralSQL; None for a question without an answer."""
        record = self.records[identifier]
        return None if record.get("is_impossible") else record.get("query")

    def only(self, identifiers: Sequence[str]) -> QuestionSet:
        """The same, with these ids alone."""
        return QuestionSet(
            self.path, {key: self.records[key] for key in identifiers}, {key: self.facts[key] for key in identifiers}
        )


def read_questions(out: Path, split: str, path: Path | None) -> QuestionSet:
    """All questions of a split.

    Args:
        out: Output folder of a build.
        split: train, valid or test.
        path: Another question file of that split.

    Raises:
        RecordError: There are none, or a record lacks what is needed.
    """
    if path is None:
        dataset = read_dataset(out)
        if split not in dataset.splits:
            raise RecordError(
                f"{dataset.folder}: has no questions of the split {split}; make some: ehrxqa generate {out}"
            )
        path, records, links = dataset.paths[split], dataset.splits[split], dataset.links
    else:
        records = load_records(path)
        links = links_beside({path: records})
    if not records:
        raise RecordError(f"{path}: holds no questions")
    found: dict[str, Record] = {}
    facts: dict[str, Placement] = {}
    for place, record in enumerate(records, start=1):
        identifier = str(record.get("id"))
        if record.get("split", split) != split:
            raise RecordError(f"{path}: record {place} is of split {record['split']!r}, not {split!r}; give --split")
        if (
            not isinstance(record.get("question"), str)
            or "id" not in record
            or not isinstance(record.get("q_tag"), str)
        ):
            raise RecordError(f"{path}: record {place} has no id, question or q_tag")
        if identifier in found:
            raise RecordError(f"{path}: record {place}: the id {identifier} occurs before")
        found[identifier], facts[identifier] = record, placement_of(record, links)
    return QuestionSet(path, found, facts)


def chosen_questions(
    out: Path, split: str, questions: Path | str | None, subset: str | None, ids: Path | str | None, limit: int | None
) -> tuple[Subset, QuestionSet]:
    """The questions of a split that a run asks, and what they are called; see `read_questions` and `subsets.choose`."""
    every = read_questions(out, split, None if questions is None else Path(questions))
    chosen, order = choose(every.facts, subset=subset, ids=None if ids is None else Path(ids), limit=limit)
    return chosen, every.only(order)
