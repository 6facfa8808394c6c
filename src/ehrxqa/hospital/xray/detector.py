"""From water along the rays to grey values: attenuation, scatter, noise, and how a workstation shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ehrxqa.hospital.xray.rays import Field, clouds

__all__ = ["Exposure", "developed"]

from dataclasses import dataclass


@dataclass(frozen=True)
class Exposure:
    """How an image was taken and is shown.

    Attributes:
        quality: Attenuation per mm of water: softer beams give more contrast.
        scatter: Scattered per direct radiation behind the middle of the chest; small with a grid.
        noise: Deviation of the noise in the lungs, as a share of the grey scale.
        black, white: Attenuation that is shown black and white, beyond the dark and the bright parts of the body.
        detail: How much fine structure is raised, 0 for a film.
        even: How far large bright and dark regions are brought together.
        gamma: Curve of the display; 1 is straight.
    """

    quality: float
    scatter: float
    noise: float
    black: float
    white: float
    detail: float
    even: float
    gamma: float


def _smooth(field: Field, cells: int) -> Field:
    """A field as a coarse grid of `cells` sees it."""
    image = Pillow.fromarray(field)
    small = image.resize((cells, cells), Pillow.Resampling.BOX)
    return np.asarray(small.resize(image.size, Pillow.Resampling.BICUBIC), dtype=np.float32)


def developed(
    rng: np.random.Generator, water: Field, metal: Field, exposure: Exposure, rows: int, columns: int
) -> NDArray[np.uint8]:
    """The grey picture of what the rays met.

    Args:
        rng: Chance of the noise.
        water: mm of water on the coarse grid.
        metal: mm of water of sharp things, on the grid of the file.
        exposure: How it was taken.
        rows: Height of the file, cut from the middle of the square.
        columns: Its width.
    """
    direct = np.exp(-exposure.quality * np.clip(water, 0, 420))
    scattered = exposure.scatter * np.maximum(_smooth(direct, 12), 0) + np.float32(0.005)
    seen = -np.log(direct + scattered)
    even = _smooth(seen, 8)
    seen += exposure.detail * (seen - _smooth(seen, 28)) - exposure.even * (even - even.mean())
    # the workstation finds its window itself, from the body in the middle of the field
    body = seen[20:-20:4, 28:-28:4]
    dark, bright = np.quantile(body[water[20:-20:4, 28:-28:4] > 45], (0.15, 0.9)).tolist()
    black, white = dark - exposure.black, bright + exposure.white
    side = metal.shape[0]
    large = Pillow.fromarray(seen).resize((side, side), Pillow.Resampling.BICUBIC)
    top, left = (side - rows) // 2, (side - columns) // 2
    cut = (slice(top, top + rows), slice(left, left + columns))
    picture = np.asarray(large, dtype=np.float32)[cut] + 0.8 * exposure.quality * metal[cut]
    picture -= black
    picture *= 1 / (white - black)
    texture = clouds(1)
    y, x = (
        rng.integers(0, texture.shape[0] - min(rows, 512) + 1),
        rng.integers(0, texture.shape[1] - min(columns, 512) + 1),
    )
    grain = texture[y : y + rows, x : x + columns]
    if grain.shape != (rows, columns):
        grain = np.tile(texture, (-(-rows // 512), -(-columns // 512)))[:rows, :columns]
    picture += grain * (exposure.noise * (0.55 + 1.5 * np.clip(picture, 0, 1)))
    picture = np.clip(picture, 0, 1)
    # an S-shaped curve, as films had and displays imitate
    curve = _curve(exposure.gamma)
    return curve[(picture * 4095).astype(np.int16)]


def _curve(gamma: float) -> NDArray[np.uint8]:
    x = np.linspace(0, 1, 4096)
    x = x**gamma
    shaped = 0.45 * x + 0.55 * (3 * x * x - 2 * x**3)
    return np.asarray(np.clip(shaped * 252 + 2, 0, 255), dtype=np.uint8)
