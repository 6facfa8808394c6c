"""Names and values that a report may show: where something is, never whom it is about."""

from __future__ import annotations

import re

__all__ = ["IMAGE_ID", "made_up_image_id", "made_up_number", "masked"]

#: MIMIC-CXR image id (DICOM id): five groups of eight hexadecimal digits.
IMAGE_ID = re.compile(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{8}){4}(?![0-9a-zA-Z])")

_NUMBER = re.compile(r"(?<!\d)([1235]\d)\d{6}(?!\d)")


def masked(text: str) -> str:
    """Text with all that looks like a MIMIC number or image id made unreadable.

    >>> masked("files/p19/p19191919/s58585858/0a0a0a0a-1b1b1b1b-0a0a0a0a-1b1b1b1b-0a0a0a0a.jpg")
    'files/p19/p19••••••/s58••••••/••••••••-….jpg'
    """
    return _NUMBER.sub(r"\1••••••", IMAGE_ID.sub("••••••••-…", text))


def made_up_number(digits: str) -> bool:
    """Whether an eight-digit number is plainly an example: 12345678, 19999999, 50000008.

    One real number in some 1,500 has so few different digits; a real table has others beside it.

    >>> [made_up_number(text) for text in ("12345678", "19999999", "50000008", "19283746")]
    [True, True, True, False]
    """
    return len(set(digits)) <= 2 or "000000" in digits or digits in "12345678987654321"


def made_up_image_id(image_id: str) -> bool:
    """Whether an image id is plainly an example: few different digits in all or in each group, or counted up.

    Of random ids, fewer than one in a million has fewer than nine different digits.

    >>> made_up_image_id("0a0a0a0a-1b1b1b1b-2c2c2c2c-3d3d3d3d-00000001")
    True
    """
    groups = image_id.lower().split("-")
    digits = "".join(groups)
    return (
        len(set(digits)) < 9
        or all(len(set(group)) <= 2 for group in groups)
        or digits[:16] in "0123456789abcdef0123456789abcdef"
    )
