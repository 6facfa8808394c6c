"""Where the picture of a study lies, by the path rule of MIMIC-CXR-JPG, and its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ehrxqa.errors import VqaError
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.release_folder import own_folder, release_folder
from ehrxqa.sources.tree import project_root
from ehrxqa.spec.releases import MIMIC_CXR_JPG
from ehrxqa.vqa.models import VqaRequest

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageFiles", "find_picture", "grey_picture"]

#: Pixels of a file that is opened: the largest X-rays have some 10 million.
_MOST_PIXELS: Final = 64_000_000

#: Below a folder of PhysioNet projects, and below the project's own folder.
_ROOTS = (
    *(f"{MIMIC_CXR_JPG.slug}/{release.version}/{IMAGES_FOLDER}" for release in MIMIC_CXR_JPG.releases),
    *(f"{release.version}/{IMAGES_FOLDER}" for release in MIMIC_CXR_JPG.releases),
    IMAGES_FOLDER,
    "",
)


def find_picture(folder: Path, relative: str) -> Path | None:
    """The file of an image by its path below `files`, if it is there.

    Args:
        folder: MIMIC-CXR-JPG: the folder that holds `mimic-cxr-jpg/2.0.0/files`, or any folder below it down to
            `files` (the one with p10, p11, …), or one that holds the release as an archive or wget has named it.
        relative: Such as `p19/p19999999/s59999999/IMAGE.jpg`.
    """
    for root in _ROOTS:
        if (path := folder / root / relative).is_file():
            return path
    projects = project_root(folder, [MIMIC_CXR_JPG.slug])
    for version in (release.version for release in MIMIC_CXR_JPG.releases):
        for found in (release_folder(projects, MIMIC_CXR_JPG, version), own_folder(folder, MIMIC_CXR_JPG, version)):
            if (path := found / IMAGES_FOLDER / relative).is_file():
                return path
    return None


def grey_picture(path: Path, side: int, named: str | None = None) -> Image:
    """A picture in shades of grey whose longest side has at most `side` pixels.

    Args:
        path: Of its file.
        side: In pixels.
        named: What it is called in messages, if not by its path.

    Raises:
        VqaError: The file is no picture, or larger than any X-ray.
    """
    from PIL import Image, UnidentifiedImageError  # where pictures are shown

    named = str(path) if named is None else named
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise VqaError(f"{named} has more than {_MOST_PIXELS:,} pixels")
            opened.draft("L", (side, side))
            grey = opened.convert("L")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        if isinstance(error, VqaError):
            raise
        raise VqaError(f"{named} cannot be read ({type(error).__name__})") from None
    grey.thumbnail((side, side))
    return Image.frombytes("L", grey.size, grey.tobytes())


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
        found = find_picture(self.folder, relative)
        if found is not None:
            return found
        raise VqaError(
            f"study {study_id} has no image file: {self.folder / _ROOTS[0] / relative} is missing "
            "(give the folder of MIMIC-CXR-JPG with --images)"
        )
