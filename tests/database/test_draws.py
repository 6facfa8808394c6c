"""The random draws against the published test vectors."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ehrxqa.database.calendar import CURRENT_TIME_SECONDS, TimeShift
from ehrxqa.database.draws import Draws, target_count
from ehrxqa.database.frame import NAT, ColumnKind, FrameColumn, seconds_of, texts_of_times
from ehrxqa.database.shuffle import shuffled_rows
from ehrxqa.labels.split import valid_studies


def test_start_years_are_the_published_ones():
    years = Draws().start_years(10)
    assert years.tolist() == [2104, 2102, 2100, 2100, 2105, 2105, 2104, 2105, 2104, 2105]


def test_start_years_in_one_call_or_one_by_one():
    draws = Draws()
    one_by_one = np.concatenate([draws.start_years(1) for _ in range(50)])
    assert one_by_one.tolist() == Draws().start_years(50).tolist()


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (6, [2, 1, 3, 4, 5, 0]),
        (10_000, [772, 9160, 7039, 1032, 7141, 4226]),
        (20_000, [11330, 11157, 9862, 14482, 2357, 7040]),
    ],
)
@pytest.mark.parametrize("in_memory_rows", [0, 1 << 21])
def test_shuffle_is_the_published_one(count, wanted, in_memory_rows):
    rows = shuffled_rows(count, np.arange(len(wanted)), in_memory_rows=in_memory_rows)
    assert rows.tolist() == wanted


def test_choice_of_subjects_is_the_published_one():
    assert Draws().choose(np.arange(60), 5).tolist() == [36, 29, 15, 18, 47]


def test_choice_of_more_than_there_are_draws_nothing():
    draws = Draws()
    assert draws.choose(np.arange(3), 4).tolist() == [0, 1, 2]
    assert draws.start_years(3).tolist() == [2104, 2102, 2100]


def test_mean_costs_and_prices_are_the_published_ones():
    draws = Draws()
    assert draws.mean_costs() == [11, 2, 11, 13]
    assert draws.prices(10, 4) == [7.67, 9.78, 8.75, 9.27]


def test_prices_in_one_call_or_one_by_one():
    one, many = Draws(), Draws()
    assert [one.prices(7, 1)[0] for _ in range(20)] == many.prices(7, 20)


def test_birth_days_are_the_published_ones():
    assert Draws.birth_days([2001] * 8) == [197, 215, 20, 132, 261, 248, 207, 155]


def test_current_offsets_put_an_instant_of_the_stay_at_the_current_minute():
    stays = {subject: (seconds_of("2150-03-01 10:00:00"), seconds_of("2150-03-05 11:30:00")) for subject in range(100)}
    offsets = Draws().current_offsets(list(stays), stays, 40)
    assert [subject for subject, _ in offsets[:6]] == [49, 97, 53, 5, 33, 65]
    stream = random.Random(0)
    stream.sample(range(100), 40)
    for subject, minutes in offsets:
        begin, end = stays[subject]
        instant = stream.uniform(begin, end) + minutes * 60
        assert instant + 60 >= CURRENT_TIME_SECONDS - 1e-3 and instant <= CURRENT_TIME_SECONDS + 60


def test_target_count_scales_down_only_where_the_official_number_does_not_fit():
    assert [target_count("train", n) for n in (1000, 80, 79, 9, 0)] == [80, 80, 7, 1, 0]


def test_split_is_the_published_one():
    subjects = np.arange(40)
    valid = valid_studies(subjects, np.ones(40, dtype=bool))
    assert sorted(np.flatnonzero(valid).tolist()) == [14, 38]


def test_split_draws_abnormal_and_normal_studies_apart():
    subjects = np.repeat(np.arange(40), 2)
    abnormal = np.tile([True, False], 40)
    valid = valid_studies(subjects, abnormal)
    assert sorted(subjects[valid & abnormal].tolist()) == [14, 38]
    assert sorted(subjects[valid & ~abnormal].tolist()) == [14, 38]


def test_split_of_a_single_subject_keeps_it_for_training():
    assert not valid_studies(np.array([7, 7]), np.array([True, True])).any()


@settings(deadline=None, max_examples=30)
@given(n=st.integers(10_001, 700_000), share=st.floats(0, 0.02), seed=st.integers(0, 3))
def test_traced_shuffle_equals_the_whole_permutation(n, share, seed):
    rows = np.flatnonzero(np.random.default_rng(n).random(n) < share)
    whole = np.random.default_rng(seed).choice(n, n, replace=False)
    assert (shuffled_rows(n, rows, seed=seed, in_memory_rows=0) == whole[rows]).all()


@pytest.mark.parametrize("n", [10_001, 300_000])
def test_traced_shuffle_of_all_rows(n):
    assert (
        shuffled_rows(n, np.arange(n), in_memory_rows=0) == np.random.default_rng(0).choice(n, n, replace=False)
    ).all()


TIMES = st.integers(seconds_of("2080-01-01 00:00:00"), seconds_of("2220-01-01 00:00:00"))


@given(times=st.lists(TIMES, min_size=1, max_size=20), minutes=st.integers(-60_000_000, 60_000_000))
def test_shift_keeps_intervals_and_hides_the_future(times, minutes):
    shift = TimeShift.from_mapping({7: minutes})
    column = FrameColumn(ColumnKind.TIME, np.array(times, dtype=np.int64))
    moved = shift.shift(np.full(len(times), 7), column).data
    for before, after in zip(times, moved.tolist(), strict=True):
        if before + minutes * 60 > CURRENT_TIME_SECONDS:
            assert after == NAT
        else:
            assert after == before + minutes * 60


def test_shift_boundaries():
    shift = TimeShift.from_mapping({1: 0})
    times = ["2105-12-31 23:59:00", "2105-12-31 23:59:01", "2100-01-01 00:00:00", "2099-12-31 23:59:59"]
    column = FrameColumn(ColumnKind.TIME, np.array([seconds_of(text) for text in times] + [NAT]))
    subject = np.ones(5, dtype=np.int64)
    assert texts_of_times(shift.shift(subject, column).data) == [times[0], None, times[2], times[3], None]
    assert texts_of_times(shift.shift(subject, column, floor=True).data) == [times[0], None, times[2], None, None]
    assert texts_of_times(shift.shift(subject + 1, column).data) == [None] * 5
