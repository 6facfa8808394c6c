"""From water along the rays to grey values: attenuation, scatter, noise, and how a workstation shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ehrxqa.hospital.xray.rays import Field, Window, clouds

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


def _cells(field: Field, size: int, part: Field) -> Field:
    """What a coarse grid of `size` sees of a field that is given in a part of it, and goes on in its rows beyond."""
    image, share = (
        np.asarray(Pillow.fromarray(each).resize((size, size), Pillow.Resampling.BOX)) for each in (field, part)
    )
    return _continued(image / np.maximum(share, np.float32(1e-3)), share > 0.05)


def _larger(cells: Field, size: int) -> Field:
    """A coarse grid as a field of `size`, smooth."""
    return np.array(Pillow.fromarray(cells).resize((size, size), Pillow.Resampling.BICUBIC), dtype=np.float32)


def _spread(field: Field) -> Field:
    """A field spread over a twelfth of the picture, without the waves of a sharper kernel."""
    image = Pillow.fromarray(field)
    for cells in (12, 36):
        image = image.resize((cells, cells), Pillow.Resampling.BOX if cells == 12 else Pillow.Resampling.BILINEAR)
    return np.array(image.resize(field.shape[::-1], Pillow.Resampling.BILINEAR), dtype=np.float32)


def _continued(cells: Field, known: NDArray[np.bool_]) -> Field:
    """Cells, where they are not known those of the nearest column of the row that is."""
    size = cells.shape[1]
    at = np.arange(size)
    before = np.maximum.accumulate(np.where(known, at, -size), axis=1)
    after = np.minimum.accumulate(np.where(known, at, 2 * size)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(at - before <= after - at, before, after)
    whole: Field = np.take_along_axis(cells, np.clip(nearest, 0, size - 1), axis=1)
    return whole


def developed(
    rng: np.random.Generator,
    water: Field,
    metal: tuple[Window, Field] | None,
    exposure: Exposure,
    rows: int,
    columns: int,
) -> NDArray[np.uint8]:
    """The grey picture of what the rays met.

    Args:
        rng: Chance of the noise.
        water: mm of water on the coarse grid.
        metal: mm of water of sharp things, in a window of a grid as large as the longer side of the file.
        exposure: How it was taken.
        rows: Height of the file, cut from the middle of the square.
        columns: Its width.
    """
    seen = np.clip(water, 0, 420)
    seen *= np.float32(-exposure.quality)
    np.exp(seen, out=seen)
    body = (water > 8).astype(np.float32)
    scattered = _spread(seen * body)
    scattered *= np.float32(exposure.scatter)
    scattered += np.float32(0.005)
    seen += scattered
    np.log(seen, out=seen)
    np.negative(seen, out=seen)
    # the air around the body would draw a halo along its edge
    lungs = float(np.quantile(seen[20:-20:4, 28:-28:4], 0.25))
    bodily = np.maximum(seen, np.float32(lungs))
    bodily *= body
    fine, even = _cells(bodily, 28, body), _larger(_cells(bodily, 8, body), 28)
    seen *= np.float32(1 + exposure.detail)
    seen -= _larger(np.float32(exposure.detail) * fine + np.float32(exposure.even) * even, len(seen))
    # the workstation finds its window itself, from the body in the middle of the field
    middle = seen[20:-20:4, 28:-28:4]
    dark, bright = np.quantile(middle[water[20:-20:4, 28:-28:4] > 45], (0.15, 0.9)).tolist()
    black, white = dark - exposure.black, bright + exposure.white
    scale = 1 / (white - black)
    seen -= np.float32(black)
    seen *= np.float32(scale)
    picture = _enlarged(seen, rows, columns)
    if metal is not None:
        _add(picture, metal[0], metal[1] * np.float32(0.8 * exposure.quality * scale), max(rows, columns))
    grain = np.clip(picture, 0, 1)
    grain *= np.float32(1.5 * exposure.noise)
    grain += np.float32(0.55 * exposure.noise)
    grain *= _grain(rng, rows, columns)
    picture += grain
    np.clip(picture, 0, 1, out=picture)
    picture *= np.float32(4095)
    # an S-shaped curve, as films had and displays imitate
    return _curve(exposure.gamma)[picture.astype(np.int16)]


def _enlarged(seen: Field, rows: int, columns: int) -> Field:
    """The middle of a field, on the grid of the file."""
    grid, side = seen.shape[0], max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    share = grid / side
    box = (left * share, top * share, (left + columns) * share, (top + rows) * share)
    large = Pillow.fromarray(seen).resize((columns, rows), Pillow.Resampling.BICUBIC, box=box)
    return np.array(large, dtype=np.float32)


def _add(picture: Field, window: Window, more: Field, side: int) -> None:
    """Add what is given in a window of a square of `side`, from whose middle the picture is cut."""
    target, source = [], []
    for part, length in zip(window, picture.shape, strict=True):
        before = (side - length) // 2
        first, last = max(part.start - before, 0), min(part.stop - before, length)
        target.append(slice(first, max(last, first)))
        source.append(slice(first + before - part.start, max(last, first) + before - part.start))
    picture[target[0], target[1]] += more[source[0], source[1]]


def _grain(rng: np.random.Generator, rows: int, columns: int) -> Field:
    """Noise of mean 0 and deviation 1: a cut of a fixed field, repeated where the picture is larger."""
    texture = clouds(1)
    y, x = (int(rng.integers(0, texture.shape[0] - min(length, 512) + 1)) for length in (rows, columns))
    grain = texture[y : y + rows, x : x + columns]
    if grain.shape != (rows, columns):
        grain = np.tile(texture, (-(-rows // 512), -(-columns // 512)))[:rows, :columns]
    return grain


def _curve(gamma: float) -> NDArray[np.uint8]:
    x = np.linspace(0, 1, 4096) ** gamma
    shaped = 0.45 * x + 0.55 * (3 * x * x - 2 * x**3)
    return np.asarray(np.clip(shaped * 252 + 2, 0, 255), dtype=np.uint8)
