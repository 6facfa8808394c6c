"""What ails a subject in detail, what that does to values, drugs and images, and when it is coded.

A condition (`CONDITIONS`) is what an admission can be for. An illness is finer: it is drawn by age, sex and what the
subject has already, and carries its consequences. Illnesses with a rule are coded from values: whatever made the
potassium low, a low potassium is coded as such, and a subject whose values stay normal is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np

from ehrxqa.hospital.words import numbers, rows

__all__ = ["Illness", "People", "Rule", "acute_illnesses", "chronic_illnesses", "illnesses"]

_RULE = re.compile(r"(?P<label>.+)(?P<sign>[<>])(?P<limit>[\d.]+)")
_PEOPLE = re.compile(r"(?P<sex>[FM]?) ?(?:(?P<low>\d+)-(?P<high>\d*))?")


@dataclass(frozen=True)
class People:
    """Whom something can happen to.

    Attributes:
        sex: `F`, `M`, or empty for both.
        low, high: Ages in years, both included.
    """

    sex: str = ""
    low: int = 0
    high: int = 200

    @classmethod
    def parsed(cls, text: str) -> People:
        """From `F`, `M 50-`, `16-46`, or nothing for everybody."""
        match = _PEOPLE.fullmatch(text)
        if match is None:
            raise ValueError(f"not people: {text!r}")
        return cls(match["sex"], int(match["low"] or 0), int(match["high"] or 200))

    def has(self, sex: str, age: int) -> bool:
        """Whether a person is one of them."""
        return self.sex in ("", sex) and self.low <= age <= self.high


@dataclass(frozen=True)
class Rule:
    """A laboratory value from which something is coded: below or above a limit."""

    label: str
    below: bool
    limit: float

    @classmethod
    def parsed(cls, text: str) -> Rule | None:
        """From `Potassium<3.2`; None from nothing."""
        match = _RULE.fullmatch(text)
        return Rule(match["label"], match["sign"] == "<", float(match["limit"])) if match else None


@dataclass(frozen=True)
class Illness:
    """A line of `illnesses.tsv`.

    Attributes:
        chronic: Whether it is there in every admission; otherwise it is drawn for each.
        young, old: Share of subjects (of admissions, unless chronic) at 30 and at 80 years; linear between.
        boosts: Condition, illness or sex → added share.
        codes: Mean number of codes.
        labs: Label → shift in standard deviations.
        drugs: Name → probability.
        findings: Kind of X-ray finding → added probability.
        rule: Values that it is coded from.
        from_values: Whether the rule alone decides; otherwise the illness must be there too.
    """

    name: str
    chronic: bool
    young: float
    old: float
    people: People
    boosts: dict[str, float]
    codes: float
    labs: dict[str, float]
    drugs: dict[str, float]
    findings: dict[str, float]
    rule: Rule | None
    from_values: bool


@cache
def illnesses() -> dict[str, Illness]:
    """All illnesses by name, in the order in which they are drawn."""
    return {
        r["name"]: Illness(
            name=r["name"],
            chronic=r["kind"] == "C",
            young=float(r["young"]),
            old=float(r["old"]),
            people=People.parsed(r["people"]),
            boosts=numbers(r["boosts"]),
            codes=float(r["codes"]),
            labs=numbers(r["labs"], ";"),
            drugs=numbers(r["drugs"], ";"),
            findings=numbers(r["findings"]),
            rule=Rule.parsed(r["rule"]),
            from_values=r["kind"] == "V",
        )
        for r in rows("illnesses.tsv")
    }


def chronic_illnesses(rng: np.random.Generator, sex: str, age: int, conditions: Collection[str]) -> tuple[str, ...]:
    """The illnesses that a subject lives with."""
    return _drawn(rng, sex, age, conditions, chronic=True)


def acute_illnesses(rng: np.random.Generator, sex: str, age: int, present: Collection[str]) -> tuple[str, ...]:
    """What else befalls a subject in an admission; `present` are the conditions and chronic illnesses."""
    return _drawn(rng, sex, age, present, chronic=False)


def _drawn(rng: np.random.Generator, sex: str, age: int, present: Collection[str], *, chronic: bool) -> tuple[str, ...]:
    slope = min(max((age - 30) / 50, 0), 1.1)
    have = {*present, sex}
    found = []
    candidates = [illness for illness in illnesses().values() if illness.chronic is chronic]
    for illness, draw in zip(candidates, rng.random(len(candidates)).tolist(), strict=True):
        if not illness.people.has(sex, age):
            continue
        share = illness.young + (illness.old - illness.young) * slope
        share += sum(more for name, more in illness.boosts.items() if name in have)
        if draw < share:
            found.append(illness.name)
            have.add(illness.name)
    return tuple(found)
