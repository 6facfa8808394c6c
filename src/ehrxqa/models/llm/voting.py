"""Which of several queries counts: the one whose answer most of them give.

Pictures are not looked at for that, and labels even less: image questions get answers drawn from a digest of image and
question. Queries that mean the same give the same under any answers, and others hardly ever do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ehrxqa.neuralsql.engine import Engine
from ehrxqa.vqa.models import VqaReply, VqaRequest
from ehrxqa.vqa.vocabulary import ATTRIBUTES

__all__ = ["DrawnModel", "Vote", "vote"]

_NAMES: Final = tuple(sorted(name for names in ATTRIBUTES.values() for name in names))


class DrawnModel:
    """Answers that look at nothing, but are always the same: three bits in eight for yes, up to three findings."""

    name, version, batch_size = "drawn", "1", 1 << 30

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """An answer for each request."""
        return [VqaReply(self._of(request)) for request in requests]

    def _of(self, request: VqaRequest) -> bool | tuple[str, ...]:
        asked = request.text if request.question is None else repr(request.question)
        digest = hashlib.sha256(f"{request.image_id}\n{asked}".encode()).digest()
        if request.answer_type == "truth":
            return digest[0] % 8 < 3
        drawn = (int.from_bytes(digest[2 * n : 2 * n + 2]) for n in range(1, 1 + digest[0] % 4))
        return tuple(sorted({_NAMES[number % len(_NAMES)] for number in drawn}))


@dataclass(frozen=True)
class Vote:
    """What several queries agree on.

    Attributes:
        query: The first query of those that agree; None if none can be run.
        agreement: Share of all samples that agree with it.
    """

    query: str | None
    agreement: float


def vote(queries: Sequence[str | None], engine: Engine) -> Vote:
    """The query whose answer most samples give; the earlier of equals.

    Args:
        queries: Of each sample; None for an abstention. Abstentions are counted together, as an answer of their own.
        engine: Over the database that is asked, with a `DrawnModel`.
    """
    camps: dict[str, list[str | None]] = {}
    known: dict[str, str | None] = {}
    for query in queries:
        if query is not None and query not in known:
            known[query] = _answer_of(query, engine)
        answer = "null" if query is None else known[query]
        if answer is not None:
            camps.setdefault(answer, []).append(query)
    if not camps:
        return Vote(None, 0.0)
    winner = max(camps.values(), key=len)
    return Vote(winner[0], len(winner) / len(queries))


def _answer_of(query: str, engine: Engine) -> str | None:
    """The answer as a text that can be compared, or None where there is none."""
    outcome = engine.outcome(query)
    return None if outcome.status != "answered" else json.dumps(["answered", outcome.answer])
