"""Tables that are no text: Parquet, Feather, SQLite, spreadsheets, numpy arrays, pickles.

Nothing of a file is ever executed: a pickle is read as the list of its instructions, a database from a copy in memory
with none of its views and triggers used.
"""

from __future__ import annotations

import io
import pickletools
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from xml.etree import ElementTree

from ehrxqa.leakscan.columns import MOST_ROWS, array_hits, named_column, table_hits
from ehrxqa.leakscan.rules import Hit

__all__ = [
    "UnreadError",
    "database_hits",
    "feather_hits",
    "numpy_hits",
    "parquet_hits",
    "pickle_hits",
    "spreadsheet_hits",
]

#: Tables that only the integrated database has, or has together.
_DATABASE_TABLES = frozenset({"tb_cxr", "tb_cxr_plus"})
_CLINICAL_TABLES = frozenset({"patients", "admissions", "labevents", "chartevents", "prescriptions", "icustays"})
_CREATE = re.compile(rb"CREATE TABLE\s+[\"'\[`]?(\w{1,64})", re.IGNORECASE)
_MOST_CELLS = 200_000


class UnreadError(Exception):
    """A file that cannot be understood; the text says why."""


def parquet_hits(data: bytes) -> Iterator[Hit]:
    """Rows of MIMIC in a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        yield from _arrow_hits(file.schema_arrow.names, file.iter_batches(batch_size=10_000), file.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadError("a Parquet file that cannot be read") from error


def feather_hits(data: bytes) -> Iterator[Hit]:
    """Rows of MIMIC in a Feather (Arrow) file."""
    import pyarrow as pa

    try:
        with pa.ipc.open_file(io.BytesIO(data)) as reader:
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        yield from _arrow_hits(reader.schema.names, iter(batches), sum(batch.num_rows for batch in batches))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadError("a Feather file that cannot be read") from error


def _arrow_hits(names: list[str], batches: Iterator[Any], count: int) -> Iterator[Hit]:
    # rows are made of whole batches, so that those that are never looked at are never made
    rows = ((None, list(row.values())) for batch in batches for row in batch.to_pylist())
    yield from table_hits(names, rows, count)


def database_hits(data: bytes, *, whole: bool) -> Iterator[Hit]:
    """A SQLite file with the tables of the integrated database, or with rows of MIMIC under whatever names."""
    tables = {match[1].decode("ascii", "replace").lower() for match in _CREATE.finditer(data)}
    if tables & _DATABASE_TABLES or len(tables & _CLINICAL_TABLES) >= 3:
        yield Hit("database", None, f"a SQLite database with {len(tables)} tables of the integrated schema")
        return
    if not whole:
        raise UnreadError("a SQLite database too large to be read")
    import apsw

    connection = apsw.Connection(":memory:")
    try:
        # a database in WAL mode cannot be opened in memory: two bytes of its header say which mode it is
        connection.deserialize("main", data[:18] + b"\1\1" + data[20:])
        connection.execute("pragma trusted_schema = 0")
        connection.execute("pragma cell_size_check = 1")
        names = connection.execute("select name from sqlite_schema where type = 'table' and rootpage > 0").fetchall()
        for (name,) in names:
            quoted = str(name).replace('"', '""')
            cursor = connection.execute(f'select * from "{quoted}" limit {MOST_ROWS}')
            columns = [str(row[1]) for row in connection.execute(f'pragma table_info("{quoted}")')]
            hits = list(table_hits(columns, ((None, row) for row in cursor), 0))
            if hits:
                yield Hit(hits[0].rule, None, f'a SQLite database whose table "{name}" is {hits[0].what}')
                return
    except apsw.Error as error:
        raise UnreadError("a SQLite database that cannot be read") from error
    finally:
        connection.close()


def numpy_hits(data: bytes) -> Iterator[Hit]:
    """Rows of MIMIC in a numpy array; an array of Python objects is a pickle."""
    import numpy as np

    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        if b"'|O'" in data[:1024]:
            start = data.find(b"\n") + 1
            yield from pickle_hits(data[start:])
            return
        raise UnreadError("a numpy file that cannot be read") from error
    if array.dtype.names:
        rows = ((None, list(row)) for row in array.ravel()[:MOST_ROWS].tolist())
        yield from table_hits(list(array.dtype.names), rows, array.size)
    elif array.ndim == 2:
        yield from table_hits([""] * array.shape[1], ((None, _whole(row)) for row in array[:MOST_ROWS]), len(array))
        if array.shape[1] == 1:
            yield from array_hits(_whole(array.ravel()))
    elif array.dtype.kind in "iufSU":
        yield from array_hits(_whole(array.ravel()[:MOST_ROWS]))


def _whole(row: Any) -> list[Any]:
    """Floats that are whole numbers as such, so that they read like identifiers."""
    return [int(value) if isinstance(value, float) and value.is_integer() else value for value in row.tolist()]


def pickle_hits(data: bytes) -> Iterator[Hit]:
    """Rows of MIMIC in a pickle: its names and numbers are collected, nothing is built from them."""
    numbers: list[int] = []
    named = False
    blobs: list[bytes] = []
    try:
        for operation, value, _ in pickletools.genops(data):
            if isinstance(value, bool):
                continue
            if isinstance(value, int) and operation.name.startswith(("BININT", "INT", "LONG")):
                if len(numbers) < _MOST_CELLS and len(str(value)) == 8:
                    numbers.append(value)
            elif isinstance(value, str):
                named = named or named_column(value)
            elif isinstance(value, bytes) and len(value) >= 32:
                blobs.append(value)
    except (ValueError, IndexError, EOFError, struct.error, UnicodeDecodeError, AttributeError) as error:
        raise UnreadError("a pickle that cannot be read") from error
    yield from _unnamed_hits(numbers, blobs, named)


def _unnamed_hits(numbers: list[int], blobs: list[bytes], named: bool) -> Iterator[Hit]:
    for digit in "1235":
        some = [number for number in numbers if str(number)[0] == digit]
        if named and some:
            hits = list(table_hits(["subject_id", "hadm_id", "stay_id", "study_id"], _spread(some, digit), len(some)))
        else:
            hits = list(array_hits(some))
        if hits:
            yield Hit("mimic-rows", None, f"{len(some):,} numbers like MIMIC's in a pickle")
            return
    for blob in blobs:
        for form, size in (("q", 8), ("i", 4), ("d", 8)):
            count = min(len(blob) // size, _MOST_CELLS)
            values = list(struct.unpack(f"<{count}{form}", blob[: count * size]))
            whole = [int(value) for value in values if value == value and abs(value) < 1e9 and value == int(value)]
            if len(whole) == len(values) and any(True for _ in array_hits(whole)):
                yield Hit("mimic-rows", None, f"{count:,} numbers like MIMIC's in a pickled array")
                return


def _spread(values: list[int], digit: str) -> Iterator[tuple[None, list[str]]]:
    place = "1235".index(digit)
    for value in values:
        yield None, [str(value) if column == place else "" for column in range(4)]


_CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def spreadsheet_hits(archive: zipfile.ZipFile, most_bytes: int) -> Iterator[Hit]:
    """Rows of MIMIC in the sheets of an Excel workbook."""
    try:
        shared = list(_shared_texts(archive, most_bytes))
        for name in sorted(archive.namelist()):
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                rows = _sheet_rows(_member(archive, name, most_bytes), lambda place: shared[place])
                _, header = next(rows, (0, []))
                for hit in table_hits([str(cell) for cell in header], rows, 0):
                    yield Hit(hit.rule, hit.line, f"in a sheet of a workbook: {hit.what}")
                    return
    except (ElementTree.ParseError, KeyError, IndexError, ValueError, UnicodeDecodeError) as error:
        raise UnreadError("a workbook that cannot be read") from error


def _member(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UnreadError("a workbook too large to be read")
    if b"<!DOCTYPE" in data[:2000] or b"<!ENTITY" in data[:2000]:
        raise UnreadError("a workbook with a document type of its own")  # entities may grow without bound
    return data


def _shared_texts(archive: zipfile.ZipFile, most_bytes: int) -> Iterator[str]:
    if "xl/sharedStrings.xml" in archive.namelist():
        for item in ElementTree.fromstring(_member(archive, "xl/sharedStrings.xml", most_bytes)).iter(f"{_CELL}si"):
            yield "".join(text.text or "" for text in item.iter(f"{_CELL}t"))


def _sheet_rows(data: bytes, shared: Callable[[int], str]) -> Iterator[tuple[int | None, list[str]]]:
    for number, row in enumerate(ElementTree.fromstring(data).iter(f"{_CELL}row"), 1):
        cells: list[str] = []
        for cell in islice(row.iter(f"{_CELL}c"), 500):
            value = cell.findtext(f"{_CELL}v") or "".join(text.text or "" for text in cell.iter(f"{_CELL}t"))
            place = min(_column(cell.get("r") or ""), 1000)  # empty cells are not written
            cells += [""] * (place - len(cells))
            cells.append(shared(int(value)) if cell.get("t") == "s" and value else value)
        yield number, cells


def _column(reference: str) -> int:
    """Number of a column from 0: `C7` is 2.

    >>> [_column(text) for text in ("A1", "C7", "AA2")]
    [0, 2, 26]
    """
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = 26 * number + ord(letter.upper()) - 64
    return max(number - 1, 0)
