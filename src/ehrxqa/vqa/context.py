"""What a vision model is made from, and the options in the text that names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

if TYPE_CHECKING:
    from ehrxqa.net.consent import Ask
    from ehrxqa.vqa.image_paths import ImageFiles

__all__ = ["ModelContext", "options_of", "rejoined"]


@dataclass(frozen=True)
class ModelContext:
    """What a model can be made from.

    Attributes:
        spec: The whole text that names it.
        argument: What stands behind the name, without the colon.
        database: The integrated database the studies come from.
        labels: Its labels, if they were read before.
        images: Folder of MIMIC-CXR-JPG.
        confirm_endpoint: Host to which the user allows sending.
        ask: Asked to confirm instead.
    """

    spec: str
    argument: str = ""
    database: Path | None = None
    labels: ImageLabels | None = None
    images: Path | None = None
    confirm_endpoint: str | None = None
    ask: Ask | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that an answer may hold."""
        return DEFAULT_VOCABULARY if self.labels is None else self.labels.vocabulary

    @property
    def output_folder(self) -> Path | None:
        """The output folder that holds the database, if it lies where a build puts it."""
        if self.database is None:
            return None
        place = self.database.resolve()
        known = {(place.parents[2] / path) for path in DATABASE_PATHS.values()} if len(place.parents) > 2 else set()
        return place.parents[2] if place in known else None

    @property
    def synthetic(self) -> bool:
        """Whether the build says of itself that no real patient is in it; False where nothing says so."""
        from ehrxqa.runs.manifest import read_manifest

        folder = self.output_folder
        manifest = None if folder is None else read_manifest(folder)
        return manifest is not None and manifest.synthetic

    def image_files(self) -> ImageFiles:
        """Where the pictures of the database's studies are.

        Raises:
            SettingsError: No database or folder of images was given, or there is no such folder.
            BuildError: The database cannot be read.
        """
        if self.database is None or self.images is None:
            raise SettingsError(
                f'model "{self.spec}" looks at images and needs a database and the folder of images (--images)'
            )
        if not self.images.is_dir():
            raise MissingError(f"{self.images}: no such folder of images")
        from ehrxqa.vqa.database_labels import studies_of_database
        from ehrxqa.vqa.image_paths import ImageFiles

        subjects = {study: subject for study, (subject, _) in studies_of_database(self.database).items()}
        if self.labels is not None:  # images of a split need not be in the database
            subjects.update(zip(self.labels.study_ids, self.labels.subject_ids, strict=True))
        return ImageFiles(self.images, subjects)

    def labels_of_database(self) -> ImageLabels:
        """The labels of the database.

        Raises:
            SettingsError: No database was given.
            BuildError: It cannot be read.
        """
        if self.labels is not None:
            return self.labels
        if self.database is None:
            raise SettingsError(f'model "{self.spec}" answers from labels and needs a database')
        from ehrxqa.vqa.database_labels import labels_of_database

        return labels_of_database(self.database)


def rejoined(options: list[str]) -> list[str]:
    """`cuda:1` was split at its colon: put pieces without `=` back to the one before."""
    joined: list[str] = []
    for option in options:
        if "=" in option or not joined:
            joined.append(option)
        else:
            joined[-1] += ":" + option
    return joined


def options_of(spec: str, options: list[str], known: set[str]) -> dict[str, str]:
    """The options `key=value` of a model text.

    Raises:
        SettingsError: One is not known, has no value, or comes twice.
    """
    values: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key not in known or key in values or not value:
            raise SettingsError(
                f'model "{spec}": "{option}" is not one of {", ".join(sorted(known))}, each once, as key=value'
            )
        values[key] = value
    return values
