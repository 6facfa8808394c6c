"""How a question compares two studies: learnt from the words of all questions that compare, whatever they look for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import Final

from ehrxqa.models.template.examples import Example

__all__ = ["Comparer"]

#: Words of a row that is looked at as one.
_LONGEST: Final = 4
_SMOOTHING: Final = 0.1


class Comparer:
    """Tells the comparison from rows of one to four words that occur (naive Bayes).

    Only rows that tell count: those whose shares among two comparisons differ by a factor of at least three.

    Args:
        examples: Of which those that compare two studies are learnt from.
    """

    def __init__(self, examples: Iterable[Example]) -> None:
        held: dict[str, Counter[str]] = {}
        totals: Counter[str] = Counter()
        for example in examples:
            if comparison := example.constants.get("comparison"):
                totals[comparison] += 1
                held.setdefault(comparison, Counter()).update(_rows([*_words(example.tokens)]))
        self._names = sorted(held)
        self._weights: dict[str, tuple[float, ...]] = {}
        for row in sorted({row for rows in held.values() for row in rows}):
            shares = [(held[name][row] + _SMOOTHING) / (totals[name] + 2 * _SMOOTHING) for name in self._names]
            if max(shares) >= 3 * min(shares):
                self._weights[row] = tuple(log(share) for share in shares)

    def tell(self, words: Sequence[str]) -> str:
        """The likeliest comparison; "" if none was learnt."""
        scores = [0.0] * len(self._names)
        for row in sorted(_rows(words)):
            for place, weight in enumerate(self._weights.get(row, ())):
                scores[place] += weight
        return self._names[max(range(len(scores)), key=lambda place: scores[place])] if scores else ""


def _words(tokens: Iterable[str]) -> Iterable[str]:
    return (token for token in tokens if " " not in token)


def _rows(words: Sequence[str]) -> set[str]:
    return {
        " ".join(words[place : place + length])
        for length in range(1, _LONGEST + 1)
        for place in range(len(words) - length + 1)
    }
