"""Which prescriptions count: whole-number doses, in the unit that is usual for the drug."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["dose_values", "usual_unit"]


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


def usual_unit(pairs: Callable[[], Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]) -> npt.NDArray[np.bool_]:
    """Whether each row has the unit that occurs most often with its drug; on a tie, the one seen first.

    Args:
        pairs: Gives drugs and units, as codes, in parts; called twice. A missing drug (-1) is a drug of its own.
    """
    count_of: dict[tuple[int, int], int] = {}  # in order of first appearance
    rows = 0
    for drug, unit in pairs():
        rows += len(drug)
        width = int(unit.max(initial=0)) + 1
        values, first, count = np.unique(_key(drug, unit, width), return_index=True, return_counts=True)
        for place in np.argsort(first).tolist():
            pair = divmod(int(values[place]), width)
            count_of[pair] = count_of.get(pair, 0) + int(count[place])
    usual: dict[int, tuple[int, int]] = {}
    for pair, number in count_of.items():
        if pair[0] not in usual or number > count_of[usual[pair[0]]]:
            usual[pair[0]] = pair
    width = max((unit for _, unit in count_of), default=0) + 1
    chosen = np.array(sorted(drug * width + unit for drug, unit in usual.values()), dtype=np.int64)
    result = np.zeros(rows, dtype=bool)
    start = 0
    for drug, unit in pairs():
        result[start : start + len(drug)] = np.isin(_key(drug, unit, width), chosen)
        start += len(drug)
    return result


def _key(drug: npt.NDArray[Any], unit: npt.NDArray[Any], width: int) -> npt.NDArray[np.int64]:
    key: npt.NDArray[np.int64] = (drug.astype(np.int64) + 1) * width + unit
    return key
