"""Study times and orders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.sources.cxr_metadata import _times_ms, dense_rank, format_ms, order_digits


@pytest.mark.parametrize(
    ("date", "time", "wanted"),
    [
        (21460820, 200735.892, "2146-08-20 20:07:35.892"),
        (21190924, 1023.0, "2119-09-24 00:10:23.000"),
        (21190924, 123, "2119-09-24 00:01:23.000"),
        (21190924, 52.56, "2119-09-24 00:00:52.560"),
        (21190924, 123456.78999999999, "2119-09-24 12:34:56.790"),
        (21040229, 235959.9994, "2104-02-29 23:59:59.999"),
        (19000301, 0.0004, "1900-03-01 00:00:00.000"),
    ],
)
def test_times(date, time, wanted):
    assert format_ms(int(_times_ms(np.array([date]), np.array([time]))[0])) == wanted


@given(st.integers(0, 235959999))
def test_times_as_printed_with_three_decimals(clock):
    if clock // 1000 % 100 > 59 or clock // 100000 % 100 > 59:
        return
    for noise in (0.0, 1e-11, -1e-11):
        value = clock / 1000 + noise
        printed = f"{value:010.3f}"
        wanted = f"2150-01-01 {printed[:2]}:{printed[2:4]}:{printed[4:]}"
        if value >= 0:
            assert format_ms(int(_times_ms(np.array([21500101]), np.array([value]))[0])) == wanted


def test_order_uses_the_first_six_digits_of_the_study():
    ids = np.array([50123456, 50123499, 50123500])
    rank = dense_rank(np.array([1, 1, 1]), np.array([5, 5, 5]), order_digits(ids))
    assert rank.tolist() == [1, 1, 2]
    assert order_digits(np.array([5012345, 123456789])).tolist() == [501234, 123456]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40))
def test_dense_rank_against_a_loop(rows):
    group, first, second = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    wanted = [len({row[1:] for row in rows if row[0] == mine[0] and row[1:] <= mine[1:]}) for mine in rows]
    assert dense_rank(group, first, second).tolist() == wanted
