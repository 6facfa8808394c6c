"""Rules of drawing that a reader would miss: filters that filter, nothing said twice, questions without a source."""

import random

import pytest

from ehrxqa.layout import CURRENT_TIME
from ehrxqa.questions.drawing.following import said_twice
from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.times import TimeChoice
from ehrxqa.questions.unanswerable import UNANSWERABLE


@pytest.mark.parametrize("time", ["2100-01-01 00:10:00", "2103-05-06 07:08:09", "2105-12-31 20:00:00"])
def test_filters_leave_something_out(time):
    for seed in range(20):
        for choice in candidates(time, ("year", "month", "day"), random.Random(seed)):
            assert choice.lets_through(time)
            assert not (choice.lets_through("2100-01-01 00:00:00") and choice.lets_through(CURRENT_TIME)), choice


@pytest.mark.parametrize(
    ("within", "time", "twice"),
    [
        ("within-hosp", "rel-hosp-first", True),
        ("within-hosp", "abs-month-in", False),
        ("within-month", "rel-hosp-first", False),
        ("within-month", "abs-month-in", True),
        ("within-month", "abs-month-since", False),
        ("within-month", "rel-month-this", True),
        ("within-month", "rel-month-until", False),
        ("within-month", "mix-month-last_year", True),
        ("within-month", "", False),
        ("", "rel-hosp-first", False),
    ],
)
def test_a_stay_or_month_is_not_said_twice(within, time, twice):
    assert said_twice(within, TimeChoice(time)) is twice


def test_lists_by_period_are_drawn_as_series():
    drawn = {template.draw for template in catalogue().values() if template.answer == "series"}
    assert drawn == {"series"}


def test_sentences_without_a_source_have_known_slots():
    for _, sentences in UNANSWERABLE:
        for sentence in sentences:
            assert sentence[-1] in "?.", sentence
            sentence.format(patient_id=1, ward_id=2, procedure_name="hemodialysis", when="in 2104")
