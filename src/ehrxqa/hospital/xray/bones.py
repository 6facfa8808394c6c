"""Bones as clouds of points: ribs, clavicles, shoulder blades, upper arms, sternum and spine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.anatomy import Chest, Floats
from ehrxqa.hospital.xray.rays import Field, Numbers, Points

__all__ = ["Breaks", "bones", "rib_line", "spine_points", "tube"]

#: Water that a mm of cortical bone is worth beyond the tissue it replaces.
_CORTEX = 1.55

#: Rib (side, number from 0) → (share of its length where it is broken, mm of the step).
Breaks = dict[tuple[int, int], list[tuple[float, float]]]


def tube(
    lateral: bool, x: Numbers, y: Numbers, z: Numbers, radius: Numbers, *, shell: float = 0.0, across: int = 7
) -> Points:
    """A solid tube along a line of points (last axis), or with most of it in a shell (0 to 1), as points.

    The points lie across the tube in the plane of the picture; each has the length of the ray through it.
    """
    x, y, z = np.broadcast_arrays(*(np.asarray(part, dtype=np.float32) for part in (x, y, z)))
    radius = np.asarray(radius, dtype=np.float32)
    if radius.ndim:
        radius = np.broadcast_to(radius, x.shape)[..., None]
    dx, dy, dz = _steps(x), _steps(y), _steps(z)
    sideways = dy if lateral else dx
    flat = sideways * sideways + dz * dz
    deep = dx if lateral else dy
    length = np.sqrt(flat + deep * deep)
    aside = 1 / (np.sqrt(flat) + np.float32(1e-6))
    offsets, chord = _profile(across, shell)
    spread = radius * offsets
    weight = (length[..., None] * (radius * radius)) * chord
    moved = (dz * aside)[..., None] * spread
    moved += (y if lateral else x)[..., None]
    still = np.broadcast_to((x if lateral else y)[..., None], moved.shape)
    spread = (-sideways * aside)[..., None] * spread
    spread += z[..., None]
    return Points(still if lateral else moved, moved if lateral else still, spread, weight)


@cache
def _profile(across: int, shell: float) -> tuple[Field, Field]:
    """Points across a tube of radius 1, from -1 to 1, and the volume of a mm of its length that each stands for."""
    offsets = (np.arange(across) + 0.5) / across * 2 - 1
    chord = np.sqrt(1 - offsets**2)
    if shell:
        inner = 1 - 0.34
        chord = (1 - shell) * chord + shell * 2.1 * (chord - np.sqrt(np.maximum(inner**2 - offsets**2, 0)))
    return offsets.astype(np.float32), (chord * (4 / across)).astype(np.float32)


def _steps(line: Field) -> Field:
    """How far a point of a line is from the one before, in the mean of both sides."""
    step = np.empty_like(line)
    np.subtract(line[..., 2:], line[..., :-2], out=step[..., 1:-1])
    step[..., 1:-1] *= np.float32(0.5)
    step[..., 0], step[..., -1] = line[..., 1] - line[..., 0], line[..., -1] - line[..., -2]
    return step


def rib_line(chest: Chest, sign: int, number: NDArray[np.int64] | int, share: Field) -> tuple[Field, Field, Field]:
    """Points of ribs (numbers from 0, in a column if there are several) from the spine (share 0) to the front (1)."""
    traits = chest.traits
    number = np.asarray(number, dtype=np.float32)
    step = 21.5 + 0.5 * traits[18]
    start = chest.apex - 14 + step * number * (1.06 - 0.004 * number)
    # the angle runs from the back, over the side, to the front
    last = np.where(number < 8, 2.62 - 0.045 * np.maximum(number - 5, 0), 2.3 - 0.3 * (number - 8))
    angle = 0.20 + (last - 0.20) * share
    fall = (8 + 3.2 * number) * (angle / 2.6) + (36 + 4.5 * number) * np.clip((angle - 0.5) / 2.1, 0, 1.2) ** 1.35
    fall = fall * np.where(number < 2, np.float32(0.62), np.float32(1))
    z = start + fall - 7 * np.exp(-((share / 0.16) ** 2))
    lung = chest.left if sign > 0 else chest.right
    wide, deep = lung.width * chest.spread(z) + 5, chest.thick(z) + 5
    x = sign * wide * np.sin(angle) ** 0.8
    y = 4 + deep * np.cos(angle)
    x += np.asarray(chest.spine(z)) * np.exp(-((share / 0.3) ** 2))
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def bones(chest: Chest, breaks: Breaks) -> Points:
    """All bones but the spine; what a subject keeps is kept for the next image."""
    held = chest.right.width, chest.left.width, chest.apex, chest.depth, chest.bend, chest.bend_at
    key = (held, chest.view.name, tuple((where, tuple(what)) for where, what in sorted(breaks.items())), chest.seed)
    return _kept(("bones", key), lambda: _bones(chest, breaks))


def _kept(key: object, make: Callable[[], Points]) -> Points:
    """The last few clouds that were made: images of a subject come one after the other."""
    if key not in _KEPT:
        if len(_KEPT) >= 12:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = make()
    return _KEPT[key]


_KEPT: dict[object, Points] = {}


def _bones(chest: Chest, breaks: Breaks) -> Points:
    parts: list[Points] = []
    share = np.linspace(0, 1, 200, dtype=np.float32)
    strong = np.float32(_CORTEX * (0.32 if chest.view.lateral else 0.56))
    for sign in (-1, 1):
        x, y, z = rib_line(chest, sign, np.arange(10)[:, None], share)
        radius = np.full(x.shape, 4.4 + 0.25 * chest.traits[19], dtype=np.float32)
        radius *= 0.86 + 0.22 * share
        radius[0] *= 1.25
        faint = np.where(share > 0.9, np.clip((1.02 - share) / 0.1, 0.2, 1), 1.0).astype(np.float32)
        shade = np.broadcast_to(faint, x.shape).copy()
        for number in range(10):
            for place, step in breaks.get((sign, number), []):
                beyond = share > place
                z[number] += step * np.exp(-np.maximum(share - place, 0) / 0.12) * beyond
                gap = np.abs(share - place) < 0.011
                shade[number] *= np.where(gap, 0.15, 1.0)
                radius[number] *= 1 + 0.3 * np.exp(-(((share - place) / 0.02) ** 2))
        ribs = tube(chest.view.lateral, x, y, z, radius, shell=0.72, across=8)
        if chest.view.lateral:
            shade *= _faced(x, y, z)
        parts.append(Points(ribs.x, ribs.y, ribs.z, ribs.weight * shade[..., None] * strong))
        if chest.age > 48:
            parts.append(_cartilage(chest, sign))
        parts.append(_clavicle(chest, sign, breaks))
        if not chest.view.lateral:
            parts += _shoulder(chest, sign)
    parts.append(_sternum(chest))
    return Points.joined(parts)


def _faced(x: Field, y: Field, z: Field) -> Field:
    """How much of a line lies across the rays of a lateral view, 0.2 to 1.

    Where ribs and clavicles run along the rays, both sides and all their marrow would lie on one spot: the shell of a
    few points across stands for too much there.
    """
    dx, dy, dz = _steps(x), _steps(y), _steps(z)
    flat = dy * dy + dz * dz
    return np.asarray(0.2 + 0.8 * flat / (flat + dx * dx + np.float32(1e-6)), dtype=np.float32)


def _cartilage(chest: Chest, sign: int) -> Points:
    """Chalk in the cartilage of the first rib, with the years."""
    x, y, z = rib_line(chest, sign, 0, np.linspace(0.96, 1.16, 16, dtype=np.float32))
    rng = np.random.default_rng((chest.seed, sign + 1))
    part = tube(chest.view.lateral, x, y, z, 6.0)
    speckle = np.clip(rng.normal(0.2, 0.6, part.x.shape), 0, 2).astype(np.float32)
    return Points(part.x, part.y, part.z, part.weight * speckle * np.float32(0.012 * (chest.age - 45)))


def clavicle_line(chest: Chest, sign: int, share: Field) -> tuple[Field, Field, Field]:
    """Points of a clavicle from the sternum (0) to the shoulder (1)."""
    x = sign * (16 + (chest.left.width * 1.02 - 10) * share)
    y = -72 + 66 * share**1.4 + 8 * np.sin(share * 2 * np.pi)
    z = chest.apex + 41 - 20 * share + 5 * np.sin(share * 2 * np.pi)
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def _clavicle(chest: Chest, sign: int, breaks: Breaks) -> Points:
    share = np.linspace(0, 1, 200, dtype=np.float32)
    x, y, z = clavicle_line(chest, sign, share)
    radius = (5.6 + 2.6 * (2 * share - 1) ** 2).astype(np.float32)
    shade = np.ones_like(share)
    for place, step in breaks.get((sign, -1), []):
        beyond = share > place
        z = np.where(beyond, z + step * (1 - 0.5 * (share - place)), z)
        shade *= np.where(np.abs(share - place) < 0.022, 0.1, 1.0).astype(np.float32)
    if chest.view.lateral:
        shade *= _faced(x, y, z.astype(np.float32))
    part = tube(chest.view.lateral, x, y, z.astype(np.float32), radius, shell=0.62, across=17)
    return Points(part.x, part.y, part.z, part.weight * shade[:, None] * np.float32(_CORTEX * 0.8))


def _shoulder(chest: Chest, sign: int) -> list[Points]:
    """Shoulder blade (turned outwards in a PA view) and the head of the upper arm."""
    out = 26.0 if chest.view.name == "PA" else 2.0
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 2600)).astype(np.float32)
    flip = a + b > 1
    a, b = np.where(flip, 1 - a, a), np.where(flip, 1 - b, b)
    base = chest.left.width
    # a triangle: medial upper corner, lateral corner at the joint, lower tip
    corners = ((base * 0.62, chest.apex + 40), (base * 1.06, chest.apex + 46), (base * 0.80, chest.apex + 168))
    x = corners[0][0] + a * (corners[1][0] - corners[0][0]) + b * (corners[2][0] - corners[0][0]) + out
    z = corners[0][1] + a * (corners[1][1] - corners[0][1]) + b * (corners[2][1] - corners[0][1])
    plate = Points(
        (sign * x).astype(np.float32),
        np.full_like(x, 84.0),
        z.astype(np.float32),
        np.full_like(x, 68 * 100 * 0.5 * 2.0 / 2600),
    )
    parts = [plate]
    share = np.linspace(0, 1, 110, dtype=np.float32)
    ends = np.array([(*corners[first], *corners[last]) for first, last in ((0, 2), (1, 2), (0, 1))], dtype=np.float32)
    x1, z1, x2, z2 = (ends[:, axis, None] for axis in range(4))
    edge = tube(
        chest.view.lateral,
        sign * (x1 + (x2 - x1) * share + out + 3 * np.sin(share * np.pi)),
        84.0,
        z1 + (z2 - z1) * share,
        np.array([[2.6], [3.6], [3.2]], dtype=np.float32),
        across=5,
    )
    parts.append(Points(edge.x, edge.y, edge.z, edge.weight * np.float32(0.55)))
    arm = tube(
        chest.view.lateral,
        sign * (base * 1.17 + 8 + (20 if chest.view.name == "PA" else 8) * share + out * 0.3),
        np.full_like(share, 8.0),
        chest.apex + 42 + 130 * share,
        13.0 + 9.0 * np.exp(-((share / 0.16) ** 2)),
        shell=0.6,
        across=35,
    )
    parts.append(Points(arm.x, arm.y, arm.z, arm.weight * np.float32(0.5)))
    return parts


def _sternum(chest: Chest) -> Points:
    share = np.linspace(0, 1, 60, dtype=np.float32)
    z = chest.apex + 40 + 150 * share
    y = -(chest.thick(z) - 2)
    offsets = np.array([[-12.0], [-4.0], [4.0], [12.0]], dtype=np.float32)
    line = tube(chest.view.lateral, offsets, y, z, 5.0, across=5)
    return Points(line.x, line.y, line.z, line.weight * np.float32(0.34))


def spine_points(chest: Chest, crushed: dict[int, float], spurs: float) -> Points:
    """The vertebrae from the neck to the loins.

    Args:
        chest: Whose.
        crushed: Number of a vertebra (0 the first of the chest) → how much of its height is lost.
        spurs: Length of the beaks at the edges of the bodies, mm.
    """
    key = chest.apex, chest.bend, chest.bend_at, chest.view.name, tuple(sorted(crushed.items())), spurs, chest.seed
    return _kept(("spine", key), lambda: _spine(chest, crushed, spurs))


def _spine(chest: Chest, crushed: dict[int, float], spurs: float) -> Points:
    rng = np.random.Generator(np.random.PCG64((chest.seed, 3)))
    numbers = np.arange(-3, 14)
    height = 15.5 + 0.65 * np.maximum(numbers, -1) + 0.4 * chest.traits[18]
    half = 15.0 + 0.55 * np.maximum(numbers, 0)
    lost = np.array([crushed.get(number, 0.0) for number in numbers.tolist()])
    tall = height * (1 - 0.55 * lost)
    top = chest.apex - 40.0 + np.concatenate([[0.0], np.cumsum(height + 5.0)[:-1]])
    middle = np.asarray(chest.spine(top + height / 2))
    parts = [_bodies(chest.view.lateral, middle, top, half, height, tall, lost)]
    parts.append(_processes(middle, top + height * 0.9, half))
    if spurs:
        long = spurs * rng.uniform(0.4, 1.3, (len(numbers), 2, 1))
        share = np.linspace(0, 1, 8, dtype=np.float32)
        sign = np.array([[-1.0], [1.0]])
        x = middle[:, None, None] + sign * (half[:, None, None] - 1 + long * share)
        z = top[:, None, None] + tall[:, None, None] * (0.02 + 0.1 * share)
        beaks = tube(chest.view.lateral, x, 52.0, z, 2.4 - 1.2 * share, across=3)
        parts.append(Points(beaks.x, beaks.y, beaks.z, beaks.weight * np.float32(2.6)))
    return Points.joined(parts)


def _bodies(
    lateral: bool, middle: Floats, top: Floats, half: Floats, height: Floats, tall: Floats, lost: Floats
) -> Points:
    """The bodies of the vertebrae: dense end plates and edges, a looser middle; wedged in front where crushed."""
    across = ((np.arange(30) + 0.5) / 30 * 2 - 1).astype(np.float32)
    along = ((np.arange(16) + 0.5) / 16 * 2 - 1).astype(np.float32)
    deep = np.array([-0.6, 0.6], dtype=np.float32)
    grids = np.meshgrid(*((deep, along, across) if lateral else (across, along, deep)))
    u, w, d = (grid.ravel() for grid in grids)
    shell = 0.55 + 0.55 * (np.abs(w) > 0.8) + 0.5 * (np.abs(d if lateral else u) > 0.86)
    middle, top, half, height, tall, lost = (
        np.asarray(part, dtype=np.float32)[:, None] for part in (middle, top, half, height, tall, lost)
    )
    z = top + height / 2 + (height - tall) * np.float32(0.35)
    squeeze = 1 - 0.45 * lost * (0.5 - 0.5 * d)
    return Points(
        middle + u * half * (1 - 0.10 * (1 - w**2)),
        np.broadcast_to(62 + d * 17, (len(middle), len(d))),
        z + w * tall / 2 * squeeze,
        ((shell + 0.35 * lost) * (2 * half * tall) * (34.0 * 0.36 / len(u))).astype(np.float32),
    )


def _processes(x: Floats, z: Floats, half: Floats) -> Points:
    """Spinous processes and pedicles: small dense ovals."""
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False).astype(np.float32)
    xs, zs = [], []
    for side, rx, rz in ((0.0, 2.4, 4.2), (-0.62, 2.6, 3.8), (0.62, 2.6, 3.8)):
        for radius in (0.5, 1.0):
            xs.append((x + side * half)[:, None] + rx * radius * np.cos(angle))
            zs.append((z - 8 + (0 if side else 7))[:, None] + rz * radius * np.sin(angle))
    xx = np.concatenate(xs, axis=1).astype(np.float32)
    zz = np.concatenate(zs, axis=1).astype(np.float32)
    return Points(xx, np.full_like(xx, 92.0), zz, np.full_like(xx, 3.5))
