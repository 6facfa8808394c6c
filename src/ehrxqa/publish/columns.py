"""The columns of exported questions: their records, what is known of each, and, where they may be shared, its X-rays.

Pictures are embedded as the Hugging Face library `datasets` keeps lists of `Image`: bytes and a path for each. Those of
credentialed data are never embedded, since a data set is easily published; `image_paths` says which they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.dataset.parquet import ABOUT, Field, keep_beside, parquet_table
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.files import atomic_path
from ehrxqa.layout import DataKind
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.loading.tables import about
from ehrxqa.vqa.image_paths import find_picture

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "GOLD_FIELDS",
    "IMAGES_FIELD",
    "MOST_IMAGES",
    "columns_of",
    "require_pictures",
    "write_gold",
    "write_questions",
]

#: X-rays that are embedded for one question; questions about more studies have none, and their paths.
MOST_IMAGES: Final = 20
IMAGES_FIELD: Final = Field(
    "images",
    "images",
    f"The X-rays themselves, in the order of image_paths; null where a question is about more than {MOST_IMAGES}.",
)
#: Columns of the second configuration.
GOLD_FIELDS: Final = (
    Field("split", "text", "train, valid or test."),
    Field("id", "integer", "Number of the question within the split."),
    Field("gold_program", "text", "SQL over the label table TB_CXR_PLUS that the answer comes from."),
)
#: Questions whose pictures are in memory at once.
_ROWS: Final = 50


def columns_of(fields: Sequence[Field], *, images: bool) -> tuple[Field, ...]:
    """All columns of an exported file, given the fields of its records."""
    taken = {field.name for field in fields}
    beside = (field for field in (*ABOUT, *([IMAGES_FIELD] if images else [])) if field.name not in taken)
    return (*fields, *beside)


def require_pictures(questions: Sequence[QuestionRecord], kind: DataKind, images: Path) -> None:
    """Refuse pictures that must not be embedded, and see to it that the others are there before anything is written.

    Raises:
        SettingsError: The data are credentialed, the questions have no links, or there is no such folder.
        SourceError: A picture is missing.
    """
    if kind == "credentialed":
        raise SettingsError(
            "--images: X-rays of credentialed data are not embedded, since a data set is easily published; the column "
            "image_paths names them below the folder files of MIMIC-CXR-JPG, and the card says how to load them there"
        )
    if not images.is_dir():
        raise SettingsError(f"--images {images}: no such folder")
    if not any(question.image_paths for question in questions):
        raise SettingsError("--images: without links.jsonl it is not known which X-rays the questions are about")
    for path in dict.fromkeys(path for each in questions for path in _paths(each)):
        _file(images, path)


def write_questions(
    path: Path,
    questions: Sequence[QuestionRecord],
    fields: Sequence[Field],
    *,
    source: Path,
    images: Path | None = None,
) -> None:
    """Write questions as Parquet, whole or not at all; the same questions and pictures give the same bytes.

    Args:
        path: File to write.
        questions: Of one split.
        fields: Columns of their records, which all splits share.
        source: File that the records come from, for messages.
        images: Folder of the pictures to embed.

    Raises:
        RecordError: A value does not fit its column; names record and key.
        SourceError: A picture is missing.
        BuildError: The file cannot be written.
    """
    import pyarrow.parquet as pq

    whole = parquet_table(source, [each.record for each in questions], fields, about(questions))
    with atomic_path(path) as part:
        if images is None:
            pq.write_table(whole, part, compression="zstd")
            return
        schema = _with_images(whole.slice(0, 0), []).schema
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for start, cells in _batches(questions, images):
                writer.write_table(_with_images(whole.slice(start, len(cells)), cells))


def write_gold(path: Path, questions: Sequence[QuestionRecord]) -> None:
    """Write the gold programs of questions as Parquet, whole or not at all.

    Raises:
        RecordError: The pre-release file is damaged.
        BuildError: The file cannot be written.
    """
    import pyarrow.parquet as pq

    records = [{"split": q.split, "id": q.id, "gold_program": q.gold_program or ""} for q in questions]
    with atomic_path(path) as part:
        pq.write_table(parquet_table(path, records, GOLD_FIELDS), part, compression="zstd")


def _batches(questions: Sequence[QuestionRecord], images: Path) -> Iterator[tuple[int, list[Any]]]:
    """Pictures of some questions at a time, with the place of the first one."""
    for start in range(0, len(questions), _ROWS):
        yield start, [_pictures(question, images) for question in questions[start : start + _ROWS]]


def _pictures(question: QuestionRecord, images: Path) -> list[dict[str, Any]] | None:
    if len(question.study_ids) > MOST_IMAGES:
        return None
    return [{"bytes": _file(images, path).read_bytes(), "path": Path(path).name} for path in _paths(question)]


def _paths(question: QuestionRecord) -> tuple[str, ...]:
    """X-rays of a question that are embedded."""
    return question.image_paths if len(question.study_ids) <= MOST_IMAGES else ()


def _file(images: Path, relative: str) -> Path:
    found = find_picture(images, relative)
    if found is None:
        raise SourceError("is missing; give the folder of the hospital's images with --images", path=images / relative)
    return found


def _with_images(table: pa.Table, cells: list[Any]) -> pa.Table:
    """A table with a last column of pictures, described as `datasets` does it."""
    import pyarrow as pa

    kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.utf8())]))
    metadata = keep_beside(table.schema.metadata or {}, IMAGES_FIELD.name)
    features = {field.name: _feature(field.type) for field in table.schema} | {"images": [{"_type": "Image"}]}
    metadata[b"huggingface"] = json.dumps({"info": {"features": features}}).encode()
    return table.append_column(IMAGES_FIELD.name, pa.array(cells, kind)).replace_schema_metadata(metadata)


def _feature(kind: pa.DataType) -> Any:
    """How `datasets` names a type."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    names = {pa.utf8(): "string", pa.int64(): "int64", pa.bool_(): "bool"}
    return {"dtype": names[kind], "_type": "Value"}
