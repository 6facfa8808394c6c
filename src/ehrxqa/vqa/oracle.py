"""The model that knows the labels: what a perfect vision model would answer."""

from __future__ import annotations

from collections.abc import Sequence

from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaAnswer, VqaRequest
from ehrxqa.vqa.other_kinds import other_question
from ehrxqa.vqa.question import Target, VqaQuestion
from ehrxqa.vqa.rules import Rule, rule_for

__all__ = ["OracleModel"]


class OracleModel:
    """Answers from labels, by study.

    A study without labels has no finding: truths are False and lists empty, as in the SQL over TB_CXR_PLUS;
    its sizes, view and gender are unknown.
    """

    name = "oracle"
    batch_size = 65536
    answers_from_labels = True

    def __init__(self, labels: ImageLabels) -> None:
        self._labels = labels

    @property
    def version(self) -> str:
        """Digest of the labels."""
        return self._labels.fingerprint

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """The answers by the labels."""
        row_of = self._labels.row_of_study
        rules: dict[VqaQuestion, Rule] = {}
        answers: list[VqaAnswer] = []
        question: VqaQuestion | None = None
        rule: Rule | None = None
        for request in requests:
            if request.question is None:
                answers.append(self._other(request))
                continue
            if request.question is not question or question is None or rule is None:
                question = request.value()
                rule = rules.get(question)
                if rule is None:
                    rule = rules[question] = rule_for(question, self._labels)
            row = row_of.get(request.study_id)
            answers.append(_of_unlabelled(question) if row is None else rule(row))
        return answers

    def _other(self, request: VqaRequest) -> VqaAnswer:
        """The answer to a question of a kind that another package declares."""
        other = other_question(request.text)
        if other is None:
            request.value()  # says that the text is free
            raise AssertionError(request)
        row = self._labels.row_of_study.get(request.study_id)
        return other.answer(() if row is None else self._labels.findings_of(row))


def _of_unlabelled(question: VqaQuestion) -> VqaAnswer:
    if question.answer_type == "list":
        return ()
    return None if question.target in (Target.SIZE, Target.VIEW, Target.GENDER) else False
