"""Ridge regression on blurred pixels: a model that really looks at the picture, in a few seconds and numpy alone.

Each picture is squeezed to 28 × 28 pixels and freed of its own brightness and contrast; each column of the label table
is a weighted sum of them. The strength of the ridge is the one whose scores of images that were left out (with all of
their subject) are best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.vqa.trained.pixels import Pixels
from ehrxqa.vqa.trained.table import Floats, Targets, rounded

__all__ = ["DEFAULT_SIZE", "Linear", "train_linear"]

#: Pixels of a side.
DEFAULT_SIZE: Final = 28
FOLDS: Final = 5
#: Strengths to try, per image.
RIDGES: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_AT_ONCE: Final = 4096

_Doubles = npt.NDArray[np.float64]


class Linear:
    """The weights.

    Args:
        mean: Mean of each pixel; (pixels).
        weights: (pixels, columns).
        intercept: (columns).
    """

    kind: Final = "linear"

    def __init__(self, mean: Floats, weights: Floats, intercept: Floats) -> None:
        self._mean, self._weights, self._intercept = mean, weights, intercept

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]], _settings: Mapping[str, Any]) -> Linear:
        """What `tensors` wrote."""
        return cls(tensors["mean"], tensors["weights"], tensors["intercept"])

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The weights by name."""
        return {"mean": self._mean, "weights": self._weights, "intercept": self._intercept}

    def settings(self) -> dict[str, Any]:
        """What else is needed to read them: nothing."""
        return {}

    def scores(self, pixels: Pixels) -> Floats:
        """(images, columns)."""
        return self._exactly(pixels).astype(np.float32)

    def _exactly(self, pixels: Pixels) -> _Doubles:
        """The scores in double precision, so that the order of additions leaves no trace in what is fitted to them."""
        features = _features(pixels).astype(np.float64) - self._mean
        scores: _Doubles = features @ self._weights.astype(np.float64) + self._intercept
        return scores


def _features(pixels: Pixels) -> Floats:
    """Grey values without brightness and contrast of the picture; (images, pixels)."""
    flat: Floats = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= flat.std(axis=1, keepdims=True) + 1.0
    return flat


def train_linear(
    pixels: Pixels, targets: Targets, subjects: npt.NDArray[np.int64], *, seed: int
) -> tuple[Linear, Floats, dict[str, Any]]:
    """Fit the weights.

    Returns:
        The model, the scores of each image by weights fitted without its subject, and what was chosen.
    """
    values = _filled(targets.values)
    numbers = np.unique(subjects, return_inverse=True)[1]
    fold = np.random.default_rng(seed).permutation(int(numbers.max()) + 1)[numbers] % FOLDS
    errors = np.zeros(len(RIDGES))
    left_out = np.zeros((len(RIDGES), *values.shape), np.float32)
    for part in range(FOLDS):
        out = fold == part
        if not out.any() or out.all():
            continue
        fitted = _Fit(pixels[~out], values[~out])
        for place, ridge in enumerate(RIDGES):
            left_out[place, out] = fitted.at(ridge).scores(pixels[out])
    spread = values.std(axis=0)
    used = spread > 0
    for place in range(len(RIDGES)):
        errors[place] = np.mean(((left_out[place] - values)[:, used] / spread[used]) ** 2)
    best = int(errors.argmin())
    chosen = {"ridge": RIDGES[best], "left_out_error": round(float(errors[best]), 6)}
    return _Fit(pixels, values).at(RIDGES[best]), left_out[best], chosen


def _filled(values: Floats) -> Floats:
    """Targets with the mean of their column where they are not known, 0 for a column without any."""
    known = ~np.isnan(values)
    means = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, values, means).astype(np.float32)


class _Fit:
    """One fit, for several strengths of the ridge; solved over pixels or over images, whichever are fewer."""

    def __init__(self, pixels: Pixels, values: Floats) -> None:
        self._images, size = len(pixels), int(np.prod(pixels.shape[1:]))
        self._intercept: _Doubles = values.mean(axis=0, dtype=np.float64)
        self._mean = sum((_features(some).sum(axis=0, dtype=np.float64) for some in _pieces(pixels)), np.zeros(size))
        self._mean /= self._images
        if self._images < size:
            features = _features(pixels).astype(np.float64) - self._mean
            sizes, axes = np.linalg.eigh(features @ features.T)
            along = axes.T @ (values - self._intercept)
            axes = features.T @ axes
        else:
            gram, cross = np.zeros((size, size)), np.zeros((size, values.shape[1]))
            for some, wanted in zip(_pieces(pixels), _pieces(values), strict=True):
                features = _features(some).astype(np.float64) - self._mean
                gram += features.T @ features
                cross += features.T @ (wanted - self._intercept)
            sizes, axes = np.linalg.eigh(gram)
            along = axes.T @ cross
        self._sizes, self._axes, self._along = np.maximum(sizes, 0), axes, along

    def at(self, ridge: float) -> Linear:
        """The weights for a strength."""
        weights = self._axes @ (self._along / (self._sizes + ridge * self._images)[:, None])
        return Linear(*(rounded(part) for part in (self._mean, weights, self._intercept)))


def _pieces(rows: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """All rows, some thousands at a time."""
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
