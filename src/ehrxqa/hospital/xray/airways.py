"""The trees of the lungs: vessels that branch from the hila to the pleura, and the airways, which are tubes of air."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ehrxqa.hospital.anatomy import Chest
from ehrxqa.hospital.xray.bones import tube
from ehrxqa.hospital.xray.rays import Field, Points

__all__ = ["airway_fan", "airway_lines", "vessel_points"]

_LEVELS = 5
#: Points along a branch of each level: one a pixel.
_POINTS = (44, 32, 23, 17, 12)


@lru_cache(maxsize=8)
def _tree(seed: int, sign: int) -> tuple[tuple[Field, Field, Field, Field], ...]:
    """Branches in a lung of unit size: shares (across 0 hilum to 1 wall, front -1 to back 1, up -1 to down 1), radius.

    Arrays (branches, points), one set per level.
    """
    rng = np.random.default_rng((seed, sign + 1, 17))
    angles = np.linspace(-1.42, 1.5, 11) + rng.normal(0, 0.09, 11)
    starts = [(float(rng.uniform(-0.12, 0.06)), float(rng.normal(0, 0.12)), 0.26 * np.sin(a)) for a in angles]
    lean = rng.uniform(-0.85, 0.85, 11)
    heads = [(np.cos(a) * 0.9, d * 0.9, np.sin(a)) for a, d in zip(angles, lean, strict=True)]
    width = rng.uniform(0.65, 1.1, 11)
    lines: list[tuple[Field, Field, Field, Field]] = []
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
        radius = width[:, None] * np.linspace(1.0 if level else 0.8, 0.8, len(steps))[None]
        x, y, z = (np.ascontiguousarray(path[..., axis], dtype=np.float32) for axis in range(3))
        lines.append((x, y, z, radius.astype(np.float32)))
        if level == _LEVELS - 1:
            break
        ends = path[:, -1]
        tips = path[:, -1] - path[:, -2]
        tips /= np.linalg.norm(tips, axis=1, keepdims=True) + 1e-9
        children = [tips + rng.normal(0, 0.55, tips.shape) for _ in range(2)]
        directions = np.concatenate(children)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        points = np.concatenate([ends, ends])
        width = np.concatenate([width * 0.74, width * rng.uniform(0.5, 0.7, count)])
        long *= 0.72
    return tuple(lines)


def vessel_points(chest: Chest, sign: int, factor: float, upper: float) -> Points:
    """The vessels of a lung as points; `factor` makes them wider, `upper` those above the hilum once more."""
    lung = chest.left if sign > 0 else chest.right
    hilum = chest.hilum - (7 if sign > 0 else 0)
    parts = []
    for level, (across, back, down, radius) in enumerate(_tree(chest.seed, sign)):
        up = np.where(down < 0, np.float32(hilum - chest.apex - 6), np.float32(lung.angle - hilum - 4))
        z = hilum + np.clip(down, -1.15, 1.15) * up
        room = np.maximum(lung.width * chest.spread(z) - 32, 18)
        x = chest.shift + sign * (30 + np.clip(across, -0.55, 1.0) * room * 0.97)
        y = 10 + back * chest.thick(z) * 0.85
        inside = (across < 1.0) & (np.abs(back) < 1.0) & (np.abs(down) < 1.08)
        share = np.minimum(factor * np.where(down < 0, upper * (0.82 if chest.view.upright else 1.0), 1.06), 1.65)
        wide = (4.7 * radius * share).astype(np.float32)
        points = tube(chest.view.lateral, x, y, z, wide, across=(9, 7, 5, 3, 3)[level])
        parts.append(Points(points.x, points.y, points.z, points.weight * inside[..., None].astype(np.float32)))
    return Points.joined(parts)


def airway_lines(chest: Chest) -> list[tuple[Field, Field, Field, Field]]:
    """Trachea, main and lobar bronchi: lines with their radii, mm."""
    share = np.linspace(0, 1, 110, dtype=np.float32)
    middle = chest.shift
    top = chest.apex - 60
    lines = [
        (
            (middle * 0.75 + middle * 0.25 * share + 2.5 * share),
            8 + 14 * share,
            top + (chest.carina - top) * share,
            np.full_like(share, 8.3 if not chest.woman else 7.3),
        )
    ]
    for sign, fall, long, radius in ((-1, 30.0, 26.0, 6.8), (1, 27.0, 44.0, 5.9)):
        lines.append(
            (
                middle + 2.5 + sign * long * share,
                22 - 6 * share,
                chest.carina + fall * share**1.15,
                np.full_like(share, radius),
            )
        )
        end = (middle + 2.5 + sign * long, 16.0, chest.carina + fall)
        for dx, dy, dz, r in ((24, -10, -18, 3.8), (14, 10, 42, 4.4)):
            lines.append((end[0] + sign * dx * share, end[1] + dy * share, end[2] + dz * share, np.full_like(share, r)))
    return [tuple(np.asarray(part, dtype=np.float32) for part in line) for line in lines]  # type: ignore[misc]


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
