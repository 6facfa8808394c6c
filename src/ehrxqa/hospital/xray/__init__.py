"""Drawing chest X-rays that show their labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.anatomy import FRAME, Anatomy, boxes_of
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.graphs import original_box
from ehrxqa.hospital.studies import Image

__all__ = ["draw", "write_jpeg"]


def draw(
    rng: np.random.Generator, chest: Anatomy, image: Image, findings: tuple[Finding, ...], *, portable: bool, gender: str
) -> NDArray[np.uint8]:
    """The picture of an image, shape (rows, columns)."""
    picture = np.full((image.rows, image.columns), 150.0)
    boxes = boxes_of(chest)
    for name in ("left lung", "right lung"):
        x1, y1, x2, y2 = original_box(boxes[name], image.rows, image.columns)
        picture[y1:y2, x1:x2] = 60
    return picture.astype(np.uint8)


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an 8-bit grey JPEG, whole or not at all."""
    from PIL import Image as Pillow

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    Pillow.fromarray(picture).save(part, format="JPEG", quality=85)
    os.replace(part, path)
