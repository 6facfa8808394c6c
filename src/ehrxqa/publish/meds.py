"""`ehrxqa export --meds`: the events of a build as a data set in the Medical Event Data Standard (MEDS 0.4).

    FOLDER/data/train/0.parquet, data/held_out/0.parquet    one row per event, by subject and time
    FOLDER/metadata/dataset.json, codes.parquet, subject_splits.parquet

A code is made of the kind of event and what tells events of that kind apart, with `//` between them. Events without a
time are static (sex) and stand first. X-rays are events whose `image_path` names the image; their labels, the answer
key, are not exported. Times are those of the databases, shifted as these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa import __version__
from ehrxqa.errors import BuildError
from ehrxqa.files import atomic_path, reading, write_json
from ehrxqa.layout import BASES, DATABASE_PATHS
from ehrxqa.publish.card import terms_of
from ehrxqa.runs.manifest import manifest_of
from ehrxqa.runs.output_folder import built_files

__all__ = ["MEDS_VERSION", "export_meds"]

MEDS_VERSION: Final = "0.4.1"
#: Our databases → splits of MEDS; valid questions are asked of the train database, so nobody is in `tuning`.
_SPLIT: Final = {"train": "train", "test": "held_out"}
_ROWS: Final = 100_000


@dataclass(frozen=True)
class _Events:
    """The events that a table gives, as SQL over `e`, a row of it, and `d`, its row in a dictionary.

    Attributes:
        table: The table.
        time: When it happened; null for what has no time.
        code: What it is.
        description: What the code says, in words.
        number, text, image: Values of the event.
        dictionary: The dictionary and how it is joined.
    """

    table: str
    time: str
    code: str
    description: str
    number: str = "null"
    text: str = "null"
    image: str = "null"
    dictionary: str = ""


_EVENTS: Final = (
    _Events("patients", "null", "'GENDER//' || e.gender", "'sex'"),
    _Events("patients", "e.dob", "'MEDS_BIRTH'", "'birth'"),
    _Events(
        "admissions",
        "e.admittime",
        "'HOSPITAL_ADMISSION//' || e.admission_type",
        "'admission to the hospital'",
        text="e.admission_location",
    ),
    _Events("transfers", "e.intime", "'TRANSFER//' || e.eventtype", "'transfer to a unit'", text="e.careunit"),
    _Events("icustays", "e.intime", "'ICU_ADMISSION//' || e.first_careunit", "'ICU admission'"),
    _Events(
        "diagnoses_icd",
        "e.charttime",
        "'DIAGNOSIS//ICD//' || e.icd_code",
        "d.long_title",
        dictionary="d_icd_diagnoses d on d.icd_code = e.icd_code",
    ),
    _Events(
        "procedures_icd",
        "e.charttime",
        "'PROCEDURE//ICD//' || e.icd_code",
        "d.long_title",
        dictionary="d_icd_procedures d on d.icd_code = e.icd_code",
    ),
    _Events(
        "labevents",
        "e.charttime",
        "'LAB//' || cast(e.itemid as integer) || '//' || coalesce(e.valueuom, '')",
        "d.label",
        number="e.valuenum",
        dictionary="d_labitems d on d.itemid = e.itemid",
    ),
    _Events(
        "chartevents",
        "e.charttime",
        "'VITAL//' || cast(e.itemid as integer) || '//' || coalesce(e.valueuom, '')",
        "d.label",
        number="e.valuenum",
        dictionary="d_items d on d.itemid = e.itemid",
    ),
    _Events(
        "inputevents",
        "e.starttime",
        "'INPUT//' || cast(e.itemid as integer)",
        "d.label",
        number="e.amount",
        dictionary="d_items d on d.itemid = e.itemid",
    ),
    _Events(
        "outputevents",
        "e.charttime",
        "'OUTPUT//' || cast(e.itemid as integer)",
        "d.label",
        number="e.value",
        dictionary="d_items d on d.itemid = e.itemid",
    ),
    _Events(
        "prescriptions",
        "e.starttime",
        "'MEDICATION//START//' || e.drug",
        "e.drug",
        number="e.dose_val_rx",
        text="e.dose_unit_rx || ', ' || e.route",
    ),
    _Events("prescriptions", "e.stoptime", "'MEDICATION//STOP//' || e.drug", "e.drug"),
    _Events("microbiologyevents", "e.charttime", "'MICROBIOLOGY//' || e.test_name", "e.test_name", text="e.org_name"),
    _Events(
        "tb_cxr",
        "e.studydatetime",
        "'CXR//' || coalesce(e.viewposition, '')",
        "'chest X-ray study, by view'",
        image="'p' || substr(e.subject_id, 1, 2) || '/p' || e.subject_id || '/s' || e.study_id || '/' "
        "|| e.image_id || '.jpg'",
    ),
    _Events("icustays", "e.outtime", "'ICU_DISCHARGE//' || e.last_careunit", "'ICU discharge'"),
    _Events(
        "admissions",
        "e.dischtime",
        "'HOSPITAL_DISCHARGE//' || coalesce(e.discharge_location, '')",
        "'discharge from the hospital'",
    ),
    _Events("patients", "e.dod", "'MEDS_DEATH'", "'death'"),
)


def export_meds(out: Path, folder: Path) -> tuple[Path, ...]:
    """Write the events of both databases of a build; the same build gives the same bytes.

    Returns:
        The files, in the order written.

    Raises:
        BuildError: There is no build, a database is damaged, or a file cannot be written.
        SettingsError: A file would replace one that is read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = manifest_of(out)
    data = {base: folder / "data" / _SPLIT[base] / "0.parquet" for base in BASES}
    metadata = {
        name: folder / "metadata" / name for name in ("codes.parquet", "subject_splits.parquet", "dataset.json")
    }
    codes: dict[str, str | None] = {}
    splits: list[tuple[int, str]] = []
    with reading(*built_files(out), writing=[*data.values(), *metadata.values()]):
        for base, path in data.items():
            database = out / DATABASE_PATHS[base]
            _write_events(database, path)
            codes |= {str(code): text for code, text in _rows(database, _codes_sql()) if code not in codes}
            splits += [
                (int(row[0]), _SPLIT[base]) for row in _rows(database, "select subject_id from patients order by 1")
            ]
        listed = sorted(codes)
        none = pa.array([None] * len(listed), pa.list_(pa.utf8()))
        table = pa.table(
            [pa.array(listed, pa.utf8()), pa.array([codes[code] for code in listed], pa.utf8()), none],
            names=["code", "description", "parent_codes"],
        )
        with atomic_path(metadata["codes.parquet"]) as part:
            pq.write_table(table, part, compression="zstd")
        with atomic_path(metadata["subject_splits.parquet"]) as part:
            subjects = pa.array([subject for subject, _ in splits], pa.int64())
            schema = pa.schema(
                [pa.field("subject_id", pa.int64(), nullable=False), pa.field("split", pa.utf8(), nullable=False)]
            )
            pq.write_table(pa.table([subjects, pa.array([split for _, split in splits])], schema=schema), part)
        write_json(
            metadata["dataset.json"],
            {
                "dataset_name": manifest.data_set,
                "etl_name": "ehrxqa",
                "etl_version": __version__,
                "meds_version": MEDS_VERSION,
                "license": terms_of(manifest.kind)[1],
                "raw_source_id_columns": ["row_id"],
                "additional_value_modality_columns": ["image_path"],
                "other_extension_columns": ["table"],
            },
        )
    return (*data.values(), *metadata.values())


