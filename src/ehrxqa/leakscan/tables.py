"""Tables and records: rows of MIMIC, answers to questions, databases."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id, made_up_number
from ehrxqa.leakscan.rules import Hit

__all__ = ["database_hits", "delimited_hits", "parquet_hits", "record_hits"]

#: Column → first digit of its numbers in MIMIC-IV and MIMIC-CXR.
NUMBER_COLUMNS = {"subject_id": "1", "patient_id": "1", "hadm_id": "2", "stay_id": "3", "study_id": "5"}
IMAGE_COLUMNS = frozenset({"dicom_id", "image_id"})

#: Tables that only the integrated database has, or has together.
DATABASE_TABLES = frozenset({"tb_cxr", "tb_cxr_plus"})
CLINICAL_TABLES = frozenset({"patients", "admissions", "labevents", "chartevents", "prescriptions", "icustays"})

_VALUE = re.compile(r"[ps]?(?P<digits>[1235]\d{7})(?:\.0+)?", re.ASCII)
_CREATE = re.compile(rb"CREATE TABLE\s+[\"'\[`]?(\w{1,64})", re.IGNORECASE)
_MOST_ROWS = 200_000


def delimited_hits(text: str) -> Iterator[Hit]:
    """Rows of a comma- or tab-separated table whose header has MIMIC's identifier columns."""
    header_line = text.partition("\n")[0]
    delimiter = "\t" if "\t" in header_line else ","
    if delimiter not in header_line or not _named(header_line.lower().replace('"', "").split(delimiter)):
        return
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = [cell.strip().lower() for cell in next(rows)]
        yield from _rows_hits(header, ((rows.line_num, row) for row in rows), text.count("\n"))
    except (csv.Error, StopIteration):
        return


def _named(header: Iterable[str]) -> bool:
    names = {cell.strip() for cell in header}
    return bool(names & (NUMBER_COLUMNS.keys() | IMAGE_COLUMNS))


def _rows_hits(header: list[str], rows: Iterable[tuple[int, list[Any]]], about: int) -> Iterator[Hit]:
    columns = [(place, name) for place, name in enumerate(header) if name in NUMBER_COLUMNS or name in IMAGE_COLUMNS]
    for number, (line, row) in enumerate(rows):
        if number >= _MOST_ROWS:
            return
        for place, name in columns:
            if place < len(row) and _is_mimic(name, str(row[place]).strip()):
                yield Hit("mimic-rows", line, f"a table of {about:,} rows with {', '.join(n for _, n in columns)}")
                return


def _is_mimic(column: str, value: str) -> bool:
    if column in IMAGE_COLUMNS:
        match = IMAGE_ID.match(value)
        return match is not None and not made_up_image_id(match[0])
    found = _VALUE.fullmatch(value)
    return found is not None and value.lstrip("ps")[0] == NUMBER_COLUMNS[column] and not made_up_number(found["digits"])


def parquet_hits(data: bytes) -> Iterator[Hit]:
    """Rows of a Parquet file with MIMIC's identifier columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        columns = [name for name in file.schema_arrow.names if name.lower() in NUMBER_COLUMNS.keys() | IMAGE_COLUMNS]
        if not columns:
            return
        header, count = [name.lower() for name in columns], file.metadata.num_rows
        for batch in file.iter_batches(columns=columns, batch_size=10_000):
            rows = ((0, list(row.values())) for row in batch.to_pylist())
            for hit in _rows_hits(header, rows, count):
                yield Hit(hit.rule, None, hit.what)
                return
    except (pa.ArrowException, OSError, ValueError):
        return


def database_hits(data: bytes) -> Iterator[Hit]:
    """A SQLite file with the tables of the integrated database (read from its bytes; nothing is run)."""
    tables = {match[1].decode("ascii", "replace").lower() for match in _CREATE.finditer(data)}
    if tables & DATABASE_TABLES or len(tables & CLINICAL_TABLES) >= 3:
        yield Hit("database", None, f"a SQLite database with {len(tables)} tables of the integrated schema")


def record_hits(text: str, name: str) -> Iterator[Hit]:
    """Question records (a JSON list, or one a line) that hold answers."""
    if '"answer"' not in text or '"question"' not in text:
        return
    for line, record in _records(text):
        if isinstance(record, dict) and "answer" in record and "question" in record and _of_ours(record):
            kind = "a pre-release file" if name.startswith("_") else "a file of questions"
            yield Hit("answers", line, f"{kind} with answers")
            return


def _of_ours(record: dict[str, Any]) -> bool:
    """Whether it is a record of EHRXQA or MIMIC-CXR-VQA, not any question with an answer."""
    return record.get("db_id") == "mimic_iv_cxr" or bool(
        {"template", "q_tag", "_gold_program", "template_program", "semantic_type"} & record.keys()
    )


def _records(text: str) -> Iterator[tuple[int | None, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("{"):
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError):
                    continue
        return
    values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    flat = [value, *values, *(inner for one in values if isinstance(one, list) for inner in one[:1000])]
    for one in flat:
        yield None, one
