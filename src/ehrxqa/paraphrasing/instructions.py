"""What is asked of the model, and how its reply is taken apart."""

from __future__ import annotations

import hashlib
from typing import Any, Final

__all__ = ["INSTRUCTIONS", "instructions_digest", "request_body", "sentences"]

INSTRUCTIONS: Final = """\
You reword questions about hospital records and chest X-rays. Words in square brackets such as [patient_1] or [drug_1] \
are placeholders for names, numbers and dates. Rules:
1. Keep every placeholder exactly as it is, each as often as it occurs. Add none.
2. Keep the meaning exactly: what is asked for, the order of events, comparisons, negations, periods of time, units, \
and words such as first, last, current, average, both, either.
3. Add no facts, names or numbers. One natural English sentence, no explanation.
4. Reply with the sentences only, one per line, without numbering."""


def instructions_digest() -> str:
    """Replies to other instructions are other replies."""
    return hashlib.sha256(INSTRUCTIONS.encode()).hexdigest()[:16]


def request_body(
    shape: str, *, model: str, wordings: int, temperature: float | None, seed: int | None
) -> dict[str, Any]:
    """The body of a request: all that is sent about a question is its shape.

    Temperature and seed are left out if they are None, since some servers refuse them.
    """
    how_many = "once" if wordings == 1 else f"in {wordings} different ways"
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": f"Reword {how_many}:\n{shape}"},
        ],
    }
    if temperature is not None:
        body["temperature"] = temperature
    if seed is not None:
        body["seed"] = seed
    return body


def sentences(texts: list[str], wordings: int) -> list[str]:
    """The sentences of a reply, at most as many as were asked for; blank lines and repeats are left out."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line))[:wordings]
