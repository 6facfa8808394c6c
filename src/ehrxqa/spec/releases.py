"""The PhysioNet projects that EHRXQA is made from, and which releases of them there are.

One release of each is the official one: databases made from these are those of EHRXQA. A build from any other is
another data set; it has another name, and claims no parity.

>>> versions = chosen(["mimic-iv-3.1"])
>>> versions
{'mimiciv': '3.1', 'mimic-cxr-jpg': '2.0.0', 'chest-imagenome': '1.0.0'}
>>> data_set_name(versions), data_set_name(chosen([]))
('EHRXQA on MIMIC-IV 3.1', 'EHRXQA')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ehrxqa.errors import SettingsError

__all__ = [
    "CHEST_IMAGENOME",
    "MIMIC_CXR_JPG",
    "MIMIC_IV",
    "OFFICIAL_DATA_SET",
    "PROJECTS",
    "FoundRelease",
    "Project",
    "Release",
    "chosen",
    "data_set_name",
    "project_of",
    "release_names",
]


#: What the data set is called that is made from the official releases.
OFFICIAL_DATA_SET: Final = "EHRXQA"


@dataclass(frozen=True)
class Release:
    """One release of a project.

    Attributes:
        version: Its number.
        official: Whether the official databases are made from it.
        refused: Why nothing can be built from it; "" if something can.
        listed: Files that only this release and later ones list in `SHA256SUMS.txt`.
        values: (catalogue key, column, value): values that this release has and the official one has not.
        rows: Catalogue key → published number of rows.
    """

    version: str
    official: bool = False
    refused: str = ""
    listed: tuple[str, ...] = ()
    values: tuple[tuple[str, str, str], ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Project:
    """A PhysioNet project.

    Attributes:
        slug: Name in PhysioNet's addresses, and of the folder below `physionet.org/files`.
        title: Name for people.
        option: Command-line option that points at a copy elsewhere.
        releases: Those that are known, oldest first.
        archive: What the folder in PhysioNet's archive of the project is called, without `-` and the release.
    """

    slug: str
    title: str
    option: str
    releases: tuple[Release, ...]
    archive: str

    @property
    def version(self) -> str:
        """The official release."""
        return next(release.version for release in self.releases if release.official)

    @property
    def folder(self) -> str:
        """Folder of the official release below the root of the sources, e.g. `mimiciv/2.2`."""
        return f"{self.slug}/{self.version}"

    @property
    def name(self) -> str:
        """Its name in options, e.g. `mimic-iv`."""
        return self.option.removeprefix("--")

    def release(self, version: str) -> Release | None:
        """A release by its number, if it is known."""
        return next((release for release in self.releases if release.version == version), None)


@dataclass(frozen=True)
class FoundRelease:
    """The release of one project in the sources.

    Attributes:
        version: Its number.
        found_by: How it was told: `SHA256SUMS.txt`, `folder name`, `values`, or `assumed`.
    """

    version: str
    found_by: str


#: Of 3.0, by its own notes: item ids of laboratory tests drifted, and two subjects have no row in patients.
_DRIFTED: Final = (
    "its laboratory item ids differ from those of all other releases and two of its subjects have no patient row; "
    "3.1 mends both"
)

MIMIC_IV: Final = Project(
    "mimiciv",
    "MIMIC-IV",
    "--mimic-iv",
    (
        Release("2.2", official=True),
        Release("3.0", refused=_DRIFTED, values=(("patients", "anchor_year_group", "2020 - 2022"),)),
        Release(
            "3.1",
            values=(("patients", "anchor_year_group", "2020 - 2022"),),
            rows={"patients": 364_627, "admissions": 546_028, "icustays": 94_458},
        ),
    ),
    "mimic-iv",
)
MIMIC_CXR_JPG: Final = Project(
    "mimic-cxr-jpg",
    "MIMIC-CXR-JPG",
    "--mimic-cxr-jpg",
    (Release("2.0.0", official=True), Release("2.1.0", listed=("mimic-cxr-2.1.0-test-set-labeled.csv",))),
    "mimic-cxr-jpg-chest-radiographs-with-structured-labels",
)
CHEST_IMAGENOME: Final = Project(
    "chest-imagenome",
    "Chest ImaGenome",
    "--chest-imagenome",
    (Release("1.0.0", official=True),),
    "chest-imagenome-dataset",
)
PROJECTS: Final = (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME)


def project_of(slug: str) -> Project:
    """The project of that name in addresses."""
    return next(project for project in PROJECTS if project.slug == slug)


def release_names(*, official: bool = True) -> tuple[str, ...]:
    """Names of the releases that can be asked for, e.g. `mimic-iv-3.1`; all, or without the official ones."""
    return tuple(
        f"{project.name}-{release.version}"
        for project in PROJECTS
        for release in project.releases
        if not release.refused and (official or not release.official)
    )


def chosen(names: Iterable[str]) -> dict[str, str]:
    """The release of each project: the named ones, and the official ones of the others.

    Args:
        names: Such as `mimic-iv-3.1` and `mimic-cxr-jpg-2.1.0`.

    Returns:
        Slug of each project → number of its release.

    Raises:
        SettingsError: There is no such release, it is refused, or two of one project are named.
    """
    versions = {project.slug: project.version for project in PROJECTS}
    given: dict[str, str] = {}
    for name in names:
        project, release = _named(name)
        if release.refused:
            raise SettingsError(f"{project.title} {release.version} cannot be built from: {release.refused}")
        if given.setdefault(project.slug, release.version) != release.version:
            raise SettingsError(f"two releases of {project.title} are named: choose one")
    return {**versions, **given}


def _named(name: str) -> tuple[Project, Release]:
    for project in PROJECTS:
        for release in project.releases:
            if name.lower() == f"{project.name}-{release.version}":
                return project, release
    raise SettingsError(f"no release is called {name!r}; there are {', '.join(release_names())}")


def data_set_name(versions: Mapping[str, str]) -> str:
    """What a data set is called that is made from these releases: another than EHRXQA, unless they are official."""
    others = [
        f"{project.title} {versions[project.slug]}"
        for project in PROJECTS
        if versions.get(project.slug, project.version) != project.version
    ]
    return f"{OFFICIAL_DATA_SET} on " + " and ".join(others) if others else OFFICIAL_DATA_SET
