"""Which X-ray images are meant, and where PhysioNet keeps them.

The path of an image follows from its subject, study and image id; nothing is found by crawling.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG

__all__ = [
    "Image",
    "ImageSelection",
    "checked_image",
    "metadata_images",
    "read_subjects",
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
class ImageSelection:
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


def read_subjects(path: Path) -> ImageSelection:
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
    return ImageSelection(subjects=frozenset(subjects))


def checked_image(row: Iterable[Any], path: Path, line: int | None = None) -> Image:
    """An image whose ids make a path that cannot lead anywhere else."""
    try:
        subject, study, image_id = row
        image = Image(int(subject), int(study), str(image_id))
    except (TypeError, ValueError) as error:
        raise SourceError("an image without numbers for subject and study", path=path, line=line) from error
    if not _IMAGE_ID.fullmatch(image.image_id) or image.subject_id < 10 or image.study_id < 1:
        raise SourceError("an image id that is not five groups of eight hexadecimal digits", path=path, line=line)
    return image


def metadata_images(metadata: Path, choice: ImageSelection) -> list[Image]:
    """The frontal images (AP, PA) of MIMIC-CXR-JPG's metadata that are wanted, sorted.

    Raises:
        SourceError: The metadata cannot be read, or names none of them.
    """
    opener: Callable[..., Any] = gzip.open if metadata.suffix == ".gz" else open
    frontal: list[Image] = []
    try:
        with opener(metadata, "rt", encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            for row in reader:
                if row["ViewPosition"] in FRONTAL_VIEWS:
                    ids = (row["subject_id"], row["study_id"], row["dicom_id"])
                    frontal.append(checked_image(ids, metadata, reader.line_num))
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
