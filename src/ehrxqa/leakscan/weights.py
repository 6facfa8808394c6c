"""Weights of models: a safetensors file says in its header whether `ehrxqa vqa train` fitted it to real X-rays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ehrxqa.json_files import json_value
from ehrxqa.layout import TRAINED_ON_SYNTHETIC
from ehrxqa.leakscan.binary_tables import UnreadError
from ehrxqa.leakscan.rules import Hit

__all__ = ["is_weights", "weights_hits"]

#: As the format allows.
_LONGEST_HEADER: Final = 100_000_000


def is_weights(data: bytes) -> bool:
    """Whether a file is one of safetensors: eight bytes of length, then a JSON object."""
    return data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= _LONGEST_HEADER


def weights_hits(data: bytes) -> Iterator[Hit]:
    """Weights fitted to real X-rays.

    Raises:
        UnreadError: They do not say what they were fitted to.
    """
    try:
        header: Any = json_value(data[8 : 8 + int.from_bytes(data[:8], "little")])
        says = header["__metadata__"][TRAINED_ON_SYNTHETIC]
    except (ValueError, KeyError, TypeError):
        says = None
    if says == "false":
        yield Hit("trained-model", None, "weights that `ehrxqa vqa train` fitted to real X-rays")
    elif says != "true":
        raise UnreadError("weights that do not say what they were trained on")
