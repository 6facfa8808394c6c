"""X-rays as small square grey pictures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import VqaError
from ehrxqa.files import disk_errors
from ehrxqa.progress import SILENT, Progress

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Pixels", "grey", "read_pictures"]

#: Bytes of pictures that are kept in memory; more lie in a file.
MOST_IN_MEMORY: Final = 2 << 30

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


def read_pictures(paths: Sequence[Path], size: int, *, work: Path | None = None, progress: Progress = SILENT) -> Pixels:
    """Many pictures, in the order of `paths`; (images, size, size).

    Args:
        paths: The files.
        size: Pixels of a side.
        work: Folder for a nameless file that holds them where they are too many for memory; it goes with the array.
        progress: Told how far it is.

    Raises:
        VqaError: One of them is missing or damaged.
        BuildError: The disk is full.
    """
    pictures = _room((len(paths), size, size), work)
    with (
        progress.task("pictures", total=len(paths), unit="images") as task,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,  # decoding gives the interpreter free
    ):
        for row, picture in enumerate(pool.map(lambda path: grey(path, size), paths)):
            pictures[row] = picture
            task.advance()
    return pictures


def _room(shape: tuple[int, int, int], work: Path | None) -> Pixels:
    """Room for pictures: in memory, or in a file of `work` if it would take too much."""
    total = int(np.prod(shape, dtype=np.int64))
    if work is None or total <= MOST_IN_MEMORY:
        return np.empty(shape, np.uint8)
    with disk_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work) as stream:
            if hasattr(os, "posix_fallocate"):  # a full disk is told now rather than in the middle
                os.posix_fallocate(stream.fileno(), 0, total)
            return np.memmap(stream, np.uint8, "r+", shape=shape)
