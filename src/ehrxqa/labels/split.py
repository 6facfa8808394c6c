"""Train and valid: silver subjects drawn by a fixed seed, apart for abnormal and normal studies.

A subject with both kinds of studies may be in train for one and in valid for the other: the two splits
share no study, but may share subjects.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["valid_studies"]

SEED: Final = 103
VALID_SHARE: Final = 0.05

Ids = npt.NDArray[np.int64]


def _valid_subjects(subjects: Ids) -> Ids:
    """The valid part of `subjects` (distinct, in order of first appearance).

    `ceil(0.05 n)` of them, at the positions that a legacy MT19937 permutation with seed 103 puts first. With
    fewer than two subjects nothing can be split, and all are train.
    """
    if len(subjects) < 2:
        return subjects[:0]
    count = math.ceil(VALID_SHARE * len(subjects))
    return subjects[np.random.RandomState(SEED).permutation(len(subjects))[:count]]


def _distinct(values: Ids) -> Ids:
    _, first = np.unique(values, return_index=True)
    return values[np.sort(first)]


def valid_studies(subject: Ids, abnormal: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """For each labelled silver study, in file order: whether it is valid (else train).

    Args:
        subject: Subject of each study.
        abnormal: Whether any label of the study is present.
    """
    result = np.zeros(len(subject), dtype=bool)
    for kind in (abnormal, ~abnormal):
        chosen = _valid_subjects(_distinct(subject[kind]))
        result |= kind & np.isin(subject, chosen)
    return result
