"""Lungs, diaphragm, heart and great vessels, and the spine, as intervals of the rays."""

from __future__ import annotations

from functools import cache

import numpy as np

from ehrxqa.hospital.anatomy import Chest, Lung
from ehrxqa.hospital.xray.rays import Field, Interval, Rays, Window, soft

__all__ = [
    "back_interval",
    "dome_axes",
    "dome_interval",
    "heart_interval",
    "lung_interval",
    "lung_window",
    "share_shown",
]


def floor_of(lung: Lung) -> float:
    return lung.dome + 1.02 * lung.fall + 8


def lung_window(chest: Chest, rays: Rays, lung: Lung) -> Window:
    """The window of a lung, whatever takes it away from the wall later."""
    rows = slice(*np.searchsorted(rays.v[:, 0], (chest.apex - 1, floor_of(lung) + 17)).tolist())
    if rays.view.lateral:
        return rows, slice(0, rays.size)
    middle = int(np.searchsorted(rays.u[0], chest.shift + 4 * np.sin(rays.view.turn) - lung.sign * 17))
    return rows, slice(middle, rays.size) if lung.sign > 0 else slice(0, middle)


def lung_interval(chest: Chest, rays: Rays, lung: Lung, here: Window, rim: Field, back: Field) -> Interval:
    """Where rays enter and leave a lung that is `rim` mm off the wall, at the back `back` more; in its window."""
    rows, columns = here
    z, u = rays.v[rows], rays.u[:, columns]
    rim, back = rim[rows], back[rows]
    wide = np.maximum(lung.width * chest.spread(z) - rim, 2.0).astype(np.float32)
    deep = np.maximum(chest.thick(z) - rim * 0.6 - back * 0.5, 2.0).astype(np.float32)
    found, cage = rays.column(np.zeros_like(z), wide, deep, 4.0, 0.6, rows)
    left = max(found[1].start, columns.start)
    kept = slice(left, max(min(found[1].stop, columns.stop), left))
    inner = slice(kept.start - found[1].start, kept.stop - found[1].start)
    u = rays.u[:, kept]
    shift = (-0.5 * back * np.cos(rays.view.turn)).astype(np.float32)
    # the cap: above the third rib each lung narrows to an apex of its own
    high = np.maximum((chest.apex + 82) - z, 0) / np.maximum(82 - 0.9 * rim, 20.0)
    at, _, depth, _ = rays.place(lung.sign * 50.0 + chest.shift * 0.3, 14.0, chest.apex + 70)
    if rays.view.lateral:
        steep, tall, middle, wide_ = 3.0, 52.0, at + 10, 88.0
    else:
        steep, tall, middle, wide_ = 2.2, 78.0, at, 52.0
    ease = np.clip(high * steep, 0, 1)
    half = (u - middle) / np.float32(wide_)
    half *= half
    half = half * -ease
    half += 1 - high**2
    np.maximum(half, 0, out=half)
    np.sqrt(half, out=half)
    half *= tall + 60 * (1 - ease)
    whole = rays.zeros(), rays.zeros()
    first = np.maximum(cage[0][:, inner] + shift, depth - half, out=whole[0][rows, kept])
    last = np.minimum(cage[1][:, inner] + shift, depth + half, out=whole[1][rows, kept])
    if rays.view.lateral:
        gap = 5.0 * np.clip((chest.carina - z) / 40, 0, 1)
        if lung.sign > 0:
            np.minimum(last, -gap - chest.shift, out=last)
        else:
            np.maximum(first, gap - chest.shift, out=first)
    return whole


def share_shown(chest: Chest, rays: Rays, lung: Lung, here: Window) -> Field:
    """How much of a pixel belongs to a lung: the lungs part in the middle, and end at the floor."""
    rows, columns = here
    z = rays.v[rows]
    whole = rays.zeros()
    low = soft(floor_of(lung) - 12 - z, 28.0)
    if rays.view.lateral:
        whole[here] = low
    else:
        edge = rays.u[:, columns] - chest.shift - 4.0 * np.sin(rays.view.turn)
        middle = 5.0 * np.clip((chest.carina - z) / 40, 0, 1)
        whole[here] = soft(lung.sign * edge - middle, 6.0 + 10.0 * np.clip((z - chest.carina) / 40, 0, 1)) * low
    return whole


def _column_half(chest: Chest, z: Field) -> Field:
    """Half width of what lies in the middle, whatever the depth: neck, upper mediastinum, then only a septum."""
    up = np.clip((chest.carina - 6 - z) / (chest.carina - 6 - chest.apex - 4), 0, 1.5)
    upper = 0.86 * chest.band * (1 - 0.28 * up * up)
    down = np.clip((z - chest.carina + 12) / 52, 0, 1)
    down = down * down * (3 - 2 * down)
    return np.asarray(upper * (1 - down) + 22.0 * down, dtype=np.float32)


def dome_axes(lung: Lung) -> tuple[float, float]:
    """Half width and half height of the ellipsoid whose upper part is the diaphragm of a side, mm."""
    return 88.0 * lung.width / 140, 1.35 * lung.fall


def dome_interval(chest: Chest, rays: Rays, lung: Lung) -> Interval:
    """Where rays enter and leave what lies below the diaphragm of a side."""
    a, r = dome_axes(lung)
    place = (lung.sign * lung.axis, -18.0, lung.dome + r, a, 105.0 * chest.depth / 92, r)
    here, _, part = rays.ellipsoid(*place, standing=True)
    whole = rays.zeros(), rays.zeros()
    whole[0][here], whole[1][here] = part
    return whole


