"""The trees of the lungs: vessels that branch from the hila to the pleura, and the airways, which are tubes of air."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ehrxqa.hospital.anatomy import Chest, Floats
from ehrxqa.hospital.xray.rays import Field, Numbers, Points
from ehrxqa.hospital.xray.tubes import tube

__all__ = ["airway_fan", "airway_points", "vessel_points"]

_LEVELS = 5
#: Points along a branch of each level, and across it: about one a pixel.
_POINTS = (34, 26, 19, 14, 10)
_ACROSS = (7, 5, 4, 2, 2)


@dataclass(frozen=True)
class _Tree:
    """The vessels of both lungs of a subject, in lungs of unit size; all branches of a level, then those of the next.

    Attributes:
        sign: Side of each point, −1 or +1.
        across: 0 hilum to 1 wall.
        back: −1 front to 1 back.
        down: −1 apex to 1 angle.
        radius: Of the vessel, as a share of that of the largest.
        inside: 1 where the branch is within the lung, else 0.
    """

    sign: Field
    across: Field
    back: Field
    down: Field
    radius: Field
    inside: Field


@lru_cache(maxsize=4)
def _tree(seed: int) -> _Tree:
    levels: list[list[Floats]] = [[] for _ in range(_LEVELS)]
    for sign in (-1, 1):
        for level, (path, radius) in enumerate(_branches(seed, sign)):
            levels[level].append(np.concatenate([np.full_like(path[..., :1], sign), path, radius[..., None]], axis=-1))
    flat = np.concatenate([np.concatenate(both).reshape(-1, 5) for both in levels]).astype(np.float32)
    sign_, across, back, down, radius = (np.ascontiguousarray(flat[:, axis]) for axis in range(5))
    inside = (across < 1.0) & (np.abs(back) < 1.0) & (np.abs(down) < 1.08)
    return _Tree(
        sign_, np.clip(across, -0.55, 1.0), back, np.clip(down, -1.15, 1.15), radius, inside.astype(np.float32)
    )


def _branches(seed: int, sign: int) -> Iterator[tuple[Floats, Floats]]:
    """For each level the paths of its branches (branches, points, axis) and their radii."""
    rng = np.random.default_rng((seed, sign + 1, 17))
    angles = np.linspace(-1.42, 1.5, 11) + rng.normal(0, 0.09, 11)
    starts = [(float(rng.uniform(-0.12, 0.06)), float(rng.normal(0, 0.12)), 0.26 * np.sin(a)) for a in angles]
    lean = rng.uniform(-0.85, 0.85, 11)
    heads = [(np.cos(a) * 0.9, d * 0.9, np.sin(a)) for a, d in zip(angles, lean, strict=True)]
    width = rng.uniform(0.65, 1.1, 11)
    long = 0.40
    points, directions = np.array(starts), np.array(heads)
    for level in range(_LEVELS):
        count = len(points)
        steps = np.linspace(0, 1, _POINTS[level])
        bend = rng.normal(0, 0.28, (count, 3))
        reach = long * rng.uniform(0.7, 1.25, (count, 1))
        path = points[:, None] + reach[:, None] * (
            directions[:, None] * steps[None, :, None] + bend[:, None] * (steps**2)[None, :, None]
        )
        yield path, width[:, None] * np.linspace(1.0 if level else 0.8, 0.8, len(steps))[None]
        ends = path[:, -1]
        tips = path[:, -1] - path[:, -2]
        tips /= np.linalg.norm(tips, axis=1, keepdims=True) + 1e-9
        children = [tips + rng.normal(0, 0.55, tips.shape) for _ in range(2)]
        directions = np.concatenate(children)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        points = np.concatenate([ends, ends])
        width = np.concatenate([width * 0.74, width * rng.uniform(0.5, 0.7, count)])
        long *= 0.72


def vessel_points(chest: Chest, factor: float, upper: float) -> Points:
    """The vessels of the lungs as points; `factor` makes them wider, `upper` those above the hilum once more."""
    tree = _tree(chest.seed)
    left = tree.sign > 0
    above = tree.down < 0
    hilum = np.where(left, np.float32(chest.hilum - 7), np.float32(chest.hilum))
    below = np.where(left, np.float32(chest.left.angle), np.float32(chest.right.angle)) - hilum - np.float32(4)
    z = hilum + tree.down * np.where(above, hilum - np.float32(chest.apex + 6), below)
    wall = np.where(left, np.float32(chest.left.width), np.float32(chest.right.width))
    room = np.maximum(wall * chest.spread(z) - np.float32(32), np.float32(18))
    x = np.float32(chest.shift) + tree.sign * (30 + tree.across * room * np.float32(0.97))
    y = 10 + tree.back * chest.thick(z) * np.float32(0.85)
    high = min(factor * upper * (0.82 if chest.view.upright else 1.0), 1.65)
    wide = 5.0 * tree.radius * np.where(above, np.float32(high), np.float32(min(factor * 1.06, 1.65)))
    parts, start = [], 0
    for level, (count, across) in enumerate(zip(_POINTS, _ACROSS, strict=True)):
        here = slice(start, start := start + 2 * 11 * 2**level * count)
        line, radius = ((part[here].reshape(-1, count) for part in parts_) for parts_ in ((x, y, z), (wide,)))
        points = tube(chest.view.lateral, *line, *radius, across=across)
        weight = points.weight * tree.inside[here].reshape(-1, count, 1)
        parts.append(Points(points.x, points.y, points.z, weight))
    return Points.joined(parts)


def airway_points(chest: Chest) -> Points:
    """Trachea, main and lobar bronchi as points of negative weight."""
    share = np.linspace(0, 1, 110, dtype=np.float32)
    middle = chest.shift
    top = chest.apex - 60
    lines: list[tuple[Numbers, Numbers, Numbers]] = [
        (middle * 0.75 + (middle * 0.25 + 2.5) * share, 8 + 14 * share, top + (chest.carina - top) * share)
    ]
    radii = [8.3 if not chest.woman else 7.3]
    for sign, fall, long, radius in ((-1, 30.0, 26.0, 6.8), (1, 27.0, 44.0, 5.9)):
        lines.append((middle + 2.5 + sign * long * share, 22 - 6 * share, chest.carina + fall * share**1.15))
        end = (middle + 2.5 + sign * long, 16.0, chest.carina + fall)
        lines += [
            (end[0] + sign * dx * share, end[1] + dy * share, end[2] + dz * share)
            for dx, dy, dz in ((24, -10, -18), (14, 10, 42))
        ]
        radii += [radius, 3.8, 4.4]
    x, y, z = (np.stack([line[axis] for line in lines]) for axis in range(3))
    airways = tube(chest.view.lateral, x, y, z, np.array(radii)[:, None], across=13)
    weight = -airways.weight
    if chest.view.lateral:
        weight[1:] *= np.float32(0.5)  # bronchi run along the rays, and lung lies beside them
    return Points(airways.x, airways.y, airways.z, weight)


def airway_fan(
    chest: Chest, rng: np.random.Generator, side: str, place: tuple[float, float, float], size: float
) -> list[tuple[Field, Field, Field, Field]]:
    """Open airways in an opacity: branches that fan out through it, away from the hilum."""
    sign = chest.lung(side).sign
    away = np.array([place[0] - sign * 30, place[1] - 12, place[2] - chest.hilum])
    away = away / (np.linalg.norm(away) + 1e-6)
    share = np.linspace(0, 1, 26, dtype=np.float32)
    lines = []
    for _ in range(3):
        direction = away + rng.normal(0, 0.35, 3)
        start = np.array(place) - 0.8 * size * away
        path = start[None] + (1.5 * size * share)[:, None] * direction[None]
        x, y, z = (np.asarray(path[:, axis], dtype=np.float32) for axis in range(3))
        lines.append((x, y, z, (1.7 - 0.7 * share).astype(np.float32)))
    return lines
