"""Prices, truth values, days and long numbers, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ehrxqa.database.cost import _prices
from ehrxqa.database.event_times import NAT, AdmissionTimes, derived_time
from ehrxqa.database.frame import ColumnKind, FrameColumn
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.inferred import as_read
from ehrxqa.database.parser_blocks import BlockTyper


class Prices:
    def prices(self, mean, count):
        return [10.0 * (number + 1) for number in range(count)]


def test_prices_go_by_the_order_of_the_items_and_a_missing_one_has_none():
    item = FrameColumn(ColumnKind.TEXT, np.array([0, 1, -1, 0, 2]), ("b", "a", "c"))
    assert _prices(item, 5, Prices()).tolist()[:2] == [20.0, 10.0]
    found = _prices(item, 5, Prices())
    assert (found[3], found[4]) == (20.0, 30.0)
    assert np.isnan(found[2])
    assert _prices(FrameColumn(ColumnKind.INT, np.array([7, 3, 7])), 5, Prices()).tolist() == [20.0, 10.0, 20.0]
    assert _prices(FrameColumn(ColumnKind.TEXT, np.empty(0, dtype=np.int64), ()), 5, Prices()).tolist() == []


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [(["true"], [1]), (["false"], [0]), (["false", "true"], [0, 1]), (["true", "false", "other"], None), (["x"], None)],
)
def test_only_columns_of_nothing_but_truth_values_are_numbers(texts, wanted):
    column = FrameColumn.of_texts(texts)
    read = as_read(column, file_texts=column.texts, file_had_null=False)
    assert (read is column) == (wanted is None)
    if wanted is not None:
        assert read.data.tolist() == wanted


def test_times_of_rows_that_have_none():
    times = AdmissionTimes(np.array([5, 9]), np.array([100, 200]), np.array([150, 290]))
    days = {"charttime": np.array([NAT, 7, NAT]), "chartdate": np.array([1, 2, NAT])}
    assert derived_time("day_if_null", days, times).tolist() == [1, 7, NAT]
    rows = {"hadm_id": np.array([5.0, 9.0, np.nan, 6.0]), "chartdate": np.array([100, 195, 1, 2])}
    assert derived_time("admission", rows, times).tolist() == [100, 200, NAT, NAT]
    # on the day of admission midnight lies before it: the discharge stands for it
    assert derived_time("procedure_day", rows, times).tolist() == [100, 290, 1, 2]
    edges = {"hadm_id": np.array([5, 5, 5, 5]), "chartdate": np.array([99, 100, 150, 151])}
    assert derived_time("procedure_day", edges, times).tolist() == [150, 100, 150, 150]
    nobody = AdmissionTimes(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    assert derived_time("admission", rows, nobody).tolist() == [NAT] * 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("9" * 18, "9" * 18),
        ("0" * 18 + "7", "7"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9.223372036854776e+18"),
        ("9" * 19, "1e+19"),
    ],
)
def test_whole_numbers_are_those_of_64_bits(text, wanted):
    assert BlockTyper().form([text], has_null=False)(text) == wanted


def test_a_set_without_ids_has_none():
    assert IdSet(np.empty(0, dtype=np.int64)).has(np.array([0, 1, -1])).tolist() == [False] * 3
    assert IdSet(np.array([5, 6])).has(np.array([4, 5, 6, 7, np.nan])).tolist() == [False, True, True, False, False]
