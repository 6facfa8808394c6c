"""An image with everything known of it: its study and subject, what is present in it, where, and its other studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ehrxqa.explorer.library import Library, StudyRef
from ehrxqa.explorer.pictures import picture_size
from ehrxqa.sources.image_boxes import ImageBox

__all__ = ["LABEL_HEIGHT", "FindingAt", "ImageView", "ShownBox", "image_view", "words_of"]

#: Category as in Chest ImaGenome → words for readers.
CATEGORIES: Mapping[str, str] = {
    "anatomicalfinding": "finding",
    "disease": "disease",
    "device": "device",
    "tubesandlines": "tube or line",
    "technicalassessment": "technical",
    "texture": "texture",
}


@dataclass(frozen=True, slots=True)
class FindingAt:
    """Attributes present at one object, each with the words for its category."""

    object: str
    attributes: tuple[tuple[str, str], ...]
    box: int | None


@dataclass(frozen=True, slots=True)
class ShownBox:
    """A box on a picture.

    Attributes:
        number: Of the box in the picture.
        box: Where it is.
        attributes: What is present in it.
        asked: Whether it is what a question asks about.
        label: Where its name stands (left end of the line of text, in pixels of the picture); None where names of
            other boxes leave no room.
    """

    number: int
    box: ImageBox
    attributes: tuple[str, ...]
    asked: bool = False
    label: tuple[float, float] | None = None


@dataclass(frozen=True)
class ImageView:
    """What is known of an image.

    Attributes:
        study: Its study.
        width, height: Of the picture in pixels; 0 without picture.
        boxes: Large ones first, so that small ones lie on top.
        findings: By object.
        others: The subject's other studies, by time, and this one.
        position: Number of this study among them, from 1.
    """

    study: StudyRef
    width: int
    height: int
    boxes: tuple[ShownBox, ...]
    findings: tuple[FindingAt, ...]
    others: tuple[StudyRef, ...]
    position: int

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture to show."""
        return self.width > 0


#: Height of the letters of a label, and their mean width, as parts of the width of the picture.
LABEL_HEIGHT: Final = 1 / 42
_LETTER: Final = LABEL_HEIGHT * 0.6


def _labelled(boxes: tuple[ShownBox, ...], width: int) -> tuple[ShownBox, ...]:
    """Boxes with places for their names: what is asked about first, then findings, small boxes first, none twice."""
    height = width * LABEL_HEIGHT
    taken: list[tuple[float, float, float, float]] = []
    placed: dict[int, tuple[float, float]] = {}
    for shown in sorted(boxes, key=lambda shown: (not shown.asked, not shown.attributes, -shown.number)):
        box, long = shown.box, len(shown.box.object) * width * _LETTER
        left = min(max(box.x1 + height / 3, 0.0), max(width - long, 0.0))
        right = min(max(box.x2 - long - height / 3, 0.0), max(width - long, 0.0))
        for x, y in (
            (left, box.y1 + height * 1.1),
            (left, box.y2 - height * 0.4),
            (right, box.y1 + height * 1.1),
            (right, box.y2 - height * 0.4),
        ):
            place = (x, y - height, x + long, y + height * 0.25)
            if all(place[2] <= a or c <= place[0] or place[3] <= b or d <= place[1] for a, b, c, d in taken):
                taken.append(place)
                placed[shown.number] = (round(x, 1), round(y, 1))
                break
    return tuple(replace(shown, label=placed.get(shown.number)) for shown in boxes)


def words_of(category: str) -> str:
    """A category in words for readers."""
    return CATEGORIES.get(category, category)


def image_view(
    library: Library, image_id: str, asked_objects: frozenset[str] = frozenset(), *, with_findings: bool = True
) -> ImageView | None:
    """Everything known of an image of the databases; None if there is no such image.

    Args:
        library: The output folder.
        image_id: Of the image.
        asked_objects: Objects whose boxes are marked.
        with_findings: Without, nothing of the answer key is in the result: no label, no marked box.

    Raises:
        SourceError: The sources are damaged.
    """
    study = library.by_image.get(image_id)
    if study is None:
        return None
    path = library.picture(image_id)
    width, height = (0, 0) if path is None else picture_size(path)
    present: dict[str, list[tuple[str, str]]] = {}
    for finding in library.findings(study) if with_findings else ():
        present.setdefault(finding.object, []).append((finding.attribute, words_of(finding.category)))
    found = library.boxes(image_id)
    by_size = sorted(found, key=lambda box: -(box.x2 - box.x1) * (box.y2 - box.y1))
    boxes = tuple(
        ShownBox(
            number,
            box,
            tuple(attribute for attribute, _ in present.get(box.object, ())),
            with_findings and box.object in asked_objects,
        )
        for number, box in enumerate(by_size)
    )
    boxes = _labelled(boxes, width)
    number_of = {shown.box.object: shown.number for shown in boxes}
    findings = tuple(FindingAt(name, tuple(of), number_of.get(name)) for name, of in present.items())
    others = library.by_subject[study.subject_id]
    return ImageView(study, width, height, boxes, findings, others, others.index(study) + 1)
