"""A function of one request as a vision model, for whoever tries an idea in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ehrxqa.errors import VqaError
from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaReply, VqaRequest

__all__ = ["FunctionModel"]


class FunctionModel:
    """Asks a function, request by request.

    The function takes a `VqaRequest` (`study_id`, `image_id`, `text`, `question`, `answer_type`) and gives True, False
    or None, a list of texts, `ABSTAIN`, or a `VqaReply`. What it answers may change from call to call, so it has no
    version, and its answers are kept in no cache.
    """

    version = ""
    batch_size = 64

    def __init__(self, function: Callable[[VqaRequest], Any]) -> None:
        self.name = str(getattr(function, "__qualname__", type(function).__name__))
        self._function = function

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer | VqaReply]:
        """One answer per request.

        Raises:
            VqaError: The function gives what is no answer.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: VqaRequest) -> VqaAnswer | VqaReply:
        said = self._function(request)
        if said is None or said is ABSTAIN or isinstance(said, bool | VqaReply):
            return said
        if isinstance(said, list | tuple | set | frozenset) and all(isinstance(one, str) for one in said):
            return tuple(sorted({one.lower() for one in said}))
        raise VqaError(
            f"{self.name} gave {type(said).__name__} for study {request.study_id}; an answer is True, False, None, a "
            "list of texts or ABSTAIN"
        )
