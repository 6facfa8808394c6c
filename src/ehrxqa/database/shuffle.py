"""The de-identifying shuffle: which old row's values a row receives.

The official builder draws one permutation of all n rows with `default_rng(0).choice(n, n, replace=False)` and
then keeps few rows. For the 50 million usable lab values that is a gigabyte for the sake of some hundred
thousand rows. `shuffled_rows` gives exactly the same numbers for the rows that are kept, in memory that
depends on them alone.

How: above 10,000 rows numpy runs a Fisher–Yates shuffle from the end, step k swapping place k with a drawn
place j(k) ≤ k. The draws do not depend on the array, so they are made with the same generator, in the same
order, and spooled to disk. Then the swaps are undone from the last to the first, following only the places
where wanted values currently are; a bitmap of those places says of most swaps that they touch none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

__all__ = ["shuffled_rows"]

#: Up to this many rows numpy's own call is used (it needs 16 bytes a row while it runs).
IN_MEMORY_ROWS: Final = 1 << 21
#: Swaps made or undone at a time.
CHUNK: Final = 1 << 18

Rows = npt.NDArray[np.int64]


def shuffled_rows(
    n: int,
    rows: Rows,
    *,
    seed: int = 0,
    scratch: Path | None = None,
    in_memory_rows: int = IN_MEMORY_ROWS,
) -> Rows:
    """`default_rng(seed).choice(n, n, replace=False)[rows]`, without the array of n.

    Args:
        n: Number of rows that are shuffled.
        rows: Rows that are kept, ascending.
        seed: Seed of the generator; every shuffle starts from a fresh one, so equal lengths give equal permutations.
        scratch: Folder for 4 n bytes of temporary data (default: the system's).
        in_memory_rows: Largest n for which the plain call is used.

    >>> shuffled_rows(6, np.array([0, 1, 5])).tolist()
    [2, 1, 0]
    """
    if n <= max(in_memory_rows, 10_000) or n >= 2**32:  # numpy takes another way up to 10,000
        return np.random.default_rng(seed).choice(n, n, replace=False)[rows]
    with tempfile.TemporaryFile(dir=scratch) as spool:
        _spool_draws(n, seed, spool.fileno())
        return _undo(n, rows, spool)


def _spool_draws(n: int, seed: int, descriptor: int) -> None:
    """Write the place drawn in each step, by step; step 0 draws nothing (place 0)."""
    import os

    generator = np.random.default_rng(seed)
    os.ftruncate(descriptor, 4 * n)
    for end in range(n, 1, -CHUNK):
        start = max(end - CHUNK, 1)
        steps = np.arange(end - 1, start - 1, -1, dtype=np.int64)
        drawn = generator.integers(0, steps, endpoint=True)
        data = memoryview(drawn[::-1].astype(np.uint32).tobytes())
        offset = 4 * start
        while data:
            written = os.pwrite(descriptor, data, offset)
            data, offset = data[written:], offset + written


def _undo(n: int, rows: Rows, spool: IO[bytes]) -> Rows:
    watched = np.zeros(n // 8 + 1, dtype=np.uint8)  # one bit a place: a followed value is there
    at: dict[int, int] = {}  # place → which of `rows` has its value there
    bounds = np.searchsorted(rows, np.arange(0, n + CHUNK, CHUNK))
    for number, start in enumerate(range(0, n, CHUNK)):
        drawn = np.fromfile(spool, dtype=np.uint32, count=min(CHUNK, n - start)).astype(np.int64)
        byte, bit = drawn >> 3, np.left_shift(1, drawn & 7).astype(np.uint8)
        kept = rows[bounds[number] : bounds[number + 1]]
        touched = np.zeros(len(drawn), dtype=bool)
        touched[kept - start] = True
        touched |= (watched[byte] & bit) != 0
        # a touched step moves values to its two places, where a later step of this chunk may draw them again
        new = np.flatnonzero(touched)
        while len(new):
            _mark(watched, np.concatenate([new + start, drawn[new]]))
            now = (watched[byte] & bit) != 0
            new = np.flatnonzero(now & ~touched)
            touched |= now
        steps = np.flatnonzero(touched)
        kept_index = dict(zip(kept.tolist(), range(int(bounds[number]), int(bounds[number + 1])), strict=True))
        for k, j in zip((steps + start).tolist(), drawn[steps].tolist(), strict=True):
            arriving = at.pop(j, None)
            leaving = kept_index.get(k) if k in kept_index else at.pop(k, None)
            if arriving is not None:
                at[k] = arriving
            if leaving is not None:
                at[j] = leaving
        places = np.unique(np.concatenate([steps + start, drawn[steps]]))
        _clear(watched, places)
        _mark(watched, np.array([place for place in places.tolist() if place in at], dtype=np.int64))
    result = np.empty(len(rows), dtype=np.int64)
    for place, index in at.items():
        result[index] = place
    return result


def _mark(bits: npt.NDArray[np.uint8], places: Rows) -> None:
    np.bitwise_or.at(bits, places >> 3, np.left_shift(1, places & 7).astype(np.uint8))


def _clear(bits: npt.NDArray[np.uint8], places: Rows) -> None:
    np.bitwise_and.at(bits, places >> 3, ~np.left_shift(1, places & 7).astype(np.uint8))
