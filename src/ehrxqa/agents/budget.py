"""What one episode may use up, and what it has used."""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.errors import EhrxqaError

__all__ = ["Budget", "BudgetUsedUp", "Spent"]


class BudgetUsedUp(EhrxqaError, RuntimeError):  # noqa: N818 - reads as the outcome it is
    """An episode has used up what it was given; only `submit_answer` is still answered.

    Attributes:
        what: Which part of the budget.
    """

    def __init__(self, what: str, most: float) -> None:
        super().__init__(f"the budget of {most:,g} {what.replace('_', ' ')} is used up; only submit_answer is left")
        self.what = what


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds on one episode.

    Attributes:
        calls: Calls of tools, `submit_answer` not counted.
        rows: Rows given out by queries and searches.
        image_questions: (image, question) pairs put to the vision model, or known from before.
        pictures: Pictures shown.
        seconds: Wall-clock time from the first call on, thinking of the model included; None for any.
        tokens: Of the language model, where the front end counts them; None for any.
    """

    calls: int = 60
    rows: int = 5_000
    image_questions: int = 2_000
    pictures: int = 20
    seconds: float | None = 900.0
    tokens: int | None = None


@dataclass(slots=True)
class Spent:
    """What an episode has used up so far; the names are those of `Budget`."""

    calls: int = 0
    rows: int = 0
    image_questions: int = 0
    pictures: int = 0
    seconds: float = 0.0
    tokens: int = 0

    def left(self, budget: Budget, what: str) -> int:
        """How much is left of a counted part.

        Raises:
            BudgetUsedUp: Nothing is.
        """
        most: int = getattr(budget, what)
        left = most - int(getattr(self, what))
        if left <= 0:
            raise BudgetUsedUp(what, most)
        return left

    def check(self, budget: Budget) -> None:
        """See whether another call may begin.

        Raises:
            BudgetUsedUp: Calls, seconds or tokens are used up.
        """
        self.left(budget, "calls")
        if budget.seconds is not None and self.seconds > budget.seconds:
            raise BudgetUsedUp("seconds", budget.seconds)
        if budget.tokens is not None and self.tokens >= budget.tokens:
            raise BudgetUsedUp("tokens", budget.tokens)
