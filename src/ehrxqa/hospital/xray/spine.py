"""The vertebrae as clouds of points: bodies and discs along a bent line, wedges where crushed, beaks where worn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.anatomy import Chest, Floats
from ehrxqa.hospital.xray.bones import kept
from ehrxqa.hospital.xray.rays import Field, Points
from ehrxqa.hospital.xray.tubes import tube

__all__ = ["spine_points"]

#: Half depth of a body, mm.
_DEEP = 16.0
#: Number of the uppermost and after the lowest vertebra in the picture; 0 is the first of the chest.
_NUMBERS = (-2, 15)


@dataclass(frozen=True)
class _Column:
    """The bodies from above, one number each, in mm.

    Attributes:
        x, y, z: Their middles.
        half, tall: Half width, and height at the back.
        lost: Share of the height that is lost in front.
        worn: Whether the disc below is worn, 0 or 1.
        lean_x, lean_y: How far the axis moves to the left and to the back for each mm down.
    """

    x: Field
    y: Field
    z: Field
    half: Field
    tall: Field
    lost: Field
    worn: Field
    lean_x: Field
    lean_y: Field


def spine_points(chest: Chest, crushed: dict[int, float], spurs: float) -> Points:
    """The vertebrae from the neck to the loins.

    Args:
        chest: Whose.
        crushed: Number of a vertebra (0 the first of the chest) → how much of its height is lost.
        spurs: Length of the beaks at the edges of the bodies, mm.
    """
    key = chest.apex, chest.depth, chest.bend, chest.bend_at, chest.view.name, tuple(sorted(crushed.items())), spurs
    return kept(("spine", key, chest.seed), lambda: _spine(chest, crushed, spurs))


def _spine(chest: Chest, crushed: dict[int, float], spurs: float) -> Points:
    rng = np.random.Generator(np.random.PCG64((chest.seed, 3)))
    column = _column(rng, chest, crushed, spurs)
    lateral = chest.view.lateral
    parts = [_bodies(lateral, column), _processes(column)]
    if spurs:
        parts.append(_beaks(rng, lateral, column, spurs))
    return Points.joined(parts)


def _column(rng: np.random.Generator, chest: Chest, crushed: dict[int, float], spurs: float) -> _Column:
    numbers = np.arange(*_NUMBERS)
    height = 16.5 + 0.5 * np.maximum(numbers, -1) + 0.4 * chest.traits[18]
    half = 14.5 + 0.5 * np.maximum(numbers, 0)
    disc = 4.4 + 0.22 * np.maximum(numbers, 0)
    lost = np.array([crushed.get(number, 0.0) for number in numbers.tolist()])
    worn = (rng.random(len(numbers)) < 0.3 + 0.05 * spurs) & (spurs > 0) & (numbers > 1)
    tall = height * (1 - 0.24 * lost)
    # what lies below a crushed body stays where it is, what lies above sinks
    step = tall + disc * (1 - 0.55 * worn)
    bottom = chest.apex - 20.0 + float((height + disc)[2:].sum())
    z = bottom - np.cumsum(step[::-1])[::-1] + tall / 2
    x, y = chest.spine(z), chest.spine_y(z)
    lean_x, lean_y = ((at(z + 4.0) - at(z - 4.0)) / 8.0 for at in (chest.spine, chest.spine_y))
    return _Column(*(part.astype(np.float32) for part in (x, y, z, half, tall, lost, worn, lean_x, lean_y)))


def _bodies(lateral: bool, column: _Column) -> Points:
    """Dense end plates and edges, a looser middle; wedged in front where crushed, hardened where worn."""
    across = ((np.arange(26) + 0.5) / 26 * 2 - 1).astype(np.float32)
    along = ((np.arange(16) + 0.5) / 16 * 2 - 1).astype(np.float32)
    deep = np.array([-0.6, 0.6], dtype=np.float32)
    grids = np.meshgrid(*((deep, along, across) if lateral else (across, along, deep)))
    u, w, d = (grid.ravel() for grid in grids)
    plate = (np.abs(w) > 0.8).astype(np.float32)
    shell = 0.55 + 0.65 * plate + 0.45 * (np.abs(d if lateral else u) > 0.9)
    c = {name: value[:, None] for name, value in vars(column).items()}
    waist = 1 - 0.12 * (1 - w**2)
    aside = u * c["half"] * (1.0 if lateral else waist)
    back = d * _DEEP * (waist if lateral else 1.0)
    down = w * c["tall"] / 2 * (1 - 0.62 * c["lost"] * (0.5 - 0.5 * d))
    dense = shell * (1 + 0.5 * c["lost"]) + 0.5 * c["worn"] * plate
    return Points(
        c["x"] + aside + down * c["lean_x"],
        c["y"] + back + down * c["lean_y"],
        c["z"] + down - aside * c["lean_x"] - back * c["lean_y"],
        (dense * (2 * c["half"] * c["tall"]) * np.float32(2 * _DEEP * 0.46 / len(u))).astype(np.float32),
    )


def _processes(column: _Column) -> Points:
    """Spinous processes and pedicles: small dense ovals."""
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False).astype(np.float32)
    xs, ys, zs = [], [], []
    for side, rx, rz, back in ((0.0, 2.4, 4.2, 40.0), (-0.62, 2.6, 3.8, 20.0), (0.62, 2.6, 3.8, 20.0)):
        for radius in (0.5, 1.0):
            xs.append((column.x + side * column.half)[:, None] + rx * radius * np.cos(angle))
            zs.append((column.z + (9 if side == 0 else -2))[:, None] + rz * radius * np.sin(angle))
            zs[-1] -= (side * column.half * column.lean_x + back * column.lean_y)[:, None]
            ys.append(np.broadcast_to((column.y + back)[:, None], zs[-1].shape))
    x, y, z = (np.concatenate(part, axis=1).astype(np.float32) for part in (xs, ys, zs))
    return Points(x, y, z, np.full_like(x, 5.0))


def _beaks(rng: np.random.Generator, lateral: bool, column: _Column, spurs: float) -> Points:
    """Beaks of bone on both sides and in front of a worn disc, from the body above and the one below."""
    share = np.linspace(0, 1, 10, dtype=np.float32)
    above = np.flatnonzero(column.worn[:-1])
    parts = []
    for body, towards in ((above, 1.0), (above + 1, -1.0)):
        x, y, z, half, tall, lean_x = (
            part[body, None] for part in (column.x, column.y, column.z, column.half, column.tall, column.lean_x)
        )
        edge = z + towards * (tall / 2 - 2.4)
        for aside, ahead in ((-1, 0), (1, 0), (-0.4, 1), (0.4, 1)):
            long = (spurs * rng.uniform(0.35, 1.1, (len(body), 1))).astype(np.float32)
            curve = towards * (1.2 * share + 0.3 * long * share**2)
            out: NDArray[np.float32] | Floats = long * share
            parts.append(
                tube(
                    lateral,
                    x + aside * (half - 2) + (0 if ahead else np.sign(aside) * out),
                    y - ahead * (_DEEP - 2 + out),
                    edge + curve - aside * half * lean_x,
                    (2.9 - 1.5 * share) * np.ones_like(out),
                    across=3,
                )
            )
    beaks = Points.joined(parts)
    return Points(beaks.x, beaks.y, beaks.z, beaks.weight * np.float32(2.0))