class _Union:
    """Parts of one body: where one ends inside another there is no edge."""

    def __init__(self, rays: Rays) -> None:
        self._size = rays.size
        self._cubes, self._squares, self._depths = rays.zeros(), rays.zeros(), rays.zeros()
        self._left, self._right = rays.size, 0

    def add(self, here: Window, part: Interval) -> None:
        """Add a part, in a window."""
        half = part[1] - part[0]
        half *= np.float32(0.5)
        square = half * half
        half *= square
        self._cubes[here] += half
        self._squares[here] += square
        square *= part[0] + part[1]
        self._depths[here] += square
        self._left, self._right = min(self._left, here[1].start), max(self._right, here[1].stop)

    def interval(self, rows: slice) -> Interval:
        """Where rays enter and leave the whole."""
        here = rows, slice(self._left, self._right)
        half = np.cbrt(self._cubes[here])
        middle = self._depths[here]
        middle /= np.maximum(self._squares[here], np.float32(1e-3)) * np.float32(2)
        whole = np.zeros_like(self._cubes), np.zeros_like(self._cubes)
        np.subtract(middle, half, out=whole[0][here])
        np.add(middle, half, out=whole[1][here])
        return whole


#: Outline of a heart of usual size: mm above the bottom (below zero) → right and left edge from its middle, front and
#: back. From above: root of the great vessels, pulmonary trunk, atria, the left ventricle down to the apex, the floor.
_OUTLINE = (
    (-118, 2, 8, -14, -6),
    (-110, -10, 18, -24, 6),
    (-100, -16, 29, -33, 15),
    (-90, -21, 35, -40, 24),
    (-80, -27, 37, -46, 34),
    (-70, -33, 42, -52, 41),
    (-60, -37, 54, -58, 45),
    (-48, -39, 67, -64, 46),
    (-36, -38.5, 77, -69, 44),
    (-24, -36, 81, -71, 39),
    (-14, -32, 83, -70, 33),
    (-4, -27, 79, -66, 26),
    (4, -20, 66, -58, 17),
    (12, -12, 40, -44, 6),
    (18, 0, 6, -24, -8),
)


@cache
def _outline() -> tuple[Field, Field]:
    """Heights in steps of 1 mm, and the four edges of the heart there, rounded."""
    heights, *edges = np.array(_OUTLINE, dtype=np.float32).T
    fine = np.arange(heights[0], heights[-1] + 1, dtype=np.float32)
    kernel = np.hanning(15) / np.hanning(15).sum()
    rounded = [np.convolve(np.pad(np.interp(fine, heights, edge), 7, mode="edge"), kernel, "valid") for edge in edges]
    return fine, np.array(rounded, dtype=np.float32)


def heart_interval(chest: Chest, rays: Rays, rows: slice) -> Interval:
    """Where rays enter and leave heart, great vessels and upper mediastinum."""
    h, middle = chest.heart, chest.shift + chest.heart_x
    bottom = chest.heart_edges()[3]
    vessels = chest.shift
    arch = chest.arch
    z = rays.v[rows]
    whole = _Union(rays)
    heights, edges = _outline()
    up = (z - bottom) / np.float32(h)
    right, left, front, back = (np.interp(up, heights, edge).astype(np.float32) * np.float32(h) for edge in edges)
    there = (up > heights[0]) & (up < heights[-1])
    wide, deep = (np.where(there, (b - a) / 2, 0.01).astype(np.float32) for a, b in ((right, left), (front, back)))
    whole.add(*rays.column((right + left) / 2 + np.float32(middle), wide, deep, (front + back) / 2, 0.0, rows))
    parts = [
        (vessels - 9, -14.0, -45.0, 25.0, 19.0, 50.0),  # ascending aorta and superior vena cava
        (vessels + 14, 5.0, -66.0, 8 + arch, 34.0, arch + 2),  # aortic arch
        (vessels + 22, 6.0, -40.0, 21.0, 14.0, 15.0),  # left pulmonary artery
    ]
    if chest.globe:
        parts.append((middle + 22 * h, -15.0, bottom - 42, 61 * h, 52 * h, 44 * h + 8 * chest.globe))
    for part in parts:
        here, _, interval = rays.ellipsoid(*part)
        whole.add(here, interval)
    deep = (42 - 16 * np.clip((z - chest.apex - 10) / (chest.carina - chest.apex), 0, 1)).astype(np.float32)
    # from the side it has no edge: what lies in it ends at different depths
    square = -0.95 if rays.view.lateral else 0.25
    whole.add(*rays.column(np.full_like(z, chest.shift), _column_half(chest, z), deep, 2.0, square, rows))
    return whole.interval(rows)


def back_interval(chest: Chest, rays: Rays, rows: slice) -> Interval:
    """Spine with the muscles beside it, and descending aorta."""
    z = rays.v[rows]
    swing = chest.winding * np.exp(-(((z - 5) / 48) ** 2))
    radius = np.where((z > -62) & (z < 150), 0.85 * chest.arch, 0.01).astype(np.float32)
    whole = _Union(rays)
    whole.add(*rays.column((chest.shift + 19 + swing).astype(np.float32), radius, radius, 46.0, 0.0, rows))
    bent, deep = (np.asarray(part, dtype=np.float32) for part in (chest.spine(z), chest.spine_y(z) + 10))
    wide, thick = np.full_like(z, 27.0), np.full_like(z, 23.0)
    whole.add(*rays.column(bent, wide, thick, deep, -0.9, rows))
    return whole.interval(rows)
