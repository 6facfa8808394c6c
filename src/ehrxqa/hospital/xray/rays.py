"""Rays through a phantom: lengths of ellipsoids and tubes along them, in closed form, on a grid of the 224 frame.

A body part is an interval of every ray: where the ray enters and where it leaves it. Parts far from the middle are
shown larger or smaller by the cone of the beam; inside one part the rays are taken as parallel, which is off by less
than a pixel. Thin things (ribs, vessels, tubes) are clouds of points with a weight each, summed into the pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.anatomy import FRAME, View

__all__ = ["Field", "Interval", "Numbers", "Points", "Rays", "clouds", "inside", "overlap", "soft"]

Field = NDArray[np.float32]
#: A number, or numbers of any precision.
Numbers = NDArray[np.floating[Any]] | float
#: Where rays enter and leave a part, in mm along the ray; the same where they miss it.
Interval = tuple[Field, Field]


def soft(distance: Numbers, width: Numbers = 1.5) -> Field:
    """A smooth step: 0 far below zero, 1 far above, over about `width` on each side."""
    return np.asarray(np.clip(np.asarray(distance) * (0.5 / np.asarray(width)) + 0.5, 0, 1), dtype=np.float32)


def inside(part: Interval) -> Field:
    """Length of a part along each ray."""
    length: Field = np.maximum(part[1] - part[0], np.float32(0))
    return length


def overlap(*parts: Interval) -> Field:
    """Length along each ray of what lies in all the parts."""
    first, last = parts[0]
    for part in parts[1:]:
        first, last = np.maximum(first, part[0]), np.minimum(last, part[1])
    length: Field = np.maximum(last - first, np.float32(0))
    return length


@cache
def clouds(scale: int) -> Field:
    """A fixed cloudy texture, 512 × 512, mean 0 and deviation 1, with features of about `scale` pixels."""
    from PIL import Image as Pillow

    rng = np.random.Generator(np.random.PCG64(scale))
    size = 512
    coarse = rng.standard_normal((size // scale, size // scale)).astype(np.float32)
    wrapped = np.pad(coarse, 3, mode="wrap")
    image = Pillow.fromarray(wrapped).resize(
        (wrapped.shape[1] * scale, wrapped.shape[0] * scale), Pillow.Resampling.BICUBIC
    )
    field = np.asarray(image, dtype=np.float32)[3 * scale : 3 * scale + size, 3 * scale : 3 * scale + size]
    return np.ascontiguousarray((field - field.mean()) / field.std())


@dataclass(frozen=True)
class Points:
    """Points of thin things: places in mm, and the water-equivalent volume (mm³) that each stands for."""

    x: Field
    y: Field
    z: Field
    weight: Field

    @staticmethod
    def joined(parts: list[Points]) -> Points:
        """All points of several clouds."""
        return Points(*(np.concatenate([getattr(p, n).ravel() for p in parts]) for n in ("x", "y", "z", "weight")))


class Rays:
    """The rays of one view, one per pixel of a square grid over the frame.

    Attributes:
        view: The projection.
        size: Pixels of a side of the grid.
        mm: Millimetres of a pixel at the middle of the chest.
        u, v: Millimetres across and down of the columns (1 × size) and rows (size × 1), at the middle of the chest.
    """

    def __init__(self, view: View, size: int) -> None:
        self.view = view
        self.size = size
        step = FRAME / size
        pixels = (np.arange(size, dtype=np.float32) + 0.5) * step
        self.mm = step / view.scale
        self.u: Field = ((pixels - view.x) / view.scale).astype(np.float32)[None, :]
        self.v: Field = ((pixels - view.y) / view.scale).astype(np.float32)[:, None]

    def zeros(self) -> Field:
        """Nothing."""
        return np.zeros((self.size, self.size), dtype=np.float32)

    def place(self, x: float, y: float, z: float) -> tuple[float, float, float, float]:
        """(u, v, depth, magnification) of a point: where on the grid's millimetres it is shown, and how large."""
        view = self.view
        depth = float(view.depth(x, y))
        large = 1 / (1 - view.spread * depth)
        across = x * math.cos(view.turn) + y * math.sin(view.turn)
        return across * large, (z + view.lean * depth) * large, depth, large

    def window(self, u: float, v: float, half_u: float, half_v: float) -> tuple[slice, slice]:
        """Rows and columns of the grid within some millimetres of a point of it."""
        left, right = np.searchsorted(self.u[0], (u - half_u, u + half_u)).tolist()
        top, bottom = np.searchsorted(self.v[:, 0], (v - half_v, v + half_v)).tolist()
        return slice(top, bottom), slice(left, right)

    def ellipsoid(
        self, x: float, y: float, z: float, a: float, b: float, c: float, *, standing: bool = False
    ) -> tuple[tuple[slice, slice], Field, Interval]:
        """An ellipsoid with half axes `a` (x), `b` (y) and `c` (z): its window, its half chords, its interval.

        A standing one goes on below its middle as a column.
        """
        u, v, depth, large = self.place(x, y, z)
        cos, sin = math.cos(self.view.turn), math.sin(self.view.turn)
        wide = math.sqrt((a * cos) ** 2 + (b * sin) ** 2)
        slope = (b * b - a * a) * sin * cos / wide**2
        here = self.window(u, v, wide * large, c * large)
        if standing:
            here = (slice(here[0].start, self.size), here[1])
        du = (self.u[:, here[1]] - u) / (wide * large)
        dv = (self.v[here[0]] - v) / (c * large)
        if standing:
            dv = np.minimum(dv, 0)
        half = np.sqrt(np.maximum(1 - du * du - dv * dv, 0)).astype(np.float32)
        half *= np.float32(a * b / wide)
        middle = depth + slope * wide * du
        return here, half, (middle - half, middle + half)

    def chord(self, x: float, y: float, z: float, a: float, b: float, c: float) -> tuple[tuple[slice, slice], Field]:
        """Window and length along each ray of an ellipsoid."""
        here, half, _ = self.ellipsoid(x, y, z, a, b, c)
        return here, 2 * half

    def column(self, across: Field, wide: Field, deep: Field, middle: float, square: float = 0.0) -> Interval:
        """A body with an ellipse at every height: half widths and half depths of the rows, its middle at y.

        `square` 0 is an ellipse, and towards 1 it fills the corners of its rectangle.
        """
        cos, sin = math.cos(self.view.turn), math.sin(self.view.turn)
        shown = np.sqrt((wide * cos) ** 2 + (deep * sin) ** 2)
        slope = (deep**2 - wide**2) * (sin * cos) / shown**2
        du = self.u - (across * cos + middle * sin)
        share = du / shown
        share = share * share
        if square:
            share = share * (1 - square + square * share)
        half = np.sqrt(np.maximum(1 - share, 0)) * (wide * deep / shown)
        depth = middle * cos - across * sin + slope * du
        return depth - half, depth + half

    def project(self, points: Points, size: int | None = None) -> Field:
        """Mean length (mm of water) of a cloud of points along the rays of each pixel of a grid of `size`."""
        size = size or self.size
        columns, rows = self.view.project(points.x, points.y, points.z)
        return summed(columns * (size / FRAME) - 0.5, rows * (size / FRAME) - 0.5, points.weight, size) / np.float32(
            (FRAME / size / self.view.scale) ** 2
        )


def summed(columns: NDArray[np.floating], rows: NDArray[np.floating], weight: Field, size: int) -> Field:
    """Weights of points shared out among the four pixels around each of them."""
    columns, rows = columns.ravel(), rows.ravel()
    left, top = np.floor(columns).astype(np.int64), np.floor(rows).astype(np.int64)
    keep = (left >= 0) & (left < size - 1) & (top >= 0) & (top < size - 1)
    if not keep.all():
        columns, rows, left, top = columns[keep], rows[keep], left[keep], top[keep]
        weight = weight.ravel()[keep]
    right_share, low_share = columns - left, rows - top
    weight = weight.ravel()
    at = top * size + left
    low, right = weight * low_share, weight * right_share
    both = low * right_share
    total = np.bincount(at, weight - low - right + both, size * size)
    total += np.bincount(at + 1, right - both, size * size)
    total += np.bincount(at + size, low - both, size * size)
    total += np.bincount(at + size + 1, both, size * size)
    return total.reshape(size, size).astype(np.float32)
