"""What made the numbers of a run: digests, versions, and the state of the working copy."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from ehrxqa.errors import MissingError, VqaError
from ehrxqa.files import sha256_of
from ehrxqa.vqa.database_labels import studies_of_database
from ehrxqa.vqa.image_paths import ImageFiles

__all__ = ["input_digests", "package_versions", "working_copy"]

#: Packages whose versions can change a number, as far as they are installed.
_PACKAGES: Final = ("ehrxqa", "numpy", "apsw", "pillow", "torch", "transformers", "httpx2")


def package_versions() -> dict[str, str]:
    """Versions of installed packages that can change a number."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def working_copy() -> tuple[str | None, bool | None]:
    """Commit of the working copy this package runs from, and whether it has changes; None for an installed package."""
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return None, None
    try:
        commit, status = (
            subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True)
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit.stdout.strip(), bool(status.stdout.strip())


def input_digests(questions: Path, database: Path, images: Path | str | None) -> dict[str, str]:
    """SHA-256 of questions and database, and, where pictures are looked at, of the names and sizes of all its studies'.

    Raises:
        SettingsError: There is no such folder of pictures.
        BuildError: The database cannot be read.
    """
    digests = {"dataset": sha256_of(questions), "database": sha256_of(database)}
    if images is not None:
        digests["images"] = _images_digest(Path(images), database)
    return digests


def _images_digest(images: Path, database: Path) -> str:
    if not images.is_dir():
        raise MissingError(f"{images}: no such folder of images")
    digest, studies = hashlib.sha256(), studies_of_database(database)
    files = ImageFiles(images, {study: subject for study, (subject, _) in studies.items()})
    for study, (_, image) in sorted(studies.items()):
        try:
            size = files.find(study, image).stat().st_size
        except VqaError:  # the file is not there
            size = -1
        digest.update(f"{study} {image} {size}\n".encode())
    return digest.hexdigest()
