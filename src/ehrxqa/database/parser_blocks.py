"""Columns that mix text and numbers, as the official builder's reader types them: block by block.

It reads a file in blocks of rows and types each block on its own. A block that holds nothing but numbers becomes
numbers, so `007` turns into `7`; if one of them is missing or has decimals the whole block becomes floats, so `5`
turns into `5.0`. Only if no block of the file holds text are all blocks brought to one type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ehrxqa.sources.dictionary_codes import NULL_CODE, Vocabulary
from ehrxqa.sources.text import is_integer_text, is_number_text

__all__ = ["BlockTyper", "TextColumn", "block_rows", "blocks"]


def block_rows(columns: int) -> int:
    """Rows of a block: the largest power of two strictly below 2^20 / columns.

    >>> block_rows(21), block_rows(5), block_rows(3)
    (32768, 131072, 262144)
    """
    limit = 2**20 // columns
    power = 1
    while power * 2 < limit:
        power *= 2
    return power


def blocks(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows` rows (the last may be shorter)."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= rows:
            head = batch.slice(0, rows - count)
            yield pa.Table.from_batches([*held, head])
            batch = batch.slice(rows - count)
            held, count = [], 0
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield pa.Table.from_batches(held)


class TextColumn:
    """A text column of a file, encoded block by block.

    Almost all blocks hold text and stay as they are; one that holds nothing but numbers is typed as numbers.

    Args:
        transform: Applied to each distinct text, e.g. `lowered`.
    """

    def __init__(self, transform: Callable[[str], str]) -> None:
        self.vocabulary = Vocabulary(transform)
        # for each code whether its text is a number; the last entry is for null, which decides nothing
        self._numeric = np.ones(1, dtype=bool)

    def encode(self, values: Any) -> npt.NDArray[np.int32]:
        """Codes of one block, an Arrow dictionary array in chunks."""
        vocabulary = self.vocabulary
        codes = np.concatenate([vocabulary.encode(chunk) for chunk in values.chunks])
        known = len(self._numeric) - 1
        if len(vocabulary) > known:
            fresh = [is_number_text(text) for text in vocabulary.texts[known:]]
            self._numeric = np.concatenate([self._numeric[:-1], fresh, [True]])
        if not self._numeric[codes].all():
            return codes
        used = np.unique(codes[codes >= 0]).tolist()
        if not used:
            return codes
        form = BlockTyper().form([vocabulary.texts[code] for code in used], has_null=bool((codes < 0).any()))
        table = np.full(len(vocabulary) + 1, NULL_CODE, dtype=np.int32)
        for code in used:
            table[code] = vocabulary.code(form(vocabulary.texts[code]))
        return np.asarray(table[codes])


class BlockTyper:
    """Types the blocks of one column of a file.

    Attributes:
        saw_text: Whether any block so far held text.
        saw_float: Whether any block so far became floats.
    """

    def __init__(self, *, all_floats: bool = False) -> None:
        self._all_floats = all_floats
        self.saw_text = False
        self.saw_float = False

    @property
    def needs_floats(self) -> bool:
        """Whether, the file being read, every block should have been floats: read again with `all_floats`."""
        return self.saw_float and not self.saw_text and not self._all_floats

    def form(self, texts: Iterable[str], *, has_null: bool) -> Callable[[str], str]:
        """What becomes of a cell of one block.

        Args:
            texts: The distinct cells of the block.
            has_null: Whether a row of the block has none.
        """
        unclear = [text for text in texts if not (text.isdigit() and text.isascii() and len(text) < 19)]
        if not all(map(is_number_text, unclear)):
            self.saw_text = True
            return str
        if has_null or self._all_floats or not all(map(is_integer_text, unclear)):
            self.saw_float = True
            return lambda text: str(float(text))
        return lambda text: str(int(text))

    def encode(
        self, texts: Sequence[str], codes: npt.NDArray[np.int64], vocabulary: Vocabulary
    ) -> npt.NDArray[np.int64]:
        """Codes in `vocabulary` of one block.

        Args:
            texts: Texts, among them the distinct cells of the block.
            codes: For each row its place in `texts`, or -1 for null.
            vocabulary: Gets the typed texts.
        """
        used = np.unique(codes).tolist()
        has_null = bool(used) and used[0] == NULL_CODE
        used = used[1:] if has_null else used
        form = self.form([texts[code] for code in used], has_null=has_null)
        table = np.full(len(texts) + 1, NULL_CODE, dtype=np.int64)
        for code in used:
            table[code] = vocabulary.code(form(texts[code]))
        return np.asarray(table[codes])
