"""From scores to probabilities, and from probabilities to decisions: fitted on images that were not trained on.

Each column has a logistic curve p = 1 / (1 + exp(-(slope · score + offset))). Columns with few positive images lean on
a curve that all share, so that a rare finding is no matter of chance. A finding counts as present above its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ehrxqa.vqa.trained.table import Floats, rounded

__all__ = ["Calibration", "fit_calibration"]

_Doubles = npt.NDArray[np.float64]

#: How many images the shared curve weighs as much as.
_PRIOR_IMAGES = 4.0
_STEPS = 25
_MOST_LOGIT = 12.0
#: Of the scores of a column; less is rounding.
_LEAST_SPREAD = 1e-4
_PARTS = ("centre", "spread", "slope", "offset", "usual")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Curves and thresholds, by column.

    Attributes:
        centre, spread: Of the scores; they are first freed of both.
        slope, offset: Of the logistic curve.
        usual: Log-odds of the column without looking at the image.
        lean: How far the threshold goes from "more likely than not" (0) to "more likely than usual" (1). Questions
            are asked about what may be there, so more than a few of their answers are yes.
    """

    centre: Floats
    spread: Floats
    slope: Floats
    offset: Floats
    usual: Floats
    lean: float

    def margins(self, scores: Floats) -> Floats:
        """Log-odds less threshold: positive where the column holds; (images, columns)."""
        logits = np.clip((scores - self.centre) / self.spread * self.slope + self.offset, -_MOST_LOGIT, _MOST_LOGIT)
        margins: Floats = (logits - self.lean * self.usual).astype(np.float32)
        return margins

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """By name, for a file; without `lean`."""
        return {f"calibration.{name}": getattr(self, name) for name in _PARTS}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]], lean: float) -> Calibration:
        """What `tensors` wrote."""
        return cls(**{name: tensors[f"calibration.{name}"] for name in _PARTS}, lean=lean)


def fit_calibration(scores: Floats, truths: Floats, *, lean: float = 0.0) -> Calibration:
    """Fit curves and thresholds.

    Args:
        scores: Of images that the model was not trained on; (images, columns).
        truths: What holds, NaN where it is not known; (images, columns).
        lean: How far thresholds go from "more likely than not" (0) to "more likely than usual" (1).
    """
    known = ~np.isnan(truths)
    centre = _mean(scores, known)
    spread = np.sqrt(_mean((scores - centre) ** 2, known)) + _LEAST_SPREAD
    x = ((scores - centre) / spread).astype(np.float64)
    y = np.where(known, truths, 0).astype(np.float64)
    rate = (y.sum(axis=0) + 0.5) / (known.sum(axis=0) + 1.0)
    usual = np.log(rate / (1 - rate))
    slope, offset = _curves(x, y, known.astype(np.float64), usual)
    parts = zip(_PARTS, (centre, spread, slope, offset, usual), strict=True)
    return Calibration(**{name: rounded(part) for name, part in parts}, lean=lean)


def _mean(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> _Doubles:
    total: _Doubles = np.where(known, values, 0).sum(axis=0, dtype=np.float64)
    mean: _Doubles = total / np.maximum(known.sum(axis=0), 1)
    return mean


def _curves(x: _Doubles, y: _Doubles, weight: _Doubles, usual: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Slope and offset of each column by Newton's method, each drawn towards what all columns share."""
    slope, offset = np.ones_like(usual), usual.copy()
    shared_slope, shared_shift = 1.0, 0.0
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x * slope + offset, -30, 30)))
        wrong, curve = weight * (y - p), weight * p * (1 - p)
        pull = _PRIOR_IMAGES * 0.25
        gradient = np.stack(
            [(wrong * x).sum(0) - pull * (slope - shared_slope), wrong.sum(0) - pull * (offset - usual - shared_shift)]
        )
        a, b, d = (curve * x * x).sum(0) + pull, (curve * x).sum(0), curve.sum(0) + pull
        determinant = a * d - b * b
        step = np.stack([d * gradient[0] - b * gradient[1], a * gradient[1] - b * gradient[0]]) / determinant
        step = np.clip(step, -2, 2)
        slope, offset = slope + step[0], offset + step[1]
        trusted = y.sum(0) * 1.0
        if trusted.sum():
            shared_slope = float((slope * trusted).sum() / trusted.sum())
            shared_shift = float(((offset - usual) * trusted).sum() / trusted.sum())
    return np.maximum(slope, 0.0), offset
