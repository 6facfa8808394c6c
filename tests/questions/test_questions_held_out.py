"""Which split holds a question, and which numbers of units are said."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest

from ehrxqa.questions.drawing.time_filters import _as_said
from ehrxqa.questions.held_out import split_of_patient, split_of_question


def test_of_sixteen_questions_two_are_of_valid_and_five_of_test():
    splits = ["valid"] * 2 + ["test"] * 5 + ["train"] * 9
    for number in range(500):
        place = hashlib.sha256(f"question {number}".encode()).digest()[0] % 16
        assert split_of_question(SimpleNamespace(key=f"question {number}")) == splits[place]
        place = hashlib.sha256(str(number).encode()).digest()[0] % 16
        assert split_of_patient(number) == ("valid" if place < 2 else "train")


@pytest.mark.parametrize(
    ("n", "unit", "up", "down"),
    [
        (0, "day", 1, 0),
        (1, "month", 1, 1),
        (13, "month", 15, 12),
        (15, "day", 21, 14),
        (54, "month", 54, 54),
        (181, "day", 0, 180),
    ],
)
def test_numbers_that_people_say(n, unit, up, down):
    assert (_as_said(n, unit, up=True), _as_said(n, unit, up=False)) == (up, down)
