"""Random numbers: one independent stream per seed, subject and purpose.

Each subject draws from generators of its own, so that any subject can be made alone, in any process and
in any order, with the same result; and each purpose has its own stream, so that drawing the X-rays (or
not) leaves the tables as they are.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "stream"]


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    HOSPITAL = 0
    LIFE = 1
    STUDIES = 2
    REPORTS = 3
    ORDERS = 4
    LABS = 5
    ICU = 6
    PICTURES = 7
    GOLD = 8
    HUMAN_LABELS = 9
    ILLNESSES = 10
    CLUTTER = 11
    SELDOM_PROCEDURES = 12


def stream(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """The generator of `purpose` for the subject (or other object) numbered by `key`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))))
