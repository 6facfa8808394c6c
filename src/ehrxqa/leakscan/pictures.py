"""Pictures: what is written beside them is read; whether a grey one is an X-ray, only people can say."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from ehrxqa.leakscan.binary_tables import UnreadError
from ehrxqa.leakscan.rules import Hit, text_hits

__all__ = ["picture_hits"]

#: A grey picture of at least so many pixels on its shorter side may be an X-ray.
_SMALLEST = 256
#: Of a coloured picture whose channels are the same, it may be one too.
_SAMPLE = 64


def picture_hits(data: bytes) -> Iterator[Hit]:
    """What the comments and tags of a picture hold.

    Raises:
        UnreadError: It cannot be opened, or it is a large grey picture, which may be an X-ray.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.draft("L", (1024, 1024))  # a large JPEG is read at a fraction of its size
            texts = [str(value) for value in (*picture.info.values(), *picture.getexif().values())]
            size, grey = picture.size, _grey(picture)
    except Exception as error:  # a damaged picture fails in many ways
        raise UnreadError("a picture that cannot be read") from error
    for hit in text_hits("\n".join(texts)):
        yield Hit(hit.rule, None, f"beside a picture: {hit.what}")
    if grey and min(size) >= _SMALLEST:
        raise UnreadError(f"a grey picture of {size[0]} × {size[1]} pixels, which may be an X-ray: look at it")


def _grey(picture: Any) -> bool:
    if picture.mode in ("L", "I", "I;16", "LA", "F"):
        return _many_shades(picture.convert("L"))
    small = picture.convert("RGB").resize((_SAMPLE, _SAMPLE))
    red, green, blue = (channel.tobytes() for channel in small.split())
    near = sum(max(a, b, c) - min(a, b, c) <= 2 for a, b, c in zip(red, green, blue, strict=True))
    return near == _SAMPLE * _SAMPLE and _many_shades(small.convert("L"))


def _many_shades(picture: Any) -> bool:
    """Whether it is shaded like a photograph, not drawn with a few greys like a diagram."""
    counts = sorted(picture.resize((_SAMPLE * 2, _SAMPLE * 2)).histogram(), reverse=True)
    return bool(sum(counts[:4]) < 0.6 * sum(counts))
