"""X-rays as small square grey pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import VqaError
from ehrxqa.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Pixels", "grey", "read_pictures"]

#: Pictures of 8-bit grey values, (images, size, size).
Pixels = npt.NDArray[np.uint8]


def grey(path: Path, size: int) -> Pixels:
    """A picture squeezed to `size` × `size` pixels, each the mean of what it covers; (size, size).

    Raises:
        VqaError: The file is missing or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.draft("L", (2 * size, 2 * size))  # a JPEG need not be decoded in full
            return np.asarray(_eight_bits(picture).resize((size, size), Image.Resampling.BOX))
    except (OSError, SyntaxError, ValueError) as error:
        raise VqaError(f"{path} is not a readable image ({type(error).__name__})") from error


def _eight_bits(picture: Image) -> Image:
    """Grey values from 0 to 255, whatever the file has."""
    if picture.mode.startswith("I"):  # 16 bits: PIL would cut them off instead of scaling
        from PIL import Image

        values = np.asarray(picture, dtype=np.float64)
        return Image.fromarray((values / max(values.max(), 1.0) * 255).astype(np.uint8))
    return picture.convert("L")


def read_pictures(paths: Sequence[Path], size: int, *, progress: Progress = SILENT) -> Pixels:
    """Many pictures, in the order of `paths`; (images, size, size).

    Raises:
        VqaError: One of them is missing or damaged.
    """
    pictures = np.empty((len(paths), size, size), np.uint8)
    with (
        progress.task("pictures", total=len(paths), unit="images") as task,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,  # decoding gives the interpreter free
    ):
        for row, picture in enumerate(pool.map(lambda path: grey(path, size), paths)):
            pictures[row] = picture
            task.advance()
    return pictures
