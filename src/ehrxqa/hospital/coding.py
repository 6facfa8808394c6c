"""Which illnesses an admission is coded with: what the subject has, and what the laboratory values say."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.illnesses import Illness, Rule, illnesses
from ehrxqa.hospital.life import Admission, Subject
from ehrxqa.hospital.measurements import LabRows
from ehrxqa.hospital.vocabulary import labs

__all__ = ["coded_illnesses"]

Ints = NDArray[np.int64]

#: Share of the values of an item that must be beyond a limit, beside one at all: more values have more extremes.
_SHARE = 0.07
#: How often what the values say, and what a subject lives with, gets into the codes.
_NOTICED = 0.9
_MENTIONED = 0.92


def coded_illnesses(rng: np.random.Generator, subject: Subject, admission: Admission, rows: LabRows) -> tuple[str, ...]:
    """The illnesses of an admission that its codes and orders know of.

    Args:
        rng: Chance.
        subject: Whose admission it is.
        admission: The admission.
        rows: All laboratory rows of the subject.
    """
    mine = (rows.hadm == admission.hadm_id) & (rows.state == 0)
    items, ticks = rows.item[mine], rows.ticks[mine]
    present = set(admission.illnesses)
    coded = []
    for illness, noticed in zip(illnesses().values(), rng.random(len(illnesses())).tolist(), strict=True):
        possible = illness.from_values and illness.people.has(subject.gender, subject.age)
        if not (possible or illness.name in present) or noticed >= _chance(illness):
            continue
        if illness.rule is None or _met(illness.rule, items, ticks):
            coded.append(illness.name)
    return tuple(coded)


def _chance(illness: Illness) -> float:
    if illness.rule is not None:
        return _NOTICED
    return _MENTIONED if illness.chronic else 1.0


def _met(rule: Rule, items: Ints, ticks: Ints) -> bool:
    position, ten_to_decimals = _item(rule.label)
    values = ticks[items == position] / ten_to_decimals
    if not len(values):
        return False
    beyond = values < rule.limit if rule.below else values > rule.limit
    return bool(beyond.any() and beyond.mean() >= _SHARE)


@cache
def _item(label: str) -> tuple[int, float]:
    """Place of an item among the laboratory items, and what its values are multiplied with."""
    position = next(place for place, lab in enumerate(labs()) if lab.label == label)
    return position, 10.0 ** labs()[position].decimals
