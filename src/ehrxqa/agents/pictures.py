"""Pictures for models: the pixels of an X-ray and nothing else, in a size that a model can take."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from ehrxqa.agents.results import Picture
from ehrxqa.errors import VqaError

__all__ = ["MOST_SIDE", "picture_of"]

#: Longest side of a picture that is given out, in pixels.
MOST_SIDE: Final = 1024
#: Pixels of a file that is opened: the largest X-rays have some 10 million.
_MOST_PIXELS: Final = 64_000_000


def picture_of(path: Path, study: int, side: int) -> Picture:
    """The picture in a file, in shades of grey, as PNG whose longest side has at most `side` pixels.

    Only pixels are copied: comments, EXIF, profiles and the name of the file stay behind.

    Raises:
        VqaError: The file is no picture, or larger than any X-ray.
    """
    from PIL import Image, UnidentifiedImageError  # where pictures are shown

    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise VqaError(f"the picture of study {study} has more than {_MOST_PIXELS:,} pixels")
            opened.draft("L", (side, side))
            grey = opened.convert("L")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        raise VqaError(f"the picture of study {study} cannot be read ({type(error).__name__})") from None
    grey.thumbnail((side, side))
    clean = Image.frombytes("L", grey.size, grey.tobytes())
    data = io.BytesIO()
    clean.save(data, format="PNG")
    return Picture(str(study), clean.width, clean.height, data.getvalue())
