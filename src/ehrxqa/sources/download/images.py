"""Which X-ray images are meant, and where PhysioNet keeps them.

The path of an image follows from its subject, study and image id; nothing is found by crawling. The ids
come from the built databases (`TB_CXR`), or from the metadata of MIMIC-CXR-JPG before anything is built.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.errors import RecordError, SettingsError, SourceError
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG

__all__ = [
    "Choice",
    "Image",
    "choice_of_questions",
    "database_images",
    "metadata_images",
    "read_subjects",
    "refuse_synthetic",
]

#: Views that the cohort, and so the databases, are made of.
FRONTAL_VIEWS = frozenset({"AP", "PA"})

_IMAGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}", re.ASCII)


@dataclass(frozen=True, order=True)
class Image:
    """One image of a study."""

    subject_id: int
    study_id: int
    image_id: str

    @property
    def path(self) -> str:
        """Where it lies below the release of MIMIC-CXR-JPG."""
        return f"{IMAGES_FOLDER}/{image_path(self.subject_id, self.study_id, self.image_id)}"


@dataclass(frozen=True)
class Choice:
    """Which images are wanted; an image is wanted if any of the three names it.

    Attributes:
        subjects: All images of these subjects.
        studies: All images of the subjects of these studies.
        images: These images.
        everything: All there are (a question over all subjects needs them).
        open_questions: How many questions asked for everything.
    """

    subjects: Collection[int] = frozenset()
    studies: Collection[int] = frozenset()
    images: Collection[str] = frozenset()
    everything: bool = False
    open_questions: int = 0

    def of(self, images: Iterable[Image]) -> list[Image]:
        """Those of the images that are wanted, sorted."""
        images = sorted(images)
        if self.everything:
            return images
        subjects = set(self.subjects) | {image.subject_id for image in images if image.study_id in self.studies}
        return [image for image in images if image.subject_id in subjects or image.image_id.lower() in self.images]


def read_subjects(path: Path) -> Choice:
    """All images of the subjects in a file: one subject_id a line, or a table with a column of that name.

    Raises:
        SettingsError: The file cannot be read or holds something else; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as text: one subject_id a line") from error
    rows = list(csv.reader(lines))
    column, start = 0, 0
    if rows and "subject_id" in (header := [cell.strip() for cell in rows[0]]):
        column, start = header.index("subject_id"), 1
    subjects = set()
    for number, row in enumerate(rows[start:], start + 1):
        if not any(cell.strip() for cell in row) or row[0].lstrip().startswith("#"):
            continue
        text = row[column].strip() if column < len(row) else ""
        if not (text.isascii() and text.isdigit() and 2 <= len(text) <= 12):
            raise SettingsError(f"{path}, line {number}: expected a subject_id (a number)")
        subjects.add(int(text))
    if not subjects:
        raise SettingsError(f"{path}: names no subject")
    return Choice(subjects=frozenset(subjects))


def choice_of_questions(path: Path, split: str | None = None) -> Choice:
    """The images that the questions of a file need.

    A record of MIMIC-CXR-VQA names its image. A record of EHRXQA needs images if its query asks a vision
    model or its gold program reads the labels: all of the subject among its values, or of the subject whose
    study is among them (it may be compared with an earlier one), or, if it has neither, all of its database.

    Raises:
        RecordError: The file is not a list of such records, or no question in it needs an image.
    """
    try:
        records = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not a JSON file of questions") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise RecordError(f"{path}: expected a list of question records")
    subjects: set[int] = set()
    studies: set[int] = set()
    images: set[str] = set()
    open_questions = 0
    for number, record in enumerate(records):
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
    return Choice(subjects, studies, images, open_questions > 0, open_questions)


def _needs_images(record: dict[str, Any]) -> bool:
    return any(
        "func_vqa" in text or "tb_cxr" in text for text in (str(record.get("query")), str(record.get("_gold_program")))
    )


def _number(value: Any, where: str, key: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{where}: {key} is not a number") from error


def database_images(database: Path, choice: Choice | None = None) -> list[Image]:
    """The images of `TB_CXR` in a built database, sorted; `choice` narrows them.

    Raises:
        SourceError: The file is not such a database.
    """
    if not database.is_file():
        raise SourceError("is missing; run `ehrxqa build` first", path=database)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT DISTINCT subject_id, study_id, image_id FROM TB_CXR").fetchall()
    except sqlite3.Error as error:
        raise SourceError("is not a built database (no table TB_CXR with its image ids)", path=database) from error
    return (choice or Choice(everything=True)).of(_checked(row, database) for row in rows)


def refuse_synthetic(out: Path) -> None:
    """Stop if an output folder was built from the synthetic hospital: PhysioNet has no images of it.

    Raises:
        SourceError: Its manifest says so.
    """
    manifest = out / "manifest.json"
    try:
        values = json.loads(manifest.read_bytes()) if manifest.is_file() else {}
    except (OSError, ValueError):
        return  # the databases themselves are what counts; `ehrxqa verify` is for manifests
    sources = values.get("sources") if isinstance(values, dict) else None
    if isinstance(values, dict) and (
        values.get("synthetic") or (isinstance(sources, dict) and sources.get("synthetic"))
    ):
        raise SourceError(
            "was built from the synthetic hospital; its images are beside its tables, PhysioNet has none", path=out
        )


def _checked(row: Iterable[Any], path: Path, line: int | None = None) -> Image:
    """An image whose ids make a path that cannot lead anywhere else."""
    try:
        subject, study, image_id = row
        image = Image(int(subject), int(study), str(image_id))
    except (TypeError, ValueError) as error:
        raise SourceError("an image without numbers for subject and study", path=path, line=line) from error
    if not _IMAGE_ID.fullmatch(image.image_id) or image.subject_id < 10 or image.study_id < 1:
        raise SourceError("an image id that is not five groups of eight hexadecimal digits", path=path, line=line)
    return image


def metadata_images(metadata: Path, choice: Choice) -> list[Image]:
    """The frontal images (AP, PA) of MIMIC-CXR-JPG's metadata that are wanted, sorted.

    Raises:
        SourceError: The metadata cannot be read, or names none of them.
    """
    opener: Callable[..., Any] = gzip.open if metadata.suffix == ".gz" else open
    frontal: list[Image] = []
    try:
        with opener(metadata, "rt", encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            for row in reader:
                if row["ViewPosition"] in FRONTAL_VIEWS:
                    ids = (row["subject_id"], row["study_id"], row["dicom_id"])
                    frontal.append(_checked(ids, metadata, reader.line_num))
    except KeyError as error:
        message = (
            f"column {error.args[0]} is missing: not the metadata of {MIMIC_CXR_JPG.title} {MIMIC_CXR_JPG.version}"
        )
        raise SourceError(message, path=metadata) from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise SourceError("is damaged; remove it and download it again", path=metadata) from error
    found = choice.of(frontal)
    if not found:
        raise SourceError("names no frontal image of those that were asked for", path=metadata)
    return found
