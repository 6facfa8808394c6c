"""Texts as small integers: dictionary-coded columns unified over all batches of a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NULL_CODE", "Vocabulary"]

#: Code of null.
NULL_CODE = -1

IntArray = npt.NDArray[np.int32]


class Vocabulary:
    """Numbers texts in order of first appearance.

    Args:
        transform: Applied to each distinct text before it is numbered, e.g. `lowered`.
    """

    def __init__(self, transform: Callable[[str], str] | None = None) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        self._raw_codes: dict[str, int] = {}
        self._transform = transform

    def __len__(self) -> int:
        return len(self.texts)

    def code(self, text: str) -> int:
        """The number of `text`, new if it was not seen before."""
        known = self._raw_codes.get(text)
        if known is not None:
            return known
        final = text if self._transform is None else self._transform(text)
        number = self._codes.setdefault(final, len(self.texts))
        if number == len(self.texts):
            self.texts.append(final)
        self._raw_codes[text] = number
        return number

    def find(self, text: str) -> int:
        """The number of an already transformed text, or `NULL_CODE` if it never occurred."""
        return self._codes.get(text, NULL_CODE)

    def encode(self, values: Any) -> IntArray:
        """Numbers of an Arrow dictionary array; null is `NULL_CODE`."""
        table = np.fromiter(
            (NULL_CODE if text is None else self.code(text) for text in values.dictionary.to_pylist()),
            dtype=np.int32,
            count=len(values.dictionary),
        )
        table = np.append(table, np.int32(NULL_CODE)).astype(np.int32)
        indices = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        coded: IntArray = table[indices]
        return coded

    def decode(self, codes: IntArray) -> list[str | None]:
        """Texts of numbers."""
        texts: list[str | None] = [*self.texts, None]
        return [texts[code] for code in codes.tolist()]
