"""A model that answers nothing and notes what it is asked: how queries in other processes are planned.

A query that runs over it ends at the first round of questions that neither memory nor cache can answer, and its
outcome names them (`Outcome.unanswered`). Once they are answered and in the cache, the query is run again; most queries
need one round, those whose questions depend on each other a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ehrxqa.neuralsql.asking import Unanswered
from ehrxqa.vqa.models import VqaModel, VqaReply, VqaRequest
from ehrxqa.vqa.shards import ModelFacts

__all__ = ["NotingModel"]


class NotingModel:
    """Stands for a model by name and version, so that its answers are found in a cache.

    Args:
        model: The model, or who it is.
    """

    #: All questions of a round are noted at once.
    batch_size: Final = 1 << 40

    def __init__(self, model: VqaModel | ModelFacts) -> None:
        self.name, self.version = model.name, model.version
        self.answers_from_labels = getattr(model, "answers_from_labels", False)

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """No answer.

        Raises:
            Unanswered: Always; holds the requests.
        """
        raise Unanswered(requests)
