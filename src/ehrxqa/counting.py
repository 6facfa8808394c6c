"""How many of what, in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with what is counted, in the singular or plural.

    Args:
        number: How many.
        one: What one of them is called, perhaps with a verb: "image question", "id is".
        many: What several are called, if the end of `one` does not tell.

    >>> counted(1, "row"), counted(0, "query"), counted(1234, "study"), counted(1, "id is", "ids are")
    ('1 row', '0 queries', '1,234 studies', '1 id is')
    """
    if number == 1:
        return f"1 {one}"
    if many is None:
        many = f"{one[:-1]}ies" if one.endswith("y") and one[-2:-1] not in "aeou" else f"{one}s"
    return f"{number:,} {many}"
