"""What one synthetic hospital is: its parameters, who is in it, and the ids of everything.

Ids are arithmetic, so that subject number 70,000 can be made without the 69,999 before it: every kind
of id maps (subject number, running number within the subject) into the real range of that id by a keyed
permutation of that range, so that no digit of an id tells anything about what it names.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ehrxqa.errors import SettingsError
from ehrxqa.hospital.scattering import permuted
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.spec.extra import ExtraTable, extra_tables
from ehrxqa.spec.human_labels import HUMAN_LABELS
from ehrxqa.spec.releases import MIMIC_CXR_JPG, PROJECTS, Project, chosen

__all__ = ["DEFAULT_IMAGE_SIZE", "GENERATOR", "MAX_SUBJECTS", "MIN_SUBJECTS", "Plan", "checked_image_size"]

#: Version of the generator: raised whenever the same parameters give other bytes.
GENERATOR = 5

MIN_SUBJECTS = 60
MAX_SUBJECTS = 100_000
_MAX_GOLD = 500
MAX_FACTOR = 1000
DEFAULT_IMAGE_SIZE = 512
_MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 256, 1024
_SPAN = 10_000_000
_SCATTER = 6_180_339  # prime to ten million, near the golden section
_OFFSET = 4_142_135
_RESERVED_SUBJECT = 13_891_219  # the official builder treats this subject specially


@dataclass(frozen=True)
class Plan:
    """Parameters of a synthetic hospital, checked.

    Attributes:
        subjects: Number of subjects, 60 to 100,000.
        gold_subjects: How many of them have a study checked by hand.
        seed: Seed of all random numbers.
        images: Whether X-ray files are drawn.
        events_factor: Multiplier of laboratory and charted events.
        charted_factor: Further multiplier of charted events alone.
        releases: Names of the releases that are written, where they are not the official ones, in a fixed order.
        tables: Tables beyond those of the package.
        image_size: Pixels of the longer side of the X-rays, 256 to 1,024.
    """

    subjects: int
    gold_subjects: int
    seed: int
    images: bool
    events_factor: float
    charted_factor: float
    releases: tuple[str, ...] = ()
    tables: tuple[ExtraTable, ...] = field(default=(), compare=False)
    image_size: int = DEFAULT_IMAGE_SIZE

    @classmethod
    def checked(
        cls,
        subjects: int,
        gold_subjects: int | None = None,
        seed: int = 0,
        images: bool = True,
        events_factor: float = 1.0,
        charted_factor: float = 1.0,
        releases: Iterable[str] = (),
        tables: Iterable[str | ExtraTable] = (),
        image_size: int = DEFAULT_IMAGE_SIZE,
    ) -> Plan:
        """The plan of these parameters; `gold_subjects` None means a quarter of the subjects, at most 500.

        Raises:
            SettingsError: A parameter is out of range, or there is no such release or table.
        """
        if not MIN_SUBJECTS <= subjects <= MAX_SUBJECTS:
            raise SettingsError(f"subjects: {subjects} is out of range; choose {MIN_SUBJECTS} to {MAX_SUBJECTS:,}")
        gold = min(subjects // 4, _MAX_GOLD) if gold_subjects is None else gold_subjects
        if gold < 1:
            raise SettingsError(f"gold subjects: {gold} is too few; choose at least 1")
        if gold > subjects // 2:
            raise SettingsError(
                f"gold subjects: {gold} is more than half of the {subjects} subjects; choose {subjects // 2} or fewer"
            )
        if seed < 0:
            raise SettingsError(f"seed: {seed} is negative; choose 0 or more")
        for name, factor in (("events factor", events_factor), ("charted factor", charted_factor)):
            if not 0 < factor <= MAX_FACTOR:
                raise SettingsError(f"{name}: {factor} is out of range; choose more than 0, at most {MAX_FACTOR:,}")
        versions = chosen(releases)
        others = tuple(
            f"{project.name}-{versions[project.slug]}"
            for project in PROJECTS
            if versions[project.slug] != project.version
        )
        return cls(
            subjects,
            gold,
            seed,
            images,
            float(events_factor),
            float(charted_factor),
            others,
            extra_tables(tables),
            checked_image_size(image_size),
        )

    def as_dict(self) -> dict[str, Any]:
        """The parameters, for the marker file."""
        names = (each.name for each in fields(self) if each.name not in ("releases", "tables"))
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.releases:  # only then, so that hospitals of the official releases are what they were
            values["releases"] = list(self.releases)
        if self.tables:
            values["tables"] = [extra.table.name for extra in self.tables]
        return values

    @cached_property
    def versions(self) -> dict[str, str]:
        """The release of each project, by its slug."""
        return chosen(self.releases)

    @property
    def human_labels(self) -> bool:
        """Whether the release of MIMIC-CXR-JPG has studies that a radiologist read."""
        release = MIMIC_CXR_JPG.release(self.versions[MIMIC_CXR_JPG.slug])
        return release is not None and HUMAN_LABELS.path in release.listed

    def folder(self, project: Project) -> str:
        """Folder of a project below the root of the tree, e.g. `mimiciv/2.2`."""
        return f"{project.slug}/{self.versions[project.slug]}"

    @cached_property
    def gold(self) -> frozenset[int]:
        """Numbers of the gold subjects."""
        rng = stream(self.seed, Purpose.HOSPITAL)
        return frozenset(rng.choice(self.subjects, self.gold_subjects, replace=False).tolist())

    @property
    def slots(self) -> int:
        """Ids of each kind reserved for one subject: 99 in the largest hospital, never more than 1,000."""
        return min((_SPAN - 1) // self.subjects, 1000)

    def subject_id(self, number: int) -> int:
        """Id of subject `number`: 8 digits, starting with 1, ascending."""
        stride = (_SPAN - 1) // self.subjects
        subject_id = _SPAN + number * stride + (number * _SCATTER + self.seed + _OFFSET) % (stride - 1)
        return subject_id + (subject_id == _RESERVED_SUBJECT)

    def hadm_id(self, number: int, running: int) -> int:
        """Id of an admission: 8 digits, starting with 2."""
        return 2 * _SPAN + self._scattered(2, number, running)

    def unit_stay_id(self, number: int, running: int) -> int:
        """Id of a transfer or ICU stay: 8 digits, starting with 3."""
        return 3 * _SPAN + self._scattered(3, number, running)

    def study_id(self, number: int, running: int) -> int:
        """Id of an X-ray study: 8 digits, starting with 5."""
        return 5 * _SPAN + self._scattered(5, number, running)

    def _scattered(self, kind: int, number: int, running: int) -> int:
        if running >= self.slots:
            raise AssertionError(f"subject {number} needs more than {self.slots} ids")
        return permuted(number * self.slots + running, _SPAN, self.seed, kind)

    def share(self, number: int, trait: str) -> float:
        """A number from 0 to 1 for a lasting trait of a subject, spread evenly over each cohort.

        Whoever lies below p has the trait: a share p of the gold subjects, and a share p of the others. Independent
        numbers would leave a rare trait to chance, and the test database, made of the gold subjects, would differ in
        it from the train database.
        """
        is_gold = number in self.gold
        before = bisect_left(self._gold_in_order, number)
        rank, size = (before, self.gold_subjects) if is_gold else (number - before, self.subjects - self.gold_subjects)
        key = (self.seed, is_gold, *trait.encode())
        within = permuted(rank, 1 << 32, *key) / (1 << 32)
        return (permuted(rank, size, *key) + within) / size

    @cached_property
    def _gold_in_order(self) -> tuple[int, ...]:
        return tuple(sorted(self.gold))


def checked_image_size(pixels: int) -> int:
    """The longer side of the X-rays.

    Raises:
        SettingsError: It is out of range.
    """
    if not _MIN_IMAGE_SIZE <= pixels <= MAX_IMAGE_SIZE:
        raise SettingsError(
            f"image size: {pixels} is out of range; choose {_MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE:,} pixels"
        )
    return pixels
