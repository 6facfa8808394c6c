"""Keyed permutations of a range of integers: ids that tell nothing, and traits spread evenly."""

from __future__ import annotations

from math import isqrt

__all__ = ["permuted"]

_MASK = (1 << 64) - 1
_ROUNDS = 6


def permuted(index: int, size: int, *key: int) -> int:
    """Where `index` goes in a permutation of 0 … size - 1 that depends on the key.

    A Feistel network on the smallest rectangle with at least `size` cells; what lands outside the range goes through
    it again, which keeps the map a permutation.

    >>> sorted(permuted(index, 11, 5) for index in range(11)) == list(range(11))
    True
    """
    rows = isqrt(size - 1) + 1 if size > 1 else 1
    columns = -(-size // rows)
    seed = 0
    for part in key:
        seed = _mixed(seed ^ (part & _MASK))
    while True:
        row, column = index % rows, index // rows
        for turn in range(0, _ROUNDS, 2):
            row = (row + _mixed(seed + (turn << 32) + column)) % rows
            column = (column + _mixed(seed + (turn + 1 << 32) + row)) % columns
        index = column * rows + row
        if index < size:
            return index


def _mixed(value: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the result hangs on every bit of value."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
