"""Sparse retrieval of sentences: how much of what two sentences say they have in common.

The likeness of two bags of words is the weighted Dice coefficient: twice the weight of the words in common over the
weight of all, from 0 to 1. A word weighs the more the fewer groups of sentences have it (the inverse document frequency
of BM25, over groups). One pass over the postings of a question scores every sentence, so that nothing has to
be chosen beforehand; unlike BM25 scores, likenesses of different questions can be compared with one threshold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import log

import numpy as np

__all__ = ["WordIndex"]


class WordIndex:
    """Sentences that are looked for.

    Args:
        sentences: Words of each.
        groups: What each belongs to; words that mark few groups weigh more. By default each is a group.
    """

    def __init__(self, sentences: Sequence[Sequence[str]], groups: Sequence[Hashable] | None = None) -> None:
        belongs: Sequence[Hashable] = range(len(sentences)) if groups is None else groups
        held: dict[str, set[Hashable]] = {}
        postings: dict[str, tuple[list[int], list[int]]] = {}
        bags = [Counter(words) for words in sentences]
        for place, (bag, group) in enumerate(zip(bags, belongs, strict=True)):
            for word, count in bag.items():
                held.setdefault(word, set()).add(group)
                places, counts = postings.setdefault(word, ([], []))
                places.append(place)
                counts.append(count)
        total = len(set(belongs))
        self._weights = {word: log(1 + total / len(groups_of)) for word, groups_of in held.items()}
        self._unknown = log(1 + total)
        self._postings = {
            word: (np.array(places, dtype=np.int64), np.array(counts, dtype=np.float64))
            for word, (places, counts) in postings.items()
        }
        self._sizes = np.array([self._size(bag) for bag in bags], dtype=np.float64)  # (sentences,)

    def likeness(self, words: Sequence[str]) -> np.ndarray:
        """The likeness of a sentence to every indexed one, from 0 to 1; (sentences,)."""
        bag = Counter(words)
        shared = np.zeros(len(self._sizes))
        for word, count in bag.items():
            if word in self._postings:
                places, counts = self._postings[word]
                shared[places] += self._weights[word] * np.minimum(counts, count)
        both = self._sizes + self._size(bag)
        return np.divide(2.0 * shared, both, out=np.zeros_like(both), where=both > 0)

    def nearest(self, words: Sequence[str], most: int) -> list[tuple[int, float]]:
        """Places of the nearest sentences and their likeness, the nearest first, without those that share nothing."""
        likeness = self.likeness(words)
        order = np.argsort(-likeness, kind="stable")[:most].tolist()
        return [(place, float(likeness[place])) for place in order if likeness[place] > 0]

    def _size(self, bag: Counter[str]) -> float:
        return sum(count * self._weights.get(word, self._unknown) for word, count in bag.items())
