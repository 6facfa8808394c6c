"""The quiz: an X-ray and a finding; where is it, or is it not there? Nothing here tells before an answer is given."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Final

from ehrxqa.explorer.data_images import ImageView, image_view
from ehrxqa.explorer.library import Library, StudyRef
from ehrxqa.sources.image_boxes import ImageBox

__all__ = ["Quiz", "QuizItem", "Revealed"]

#: Categories of findings that can be pointed at.
_CATEGORIES: Final = frozenset({"anatomicalfinding", "disease", "device", "tubesandlines"})
#: Share of questions about a finding that is not there.
_ABSENT: Final = 0.25
#: Boxes larger than this part of the picture say too little to be an answer.
_LARGEST: Final = 0.5
#: Numbers of questions begin anew after this many.
MOST: Final = 1_000_000


@dataclass(frozen=True)
class QuizItem:
    """A question of the quiz, without its answer.

    Attributes:
        number: Of the question.
        view: The picture, without findings and boxes.
        attribute: What to look for.
    """

    number: int
    view: ImageView
    attribute: str


@dataclass(frozen=True)
class Revealed:
    """The answer.

    Attributes:
        item: The question.
        view: The picture with all that is known of it.
        boxes: Where the finding is; empty if it is not there.
        click: Where the reader clicked, in pixels of the picture; None for "not there".
        right: Whether that is right.
    """

    item: QuizItem
    view: ImageView
    boxes: tuple[ImageBox, ...]
    click: tuple[float, float] | None
    right: bool


class Quiz:
    """Questions by number; the same number asks the same.

    Args:
        library: The output folder.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._pool: tuple[tuple[StudyRef, ...], tuple[str, ...]] | None = None

    def item(self, number: int) -> QuizItem | None:
        """A question; None if there are no pictures with boxes and findings."""
        drawn = self._drawn(number)
        if drawn is None:
            return None
        study, attribute = drawn
        view = image_view(self._library, study.image_id, with_findings=False)
        if view is None or not view.has_picture:
            return None
        return QuizItem(number, _without_boxes(view), attribute)

    def reveal(self, number: int, click: tuple[float, float] | None) -> Revealed | None:
        """The answer to a question.

        Args:
            number: Of the question.
            click: Where the reader clicked, in pixels of the picture; None for "not there".
        """
        item = self.item(number)
        if item is None:
            return None
        study = item.view.study
        boxes = self._places(study).get(item.attribute, ())
        if click is None:
            right = not boxes
        else:
            right = any(box.x1 <= click[0] <= box.x2 and box.y1 <= click[1] <= box.y2 for box in boxes)
        view = image_view(self._library, study.image_id, frozenset(box.object for box in boxes))
        assert view is not None
        return Revealed(item, view, boxes, click, right)

    def _drawn(self, number: int) -> tuple[StudyRef, str] | None:
        studies, attributes = self._studies()
        if not studies:
            return None
        rng = random.Random(f"quiz {number % MOST}")
        for _ in range(200):
            study = rng.choice(studies)
            places = self._places(study)
            if rng.random() < _ABSENT:
                present = {finding.attribute for finding in self._library.findings(study)}
                absent = [attribute for attribute in attributes if attribute not in present]
                if absent:
                    return study, rng.choice(absent)
            elif places:
                return study, rng.choice(sorted(places))
        return None

    def _studies(self) -> tuple[tuple[StudyRef, ...], tuple[str, ...]]:
        """Studies with a picture and boxes, and the attributes that can be pointed at."""
        with self._lock:
            if self._pool is None:
                library = self._library
                studies = tuple(
                    study
                    for study in sorted(library.studies.values(), key=lambda study: study.study_id)
                    if library.has_boxes(study.image_id) and library.picture(study.image_id) is not None
                )
                attributes = {
                    finding.attribute
                    for study in studies
                    for finding in library.findings(study)
                    if finding.category in _CATEGORIES
                }
                self._pool = studies, tuple(sorted(attributes))
            return self._pool

    def _places(self, study: StudyRef) -> dict[str, tuple[ImageBox, ...]]:
        """Attribute → boxes of the objects where it is, for those that some small enough box holds."""
        boxes = {box.object: box for box in self._library.boxes(study.image_id)}
        if not boxes:
            return {}
        area = max(box.x2 for box in boxes.values()) * max(box.y2 for box in boxes.values())
        found: dict[str, list[ImageBox]] = {}
        for finding in self._library.findings(study):
            box = boxes.get(finding.object)
            if box is None or finding.category not in _CATEGORIES:
                continue
            if (box.x2 - box.x1) * (box.y2 - box.y1) <= _LARGEST * area:
                found.setdefault(finding.attribute, []).append(box)
        return {attribute: tuple(of) for attribute, of in found.items()}


def _without_boxes(view: ImageView) -> ImageView:
    return ImageView(view.study, view.width, view.height, (), (), (view.study,), 1)
