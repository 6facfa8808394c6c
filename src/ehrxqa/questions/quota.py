"""How many questions of which template each split gets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ehrxqa.layout import DATABASE_OF_SPLIT, SPLITS
from ehrxqa.questions.batch import Wanted
from ehrxqa.questions.template import Template

__all__ = ["Quota", "again", "first_quota", "wanted_of"]

#: Modality → its share of the official 46,152 questions.
_SHARES: Final = {"table": 16529, "image": 16366, "multimodal": 13257}

#: (split, id of a template) → questions.
Quota = dict[tuple[str, str], int]


def first_quota(templates: Sequence[Template], wanted: Mapping[str, int], seed: int) -> Quota:
    """Modalities by their official shares, templates of one modality alike."""
    groups: dict[str, list[str]] = {}
    for template in templates:
        groups.setdefault(template.modality, []).append(template.id)
    quota: Quota = {}
    for split, number in wanted.items():
        left, weight = number, sum(_SHARES[modality] for modality in groups)
        for modality, numbers in groups.items():
            part = round(left * _SHARES[modality] / weight)
            left, weight = left - part, weight - _SHARES[modality]
            _spread(quota, split, part, numbers, f"{seed}/{split}/{modality}")
    return quota


def again(short: Mapping[tuple[str, str], int], able: Iterable[tuple[str, Template]], seed: int) -> Quota:
    """What is missing, asked of templates that gave all they were asked for: of the same modality if there are any.

    Args:
        short: (split, modality) → questions that are missing.
        able: Databases, and templates that gave all there.
        seed: Seed of who gives one more than others.
    """
    able = sorted(able, key=lambda each: (each[0], each[1].order))
    quota: Quota = {}
    for (split, modality), number in sorted(short.items()):
        here = [template for base, template in able if base == DATABASE_OF_SPLIT[split]]
        others = [template.id for template in here if template.modality == modality]
        others = others or [template.id for template in here]
        if others:
            _spread(quota, split, number, others, f"{seed}/{split}/{modality}/again")
    return quota


def _spread(quota: Quota, split: str, number: int, templates: Sequence[str], seed: str) -> None:
    order = list(templates)
    random.Random(seed).shuffle(order)
    for place, template in enumerate(order):
        share = number // len(order) + (place < number % len(order))
        if share:
            quota[split, template] = quota.get((split, template), 0) + share


def wanted_of(
    quota: Quota, templates: Mapping[str, Template], empty: float, seed: str
) -> dict[tuple[str, str], tuple[Wanted, ...]]:
    """(database, template) → the questions wanted, in an order of chance; a share of those that may be empty is."""

    def place(key: tuple[str, str]) -> tuple[str, tuple[bool, int, str]]:
        return key[0], templates[key[1]].order

    counts = Counter({key: number for key, number in quota.items() if templates[key[1]].may_be_empty})
    empties: Counter[tuple[str, str]] = Counter()
    for split in SPLITS:
        of_split = sorted((key for key in counts if key[0] == split), key=place)
        slots = [key for key in of_split for _ in range(counts[key])]
        empties.update(random.Random(f"{seed}/{split}/empty").sample(slots, int(len(slots) * empty)))
    wanted: dict[tuple[str, str], list[Wanted]] = {}
    for key in sorted(quota, key=place):
        some = [Wanted(key[0], number < empties[key]) for number in range(quota[key])]
        wanted.setdefault((DATABASE_OF_SPLIT[key[0]], key[1]), []).extend(some)
    for (base, id_), held in wanted.items():
        random.Random(f"{seed}/{base}/{templates[id_].chance}").shuffle(held)
    return {key: tuple(wanted[key]) for key in sorted(wanted, key=place)}
