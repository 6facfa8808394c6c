"""A picture in the making: brightness in the 224 frame, and sharp strokes for what is thinner than a pixel.

Brightness runs from 0 (air, black) to 1 (metal, white). Broad shapes are fields on the 224 × 224 grid;
strokes go on separate layers at the resolution of the file and are laid over at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from ehrxqa.hospital.anatomy import FRAME, Anatomy, Box

__all__ = ["Canvas", "Field", "Point", "clouds", "soft"]

Field = NDArray[np.float32]
Point = tuple[float, float]

_ROWS = np.arange(FRAME, dtype=np.float32)[:, None]
_COLUMNS = np.arange(FRAME, dtype=np.float32)[None, :]


def soft(distance: NDArray[np.floating], width: float = 1.5) -> Field:
    """A smooth step: 0 far below zero, 1 far above, over about `width` pixels on each side."""
    return np.asarray(np.clip(distance * (0.5 / width) + 0.5, 0, 1), dtype=np.float32)


@cache
def clouds(scale: int) -> Field:
    """A fixed cloudy texture, 512 × 512, mean 0 and deviation 1, with features of about `scale` pixels."""
    rng = np.random.Generator(np.random.PCG64(scale))
    size = 512
    coarse = rng.standard_normal((size // scale, size // scale)).astype(np.float32)
    wrapped = np.pad(coarse, 3, mode="wrap")
    image = Pillow.fromarray(wrapped).resize(
        (wrapped.shape[1] * scale, wrapped.shape[0] * scale), Pillow.Resampling.BICUBIC
    )
    field = np.asarray(image, dtype=np.float32)[3 * scale : 3 * scale + size, 3 * scale : 3 * scale + size]
    return np.ascontiguousarray((field - field.mean()) / field.std())


class Canvas:
    """The picture of one image while it is painted.

    Attributes:
        value: Brightness on the 224 grid.
        rows, columns: y of each row (224 × 1) and x of each column (1 × 224).
        lungs: Side → how much of a pixel is lung, 0 to 1.
        rng: Where painters take their chance from.
    """

    def __init__(self, rng: np.random.Generator, chest: Anatomy, boxes: dict[str, Box], side: int) -> None:
        self.rng = rng
        self.chest = chest
        self.boxes = boxes
        self.rows = _ROWS
        self.columns = _COLUMNS
        self.value: Field = np.zeros((FRAME, FRAME), dtype=np.float32)
        self.lungs: dict[str, Field] = {}
        self.scale = side / FRAME
        self._side = side
        self._layers: dict[str, tuple[Pillow.Image, ImageDraw.ImageDraw]] = {}

    def cloud(self, scale: int) -> Field:
        """A 224 × 224 cut of the cloudy texture at a random place."""
        texture = clouds(scale)
        y, x = self.rng.integers(0, texture.shape[0] - FRAME, 2).tolist()
        return texture[y : y + FRAME, x : x + FRAME]

    def blend(self, mask: Field, brightness: float) -> None:
        """Move the picture towards a brightness where the mask is."""
        self.value += mask * (brightness - self.value)

    def hill(self, x: float, y: float, sx: float, sy: float, power: int = 2) -> Field:
        """A smooth hill, 1 at its centre; the higher the (even) power, the flatter its top."""
        across = np.exp(-(np.abs((self.columns - x) / sx) ** power))
        down = np.exp(-(np.abs((self.rows - y) / sy) ** power))
        return np.asarray(down * across, dtype=np.float32)

    def over(self, box: Box, spread: float = 0.55, power: int = 4) -> Field:
        """A hill over a box."""
        x1, y1, x2, y2 = box
        return self.hill((x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, 4) * spread, max(y2 - y1, 4) * spread, power)

    def disc(self, x: float, y: float, radius: float, edge: float = 0.8) -> Field:
        """A disc with a soft edge."""
        mask = np.zeros((FRAME, FRAME), dtype=np.float32)
        reach = radius + edge + 1
        y1, y2 = (min(max(int(y + d), 0), FRAME) for d in (-reach, reach + 1))
        x1, x2 = (min(max(int(x + d), 0), FRAME) for d in (-reach, reach + 1))
        if y1 < y2 and x1 < x2:
            mask[y1:y2, x1:x2] = soft(radius - np.hypot(self.columns[:, x1:x2] - x, self.rows[y1:y2] - y), edge)
        return mask

    def _layer(self, name: str) -> ImageDraw.ImageDraw:
        if name not in self._layers:
            image = Pillow.new("L", (self._side, self._side))
            self._layers[name] = (image, ImageDraw.Draw(image))
        return self._layers[name][1]

    def stroke(self, points: Sequence[Point], width: float, strength: float, *, dark: bool = False) -> None:
        """A line through points of the 224 frame; width in pixels of that frame, strength 0 to 1."""
        places = [(x * self.scale, y * self.scale) for x, y in points]
        thick = max(1, round(width * self.scale))
        self._layer("dark" if dark else "bright").line(places, fill=int(255 * strength), width=thick, joint="curve")

    def curve(self, points: Sequence[Point], width: float, strength: float, *, dark: bool = False) -> None:
        """A smooth line near the given points (two rounds of corner cutting)."""
        path = list(points)
        for _ in range(2):
            cut: list[Point] = [path[0]]
            for (x1, y1), (x2, y2) in pairwise(path):
                cut += [(0.75 * x1 + 0.25 * x2, 0.75 * y1 + 0.25 * y2), (0.25 * x1 + 0.75 * x2, 0.25 * y1 + 0.75 * y2)]
            path = [*cut, path[-1]]
        self.stroke(path, width, strength, dark=dark)

    def ring(
        self, x: float, y: float, rx: float, ry: float, width: float, strength: float, *, dark: bool = False
    ) -> None:
        """The outline of an ellipse."""
        box = [(x - rx) * self.scale, (y - ry) * self.scale, (x + rx) * self.scale, (y + ry) * self.scale]
        thick = max(1, round(width * self.scale))
        self._layer("dark" if dark else "bright").ellipse(box, outline=int(255 * strength), width=thick)

    def block(self, x1: float, y1: float, x2: float, y2: float, strength: float, radius: float = 0.0) -> None:
        """A filled rectangle with rounded corners."""
        box = [v * self.scale for v in (x1, y1, x2, y2)]
        self._layer("bright").rounded_rectangle(box, radius=radius * self.scale, fill=int(255 * strength))

    def finished(self, rows: int, columns: int, *, noise: float, blur: float) -> NDArray[np.uint8]:
        """The picture at its final size: enlarged, strokes laid over, grain added, cut from the square."""
        side = self._side
        image = Pillow.fromarray(self.value).resize((side, side), Pillow.Resampling.BICUBIC)
        picture = np.array(image, dtype=np.float32)
        for name, (layer, _) in self._layers.items():
            strokes = np.asarray(layer.filter(ImageFilter.BoxBlur(0.8 + blur)), dtype=np.float32) / 255
            if name == "dark":
                picture -= strokes * 0.45 * np.maximum(picture, 0.15)
            else:
                picture += strokes * (1.02 - picture)
        texture = clouds(1)
        y, x = self.rng.integers(0, texture.shape[0] - side + 1, 2).tolist() if side < texture.shape[0] else (0, 0)
        picture += noise * texture[y : y + side, x : x + side]
        top, left = (side - rows) // 2, (side - columns) // 2
        cut = picture[top : top + rows, left : left + columns]
        return np.asarray(np.clip(cut * 255, 0, 255), dtype=np.uint8)
