"""What a front end may show of the answer key: decided here and nowhere else.

The answer key is the table TB_CXR_PLUS, and of a question record all that gives its answer away: the answer, the gold
program, the NeuralSQL, and the values and tags from which both were made. A *model* that is being measured sees none
of it. A *person* who inspects a data set sees records whole, and labels where a page shows them; SQL that a person
types runs behind the same wall as a model's, since nobody can tell who wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from ehrxqa.sql.allowed import ANSWER_KEY

__all__ = ["OF_A_QUESTION", "Viewer", "hidden_tables", "visible_question"]

Viewer = Literal["model", "person"]

#: What a model is told of a question.
OF_A_QUESTION: Final = ("id", "split", "question")


def hidden_tables(viewer: Viewer) -> frozenset[str]:
    """Tables that SQL from this side never reads, in lower case."""
    del viewer  # the same for both: SQL may come from anywhere
    return ANSWER_KEY


def visible_question(record: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
    """What is shown of a question record.

    >>> visible_question({"id": 7, "split": "test", "question": "…?", "answer": [1], "query": "select …"}, "model")
    {'id': 7, 'split': 'test', 'question': '…?'}
    """
    if viewer == "person":
        return dict(record)
    return {key: record[key] for key in OF_A_QUESTION if key in record}
