"""What is safe to show: signs that steer a terminal are shown, not sent; and a reader who has gone stops no work."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, Final

__all__ = ["Forgiving", "Visible", "in_notebook", "visible"]

_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
} | {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def visible(text: str) -> str:
    r"""A text without signs that steer a terminal, turn its direction, or that UTF-8 cannot hold; each is written out.

    >>> visible("red \x1b[31m, bell \x07, half an emoji \ud83d")
    'red \\x1b[31m, bell \\x07, half an emoji \\ud83d'
    """
    return text.translate(_CONTROLS).encode("utf-8", "backslashreplace").decode()


def in_notebook() -> bool:
    """Whether a Jupyter notebook runs this, which shows HTML. IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class Forgiving:
    """A stream as it is, but when its reader has gone: what is said there never ends work."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if anybody reads."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody reads."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Visible:
    """A terminal that is sent nothing but text."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text as `visible` makes it."""
        self._stream.write(visible(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
