"""Columns that mix text and numbers, as the official builder's reader types them: block by block.

It reads a file in blocks of rows and types each block on its own. A block that holds nothing but numbers becomes
numbers, so `007` turns into `7`; if one of them is missing or has decimals the whole block becomes floats, so `5`
turns into `5.0`. Only if no block of the file holds text are all blocks brought to one type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ehrxqa.sources.text import is_integer_text, is_number_text
from ehrxqa.sources.vocabulary import NULL_CODE, Vocabulary

__all__ = ["BlockTyper", "block_rows", "blocks"]


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


class BlockTyper:
    """Types the blocks of one column of a file.

    Attributes:
        saw_text: Whether any block so far held text.
        saw_float: Whether any block so far became floats.
    """

    _NUMBER, _INTEGER, _TEXT = 1, 2, 3

    def __init__(self, *, all_floats: bool = False) -> None:
        self._all_floats = all_floats
        self._kind_of: dict[str, int] = {}
        self.saw_text = False
        self.saw_float = False

    @property
    def needs_floats(self) -> bool:
        """Whether, the file being read, every block should have been floats: read again with `all_floats`."""
        return self.saw_float and not self.saw_text and not self._all_floats

    def encode(
        self, texts: Sequence[str | None], codes: npt.NDArray[np.int64], vocabulary: Vocabulary
    ) -> npt.NDArray[np.int64]:
        """Codes in `vocabulary` of one block.

        Args:
            texts: The distinct cells of the block.
            codes: For each row its place in `texts`, or -1 for null.
            vocabulary: Gets the typed texts.
        """
        used = np.unique(codes)
        has_null = bool(len(used)) and used[0] == NULL_CODE
        kinds = {self._kind(texts[code]) for code in used.tolist() if code != NULL_CODE}
        if self._TEXT in kinds:
            self.saw_text = True
            form = _as_it_is
        elif has_null or self._NUMBER in kinds or self._all_floats:
            self.saw_float = True
            form = _as_float
        else:
            form = _as_integer
        table = np.full(len(texts) + 1, NULL_CODE, dtype=np.int64)
        for code in used.tolist():
            if code != NULL_CODE:
                table[code] = vocabulary.code(form(texts[code]))
        return table[codes]

    def _kind(self, text: str | None) -> int:
        assert text is not None
        kind = self._kind_of.get(text)
        if kind is None:
            kind = self._INTEGER if is_integer_text(text) else self._NUMBER if is_number_text(text) else self._TEXT
            self._kind_of[text] = kind
        return kind


def _as_it_is(text: str | None) -> str:
    assert text is not None
    return text


def _as_integer(text: str | None) -> str:
    return str(int(_as_it_is(text)))


def _as_float(text: str | None) -> str:
    return str(float(_as_it_is(text)))
