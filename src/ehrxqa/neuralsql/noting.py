"""A model that answers nothing and notes what it is asked: how queries are planned before any picture is looked at.

A query that runs over it ends at the first round of questions that neither memory nor cache can answer, and says which
they are. Once these are answered and in the cache, the query is run again; most queries need one round, those whose
questions depend on each other a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ehrxqa.vqa.models import VqaAnswer, VqaRequest

__all__ = ["NotingModel", "Unanswered"]


class Unanswered(Exception):  # noqa: N818 - reads as the state it is
    """A query needs answers that are not there yet.

    Attributes:
        requests: What it needs, in the order in which the query met them.
    """

    def __init__(self, requests: Sequence[VqaRequest]) -> None:
        super().__init__(f"{len(requests):,} image questions are not answered yet")
        self.requests = tuple(requests)


class NotingModel:
    """Stands for a model by name and version, so that its answers are found in a cache.

    Args:
        name: Of the model.
        version: Of the model.
    """

    #: All questions of a round are noted at once.
    batch_size: Final = 1 << 40

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """No answer.

        Raises:
            Unanswered: Always; holds the requests.
        """
        raise Unanswered(requests)
