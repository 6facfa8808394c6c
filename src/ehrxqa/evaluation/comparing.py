"""Whether a predicted answer is the gold answer, under a profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from ehrxqa.evaluation.answer_files import Outcome
from ehrxqa.evaluation.profiles import Profile
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import AnswerShapeError

__all__ = ["NULL", "Verdict", "compared_form", "judge"]

Verdict = Literal["right", "abstained", "wrong"]

#: The text that stands for an abstention, in the place of a list.
NULL: Final = "null"


def compared_form(answer: Any, profile: Profile) -> Any:
    """An answer in the form in which the profile compares it; what is no list stays as it is.

    >>> from ehrxqa.evaluation.profiles import PROFILES
    >>> compared_form([0.1234567, 2], PROFILES["paper"])
    [0.123457, 2]
    >>> compared_form([2, 0.1234567], PROFILES["ehrsql"])
    ['0.1', '2']

    Raises:
        AnswerShapeError: A value among floats is no number, where the profile rounds by the first value.
    """
    if not isinstance(answer, list):
        return answer
    values = answer
    match profile.rounding:
        case "first value":
            # only the official number of places has an official implementation
            values = answer_list(values)
        case "each float":
            values = [round(value, profile.places) if isinstance(value, float) else value for value in values]
    if profile.values == "texts":
        values = [str(value) for value in values]
    elif profile.values == "kinds":
        values = [("truth value", value) if isinstance(value, bool) else value for value in values]
    if profile.order == "ignored":
        values = sorted(values, key=_text_key)
    return values if profile.at_most is None else values[: profile.at_most]


_text_key: Callable[[Any], str] = str


def judge(gold: Any, prediction: Outcome | None, profile: Profile) -> Verdict:
    """Whether a prediction is right, wrong, or none.

    Args:
        gold: Gold answer as `compared_form` gives it; "null" if there is none.
        prediction: What was predicted; None if the gold id has no prediction.
        profile: The rules.
    """
    if prediction is None:
        return "wrong"
    abstains = prediction.status == "abstained" or (prediction.status == "failed" and profile.failure == "abstained")
    answer: Any = None
    if prediction.status == "answered":
        try:
            answer = compared_form(prediction.answer, profile)
        except AnswerShapeError:  # cannot be processed: a failure of the query that made it
            abstains = profile.failure == "abstained"
            if not abstains:
                return "wrong"
    if gold == NULL:
        return "right" if abstains else "wrong"
    if abstains:
        return "abstained"
    if prediction.status == "failed":
        return "wrong"
    return "right" if answer == gold else "wrong"
