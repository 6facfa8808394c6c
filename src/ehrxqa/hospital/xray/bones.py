"""Bones as clouds of points: ribs, clavicles, shoulder blades, upper arms and sternum."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.anatomy import Chest
from ehrxqa.hospital.xray.rays import Field, Points
from ehrxqa.hospital.xray.tubes import steps, tube

__all__ = ["Break", "Breaks", "bones", "kept", "rib_line", "shoulder_joint"]

#: Water that a mm of cortical bone is worth beyond the tissue it replaces.
_CORTEX = 1.55


class Break(NamedTuple):
    """Where a bone is broken.

    Attributes:
        place: Share of its length.
        step: mm that the farther end is lower.
        callus: 0 fresh, with a gap; 1 old, with a knot of new bone around it.
    """

    place: float
    step: float
    callus: float = 0.0


#: Rib (side, number from 0; −1 the clavicle) → where it is broken.
Breaks = dict[tuple[int, int], list[Break]]


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
    return kept(("bones", key), lambda: _bones(chest, breaks))


def kept(key: object, make: Callable[[], Points]) -> Points:
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
    strong = np.float32(_CORTEX * (0.34 if chest.view.lateral else 0.74))
    for sign in (-1, 1):
        x, y, z = rib_line(chest, sign, np.arange(10)[:, None], share)
        radius = np.full(x.shape, 4.4 + 0.25 * chest.traits[19], dtype=np.float32)
        radius *= 0.86 + 0.22 * share
        radius[0] *= 1.25
        faint = np.where(share > 0.9, np.clip((1.02 - share) / 0.1, 0.2, 1), 1.0).astype(np.float32)
        shade = np.broadcast_to(faint, x.shape).copy()
        for number in range(10):
            for place, step, callus in breaks.get((sign, number), []):
                off = share - place
                # the ends turn away from each other, and the gap is dark; later bone grows over both
                moved = _step(off, callus) * step * np.where(off > 0, np.exp(-off / 0.14), 0.35 * np.exp(off / 0.06))
                across, down = _normal(chest.view.lateral, x[number], y[number], z[number], place)
                (y if chest.view.lateral else x)[number] += across * moved
                z[number] += down * moved
                shade[number] *= np.where(np.abs(off) < 0.013, 0.02 + 0.95 * callus, 1.0)
                knot = callus * np.exp(-((off / 0.026) ** 2))
                radius[number] *= 1 + 1.1 * knot
                shade[number] *= 1 + 0.8 * knot
        ribs = tube(chest.view.lateral, x, y, z, radius, shell=0.72, across=8)
        shade *= _faced(chest.view.lateral, x, y, z)
        parts.append(Points(ribs.x, ribs.y, ribs.z, ribs.weight * shade[..., None] * strong))
        if chest.age > 48:
            parts.append(_cartilage(chest, sign))
        parts.append(_clavicle(chest, sign, breaks))
        if not chest.view.lateral:
            parts += _shoulder(chest, sign)
    parts.append(_sternum(chest))
    return Points.joined(parts)


def _faced(lateral: bool, x: Field, y: Field, z: Field) -> Field:
    """How much of a line lies across the rays, 0.2 (from the side) or 0.35 to 1.

    Where ribs and clavicles run along the rays, both sides and all their marrow would lie on one spot: the shell of a
    few points across stands for too much there.
    """
    across, along, dz = steps(y if lateral else x), steps(x if lateral else y), steps(z)
    flat = across * across + dz * dz
    share = flat / (flat + along * along + np.float32(1e-6))
    faced = 0.2 + 0.8 * share if lateral else 0.35 + 0.65 * np.minimum(4 * share, 1)
    return np.asarray(faced, dtype=np.float32)


def _step(off: Field, callus: float) -> Field:
    """−1 before a break, 1 after it: at once where it is fresh, rounded where it has healed."""
    return np.asarray(np.clip(off / (0.003 + 0.05 * callus), -1, 1), dtype=np.float32)


def _normal(lateral: bool, x: Field, y: Field, z: Field, place: float) -> tuple[float, float]:
    """Unit vector in the plane of the picture that is across a line at a share of its length, downwards."""
    at = min(int(place * len(z)), len(z) - 2)
    line = y if lateral else x
    along, down = float(line[at + 1] - line[at]), float(z[at + 1] - z[at])
    long = float(np.hypot(along, down)) * (1 if along >= 0 else -1) + 1e-6
    return -down / long, along / long


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
    shade = np.clip((1.005 - share) / 0.03, 0, 1)
    for place, step, callus in breaks.get((sign, -1), []):
        off = share - place
        # the neck pulls the inner end up, the arm the outer end down and inwards, so that both overlap
        z += step * _step(off, callus) * np.where(off > 0, 0.8 - 0.5 * off, 0.35 * np.exp(off / 0.2))
        x -= sign * np.float32(0.5 * abs(step) * (1 - callus)) * (off > 0)
        shade *= np.where(np.abs(off) < 0.015, 0.05 + 0.95 * callus, 1.0).astype(np.float32)
        knot = callus * np.exp(-((off / 0.07) ** 2))
        radius, shade = (radius * (1 + 0.6 * knot)).astype(np.float32), (shade * (1 + 0.4 * knot)).astype(np.float32)
    if chest.view.lateral:
        shade *= _faced(True, x, y, z.astype(np.float32))
    part = tube(chest.view.lateral, x, y, z.astype(np.float32), radius, shell=0.62, across=15)
    return Points(part.x, part.y, part.z, part.weight * shade[:, None] * np.float32(_CORTEX * 0.9))


def shoulder_joint(chest: Chest, sign: int) -> tuple[float, float, float]:
    """X of the socket, x and z of the middle of the head of the upper arm."""
    socket = chest.left.width * 0.92 + (24.0 if chest.view.name == "PA" else 6.0)
    return sign * socket, sign * (socket + 23), chest.apex + 47


def _shoulder(chest: Chest, sign: int) -> list[Points]:
    """Shoulder blade (turned outwards in a PA view) and the head of the upper arm."""
    socket, head, _ = (abs(part) for part in shoulder_joint(chest, sign))
    out = 24.0 if chest.view.name == "PA" else 6.0
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 2600)).astype(np.float32)
    flip = a + b > 1
    a, b = np.where(flip, 1 - a, a), np.where(flip, 1 - b, b)
    base = chest.left.width
    # a triangle: medial upper corner, lateral corner at the joint, lower tip
    corners = ((base * 0.56, chest.apex + 36), (base * 0.92, chest.apex + 46), (base * 0.74, chest.apex + 166))
    x = corners[0][0] + a * (corners[1][0] - corners[0][0]) + b * (corners[2][0] - corners[0][0]) + out
    z = corners[0][1] + a * (corners[1][1] - corners[0][1]) + b * (corners[2][1] - corners[0][1])
    plate = Points(
        (sign * x).astype(np.float32),
        np.full_like(x, 84.0),
        z.astype(np.float32),
        np.full_like(x, 68 * 100 * 0.5 * 2.0 / 2600),
    )
    parts = [plate]
    share = np.linspace(0, 1, 120, dtype=np.float32)
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
        sign * (head + (16 if chest.view.name == "PA" else 8) * share),
        np.full_like(share, 8.0),
        chest.apex + 30 + 142 * share,
        12.5 + 10.5 * np.exp(-(((share - 0.12) / 0.13) ** 2)),
        shell=0.6,
        across=27,
    )
    parts.append(Points(arm.x, arm.y, arm.z, arm.weight * np.float32(0.6)))
    turn = np.linspace(-1.15, 1.15, 40, dtype=np.float32)
    rim = tube(
        chest.view.lateral,
        sign * (socket - 4 + 5.5 * (1 - np.cos(turn))),
        np.full_like(turn, 30.0),
        chest.apex + 47 + 19 * np.sin(turn),
        2.2,
        across=5,
    )
    parts.append(Points(rim.x, rim.y, rim.z, rim.weight * np.float32(1.6)))
    return parts


def _sternum(chest: Chest) -> Points:
    share = np.linspace(0, 1, 60, dtype=np.float32)
    z = chest.apex + 40 + 150 * share
    y = -(chest.thick(z) - 2)
    offsets = np.array([[-12.0], [-4.0], [4.0], [12.0]], dtype=np.float32)
    line = tube(chest.view.lateral, offsets, y, z, 5.0, across=5)
    return Points(line.x, line.y, line.z, line.weight * np.float32(0.34))
