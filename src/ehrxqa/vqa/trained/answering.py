"""Answers and their confidence from predicted label tables.

What an image shows follows from its margins (log-odds less threshold, one per column): a column holds where its margin
is positive. The answers come from the same rules as the oracle's. How sure an answer is follows from the margins that
decide it: a name is as sure as its strongest finding, a list as sure as all of its names together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.vqa.image_labels import ImageLabels, bits_of_rows
from ehrxqa.vqa.models import ABSTAIN, VqaReply
from ehrxqa.vqa.question import (
    ABNORMALITY_CATEGORIES,
    GENDERS,
    SIZE_LIMITS,
    VIEWS,
    Combination,
    Form,
    Target,
    VqaQuestion,
)
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.trained.table import Columns, Floats

__all__ = ["DecidingColumns", "Evidences", "PredictedTables"]

_Numbers = npt.NDArray[np.int64]

#: Log-odds against what cannot occur.
MOST_CERTAIN: Final = 12.0
#: Questions whose evidence is kept.
_MOST_EVIDENCES: Final = 20_000


@dataclass(frozen=True, eq=False)
class DecidingColumns:
    """Which columns decide a question.

    Attributes:
        names: For each thing that the answer says yes or no to (the question as a whole, or each name that a list may
            hold), the columns any of which makes it so; per operand.
        combination: How the operands are joined.
        listed: Whether these are the names of a list.
    """

    names: tuple[tuple[_Numbers, ...], ...]
    combination: Combination | None = None
    listed: bool = False


class PredictedTables:
    """Questions on images whose margins are known.

    Args:
        evidences: What decides questions about the columns.
        margins: (images, columns); NaN where nothing is known.
        image_ids, study_ids: Of the images.
        complete: Whether what has no column cannot occur; else nothing is known of it.
    """

    def __init__(
        self,
        evidences: Evidences,
        margins: Floats,
        image_ids: Sequence[str],
        study_ids: Sequence[int],
        *,
        complete: bool = True,
    ) -> None:
        self._evidences, self._margins, self._complete = evidences, margins, complete
        self.labels = _labels(evidences.columns, margins, image_ids, study_ids)

    def answers(self, asked: Sequence[tuple[VqaQuestion, int]]) -> list[bool | tuple[str, ...] | None]:
        """The answer to each (question, row) by the rules, with what is not known as absent."""
        rules = {question: rule_for(question, self.labels) for question in dict.fromkeys(q for q, _ in asked)}
        return [rules[question](row) for question, row in asked]

    def replies(self, asked: Sequence[tuple[VqaQuestion, int]]) -> list[VqaReply]:
        """The reply to each (question, row); it abstains where nothing is known of what decides."""
        replies = []
        for (question, row), answer in zip(asked, self.answers(asked), strict=True):
            confidence = self._confidence(self._evidences.of(question), self._margins[row])
            replies.append(VqaReply(ABSTAIN) if confidence is None else VqaReply(answer, confidence))
        return replies

    def _confidence(self, evidence: DecidingColumns, margins: Floats) -> float | None:
        """Confidence in what is decided; None where nothing is known of something that decides."""
        total, decided = 0.0, not evidence.names and self._complete
        for operands in evidence.names:
            strengths = [self._strength(margins[columns]) for columns in operands]
            if None in strengths:
                if evidence.listed:
                    continue  # a name of which nothing is known is not listed
                return None
            known = [strength for strength in strengths if strength is not None]
            if evidence.combination is Combination.AND:
                decisive = min(known)
            elif evidence.combination in (None, Combination.OR, Combination.UNION):
                decisive = max(known)
            else:
                decisive = min(known, key=abs)
            decided = True
            total += float(np.logaddexp(0.0, -abs(decisive)))
        return float(np.exp(-total)) if decided else None

    def _strength(self, margins: Floats) -> float | None:
        """The strongest margin; None if nothing is known."""
        known = margins[~np.isnan(margins)]
        if len(known):
            return float(known.max())
        return -MOST_CERTAIN if self._complete and not len(margins) else None


class Evidences:
    """The columns that decide each question; found once per question."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._objects = np.array([finding.object for finding in columns.findings], dtype=object)
        self._attributes = np.array([finding.attribute for finding in columns.findings], dtype=object)
        self._categories = np.array([finding.category for finding in columns.findings], dtype=object)
        self._abnormal = np.isin(self._categories.astype(str), ABNORMALITY_CATEGORIES)
        self._found: dict[VqaQuestion, DecidingColumns] = {}

    def of(self, question: VqaQuestion) -> DecidingColumns:
        """The evidence for a question."""
        found = self._found.get(question)
        if found is None:
            if len(self._found) >= _MOST_EVIDENCES:
                self._found.clear()
            found = self._found[question] = self._find(question)
        return found

    def _find(self, question: VqaQuestion) -> DecidingColumns:
        columns = self.columns
        match question.target:
            case Target.VIEW:
                return DecidingColumns(((np.array([columns.view]),),))
            case Target.GENDER:
                return DecidingColumns(((np.array([columns.gender]),),))
            case Target.SIZE:
                return DecidingColumns(((np.array([columns.size(question.objects[0])]),),))
        everywhere = np.ones(len(columns.findings), dtype=bool)
        places = [self._objects == name for name in question.objects] or [everywhere]
        operands = [np.flatnonzero(place & what) for place in places for what in self._wanted(question)]
        if question.form is Form.VERIFY:
            return DecidingColumns((tuple(operands),), question.combination)
        names = self._objects if question.target is Target.OBJECT else self._attributes
        groups = []
        for name in sorted({str(name) for found in operands for name in names[found]}):
            parts = (found[names[found] == name] for found in operands)
            groups.append(tuple(part for part in parts if len(part)))
        return DecidingColumns(tuple(groups), question.combination, listed=True)

    def _wanted(self, question: VqaQuestion) -> list[npt.NDArray[np.bool_]]:
        """What each attribute or category that a question names asks for."""
        if question.attributes:
            return [self._attributes == name for name in question.attributes]
        if question.categories:
            return [self._categories == name for name in question.categories]
        return [self._abnormal]


def _labels(columns: Columns, margins: Floats, image_ids: Sequence[str], study_ids: Sequence[int]) -> ImageLabels:
    """The tables as labels: what holds where the margin is positive."""
    images, findings = np.nonzero(margins[:, : columns.view] > 0)
    return ImageLabels(
        image_ids=image_ids,
        study_ids=study_ids,
        subject_ids=[0] * len(image_ids),
        findings=columns.findings,
        present=bits_of_rows(len(image_ids), len(columns.findings), images.astype(np.int64), findings.astype(np.int64)),
        views=_named(margins[:, columns.view], VIEWS),
        genders=_named(margins[:, columns.gender], GENDERS),
        shares={
            measured: [
                None if margin != margin else limit + (0.1 if margin > 0 else -0.1)
                for margin in margins[:, columns.size(measured)].tolist()
            ]
            for measured, limit in SIZE_LIMITS.items()
        },
        possible=columns.findings,
    )


def _named(margins: Floats, names: tuple[str, str]) -> list[str | None]:
    return [None if margin != margin else names[0] if margin > 0 else names[1] for margin in margins.tolist()]
