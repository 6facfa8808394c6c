"""What a trained model predicts of an image: one score per column of the label table.

Columns are, in this order, every possible finding, the view position (is it AP?), the sex (is it male?), and the two
measured widths as shares of the thorax width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.vqa.image_labels import Finding, ImageLabels
from ehrxqa.vqa.question import GENDERS, SIZE_LIMITS, VIEWS

__all__ = ["MEASURED", "Columns", "Floats", "Targets", "rounded", "targets_of"]

Floats = npt.NDArray[np.float32]

#: Objects whose width is predicted, in the order of their columns.
MEASURED: Final = tuple(SIZE_LIMITS)


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Attributes:
        findings: What the first columns stand for.
    """

    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.findings) + 2 + len(MEASURED)

    @property
    def view(self) -> int:
        """Column of the view position: AP rather than PA."""
        return len(self.findings)

    @property
    def gender(self) -> int:
        """Column of the sex: male rather than female."""
        return len(self.findings) + 1

    def size(self, measured: str) -> int:
        """Column of a measured width."""
        return len(self.findings) + 2 + MEASURED.index(measured)


@dataclass(frozen=True, eq=False)
class Targets:
    """What is true of images.

    Attributes:
        values: What a score should be: 1 or 0, for widths the share; NaN where it is not known; (images, columns).
        truths: Whether it holds (for widths: whether it is wide), NaN where it is not known; (images, columns).
    """

    values: Floats
    truths: Floats

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: npt.NDArray[np.int64]) -> Targets:
        """Those of some images."""
        return Targets(self.values[rows], self.truths[rows])


def targets_of(labels: ImageLabels, columns: Columns) -> Targets:
    """The targets of every image of `labels`; findings that have no column are left out."""
    values = np.full((len(labels), len(columns)), np.nan, np.float32)
    number = {finding: place for place, finding in enumerate(columns.findings)}
    place = np.array([number.get(finding, -1) for finding in labels.findings], dtype=np.int64)
    values[:, : columns.view] = 0
    width = (len(labels.findings) + 7) // 8
    for row, bits in enumerate(labels.present):
        packed = np.frombuffer(bits.to_bytes(width, "little"), np.uint8)
        there = place[np.flatnonzero(np.unpackbits(packed, bitorder="little")[: len(place)])]
        values[row, there[there >= 0]] = 1
    values[:, columns.view] = _either(labels.views, VIEWS[0], VIEWS[1])
    values[:, columns.gender] = _either(labels.genders, GENDERS[0], GENDERS[1])
    truths = values.copy()
    for measured in MEASURED:
        shares = np.array([np.nan if share is None else share for share in labels.shares[measured]], np.float64)
        shares[~np.isfinite(shares)] = np.nan
        values[:, columns.size(measured)] = shares
        wide = np.where(np.isnan(shares), np.nan, shares > SIZE_LIMITS[measured])
        truths[:, columns.size(measured)] = wide
    return Targets(values, truths)


def _either(values: Sequence[str | None], one: str, other: str) -> Floats:
    known = {one: 1.0, other: 0.0}
    return np.array([known.get(value or "", np.nan) for value in values], np.float32)


def rounded(values: npt.NDArray[Any], *, bits: int = 10) -> Floats:
    """Numbers with a mantissa of so many bits: what is fitted is then the same, whatever the order of additions was.

    >>> rounded(np.array([1.0000001, -3.14159]), bits=4).tolist()
    [1.0, -3.25]
    """
    mantissa, exponent = np.frexp(np.asarray(values, np.float64))
    short: Floats = np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent).astype(np.float32)
    return short
