"""The oracle with a known share of mistakes, to tell errors of language from errors of vision.

Whether an answer is wrong, and how, depends only on the seed, the image and the meaning of the question: not on
the wording, the batch or the order. A higher rate adds mistakes to those of a lower one.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from ehrxqa.errors import SettingsError
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaAnswer, VqaRequest
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.question import GENDERS, VIEWS, Form, Target, VqaQuestion
from ehrxqa.vqa.recorded import free_key
from ehrxqa.vqa.render import render

__all__ = ["PerturbedModel"]


class PerturbedModel:
    """Answers as the oracle does, but wrongly with probability `rate`.

    A wrong truth is the opposite. A wrong list has one element too many or too few: one of the two choices for
    choose questions, else any attribute or object of the labels. Unknown values (None) stay unknown.

    Raises:
        SettingsError: The rate is not between 0 and 1.
    """

    name = "perturbed"
    batch_size = OracleModel.batch_size
    answers_from_labels = True

    def __init__(self, labels: ImageLabels, rate: float, seed: int = 0) -> None:
        if not 0 <= rate <= 1:
            raise SettingsError(f"error rate {rate} of the perturbed oracle is not between 0 and 1")
        self._oracle = OracleModel(labels)
        self._rate, self._seed = rate, seed
        known = (*labels.findings, *labels.possible)
        self._objects = sorted({finding.object for finding in known})
        self._attributes = sorted({finding.attribute for finding in known})

    @property
    def version(self) -> str:
        """Rate, seed and digest of the labels."""
        return f"{self._rate!r}:{self._seed}:{self._oracle.version}"

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """The oracle's answers, some of them wrong."""
        answers = self._oracle.answer(requests)
        texts: dict[VqaQuestion | str, str] = {}
        for place, request in enumerate(requests):
            question = request.question
            key = request.text if question is None else question
            text = texts.get(key)
            if text is None:
                text = texts[key] = free_key(request.text) if question is None else render(question)
            draw = blake2b(f"{self._seed}\n{request.study_id}\n{text}".encode(), digest_size=16).digest()
            if int.from_bytes(draw[:8]) < self._rate * 2**64:
                answers[place] = self._wrong(question, answers[place], int.from_bytes(draw[8:]))
        return answers

    def _wrong(self, question: VqaQuestion | None, right: VqaAnswer, draw: int) -> VqaAnswer:
        if isinstance(right, bool):
            return not right
        if not isinstance(right, tuple):
            return right
        elements = self._elements(question)
        if not elements:
            return right
        toggled = {elements[draw % len(elements)]}
        if question is not None and question.target in (Target.VIEW, Target.GENDER):
            return tuple(sorted(set(elements) - set(right))) or (elements[0],)
        return tuple(sorted(toggled ^ set(right)))

    def _elements(self, question: VqaQuestion | None) -> Sequence[str]:
        """What a list answer may hold."""
        if question is None:
            return self._attributes
        match question.target:
            case Target.VIEW:
                return VIEWS
            case Target.GENDER:
                return GENDERS
            case Target.OBJECT:
                return question.objects if question.form is Form.CHOOSE else self._objects
            case _:
                return question.attributes if question.form is Form.CHOOSE else self._attributes
