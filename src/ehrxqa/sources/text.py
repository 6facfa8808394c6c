"""How the official builder's reader sees a text cell: which words mean null, and what is a number.

The official builder reads with pandas 1.x; these are its rules, stated so that no pandas is needed.
"""

from __future__ import annotations

import re

__all__ = ["NULL_WORDS", "is_integer_text", "is_number_text", "lowered"]

#: Cells that read as null, quoted or not. `None` and `none` are text.
NULL_WORDS = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "n/a",
    "nan",
    "null",
)

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_NUMBER = re.compile(
    r"\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity)\s*", re.ASCII | re.IGNORECASE
)


def lowered(text: str) -> str:
    """A cell of a MIMIC-IV table as every rule sees it: lower-cased, then stripped.

    >>> lowered("  Mg/dL ")
    'mg/dl'
    """
    return text.lower().strip()


def is_integer_text(text: str) -> bool:
    """Whether the reader takes the cell for an integer.

    >>> is_integer_text("007"), is_integer_text("5.0")
    (True, False)
    """
    return _INTEGER.fullmatch(text) is not None and len(text) < 1000 and -(2**63) <= int(text) < 2**63


def is_number_text(text: str) -> bool:
    """Whether the reader takes the cell for a number, integer or not.

    >>> is_number_text("5.0"), is_number_text("1e3"), is_number_text("1-2"), is_number_text("1,000")
    (True, True, False, False)
    """
    return _NUMBER.fullmatch(text) is not None
