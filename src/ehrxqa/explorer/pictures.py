"""The pictures of images: files as MIMIC-CXR-JPG holds them, and small ones made when first asked for."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from PIL import Image

from ehrxqa.errors import SourceError

__all__ = ["THUMBNAIL_PX", "Thumbnails", "picture_size"]

#: Longest edge of a small picture.
THUMBNAIL_PX: Final = 256
_QUALITY: Final = 82


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture in pixels; reads its header only.

    Raises:
        SourceError: It is no picture.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, Image.DecompressionBombError) as error:
        raise SourceError("is not a picture that can be read; download it again", path=path) from error


class Thumbnails:
    """Small pictures, of which so many are kept; may be asked from any thread.

    Args:
        kept: How many are kept; each takes some 10 kB.
    """

    def __init__(self, kept: int = 1_000) -> None:
        self._kept = kept
        self._known: OrderedDict[Path, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path) -> bytes:
        """The small picture of a picture, as JPEG.

        Raises:
            SourceError: It is no picture.
        """
        with self._lock:
            if path in self._known:
                self._known.move_to_end(path)
                return self._known[path]
        made = _small(path)
        with self._lock:
            self._known[path] = made
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return made


def _small(path: Path) -> bytes:
    try:
        with Image.open(path) as image:
            image.draft("L", (THUMBNAIL_PX, THUMBNAIL_PX))  # JPEG is decoded at a fraction of its size
            grey = image.convert("L")
        grey.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        out = io.BytesIO()
        grey.save(out, "JPEG", quality=_QUALITY)
    except (OSError, Image.DecompressionBombError) as error:
        raise SourceError("is not a picture that can be read; download it again", path=path) from error
    return out.getvalue()
