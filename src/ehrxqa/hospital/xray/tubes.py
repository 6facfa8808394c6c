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
        radius = np.broadcast_to(radius, x.shape)[..., None]
    dx, dy, dz = steps(x), steps(y), steps(z)
    sideways = dy if lateral else dx
    flat = sideways * sideways + dz * dz
    deep = dx if lateral else dy
    length = np.sqrt(flat + deep * deep)
    aside = 1 / (np.sqrt(flat) + np.float32(1e-6))
    offsets, chord, askew = _profile(across, shell)
    spread = radius * offsets
    weight = (length[..., None] * (radius * radius)) * chord
    moved = (dz * aside)[..., None] * spread
    moved += (y if lateral else x)[..., None]
    moved += sideways[..., None] * askew
    still = np.broadcast_to((x if lateral else y)[..., None], moved.shape)
    spread = (-sideways * aside)[..., None] * spread
    spread += z[..., None]
    spread += dz[..., None] * askew
    return Points(still if lateral else moved, moved if lateral else still, spread, weight)


@cache
def _profile(across: int, shell: float) -> tuple[Field, Field, Field]:
    """Points across a tube of radius 1, from -1 to 1, the volume of a mm of its length that each is, and skews."""
    offsets = (np.arange(across) + 0.5) / across * 2 - 1
    chord = np.sqrt(1 - offsets**2)
    if shell:
        inner = 1 - 0.34
        chord = (1 - shell) * chord + shell * 2.1 * (chord - np.sqrt(np.maximum(inner**2 - offsets**2, 0)))
    askew = (np.arange(across) * 0.618034 + 0.25) % 1 - 0.5
    return offsets.astype(np.float32), (chord * (4 / across)).astype(np.float32), askew.astype(np.float32)


def steps(line: Field) -> Field:
    """How far a point of a line is from the one before, in the mean of both sides."""
    step = np.empty_like(line)
    np.subtract(line[..., 2:], line[..., :-2], out=step[..., 1:-1])
    step[..., 1:-1] *= np.float32(0.5)
    step[..., 0], step[..., -1] = line[..., 1] - line[..., 0], line[..., -1] - line[..., -2]
    return step
