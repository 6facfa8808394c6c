"""Lines in the volume as clouds of points: ribs, vessels, tubes of air."""

from __future__ import annotations

from functools import cache

import numpy as np

from ehrxqa.hospital.xray.rays import Field, Numbers, Points

__all__ = ["steps", "tube"]


def tube(
    lateral: bool, x: Numbers, y: Numbers, z: Numbers, radius: Numbers, *, shell: float = 0.0, across: int = 7
) -> Points:
    """A solid tube along a line of points (last axis), or with most of it in a shell (0 to 1), as points.

    The points lie across the tube in the plane of the picture; each has the length of the ray through it. They lie
    askew, each a little farther along the line than another, so that they make no pattern with the pixels.
    """
    x, y, z = np.broadcast_arrays(*(np.asarray(part, dtype=np.float32) for part in (x, y, z)))
    radius = np.asarray(radius, dtype=np.float32)
    if radius.ndim:
        radius = np.broadcast_to(radius, x.shape)
    dx, dy, dz = steps(x), steps(y), steps(z)
    sideways, deep = (dy, dx) if lateral else (dx, dy)
    flat = sideways * sideways + dz * dz
    length = np.sqrt(flat + deep * deep)
    out = (radius / (np.sqrt(flat) + np.float32(1e-6))).astype(np.float32)
    chord, places = _profile(across, shell)
    weight = (length * radius * radius)[..., None] * chord
    moved = _placed(dz * out, sideways, y if lateral else x, places)
    still = np.broadcast_to((x if lateral else y)[..., None], moved.shape)
    down = _placed(-sideways * out, dz, z, places)
    return Points(still if lateral else moved, moved if lateral else still, down, weight)


def _placed(across: Field, along: Field, middle: Field, places: Field) -> Field:
    """One coordinate of the points across a line: so much for each radius across, each step along, and the middle."""
    line = np.stack([across, along, middle], axis=-1)
    return np.asarray((line.reshape(-1, 3) @ places).reshape(*line.shape[:-1], -1))


@cache
def _profile(across: int, shell: float) -> tuple[Field, Field]:
    """Points across a tube of radius 1: the volume of a mm of its length that each is, and where they lie.

    The places are radii across (−1 to 1), steps along (−½ to ½) and 1, as a matrix of three rows.
    """
    offsets = (np.arange(across) + 0.5) / across * 2 - 1
    chord = np.sqrt(1 - offsets**2)
    if shell:
        inner = 1 - 0.34
        chord = (1 - shell) * chord + shell * 2.1 * (chord - np.sqrt(np.maximum(inner**2 - offsets**2, 0)))
    askew = (np.arange(across) * 0.618034 + 0.25) % 1 - 0.5
    places = np.stack([offsets, askew, np.ones(across)])
    return (chord * (4 / across)).astype(np.float32), places.astype(np.float32)


def steps(line: Field) -> Field:
    """How far a point of a line is from the one before, in the mean of both sides."""
    step = np.empty_like(line)
    np.subtract(line[..., 2:], line[..., :-2], out=step[..., 1:-1])
    step[..., 1:-1] *= np.float32(0.5)
    step[..., 0], step[..., -1] = line[..., 1] - line[..., 0], line[..., -1] - line[..., -2]
    return step
