"""JSON as it is read and written everywhere: every fault of a file becomes one line that names it and the place.

What others wrote may hold anything that JSON allows and little of it is expected: half of a surrogate pair, numbers of
thousands of digits, brackets within brackets without end. What we write can be read again by any reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ehrxqa.errors import EhrxqaError, RecordError

__all__ = [
    "converted",
    "decoded_file",
    "json_text",
    "json_value",
    "lone_surrogate",
    "parse_json",
    "parse_json_lines",
    "read_as",
    "read_ids",
    "read_json",
    "read_json_lines",
    "read_text",
]

Hook = Callable[[list[tuple[str, Any]]], Any]
Fault = Callable[[str], EhrxqaError]

_T = TypeVar("_T")


def read_text(path: Path, *, fault: Fault = RecordError) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors write.

    Args:
        path: The file.
        fault: Makes the error of a message.

    Raises:
        RecordError: It is missing, a folder, not readable, empty, or not UTF-8.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise fault(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise fault(f"{path}: cannot be read: it is a folder, not a file") from error
    except OSError as error:
        raise fault(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault(
            f"{path}: cannot be read as UTF-8 text (line {line:,}, byte {error.start + 1:,}); save it as UTF-8"
        ) from error
    if not text.strip():
        raise fault(f"{path}: is empty")
    return text


def parse_json(
    path: Path, text: str | bytes, *, where: str = "", hook: Hook | None = None, fault: Fault = RecordError
) -> Any:
    """The value of a JSON text.

    Args:
        path: File it comes from, for messages.
        text: To read.
        where: Place of the text in the file (`line 3: `), if it is not the whole file.
        hook: What makes an object from its pairs.
        fault: Makes the error of a message.

    Raises:
        RecordError: It is no JSON, or is nested too deeply, or holds a number too long to be one.
    """
    try:
        return json.loads(text, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if not where else f"column {error.colno}"
        cut = "; the file seems to be cut off" if not where and _cut_off(error) else ""
        raise fault(f"{path}: {where}is not JSON at {place} ({error.msg}){cut}") from None
    except UnicodeDecodeError:
        raise fault(f"{path}: {where}is not UTF-8 text") from None
    except RecursionError:
        raise fault(f"{path}: {where}is nested too deeply to be of use") from None
    except ValueError:  # Python refuses numbers of more than some thousand digits
        raise fault(f"{path}: {where}holds a number of thousands of digits") from None


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text that lies in no file: what a server or a model has said, or a part of a file.

    Raises:
        ValueError: It is no JSON, not UTF-8, nested too deeply, or holds a number too long to be one.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply to be of use") from None


def read_json(path: Path, *, fault: Fault = RecordError) -> Any:
    """The value of a JSON file.

    Raises:
        RecordError: It cannot be read or is no JSON; names the place.
    """
    return parse_json(path, read_text(path, fault=fault), fault=fault)


def read_ids(path: Path) -> list[str]:
    """The ids that a file lists: a JSON list, or one per line.

    Raises:
        RecordError: It cannot be read, or is no list.
    """
    text = read_text(path)
    if text.lstrip().startswith("{"):
        raise RecordError(f"{path}: holds JSON objects, not ids; give a JSON list of them, or one per line")
    values = parse_json(path, text) if text.lstrip().startswith("[") else text.split()
    if odd := [value for value in values if isinstance(value, bool) or not isinstance(value, str | int)]:
        raise RecordError(f"{path}: an id is a text or a whole number, not {json_text(odd[0])[:40]}")
    return [str(value) for value in values]


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON text a line, with their line numbers; empty lines are passed over.

    Lines end at line feeds alone: texts may hold the other characters at which some programs break lines.

    Raises:
        RecordError: The file cannot be read, or a line is no JSON; names the line.
    """
    yield from parse_json_lines(path, read_text(path))


def parse_json_lines(path: Path, text: str, *, fault: Fault = RecordError) -> Iterator[tuple[int, Any]]:
    """As `read_json_lines`, of the text of a file."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, parse_json(path, line, where=f"line {number:,}: ", fault=fault)


def read_as(kind: type[_T], path: Path, what: str, *, fault: Fault = RecordError) -> _T:
    """The value of a JSON file as one of our types.

    Args:
        kind: A dataclass, or whatever msgspec converts to.
        path: The file.
        what: What the file should be, with its article, for messages.
        fault: Makes the error of a message.

    Raises:
        RecordError: It cannot be read, is no JSON, or a part of it is of another type; names the part.
    """
    return converted(kind, read_json(path, fault=fault), path, what, fault=fault)


def decoded_file(kind: type[_T], path: Path, what: str) -> _T:
    """As `read_as`, at a tenth of the time where nothing is wrong: for files of hundreds of thousands of records."""
    import msgspec

    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read_as(kind, path, what)


def converted(kind: type[_T], value: Any, path: Path, what: str, *, where: str = "", fault: Fault = RecordError) -> _T:
    """As `read_as`, of a value from a file, at the place `where` (`line 3: `)."""
    import msgspec

    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise fault(f"{path}: {where}is not {what} ({error})") from None
    except (UnicodeEncodeError, OverflowError):
        raise fault(f"{path}: {where}is not {what} (a text or number in it that is none)") from None


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""A value as JSON, in characters that UTF-8 can hold.

    >>> json_text({"wörter": 1}), json_text(["ö", "\ud83d"])
    ('{"wörter": 1}', '["\\u00f6", "\\ud83d"]')
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if _whole(text) else json.dumps(value, indent=indent)


def lone_surrogate(values: Iterable[Any]) -> int | None:
    """The number, from 0, of the first value with half of a surrogate pair, which no UTF-8 file can hold."""
    for number, value in enumerate(values):
        if not _whole(json.dumps(value, ensure_ascii=False)):
            return number
    return None


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cut_off(error: json.JSONDecodeError) -> bool:
    """Whether reading stopped because nothing more comes."""
    return error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip()
