"""Partial credit: how much of an answer is right where not all of it is."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ehrxqa.evaluation.comparing import compared_form
from ehrxqa.evaluation.profiles import Profile
from ehrxqa.sql.errors import AnswerShapeError

__all__ = ["soft_f1"]


def soft_f1(gold: Any, answer: Any, profile: Profile) -> float:
    """F1 of the values of an answer against those of the gold answer, as multisets, from 0 to 1.

    Order does not count, how often a value stands there does; two empty lists agree. What is no list, an abstention
    among them, has no values. Values are equal as the profile says.

    >>> from ehrxqa.evaluation.profiles import PROFILES
    >>> soft_f1(["a", "b"], ["b", "a", "c"], PROFILES["paper"])
    0.8
    >>> soft_f1([], [], PROFILES["paper"]), soft_f1([], None, PROFILES["paper"]), soft_f1([1], [1.0], PROFILES["paper"])
    (1.0, 0.0, 1.0)
    """
    if not isinstance(answer, list) or not isinstance(gold, list):
        return 0.0
    try:
        mine, theirs = (Counter(map(_key, compared_form(values, profile))) for values in (answer, gold))
    except AnswerShapeError:
        return 0.0
    if not mine and not theirs:
        return 1.0
    return 2 * (mine & theirs).total() / (mine.total() + theirs.total())


def _key(value: Any) -> Any:
    """A value that can be counted; 1, 1.0 and true are one, as in the lists they come from."""
    try:
        hash(value)
    except TypeError:
        return json.dumps(value, sort_keys=True)
    return value