def _write_events(database: Path, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            pa.field("subject_id", pa.int64(), nullable=False),
            pa.field("time", pa.timestamp("us")),
            pa.field("code", pa.utf8(), nullable=False),
            pa.field("numeric_value", pa.float32()),
            pa.field("text_value", pa.large_utf8()),
            pa.field("image_path", pa.utf8()),
            pa.field("table", pa.utf8()),
            pa.field("row_id", pa.int64()),
        ]
    )
    with atomic_path(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        batch: list[tuple[Any, ...]] = []
        for row in _rows(database, _events_sql()):
            batch.append(row)
            if len(batch) == _ROWS:
                writer.write_table(_table(batch, schema))
                batch = []
        writer.write_table(_table(batch, schema))


def _table(rows: list[tuple[Any, ...]], schema: Any) -> Any:
    import pyarrow as pa

    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in schema]
    arrays = [
        pa.array(column, pa.utf8()).cast(field.type) if field.name == "time" else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _events_sql() -> str:
    """All events; those at one time in the order of `_EVENTS`: an admission first, a discharge last."""
    parts = [
        f"select cast(e.subject_id as integer) as subject, {of.time} as time, {of.code} as code, "
        f"cast({of.number} as real) as number, {of.text} as text, {of.image} as image, '{of.table}' as place, "
        f"cast(e.row_id as integer) as row_id, {order} as rank from {of.table} e where {_counts(of)}"
        for order, of in enumerate(_EVENTS)
    ]
    return (
        "select subject, time, code, number, text, image, place, row_id from (" + " union all ".join(parts) + ") "
        "order by subject, time is not null, time, rank, row_id"
    )


def _codes_sql() -> str:
    """Codes with a description: the first of several in the alphabet."""
    parts = [
        f"select {of.code} as code, {of.description} as description from {of.table} e "
        f"{f'left join {of.dictionary}' if of.dictionary else ''} where {_counts(of)}"
        for of in _EVENTS
    ]
    return f"select code, min(description) from ({' union all '.join(parts)}) group by code order by code"


def _counts(of: _Events) -> str:
    """Which rows are events: those with a code, and a time if events of the kind have one."""
    return f"{of.code} is not null" + ("" if of.time == "null" else f" and {of.time} is not null")


def _rows(database: Path, sql: str) -> Iterator[tuple[Any, ...]]:
    import apsw

    if not database.is_file():
        raise BuildError(f"{database}: no such database; build it first: ehrxqa build SOURCES OUT")
    try:
        connection = apsw.Connection(
            f"{database.resolve().as_uri()}?mode=ro&immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            yield from connection.execute(sql)
        finally:
            connection.close()
    except apsw.Error as error:
        raise BuildError(f"{database}: not a database of a build ({error})") from error
