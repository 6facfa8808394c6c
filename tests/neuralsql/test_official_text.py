"""The six textual rules, and the answer list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import AnswerShapeError
from ehrxqa.sql.official_text import VITAL_RANGES, normalise


def test_documented_example():
    before = " v between heart_rate_lower and heart_rate_upper and '%y' ''x'' < = 3 current_time ‘a’ “b”"
    after = " v between 60.0 and 100.0 and '%Y' 'x' <= 3 '2105-12-31 23:59:00' 'a' \"b\""
    assert normalise(before) == after


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x = 'current_time'", "x = '2105-12-31 23:59:00'"),  # quoted by hand: rule 3 after rule 1
        ("x < ='it''s'", "x <='it's'"),  # kept damage
        ("between (heart_rate_lower and heart_rate_upper", "between (heart_rate_lower and heart_rate_upper"),
        ("heart_rate_lower and heart_rate_upper", "heart_rate_lower and heart_rate_upper"),  # nothing before
        ("x\nmean_bp_lower\n mean_bp_upper", "x\n60.0\n 110.0"),
        (" sao2_lower and mean_bp_upper", " sao2_lower and mean_bp_upper"),  # two different vitals
        (" glucose_lower glucose_upper", " glucose_lower glucose_upper"),  # not in the table
        (" sao2_lower sao2_upper (sao2_lower)", " 95.0 100.0 (95.0)"),  # every occurrence of the pair
        (
            " sao2_lower sao2_upper mean_bp_lower mean_bp_upper",
            " 95.0 100.0 mean_bp_lower mean_bp_upper",
        ),  # only the first pair
        (" temperature_lower", " temperature_lower"),
        ("'%y-%m' '%j' “q” ‘r’", "'%Y-%m' '%J' \"q\" 'r'"),
        ("< = < =", "<= <="),
        ("'''", "''"),
    ],
)
def test_rules(query, expected):
    assert normalise(query) == expected


@pytest.mark.parametrize("vital", VITAL_RANGES)
def test_every_vital_is_written_with_its_numbers(vital):
    name = vital.replace(" ", "_")
    lower, upper = VITAL_RANGES[vital]
    assert normalise(f"v between {name}_lower and {name}_upper") == f"v between {lower:.1f} and {upper:.1f}"


@given(st.text(alphabet=' \nabc_<=%YJ1."', max_size=60))
def test_text_without_anything_to_mend_is_unchanged(text):
    if "< =" not in text:
        assert normalise(text) == text


def test_answer_list_rules():
    assert answer_list([]) == []
    assert answer_list(iter([("b",), ("a",), ("b",)])) == ["b", "a", "b"]
    assert answer_list([(None,), (0.12345678,)]) == [None, 0.12345678]
    assert answer_list([(3,), (0.12345678,)]) == [3, 0.12345678]
    rounded = answer_list([(0.1234565,), (7,), (2.5,)])
    assert rounded == [round(0.1234565, 6), 7, 2.5]
    assert [type(value) for value in rounded] == [float, int, float]
    assert answer_list([("a",), ("b", "c")]) == ["a", "b"]  # only the first row's width counts
    assert answer_list([["a"], ["b"]]) == [["a"], ["b"]]  # came from JSON
    assert answer_list([1.23456789, 2]) == [1.234568, 2]
    assert answer_list([("a", 1.23456789), (None, 2)]) == [["a", 1.234568], [None, 2]]  # there is no official form


@pytest.mark.parametrize("rows", [[(1.5,), (None,)], [(1.5,), ("x",)]])
def test_answer_list_refuses(rows):
    with pytest.raises(AnswerShapeError) as caught:
        answer_list(rows)
    assert isinstance(caught.value, NeuralSqlError)


scalars = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)


@given(st.lists(scalars, max_size=6))
def test_answer_list_is_idempotent(values):
    try:
        once = answer_list([(value,) for value in values])
    except AnswerShapeError:
        return
    assert answer_list(once) == once
