"""What a vision model is to us: it takes a batch of questions on images and gives one answer each.

The protocol is small on purpose. Who asks decides what to ask and in which batches; who answers needs to know
nothing about SQL or labels. The models that come with the package are made by `make_model` (see `registry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, Protocol, runtime_checkable

from ehrxqa.errors import VqaError
from ehrxqa.vqa.question import VqaQuestion

__all__ = [
    "ABSTAIN",
    "Abstain",
    "AnswerType",
    "VqaAnswer",
    "VqaModel",
    "VqaReply",
    "VqaRequest",
    "as_reply",
    "expected_answer",
]


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

#: What a question is answered with.
AnswerType = Literal["truth", "list"]


@dataclass(frozen=True, slots=True)
class VqaReply:
    """An answer and how sure of it the model is.

    Attributes:
        answer: The answer.
        confidence: From 0 to 1, as near as the model can tell the probability that the answer is right; None for
            models that cannot tell. Of an abstention: that of the answer which was not given, if there was one.

    Raises:
        VqaError: The confidence is not between 0 and 1.
    """

    answer: VqaAnswer
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise VqaError(f"a confidence of {self.confidence} is not between 0 and 1")


def as_reply(value: VqaAnswer | VqaReply) -> VqaReply:
    """What a model gave, as a reply; a plain answer has no confidence.

    >>> as_reply(True)
    VqaReply(answer=True, confidence=None)
    """
    return value if isinstance(value, VqaReply) else VqaReply(value)


@dataclass(frozen=True, slots=True)
class VqaRequest:
    """One question on one study.

    Attributes:
        study_id: The study; it has exactly one image in TB_CXR.
        image_id: That image, lower case as in the database.
        question: The question as a value; None if the text is none of the 48 kinds. Models that answer from labels
            need it.
        text: Its wording, as written by whoever asks; what a language-and-vision model reads.
        expects: What the text is to be answered with, where there is no value that tells.
    """

    study_id: int
    image_id: str
    question: VqaQuestion | None
    text: str
    expects: AnswerType | None = None

    @property
    def answer_type(self) -> AnswerType:
        """What it is answered with: as the question says, else as whoever asks expects, else as the text sounds."""
        if self.question is not None:
            return self.question.answer_type
        return self.expects or expected_answer(self.text)

    def value(self) -> VqaQuestion:
        """The question as a value.

        Raises:
            VqaError: There is none: the text is free.
        """
        if self.question is None:
            raise VqaError(f'"{self.text}" is no question of the known kinds, and this model answers only those')
        return self.question


#: First words of sentences that are answered by yes or no.
_YES_NO: Final = frozenset(
    ("is", "are", "was", "were", "am", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would")
)


def expected_answer(text: str) -> AnswerType:
    """Whether a free text is answered by yes or no, or by a list, as its form says.

    >>> expected_answer("Is the heart enlarged?"), expected_answer("How many lines are visible?")
    ('truth', 'list')
    >>> expected_answer("Is it pneumonia or edema, or both?")
    'truth'
    """
    words = text.lower().split()
    return "truth" if words and words[0].strip("\"'(¿") in _YES_NO else "list"


@runtime_checkable
class VqaModel(Protocol):
    """Answers image questions.

    Attributes:
        name: Which model; part of the key of cached answers, with `version`.
        version: Changes whenever an answer may change (weights, settings, labels).
        batch_size: How many requests the caller should pass at once; a hint, any number must work.

    A model may also say `answers_from_labels = True`: then questions that are none of the known kinds are refused, with
    their place in the query, before any is put to it.
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

    def answer(self, requests: Sequence[VqaRequest]) -> Sequence[VqaAnswer | VqaReply]:
        """One answer or reply per request, in their order; the answer to a request never depends on the others.

        Raises:
            VqaError: An image is missing or the model's output is not an answer; names the study.
        """
        ...
