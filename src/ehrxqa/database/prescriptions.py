"""Which prescriptions count: whole-number doses, in the unit that is usual for the drug."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["dose_values", "usual_unit"]

#: Rows counted at a time.
CHUNK: Final = 1 << 20


def dose_values(texts: Sequence[str], codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Doses as numbers: commas are dropped, and what is then not all digits has no value (NaN).

    >>> dose_values(["1,000", "5.0", "1-2"], np.array([0, 1, 2, -1])).tolist()
    [1000.0, nan, nan, nan]
    """
    table = np.full(len(texts) + 1, np.nan)
    for code in np.unique(codes).tolist():
        if code >= 0:
            digits = texts[code].replace(",", "")
            if digits.isdecimal():
                table[code] = float(int(digits))
    return table[codes]


def usual_unit(drug: npt.NDArray[Any], unit: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each row has the unit that occurs most often with its drug; on a tie, the one seen first.

    Args:
        drug: Codes; a missing drug (-1) is a drug of its own.
        unit: Codes.
    """
    width = int(unit.max()) + 1 if len(unit) else 1
    count_of: dict[int, int] = {}  # in order of first appearance
    for start in range(0, len(drug), CHUNK):
        values, first, count = np.unique(_pairs(drug, unit, width, start), return_index=True, return_counts=True)
        for place in np.argsort(first).tolist():
            pair = int(values[place])
            count_of[pair] = count_of.get(pair, 0) + int(count[place])
    usual: dict[int, int] = {}
    for pair, number in count_of.items():
        if pair // width not in usual or number > count_of[usual[pair // width]]:
            usual[pair // width] = pair
    chosen = np.array(sorted(usual.values()), dtype=np.int64)
    result = np.zeros(len(drug), dtype=bool)
    for start in range(0, len(drug), CHUNK):
        result[start : start + CHUNK] = np.isin(_pairs(drug, unit, width, start), chosen)
    return result


def _pairs(drug: npt.NDArray[Any], unit: npt.NDArray[Any], width: int, start: int) -> npt.NDArray[np.int64]:
    pairs: npt.NDArray[np.int64] = (np.asarray(drug[start : start + CHUNK]).astype(np.int64) + 1) * width + np.asarray(
        unit[start : start + CHUNK]
    )
    return pairs
