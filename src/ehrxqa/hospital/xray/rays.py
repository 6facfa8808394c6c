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

__all__ = ["Field", "Interval", "Numbers", "Points", "Rays", "Window", "clouds", "inside", "overlap", "soft"]

Field = NDArray[np.float32]
#: A number, or numbers of any precision.
Numbers = NDArray[np.floating[Any]] | float
#: Where rays enter and leave a part, in mm along the ray; the same where they miss it.
Interval = tuple[Field, Field]
#: Rows and columns of a grid.
Window = tuple[slice, slice]


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

    def window(self, u: float, v: float, half_u: float, half_v: float) -> Window:
        """Rows and columns of the grid within some millimetres of a point of it."""
        left, right = np.searchsorted(self.u[0], (u - half_u, u + half_u)).tolist()
        top, bottom = np.searchsorted(self.v[:, 0], (v - half_v, v + half_v)).tolist()
        return slice(top, bottom), slice(left, right)

    def ellipsoid(
        self, x: float, y: float, z: float, a: float, b: float, c: float, *, standing: bool = False
    ) -> tuple[Window, Field, Interval]:
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

    def chord(self, x: float, y: float, z: float, a: float, b: float, c: float) -> tuple[Window, Field]:
        """Window and length along each ray of an ellipsoid."""
        here, half, _ = self.ellipsoid(x, y, z, a, b, c)
        return here, 2 * half

    def column(
        self, across: Field, wide: Field, deep: Field, middle: Numbers, square: float = 0.0, rows: slice = slice(None)
    ) -> tuple[Window, Interval]:
        """A body with an ellipse at every height: its window and its interval.

        Args:
            across: x of its middle, for each of the rows.
            wide: Half widths.
            deep: Half depths.
            middle: y of its middle, the same or one for each row.
            square: 0 is an ellipse; towards 1 it fills the corners of its rectangle, towards −1 its edges run out.
            rows: The rows of the grid that are given.
        """
        cos, sin = math.cos(self.view.turn), math.sin(self.view.turn)
        shown = np.sqrt((wide * cos) ** 2 + (deep * sin) ** 2)
        slope = (deep**2 - wide**2) * (sin * cos) / shown**2
        centre = across * cos + middle * sin
        columns = slice(*np.searchsorted(self.u[0], (float((centre - shown).min()), float((centre + shown).max()))))
        du = self.u[:, columns] - centre
        share = du / shown
        share *= share
        if square:
            np.minimum(share, 1, out=share)
            share *= (1 - square) + square * share
        np.subtract(1, share, out=share)
        np.maximum(share, 0, out=share)
        half = np.sqrt(share, out=share)
        half *= wide * deep / shown
        du *= slope
        du += middle * cos - across * sin
        return (rows, columns), (du - half, du + half)

    def project(self, points: Points) -> Field:
        """Mean length (mm of water) of a cloud of points along the rays of each pixel of the grid."""
        columns, rows = self._pixels(points, self.size)
        total = summed(columns, rows, points.weight.ravel(), (self.size, self.size))
        total *= np.float32(1 / self.mm**2)
        return total

    def project_sharp(self, points: Points, size: int) -> tuple[Window, Field]:
        """The same on a grid of `size`, as a window of it that holds all the points."""
        columns, rows = self._pixels(points, size)
        (top, bottom), (left, right) = (
            (max(int(at.min()) - 1, 0), min(int(at.max()) + 2, size)) for at in (rows, columns)
        )
        if top >= bottom or left >= right:
            return (slice(0), slice(0)), np.zeros((0, 0), dtype=np.float32)
        shape = bottom - top, right - left
        total = summed(columns - np.float32(left), rows - np.float32(top), points.weight.ravel(), shape)
        total *= np.float32((size / self.size / self.mm) ** 2)
        return (slice(top, bottom), slice(left, right)), total

    def _pixels(self, points: Points, size: int) -> tuple[Field, Field]:
        """Columns and rows of points on a grid of `size`; a pixel goes from its number to the next."""
        columns, rows = self.view.project(points.x.ravel(), points.y.ravel(), points.z.ravel())
        share = np.float32(size / FRAME)
        return np.asarray(columns * share, dtype=np.float32), np.asarray(rows * share, dtype=np.float32)


def summed(columns: Field, rows: Field, weight: Field, shape: tuple[int, int]) -> Field:
    """Weights of points shared out among the four pixels around each of them, to a quarter of a pixel.

    The points are counted on a grid of half pixels with a border for those that lie outside; each half pixel is then
    shared out by its distance.
    """
    across = 2 * shape[1] + 4
    right = np.clip((columns + np.float32(1)) * np.float32(2), 0, across - 1).astype(np.int32)
    down = np.clip((rows + np.float32(1)) * np.float32(2), 0, 2 * shape[0] + 3).astype(np.int32)
    down *= across
    down += right
    fine = np.bincount(down, weight, (2 * shape[0] + 4) * across).astype(np.float32).reshape(-1, across)
    return _halved(_halved(fine).T).T


def _halved(fine: Field) -> Field:
    """Rows of half pixels as rows of pixels, without the border."""
    rows: Field = fine[2:-2:2] + fine[3:-2:2]
    rows *= np.float32(0.75)
    rows += np.float32(0.25) * (fine[1:-4:2] + fine[4::2])
    return rows
