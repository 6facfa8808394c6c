"""The images that a file of questions needs, or that the built databases name."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw

from ehrxqa.errors import BuildError, RecordError, SourceError
from ehrxqa.json_files import read_json
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.sources.download.image_selection import Image, ImageSelection, checked_image

__all__ = ["choice_of_questions", "database_images", "refuse_synthetic"]


def choice_of_questions(path: Path, split: str | None = None) -> ImageSelection:
    """The images that the questions of a file need.

    A record of MIMIC-CXR-VQA names its image. A record of EHRXQA needs images if its query asks a vision
    model or its gold program reads the labels: all of the subject among its values, or of the subject whose
    study is among them (it may be compared with an earlier one), or, if it has neither, all of its database.

    Raises:
        RecordError: The file is not a list of such records, or no question in it needs an image.
    """
    records = read_json(path)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise RecordError(f"{path}: expected a list of question records")
    subjects: set[int] = set()
    studies: set[int] = set()
    images: set[str] = set()
    open_questions = 0
    for number, record in enumerate(records, start=1):
        if split is not None and record.get("split", split) != split:
            continue
        if isinstance(record.get("image_id"), str):
            images.add(record["image_id"].lower())
        elif _needs_images(record):
            value, where = record.get("value") or {}, f"{path}: record {number}"
            named = {_number(value[key], where, key) for key in value if re.fullmatch(r"study_id\d*", key)}
            studies |= named
            if "patient_id" in value:
                subjects.add(_number(value["patient_id"], where, "patient_id"))
            elif not named:
                open_questions += 1
    if not (subjects or studies or images or open_questions):
        raise RecordError(f"{path}: no question in it needs an image" + (f" (split {split})" if split else ""))
    return ImageSelection(subjects, studies, images, open_questions > 0, open_questions)


def _needs_images(record: dict[str, Any]) -> bool:
    return any(
        "func_vqa" in text or "tb_cxr" in text for text in (str(record.get("query")), str(record.get("_gold_program")))
    )


def _number(value: Any, where: str, key: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{where}: {key} is not a number") from error


def database_images(database: Path, choice: ImageSelection | None = None) -> list[Image]:
    """The images of `TB_CXR` in a built database, sorted; `choice` narrows them.

    Raises:
        SourceError: The file is not such a database.
    """
    if not database.is_file():
        raise SourceError("is missing; run `ehrxqa build` first", path=database)
    try:
        with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            rows = connection.execute("SELECT DISTINCT subject_id, study_id, image_id FROM TB_CXR").fetchall()
    except apsw.Error as error:
        raise SourceError("is not a built database (no table TB_CXR with its image ids)", path=database) from error
    return (choice or ImageSelection(everything=True)).of(checked_image(row, database) for row in rows)


def refuse_synthetic(out: Path) -> None:
    """Stop if an output folder was built from the synthetic hospital: PhysioNet has no images of it.

    Raises:
        SourceError: Its manifest says so.
    """
    manifest = None
    with suppress(BuildError):  # the databases themselves are what counts; `ehrxqa verify` is for manifests
        manifest = read_manifest(out)
    if manifest is not None and manifest.kind != "credentialed":
        raise SourceError(
            "was built from the synthetic hospital; its images are beside its tables, PhysioNet has none", path=out
        )
