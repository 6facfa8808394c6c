"""The model that always says the same: a floor for evaluation and a stub for trying queries."""

from __future__ import annotations

from collections.abc import Sequence

from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaRequest

__all__ = ["ConstantModel"]


class ConstantModel:
    """Says `truth` to yes/no questions and `elements` to all others; with truth None it abstains from all."""

    name = "constant"
    batch_size = 65536

    def __init__(self, truth: bool | None, elements: Sequence[str] = ()) -> None:
        self._truth = truth
        self._elements = tuple(sorted({element.lower() for element in elements}))

    @property
    def version(self) -> str:
        """What it says."""
        return f"{self._truth}:{','.join(self._elements)}"

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """The same answer for each request of one type."""
        if self._truth is None:
            return [ABSTAIN] * len(requests)
        return [self._truth if request.answer_type == "truth" else self._elements for request in requests]
