"""Where the picture of a study lies: the path rule of MIMIC-CXR-JPG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.errors import VqaError
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.spec.releases import MIMIC_CXR_JPG
from ehrxqa.vqa.models import VqaRequest

__all__ = ["ImageFiles"]

#: Below a folder of PhysioNet projects, and below the project's own folder.
_ROOTS = (
    *(f"{MIMIC_CXR_JPG.slug}/{release.version}/{IMAGES_FOLDER}" for release in MIMIC_CXR_JPG.releases),
    *(f"{release.version}/{IMAGES_FOLDER}" for release in MIMIC_CXR_JPG.releases),
    IMAGES_FOLDER,
    "",
)


@dataclass(frozen=True)
class ImageFiles:
    """Finds the picture of a request.

    Attributes:
        folder: MIMIC-CXR-JPG: the folder that holds `mimic-cxr-jpg/2.0.0/files`, or any folder below it
            down to `files` (the one with p10, p11, …).
        subjects: Study → subject.
    """

    folder: Path
    subjects: Mapping[int, int]

    def path(self, request: VqaRequest) -> Path:
        """The image file of a request.

        Raises:
            VqaError: The study is not known, or its file is not there.
        """
        return self.find(request.study_id, request.image_id)

    def find(self, study_id: int, image_id: str) -> Path:
        """The file of an image of a study.

        Raises:
            VqaError: The study is not known, or its file is not there.
        """
        subject = self.subjects.get(study_id)
        if subject is None:
            raise VqaError(f"study {study_id} is not in the database, so its image cannot be found")
        relative = image_path(subject, study_id, image_id)
        for root in _ROOTS:
            candidate = self.folder / root / relative
            if candidate.is_file():
                return candidate
        raise VqaError(
            f"study {study_id} has no image file: {self.folder / _ROOTS[0] / relative} is missing "
            "(give the folder of MIMIC-CXR-JPG with --images)"
        )
