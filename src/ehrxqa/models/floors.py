"""Floors: what is reached without understanding a question, without looking at pictures, or without reading tables.

| floor | parser | vision |
|---|---|---|
| prior | `gold` | `prior`: the most frequent answer of train to each image question |
| constant | `gold` | `constant:no` |
| tables-only | `tables-only`: the gold queries of table questions; what tables say of events and findings | any |
| images-only | `images-only`: the same the other way round | `oracle` |
| question-only | `question-only`: the answer of the train question whose words are nearest | none |

A result beside them says how much of it the question, the pictures and the tables were needed for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ehrxqa.dataset.floors import SIDES, one_sided_answer
from ehrxqa.dataset.splits import load_records
from ehrxqa.errors import RecordError
from ehrxqa.layout import question_file
from ehrxqa.models.parsers import AskedQuestion, Context, Prediction
from ehrxqa.models.word_index import WordIndex

__all__ = ["FLOORS", "FLOOR_PARSERS", "ModalityParser", "QuestionOnlyParser", "literal_query"]

#: Floor → parser and vision model.
FLOORS: Final = {
    "floor-prior": ("gold", "prior"),
    "floor-constant": ("gold", "constant:no"),
    "floor-tables-only": ("tables-only", "oracle"),
    "floor-images-only": ("images-only", "oracle"),
    "floor-question-only": ("question-only", "oracle"),
}

#: Parsers of floors, and what they answer.
FLOOR_PARSERS: Final = {**SIDES, "question-only": ""}

_WORD: Final = re.compile(r"[a-z]+")


class ModalityParser:
    """The gold queries of one modality, and what this alone says of an event and a finding; it abstains elsewhere.

    Args:
        context: Holds the gold queries, the modality of each question, and what it needs.
        name: `tables-only` or `images-only`.
    """

    version = "1"

    def __init__(self, context: Context, name: str) -> None:
        self.name, self._context = name, context

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """The gold query, or an abstention."""
        for place, question in enumerate(questions):
            modality = self._context.modalities.get(question.id)
            if modality == FLOOR_PARSERS[self.name]:
                yield place, Prediction(self._context.gold.get(question.id))
            elif needs := self._context.needs.get(question.id):
                yield place, Prediction(literal_query([one_sided_answer(self.name, needs)]))
            else:
                yield place, Prediction(None, explanation=f"{self.name}: the question is of modality {modality}")


class QuestionOnlyParser:
    """Looks neither at tables nor at pictures: the answer of the train question whose words are nearest.

    Numbers are left out, so that no patient is known by its id.

    Raises:
        RecordError: There are no train questions with answers.
    """

    name = "question-only"

    def __init__(self, context: Context) -> None:
        path = question_file(context.out, "train")
        records = load_records(path) if path.is_file() else []
        known = [record for record in records if isinstance(record.get("answer"), list)]
        if not known:
            raise RecordError(f"{path}: the floor question-only needs train questions with answers")
        self._answers = [record["answer"] for record in known]
        self._index = WordIndex([_WORD.findall(record["question"].lower()) for record in known])
        self.version = f"1-{len(known)}"

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """A query that gives the answer of the nearest train question."""
        for place, question in enumerate(questions):
            nearest = self._index.nearest(_WORD.findall(question.text.lower()), 1)
            if nearest:
                yield place, Prediction(literal_query(self._answers[nearest[0][0]]), nearest[0][1])
            else:
                yield place, Prediction(None, explanation="no train question shares a word with it")


def literal_query(answer: Sequence[Any]) -> str:
    """A query that gives these values.

    >>> literal_query(["it's", 1, None]), literal_query([])
    ("select 'it''s' union all select 1 union all select null", 'select 1 where 0')
    """
    return " union all ".join(f"select {_literal(value)}" for value in answer) or "select 1 where 0"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, bool) else repr(value)
    return "'" + str(value).replace("'", "''") + "'"
