"""What is fitted on held-out images after the weights: curves, thresholds, how sure to be, and when to abstain.

Thresholds and confidence are judged by questions: the 48 kinds are asked of the held-out images, in balance, and the
answers compared with the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.vqa.generate import generate
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import ABSTAIN, VqaReply
from ehrxqa.vqa.question import Form, VqaQuestion
from ehrxqa.vqa.records import question_of
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.trained.answering import Evidences, PredictedTables
from ehrxqa.vqa.trained.calibration import Calibration, fit_calibration
from ehrxqa.vqa.trained.table import Columns, Floats

__all__ = ["PENALTIES", "Confidence", "Fitted", "auroc", "fit"]

#: Penalties of a wrong answer for which a threshold of abstention is stored: RS5, RS10.
PENALTIES: Final = (1, 5, 10)
#: Positions of the thresholds to try, see `Calibration.lean`.
LEANS: Final = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
#: Questions of each kind that are asked.
PER_KIND: Final = 30
#: Held-out images that are asked; more would not tell more.
_MOST_IMAGES: Final = 1500
_SURE: Final = 1e-4


@dataclass(frozen=True)
class Confidence:
    """How sure answers are, learnt from questions whose answers are known.

    Attributes:
        curves: Form of the question → slope and offset of a logistic curve over the log-odds of the raw confidence.
        abstain_below: Penalty of a wrong answer → confidence below which abstaining scores better.
    """

    curves: Mapping[str, tuple[float, float]]
    abstain_below: Mapping[int, float]

    def of(self, question: VqaQuestion, reply: VqaReply) -> VqaReply:
        """A reply with its raw confidence made a probability."""
        if reply.confidence is None:
            return reply
        slope, offset = self.curves.get(question.form.value, (1.0, 0.0))
        return VqaReply(reply.answer, float(1 / (1 + np.exp(-(slope * _log_odds(reply.confidence) + offset)))))


@dataclass(frozen=True)
class Fitted:
    """What was fitted, and how well the held-out images were answered.

    Attributes:
        measured: `exact` share of questions answered exactly, `auroc` mean over findings, `asked`, `held_out`.
    """

    calibration: Calibration
    confidence: Confidence
    measured: dict[str, Any]


def fit(scores: Floats, truths: Floats, columns: Columns, *, seed: int) -> Fitted:
    """Fit on held-out images.

    Args:
        scores: Of images that the weights were not fitted on; (images, columns).
        truths: What is true of them, NaN where it is not known; (images, columns).
        columns: What the columns stand for.
        seed: Of the questions.
    """
    rows = np.arange(len(truths))
    if len(rows) > _MOST_IMAGES:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:_MOST_IMAGES])
    ids, studies = [str(row) for row in rows], rows.tolist()
    evidences = Evidences(columns)
    some = PredictedTables(evidences, _certain(truths[rows]), ids, studies).labels
    asked = _questions(some, seed)
    right = {question: rule_for(question, some) for question, _ in asked}
    answers = [right[question](row) for question, row in asked]
    curves = fit_calibration(scores, truths)
    best: tuple[float, Calibration, PredictedTables] | None = None
    for lean in LEANS:
        calibration = replace(curves, lean=lean)
        tables = PredictedTables(evidences, calibration.margins(scores[rows]), ids, studies)
        exact = float(np.mean([one == other for one, other in zip(tables.answers(asked), answers, strict=True)]))
        if best is None or exact > best[0]:
            best = exact, calibration, tables
    assert best is not None
    exact, calibration, tables = best
    replies = tables.replies(asked)
    correct = np.array([reply.answer == answer for reply, answer in zip(replies, answers, strict=True)])
    confidence = _confidence([question for question, _ in asked], replies, correct)
    measured = {
        "held_out": len(truths),
        "asked": len(asked),
        "exact": round(exact, 4),
        "auroc": _rounded(auroc(scores[:, : columns.view], truths[:, : columns.view])),
    }
    return Fitted(calibration, confidence, measured)


def _certain(truths: Floats) -> Floats:
    """Truths as margins: 1 where it holds, -1 where not, NaN where it is not known."""
    return np.where(truths == 1, 1, np.where(truths == 0, -1, np.nan)).astype(np.float32)


def _questions(labels: ImageLabels, seed: int) -> list[tuple[VqaQuestion, int]]:
    made = generate(labels, "valid", per_kind=PER_KIND, seed=seed)
    return [
        (question_of(record["template_program"], record["template_arguments"]), labels.row_of_image[record["image_id"]])  # type: ignore[arg-type,index]
        for record in made.records
    ]


def _confidence(
    questions: Sequence[VqaQuestion], replies: Sequence[VqaReply], correct: npt.NDArray[np.bool_]
) -> Confidence:
    raw = np.array([_log_odds(0.5 if reply.confidence is None else reply.confidence) for reply in replies])
    forms = np.array([question.form.value for question in questions])
    curves = {form.value: _logistic(raw[forms == form.value], correct[forms == form.value]) for form in Form}
    plain = Confidence(curves, {})
    sure = np.array([plain.of(*pair).confidence or 0.0 for pair in zip(questions, replies, strict=True)])
    answered = np.array([reply.answer is not ABSTAIN for reply in replies])
    below = {penalty: _threshold(sure[answered], correct[answered], penalty) for penalty in PENALTIES}
    rounded = {form: (round(slope, 5), round(offset, 5)) for form, (slope, offset) in curves.items()}
    return Confidence(rounded, below)


def _logistic(x: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope (not negative) and offset of a logistic curve, held near 1 and 0 by a few made-up observations."""
    slope, offset = 1.0, 0.0
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(slope * x + offset, -30, 30)))
        weight = p * (1 - p)
        gradient = np.array([((y - p) * x).sum() - 4 * (slope - 1), (y - p).sum() - offset])
        curvature = np.array([[(weight * x * x).sum() + 4, (weight * x).sum()], [(weight * x).sum(), weight.sum() + 1]])
        step = np.clip(np.linalg.solve(curvature, gradient), -1, 1)
        slope, offset = max(0.0, slope + float(step[0])), offset + float(step[1])
    return slope, offset


def _threshold(sure: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], penalty: int) -> float:
    """The confidence below which to abstain, so that right answers less `penalty` × wrong ones are most."""
    order = np.argsort(-sure, kind="stable")
    gain = np.concatenate([[0.0], np.cumsum(np.where(correct[order], 1.0, -float(penalty)))])
    kept = int(gain.argmax())
    if kept == 0:
        return 1.0
    return 0.0 if kept == len(order) else round(float((sure[order[kept - 1]] + sure[order[kept]]) / 2), 5)


def auroc(scores: Floats, truths: Floats, *, least: int = 5) -> float | None:
    """Mean area under the ROC curve over the columns that have at least `least` of each truth; None if none has."""
    areas = []
    for column in range(scores.shape[1]):
        known = ~np.isnan(truths[:, column])
        truth = truths[known, column] == 1
        positive, negative = int(truth.sum()), int((~truth).sum())
        if min(positive, negative) >= least:
            ranks = _ranks(scores[known, column])
            areas.append((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))
    return float(np.mean(areas)) if areas else None


def _ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return ranks


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _log_odds(share: float) -> float:
    share = min(max(share, _SURE), 1 - _SURE)
    return float(np.log(share / (1 - share)))
