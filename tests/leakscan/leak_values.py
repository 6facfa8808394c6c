"""Values that look like MIMIC's, drawn at random at run time, so that no file holds one, and files that hold them."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import tarfile
import zipfile
from pathlib import Path

RNG = random.Random(20260101)


def number(first: int) -> str:
    """An eight-digit number as MIMIC's, with seven different digits."""
    rest = [digit for digit in "0123456789" if digit != str(first)]
    return str(first) + "".join(RNG.sample(rest, 7))


def image_id() -> str:
    return "-".join(f"{RNG.getrandbits(32):08x}" for _ in range(5))


SUBJECT, ADMISSION, STAY, STUDY, IMAGE = number(1), number(2), number(3), number(5), image_id()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
TOKEN = "".join(RNG.sample(LETTERS, 60))
VALUES = (SUBJECT, ADMISSION, STAY, STUDY, IMAGE, TOKEN[:36])

TABLE = f"subject_id,hadm_id,icd_code\n{SUBJECT},{ADMISSION},I10\n"
RECORD = {"db_id": "mimic_iv_cxr", "question": "what is the gender?", "template": "t", "answer": ["f"]}


def write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def zip_of(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tar_of(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def weights_of(synthetic: str) -> bytes:
    header = json.dumps({"__metadata__": {"ehrxqa.synthetic": synthetic}}).encode()
    return len(header).to_bytes(8, "little") + header


def database_of(*tables: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    for table in tables:
        connection.execute(f"CREATE TABLE {table} (subject_id INTEGER)")
    data = connection.serialize()
    connection.close()
    return data


def parquet_of(columns: dict[str, list[object]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()
