"""Question records as Parquet: one file per split, the same fields, read back equal.

The columns are fixed, so that every split has one schema and `datasets.load_dataset("parquet", …)` can join them.
What varies from question to question (`value`, `o_tag`, `v_tag`, `answer`) is JSON text in one column each: a struct
would grow a null for every slot of every template, and an answer may mix integers, floats, texts and nulls, which
Parquet cannot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.errors import RecordError
from ehrxqa.json_files import json_value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ABOUT", "FIELDS", "Field", "fields_of", "keep_beside", "parquet_table"]


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        name: Key of the record.
        form: text, integer, truth (value), texts or integers (a list), or json (any value, as JSON text).
        doc: What it is.
    """

    name: str
    form: str
    doc: str


#: The fields of a final record, in the official order.
FIELDS: Final = (
    Field("db_id", "text", "Name of the database schema, always mimic_iv_cxr."),
    Field("split", "text", "train, valid or test."),
    Field("id", "integer", "Running number within the split, from 0."),
    Field("question", "text", "The question."),
    Field("template", "text", "The question's template with its values written in."),
    Field("query", "text", "NeuralSQL: SQL that may ask images with func_vqa."),
    Field("value", "json", "Values by slot, as a JSON object."),
    Field("q_tag", "text", "Template with its slots."),
    Field("t_tag", "texts", "Five time filters: global 1, global 2, within, exact 1, exact 2; empty if unused."),
    Field("o_tag", "json", "Operations by slot, as a JSON object."),
    Field("v_tag", "json", "Objects, categories and attributes asked about, as a JSON object."),
    Field("tag", "text", "Template with the chosen time filters, operations and visual values."),
    Field("para_type", "text", "Who worded the question."),
    Field("is_impossible", "truth", "Whether the question has no answer in the database."),
    Field("answer", "json", "The answer as a JSON list, or the JSON text null."),
)

#: What stands beside the fields of a record: what is known of the question, in forms that need no decoding.
ABOUT: Final = (
    Field("modality", "text", "What the question is about: Table, Image or Image+Table."),
    Field("scope", "text", "One of nine scopes: subjects (none, single, group) and studies (1, 2, n)."),
    Field("family", "text", "What is asked; several templates share a family."),
    Field("answer_type", "text", "yes/no, number, text, time, list, null, empty or unanswerable."),
    Field("answer_text", "text", "The answer in words: yes or no, values with commas between, none, unanswerable."),
    Field("needs", "text", "What cannot be done without: table, image, both, or either; null where it is not known."),
    Field("study_ids", "integers", "Studies the question is about."),
    Field("image_paths", "texts", "Their images, below the folder files of MIMIC-CXR-JPG."),
)

#: Names in the metadata of a file: columns that hold JSON, and columns that are no fields of records.
_KEPT: Final = "ehrxqa.json_columns"
_BESIDE: Final = "ehrxqa.beside_records"


def fields_of(records: Sequence[Mapping[str, Any]], *, answered: bool = False) -> tuple[Field, ...]:
    """The columns for some records: the fixed ones that occur, then unknown keys as JSON, by name.

    Keys that begin with `_` are private and left out. `answered` keeps the column of answers also if none has one.
    """
    keys = {key for record in records for key in record if not key.startswith("_")}
    known = {field.name for field in FIELDS}
    more = sorted(keys - known)
    return (
        *(field for field in FIELDS if answered or field.name in keys or field.name != "answer"),
        *(Field(name, "json", "") for name in more),
    )


def parquet_table(
    source: Path,
    records: Sequence[Mapping[str, Any]],
    fields: Sequence[Field],
    about: Sequence[Mapping[str, Any]] | None = None,
) -> pa.Table:
    """The records as the table that `export` writes.

    Where a record has a key of its own with the name of a column of `ABOUT`, its own counts.

    Raises:
        RecordError: A value does not fit its column; names `source`, record and key.
    """
    import pyarrow as pa

    types = {
        "text": pa.utf8(),
        "integer": pa.int64(),
        "truth": pa.bool_(),
        "texts": pa.list_(pa.utf8()),
        "integers": pa.list_(pa.int64()),
        "json": pa.utf8(),
    }
    arrays = []
    for field in fields:
        cells = [_stored(source, number, record, field) for number, record in enumerate(records, start=1)]
        try:
            arrays.append(pa.array(cells, types[field.form]))
        except (OverflowError, pa.ArrowInvalid) as error:  # a whole number of more than 64 bits
            raise RecordError(f"{source}: {field.name} of a record does not fit a Parquet column ({error})") from None
    taken = {field.name for field in fields}
    beside = [] if about is None else [field for field in ABOUT if field.name not in taken]
    arrays += [pa.array([each[field.name] for each in about or ()], types[field.form]) for field in beside]
    metadata = {_KEPT: json.dumps([field.name for field in fields if field.form == "json"])}
    if beside:
        metadata[_BESIDE] = json.dumps([field.name for field in beside])
    schema = pa.schema([pa.field(field.name, types[field.form]) for field in (*fields, *beside)], metadata=metadata)
    return pa.table(arrays, schema=schema)


def keep_beside(metadata: Mapping[bytes, bytes], name: str) -> dict[bytes, bytes]:
    """The metadata of a table to which a column is added that is no field of its records."""
    held = metadata.get(_BESIDE.encode())
    names = [] if held is None else list(json_value(held))
    return {**metadata, _BESIDE.encode(): json.dumps([*names, name]).encode()}


_EXPECTED: Final[dict[str, type]] = {"text": str, "integer": int, "truth": bool}
_WANTED: Final = {
    "text": "a text",
    "integer": "a whole number",
    "truth": "a truth value",
    "texts": "a list of texts",
}


def _stored(source: Path, number: int, record: Mapping[str, Any], field: Field) -> Any:
    """The value of a cell; None where the record lacks the key."""
    if field.name not in record:
        return None
    value = record[field.name]
    if field.form == "json":
        return json.dumps(value, ensure_ascii=False)
    if field.form == "texts":
        fits = isinstance(value, list) and all(isinstance(text, str) for text in value)
    else:
        fits = type(value) is _EXPECTED[field.form]
    if not fits:
        named = f"record {number} (id {record['id']})" if "id" in record else f"record {number}"
        raise RecordError(f"{source}: {named}: {field.name} is not {_WANTED[field.form]}")
    return value
