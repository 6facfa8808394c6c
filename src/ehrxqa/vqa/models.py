"""What a vision model is to us: it takes a batch of questions on images and gives one answer each.

The protocol is small on purpose. Who asks decides what to ask and in which batches; who answers needs to know
nothing about SQL or labels. The models that come with the package are made by `make_model` (see `registry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Protocol, runtime_checkable

from ehrxqa.vqa.question import VqaQuestion

__all__ = ["ABSTAIN", "Abstain", "VqaAnswer", "VqaModel", "VqaRequest"]


class Abstain(Enum):
    """Type of `ABSTAIN`."""

    ABSTAIN = "abstain"

    def __repr__(self) -> str:
        return "ABSTAIN"


#: The model declines to answer (not the same as an empty list, nor as an unknown value).
ABSTAIN: Final = Abstain.ABSTAIN

#: Truth questions: True, False, or None where the data hold no value (SQL NULL, e.g. a size without boxes).
#: List questions: the elements, sorted, without duplicates, in lower case; () for none.
#: Any question: `ABSTAIN`.
VqaAnswer = bool | None | tuple[str, ...] | Literal[Abstain.ABSTAIN]


@dataclass(frozen=True, slots=True)
class VqaRequest:
    """One question on one study.

    Attributes:
        study_id: The study; it has exactly one image in TB_CXR.
        image_id: That image, lower case as in the database.
        question: The question as a value.
        text: Its wording, as written by whoever asks; what a language-and-vision model reads.
    """

    study_id: int
    image_id: str
    question: VqaQuestion
    text: str


@runtime_checkable
class VqaModel(Protocol):
    """Answers image questions.

    Attributes:
        name: Which model; part of the key of cached answers, with `version`.
        version: Changes whenever an answer may change (weights, settings, labels).
        batch_size: How many requests the caller should pass at once; a hint, any number must work.
    """

    @property
    def name(self) -> str:
        """Which model."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever an answer may change."""
        ...

    @property
    def batch_size(self) -> int:
        """How many requests to pass at once."""
        ...

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """One answer per request, in their order; the answer to a request never depends on the others.

        Raises:
            VqaError: An image is missing or the model's output is not an answer; names the study.
        """
        ...
