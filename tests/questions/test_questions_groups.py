"""What questions about groups are drawn from: only names that can be asked for, and only what follows."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from ehrxqa.questions.drawing.group import group_dead, group_pair
from ehrxqa.questions.facts import Event

NOON = "2104-05-30 12:00:00"


def event(name, time):
    return Event(time, name, 1, 0, None, 5)


def drawing(later, seed=0, kinds=("dx", "px"), died=None):
    """A draw of a pair in which one subject had `ulcer` at noon, and some events of the second kind."""
    events = {"dx": [event("ulcer", NOON)]}
    events[kinds[1]] = [*events.get(kinds[1], []), *later]
    facts = SimpleNamespace(
        of=lambda kind, _: events[kind],
        names={"dx": ["ulcer"]},
        shared_names={"dx": []},
        by_name={"dx": {"ulcer": [events["dx"][0]]}},
        died=died or {},
    )
    template = SimpleNamespace(
        kinds=kinds, slots=("diagnosis_name", "procedure_name"), withins=("within-month",), values=(), operations=(),
        denominator=False, family="pair",
    )  # fmt: skip
    return SimpleNamespace(
        template=template, facts=facts, rng=random.Random(seed), filter=lambda *events: events, choice=SimpleNamespace
    )


@pytest.mark.parametrize(
    ("name", "time", "drawn"),
    [
        ("biopsy", "2104-05-31 12:00:00", True),
        ("biopsy", "2104-06-01 12:00:00", False),  # another month
        ("biopsy", "2104-05-30 11:59:59", False),  # before
        ("crohn's biopsy", "2104-05-31 12:00:00", False),  # cannot stand in a query
        ("123", "2104-05-31 12:00:00", False),
    ],
)
def test_the_second_of_a_pair_follows_and_can_be_asked_for(name, time, drawn):
    choice = group_pair(drawing([event(name, time)]))
    assert (choice is not None) is drawn
    if choice is not None:
        assert choice.values == {"diagnosis_name": "ulcer", "procedure_name": name}
        assert choice.within == "within-month"


def test_the_second_of_a_pair_of_one_kind_has_another_name():
    later = [event(name, "2104-05-31 12:00:00") for name in ("ulcer", "gout")]
    drawn = {group_pair(drawing(later, seed, ("dx", "dx"))).values["procedure_name"] for seed in range(20)}
    assert drawn == {"gout"}
    assert group_pair(drawing(later[:1], 0, ("dx", "dx"))) is None


def test_a_diagnosis_of_somebody_who_died_can_be_asked_for():
    died = {5: "2104-05-31 00:00:00"}
    names = {
        group_dead(drawing([event("it's", NOON)], seed, ("dx", "dx"), died)).values["diagnosis_name"]
        for seed in range(20)
    }
    assert names == {"ulcer"}
    late = {5: "2104-07-31 00:00:00"}
    told = [group_dead(drawing([], seed, died=late)) for seed in range(200)]
    assert 5 <= sum(choice is not None for choice in told) <= 40  # about one in ten
