"""Whether a predicted answer is the gold answer, under a profile."""

from __future__ import annotations

from typing import Any, Final, Literal

from ehrxqa.evaluation.answer_files import Predicted
from ehrxqa.evaluation.profiles import Profile
from ehrxqa.sql import structure
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import AnswerShapeError

__all__ = ["NULL", "Verdict", "asks_for_order", "compared_form", "judge"]

Verdict = Literal["right", "abstained", "wrong"]

#: The text that stands for an abstention, in the place of a list.
NULL: Final = "null"


def compared_form(answer: Any, profile: Profile, *, ordered: bool = True) -> Any:
    """An answer in the form in which the profile compares it; what is no list stays as it is.

    >>> from ehrxqa.evaluation.profiles import PROFILES
    >>> compared_form([0.1234567, 2], PROFILES["paper"])
    [0.123457, 2]
    >>> compared_form([2, "0.1239"], PROFILES["ehrsql"])
    [['0.124'], ['2.0']]
    >>> compared_form(["b", "a"], PROFILES["asked-order"], ordered=False)
    ['a', 'b']

    Args:
        answer: Gold or predicted.
        profile: The rules.
        ordered: Whether the gold query asks for an order, where the profile makes a difference.

    Raises:
        AnswerShapeError: A value among floats is no number, where the profile rounds by the first value.
    """
    if not isinstance(answer, list):
        return answer
    values = answer
    if profile.rounding == "first value":
        # only the official number of places has an official implementation
        values = answer_list(values)
    if profile.rows == "lists":
        rows = [value if isinstance(value, list) else [value] for value in values]
        values = [[_cell(cell, profile) for cell in row] for row in rows]
    else:
        values = [_cell(value, profile) for value in values]
    if profile.order == "ignored" or (profile.order == "asked" and not ordered):
        values = sorted(values, key=None if profile.values == "texts" else _sort_key)
    return values if profile.at_most is None else values[: profile.at_most]


def _cell(value: Any, profile: Profile) -> Any:
    """One value as the profile compares it."""
    if profile.rounding == "each number":
        try:
            value = round(float(value), profile.places)
        except (TypeError, ValueError, OverflowError):  # no number, nor the text of one
            return str(value)
    if profile.values == "texts":
        return str(value)
    return ("truth value", value) if profile.values == "kinds" and isinstance(value, bool) else value


def _sort_key(value: Any) -> tuple[str, str]:
    """Equal for values that are equal: 1, 1.0 and true are sorted alike."""
    return ("", repr(float(value))) if isinstance(value, int | float) else (type(value).__name__, str(value))


def asks_for_order(query: str) -> bool:
    """Whether the rows of a query come in an order that it asks for.

    >>> asks_for_order("select a from b order by a"), asks_for_order("select a from (select a from b order by a)")
    (True, False)

    Raises:
        QuerySyntaxError: The text cannot be read as a query.
    """
    return "order" in structure.read(query).root.selects[-1].clauses


def judge(gold: Any, prediction: Predicted | None, profile: Profile, *, ordered: bool = True) -> Verdict:
    """Whether a prediction is right, wrong, or none.

    Args:
        gold: Gold answer as `compared_form` gives it; "null" if there is none.
        prediction: What was predicted; None if the gold id has no prediction.
        profile: The rules.
        ordered: Whether the gold query asks for an order.
    """
    if prediction is None:
        return "wrong"
    abstains = prediction.status == "abstained" or (prediction.status == "failed" and profile.failure == "abstained")
    answer: Any = None
    if prediction.status == "answered":
        try:
            answer = compared_form(prediction.answer, profile, ordered=ordered)
        except AnswerShapeError:  # what the official program cannot process was answered all the same
            return "wrong"
    if gold == NULL:
        return "right" if abstains else "wrong"
    if abstains:
        return "abstained"
    if prediction.status == "failed":
        return "wrong"
    return "right" if answer == gold else "wrong"
