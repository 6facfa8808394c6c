"""What is known of a set of images, in the form in which thousands of questions a second are answered.

Each distinct (object, attribute, category) is one bit; each image is one integer whose bits are its present
findings. A question becomes a few masks (see `rules`), and asking it of an image one `&`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Finding", "ImageLabels", "Masks", "bits_of_rows", "numbers_of"]


class Finding(NamedTuple):
    """What can be present in an image: an attribute of a category at an object; lower case."""

    object: str
    attribute: str
    category: str


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """Labels of images; one image per study.

    Attributes:
        image_ids, study_ids, subject_ids: Parallel; one entry per image.
        findings: Bit number → what it stands for.
        present: Per image, the bits of what is present.
        views: Per image, the view position in lower case (`ap`, `pa`, …), None if not known.
        genders: Per image, `m` or `f`, None if not known.
        shares: Measured object → per image, its width as a share of the thorax width, None without boxes.
        possible: What can occur at all (each possible pair, with its category).
    """

    image_ids: Sequence[str]
    study_ids: Sequence[int]
    subject_ids: Sequence[int]
    findings: Sequence[Finding]
    present: Sequence[int]
    views: Sequence[str | None]
    genders: Sequence[str | None]
    shares: Mapping[str, Sequence[float | None]]
    possible: Sequence[Finding] = field(default=())

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: Sequence[int]) -> ImageLabels:
        """The labels of some images."""
        return ImageLabels(
            image_ids=[self.image_ids[row] for row in rows],
            study_ids=[self.study_ids[row] for row in rows],
            subject_ids=[self.subject_ids[row] for row in rows],
            findings=self.findings,
            present=[self.present[row] for row in rows],
            views=[self.views[row] for row in rows],
            genders=[self.genders[row] for row in rows],
            shares={name: [shares[row] for row in rows] for name, shares in self.shares.items()},
            possible=self.possible,
        )

    def findings_of(self, row: int) -> list[Finding]:
        """What an image shows."""
        return [self.findings[number] for number in numbers_of(self.present[row])]

    @cached_property
    def row_of_image(self) -> Mapping[str, int]:
        """Image → its place."""
        return {image: row for row, image in enumerate(self.image_ids)}

    @cached_property
    def row_of_study(self) -> Mapping[int, int]:
        """Study → place of its image."""
        return {study: row for row, study in enumerate(self.study_ids)}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The published names and those that occur here."""
        known = (*self.findings, *self.possible)
        return DEFAULT_VOCABULARY.extended(
            objects=(finding.object for finding in known),
            attributes=(finding.attribute for finding in known),
            categories=(finding.category for finding in known),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Short hexadecimal digest of everything an answer can depend on."""
        digest = hashlib.sha256()
        for part in (self.findings, self.views, self.genders, sorted(self.shares.items()), self.image_ids):
            digest.update(repr(part).encode())
        digest.update(repr((list(self.study_ids), list(self.present))).encode())
        return digest.hexdigest()[:16]

    @cached_property
    def masks(self) -> Masks:
        """For each name, the bits of its findings."""
        return Masks(self.findings)


def numbers_of(bits: int) -> list[int]:
    """The numbers of the set bits.

    >>> numbers_of(0b1010)
    [1, 3]
    """
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


class Masks:
    """Bits of the findings of each object, attribute and category, and the object and attribute of each bit."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.everything: Final = (1 << len(findings)) - 1
        self.object_of: Final = [finding.object for finding in findings]
        self.attribute_of: Final = [finding.attribute for finding in findings]
        self.objects: Final[dict[str, int]] = {}
        self.attributes: Final[dict[str, int]] = {}
        self.categories: Final[dict[str, int]] = {}
        for number, finding in enumerate(findings):
            bit = 1 << number
            self.objects[finding.object] = self.objects.get(finding.object, 0) | bit
            self.attributes[finding.attribute] = self.attributes.get(finding.attribute, 0) | bit
            self.categories[finding.category] = self.categories.get(finding.category, 0) | bit


#: Images whose bits are laid out at once, to keep the Boolean matrix small.
_IMAGES_AT_ONCE: Final = 16384


def bits_of_rows(images: int, findings: int, image: npt.NDArray[np.int64], finding: npt.NDArray[np.int64]) -> list[int]:
    """The bit set of each of `images` images, from rows (image, finding) of what is present, in any order."""
    import numpy as np

    order = np.argsort(image, kind="stable")
    image, finding = image[order], finding[order]
    bits: list[int] = []
    for start in range(0, images, _IMAGES_AT_ONCE):
        stop = min(start + _IMAGES_AT_ONCE, images)
        first, last = np.searchsorted(image, [start, stop])
        matrix = np.zeros((stop - start, findings), dtype=bool)  # (images, findings)
        matrix[image[first:last] - start, finding[first:last]] = True
        packed = np.packbits(matrix, axis=1, bitorder="little")
        width = packed.shape[1]
        buffer = packed.tobytes()
        bits.extend(int.from_bytes(buffer[row * width : (row + 1) * width], "little") for row in range(stop - start))
    return bits
