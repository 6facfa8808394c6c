"""Pictures for models: the pixels of an X-ray and nothing else, in a size that a model can take."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from ehrxqa.agents.results import Picture
from ehrxqa.vqa.image_paths import grey_picture

__all__ = ["MOST_SIDE", "picture_of"]

#: Longest side of a picture that is given out, in pixels.
MOST_SIDE: Final = 1024


def picture_of(path: Path, study: int, side: int) -> Picture:
    """The picture in a file, in shades of grey, as PNG whose longest side has at most `side` pixels.

    Only pixels are copied: comments, EXIF, profiles and the name of the file stay behind.

    Raises:
        VqaError: The file is no picture, or larger than any X-ray.
    """
    clean = grey_picture(path, side, f"the picture of study {study}")
    data = io.BytesIO()
    clean.save(data, format="PNG")
    return Picture(str(study), clean.width, clean.height, data.getvalue())
