"""Train and valid: silver subjects drawn by a fixed seed.

The official split is drawn apart for abnormal and normal studies, so that a subject with both kinds may be in train
for one and in valid for the other: the two splits share no study, but may share subjects. The coherent split keeps
all studies of a subject together, and gives a small hospital a larger valid part: the train database is made of it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["COHERENT_SUBJECTS", "coherent_valid_studies", "coherent_valid_subjects", "valid_studies"]

SEED: Final = 103
VALID_SHARE: Final = 0.05
#: Subjects that the coherent split makes valid where 5 % are fewer: of so many, 60 or more reach the train database,
#: since about one in seven has no admission of usable age and length in 2100 to 2105.
COHERENT_SUBJECTS: Final = 80

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


def coherent_valid_subjects(subjects: int) -> int:
    """How many of `subjects` the coherent split makes valid: 5 %, or 80 where that is more, or half if fewer are there.

    >>> [coherent_valid_subjects(count) for count in (0, 40, 150, 400, 2400)]
    [0, 20, 75, 80, 120]
    """
    return max(math.ceil(VALID_SHARE * subjects), min(COHERENT_SUBJECTS, subjects // 2)) if subjects > 1 else 0


def coherent_valid_studies(subject: Ids) -> npt.NDArray[np.bool_]:
    """For each labelled silver study, in file order: whether it is valid; all studies of a subject together."""
    subjects = _distinct(subject)
    order = np.random.RandomState(SEED).permutation(len(subjects))
    chosen = subjects[order[: coherent_valid_subjects(len(subjects))]]
    return np.asarray(np.isin(subject, chosen))


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
