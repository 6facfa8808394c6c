"""The PhysioNet projects that EHRXQA is made from, and their releases."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHEST_IMAGENOME", "MIMIC_CXR_JPG", "MIMIC_IV", "PROJECTS", "Project"]


@dataclass(frozen=True)
class Project:
    """A PhysioNet project at the release that EHRXQA was made from.

    Attributes:
        slug: Name in PhysioNet's addresses, and of the folder below `physionet.org/files`.
        version: Release.
        title: Name for people.
        option: Command-line option that points at a copy elsewhere.
    """

    slug: str
    version: str
    title: str
    option: str

    @property
    def folder(self) -> str:
        """Folder below the root of the sources, e.g. `mimiciv/2.2`."""
        return f"{self.slug}/{self.version}"


MIMIC_IV = Project("mimiciv", "2.2", "MIMIC-IV", "--mimic-iv")
MIMIC_CXR_JPG = Project("mimic-cxr-jpg", "2.0.0", "MIMIC-CXR-JPG", "--mimic-cxr-jpg")
CHEST_IMAGENOME = Project("chest-imagenome", "1.0.0", "Chest ImaGenome", "--chest-imagenome")
PROJECTS = (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME)
