"""Source tables as streams of Arrow batches; a raw table is never held in memory.

Fast path: igzip inflates, Arrow parses only the columns that are used, with fixed types. When Arrow
stops, the file is read once more, slowly, to say which line is at fault and why (`diagnose.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from ehrxqa.errors import SourceError
from ehrxqa.sources.catalogue import Form, SourceColumn, SourceFile, SourceKind, source_file
from ehrxqa.sources.diagnose import diagnose
from ehrxqa.sources.opened import lent, open_bytes
from ehrxqa.sources.text import NULL_WORDS
from ehrxqa.sources.tree import SourceTree

__all__ = ["BLOCK_BYTES", "concatenate", "read_header", "read_table", "stream_table"]

#: Bytes of CSV text that are parsed at once. Larger blocks gain nothing; memory is a few blocks.
BLOCK_BYTES = 1 << 22

#: Names of characters between fields that nobody sees.
_MARKS = {"\t": "tabs", ",": "commas"}
_TEXT = pa.dictionary(pa.int32(), pa.utf8())
_ARROW_TYPES = {
    SourceKind.NUM: pa.float64(),
    SourceKind.TEXT: _TEXT,
    SourceKind.TIME: pa.timestamp("s"),
    SourceKind.DATE: pa.timestamp("s"),
}


def arrow_type(column: SourceColumn) -> pa.DataType:
    """Type a column is parsed to. An integer that may be null is a float, as in the official reader."""
    if column.kind is SourceKind.INT:
        return pa.float64() if column.nullable else pa.int64()
    return _ARROW_TYPES[column.kind]


def delimiter(file: SourceFile) -> str:
    """The character between fields."""
    return "\t" if file.form is Form.TSV else ","


def read_header(path: Path, file: SourceFile) -> list[str]:
    """The column names in the first line.

    Raises:
        SourceError: The file is empty, or columns that are used are missing.
    """
    with open_bytes(path) as stream:
        line = io.BufferedReader(cast(Any, stream)).readline(1 << 20)
    text = line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    try:
        names = next(csv.reader([text], delimiter=delimiter(file)), [])
    except csv.Error as error:
        raise SourceError(f"has a header that is not sound CSV ({error})", path=path, line=1) from error
    if not line.strip():
        raise SourceError("is empty, not even a header line", path=path)
    missing = [column.name for column in file.used if column.name not in names]
    other = next((mark for mark in ";\t|," if len(names) == 1 and len(text.split(mark)) > 1), None)
    if missing and other is not None:
        raise SourceError(
            f"has fields separated by {_MARKS.get(other, other)}, not {_MARKS[delimiter(file)]} (a spreadsheet may "
            "have saved it so); download it again",
            path=path,
            line=1,
        )
    if missing:
        raise SourceError(
            f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing (found {len(names)} columns); this "
            f"looks like another release, need {file.project.title} {file.project.version}",
            path=path,
        )
    double = sorted({name for name in names if name and names.count(name) > 1})
    if double:
        raise SourceError(f"column {', '.join(double)} occurs twice in the header", path=path)
    return names


def stream_table(
    tree: SourceTree,
    key: str | SourceFile,
    columns: Sequence[str] | None = None,
    *,
    as_text: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """The rows of a source table in file order, in batches.

    Args:
        tree: Where the files are.
        key: Catalogue key of the table, or a file that is none of the catalogue.
        columns: Columns wanted; all used ones if None. Batches have them in file order, without those that are named
            here, are not among the used ones, and are not in the file.
        as_text: Columns to give as text whatever their kind, for rules that depend on how a number is written.

    Yields:
        Batches with int64 (integers), float64 (numbers, and integers that may be null), timestamp[s] (times and
        dates) and dictionary-coded text.

    Raises:
        SourceError: The file is missing, damaged, of another release, has a ragged row or a bad value, or no rows.
    """
    file = source_file(key)
    path = tree.locate(key)
    header = read_header(path, file)
    wanted = [column for column in file.columns if (column.used if columns is None else column.name in columns)]
    by_name = {column.name: column for column in wanted}
    types = {column.name: pa.utf8() if column.name in as_text else arrow_type(column) for column in wanted}
    names = [name for name in header if name in by_name]
    rows = 0
    try:
        with open_bytes(path) as stream, lent(stream) as borrowed:
            reader = pa_csv.open_csv(
                borrowed.pop(),
                read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES),
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter(file), quote_char='"', double_quote=True, newlines_in_values=True
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=names,
                    column_types=types,
                    null_values=list(NULL_WORDS),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    timestamp_parsers=[pa_csv.ISO8601, " %Y-%m-%d %H:%M:%S ", " %Y-%m-%d "],
                ),
            )
            try:
                for batch in reader:
                    if batch.num_rows:
                        _require_values(batch, by_name, path, file, rows)
                        rows += batch.num_rows
                        yield batch
            finally:
                del reader
    except pa.ArrowInvalid as error:
        raise diagnose(path, file, [by_name[name] for name in names], error) from error
    if rows == 0:
        raise SourceError("has a header but no rows; the file is incomplete", path=path)


def _require_values(
    batch: pa.RecordBatch, columns: dict[str, SourceColumn], path: Path, file: SourceFile, rows_before: int
) -> None:
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if values.null_count and not columns[name].nullable:
            row = rows_before + next(i for i, valid in enumerate(values.is_valid().to_pylist()) if not valid) + 1
            raise SourceError(f"data row {row:,}: {name} is empty, but must have a value", path=path)


def read_table(tree: SourceTree, key: str | SourceFile, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole source table; for those that are small in every release (dictionaries, patients, admissions …)."""
    return pa.Table.from_batches(list(stream_table(tree, key, columns)))


def concatenate(parts: Sequence[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    """The parts of a column as one array; empty if there are none."""
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)
