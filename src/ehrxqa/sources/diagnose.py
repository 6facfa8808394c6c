"""After the fast reader has stopped: which line of which file is at fault, and why.

Values are never quoted in the message: they may belong to a patient.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from ehrxqa.errors import SourceError
from ehrxqa.sources.catalogue import Form, SourceColumn, SourceFile, SourceKind
from ehrxqa.sources.opened import open_bytes
from ehrxqa.sources.text import NULL_WORDS, is_integer_text, is_number_text

__all__ = ["diagnose"]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?", re.ASCII)

_CHECKS: dict[SourceKind, tuple[Callable[[str], bool], str]] = {
    SourceKind.INT: (is_integer_text, "is not an integer"),
    SourceKind.NUM: (is_number_text, "is not a number"),
    SourceKind.TIME: (lambda text: _TIME.fullmatch(text) is not None, "is not a time (YYYY-MM-DD HH:MM:SS)"),
    SourceKind.DATE: (lambda text: _TIME.fullmatch(text) is not None, "is not a date (YYYY-MM-DD)"),
    SourceKind.TEXT: (lambda text: True, ""),
}


def diagnose(path: Path, file: SourceFile, columns: Sequence[SourceColumn], error: Exception) -> SourceError:
    """Read `path` line by line and say what is wrong with the first row that is not as declared."""
    nulls = set(NULL_WORDS)
    try:
        with open_bytes(path) as stream:
            rows = csv.reader(_decoded(stream, path), delimiter="\t" if file.form is Form.TSV else ",", strict=True)
            header = next(rows)
            places = [(header.index(column.name), column) for column in columns]
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    return SourceError(
                        f"expected {len(header)} fields, found {len(row)}; the row is damaged or the file cut off",
                        path=path,
                        line=rows.line_num,
                    )
                for place, column in places:
                    value = row[place]
                    if value in nulls:
                        if not column.nullable:
                            message = f"{column.name} is empty, but must have a value"
                            return SourceError(message, path=path, line=rows.line_num)
                        continue
                    check, complaint = _CHECKS[column.kind]
                    if not check(value.strip()):
                        return SourceError(f"{column.name} {complaint}", path=path, line=rows.line_num)
    except SourceError as found:
        return found
    except csv.Error as found:
        return SourceError(f"is not sound CSV ({found})", path=path, line=rows.line_num)
    reason = re.sub(r"\s+", " ", str(error).split(":")[0])
    return SourceError(f"cannot be parsed ({reason})", path=path)


def _decoded(stream: IO[bytes], path: Path) -> Iterator[str]:
    """The lines of a text; a byte that is not UTF-8 is named with its place."""
    for number, line in enumerate(io.BufferedReader(cast(Any, stream)), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(
                f"byte {error.start + 1:,} of the line is not UTF-8 text (was it saved by an editor of Windows?); save "
                "it as UTF-8, or download it again",
                path=path,
                line=number,
            ) from error
