"""Reading JSON that others wrote: every fault becomes one line that names the file and the place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError

__all__ = ["lone_surrogate", "parse_json", "read_json", "read_text"]

Hook = Callable[[list[tuple[str, Any]]], Any]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors write.

    Raises:
        RecordError: It is missing, a folder, not readable, empty, or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise RecordError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise RecordError(f"{path}: cannot be read: it is a folder, not a file") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{path}: cannot be read as UTF-8 text (byte {error.start + 1:,}); save it as UTF-8"
        ) from error
    if not text.strip():
        raise RecordError(f"{path}: is empty")
    return text


def parse_json(path: Path, text: str, *, where: str = "", hook: Hook | None = None) -> Any:
    """The value of a JSON text.

    Args:
        path: File it comes from, for messages.
        text: To read.
        where: Place of the text in the file (`line 3: `), if it is not the whole file.
        hook: What makes an object from its pairs.

    Raises:
        RecordError: It is no JSON, or is nested too deeply, or holds a number too long to be one.
    """
    try:
        return json.loads(text, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if not where else f"column {error.colno}"
        cut = "; the file seems to be cut off" if not where and _cut_off(text, error) else ""
        raise RecordError(f"{path}: {where}is not JSON at {place} ({error.msg}){cut}") from None
    except RecursionError:
        raise RecordError(f"{path}: {where}is nested too deeply to be a file of questions or answers") from None
    except ValueError:  # Python refuses numbers of more than some thousand digits
        raise RecordError(f"{path}: {where}holds a number of thousands of digits") from None


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        RecordError: It cannot be read or is no JSON; names the place.
    """
    return parse_json(path, read_text(path))


def _cut_off(text: str, error: json.JSONDecodeError) -> bool:
    """Whether reading stopped because nothing more comes."""
    return error.msg.startswith("Unterminated string") or not text[error.pos :].strip()


def lone_surrogate(values: Iterable[Any]) -> int | None:
    """The number, from 0, of the first value with half of a surrogate pair, which no UTF-8 file can hold."""
    for number, value in enumerate(values):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return number
    return None
