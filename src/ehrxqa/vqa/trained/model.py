"""A trained model as one that answers questions: each picture is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import ABSTAIN, VqaReply, VqaRequest
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.trained.answering import Evidences, PredictedTables
from ehrxqa.vqa.trained.folder import read_folder
from ehrxqa.vqa.trained.pixels import Pixels, grey
from ehrxqa.vqa.trained.table import Floats

__all__ = ["TrainedModel"]

#: Images whose tables are kept; each takes some 2 kB.
_MOST_KEPT: Final = 100_000
_IMAGES_AT_ONCE: Final = 64


class TrainedModel:
    """Answers from the label table that it predicts.

    Args:
        folder: Where `ehrxqa vqa train` wrote it.
        images: Where the pictures are.
        abstain: Penalty of a wrong answer: abstain where that scores better, as fitted on held-out images.
        device: For a `cnn`.

    Raises:
        SettingsError: There is no model, or no threshold for that penalty.
        VqaError: It is damaged.
    """

    batch_size: int = 4096
    answers_from_labels = True

    def __init__(self, folder: Path, images: ImageFiles, *, abstain: int | None = None, device: str = "auto") -> None:
        self._folder = read_folder(folder, device=device)
        self._images = images
        self.name = str(self._folder.about["name"])
        known = self._folder.confidence.abstain_below
        if abstain is not None and abstain not in known:
            raise SettingsError(f"{folder}: abstain is one of {', '.join(map(str, sorted(known)))}, not {abstain}")
        self._below = None if abstain is None else known[abstain]
        self._version = self._folder.digest if abstain is None else f"{self._folder.digest}:abstain={abstain}"
        self._evidences = Evidences(self._folder.columns)
        self._margins: dict[str, Floats] = {}

    @property
    def version(self) -> str:
        """Digest of the model, and how it abstains."""
        return self._version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """The answers by the predicted tables.

        Raises:
            VqaError: A study is unknown, or its image is missing or damaged; names the study.
        """
        if not requests:
            return []
        questions = [request.value() for request in requests]
        first = {request.image_id: request for request in reversed(requests)}
        if len(self._margins) > _MOST_KEPT:
            self._margins.clear()
        self._look([request for image, request in first.items() if image not in self._margins])
        row = {image: number for number, image in enumerate(first)}
        margins = np.stack([self._margins[image] for image in first])
        tables = PredictedTables(
            self._evidences, margins, list(first), [request.study_id for request in first.values()]
        )
        asked = [(question, row[request.image_id]) for question, request in zip(questions, requests, strict=True)]
        replies = tables.replies(asked)
        return [self._sure(question, reply) for (question, _), reply in zip(asked, replies, strict=True)]

    def _sure(self, question: VqaQuestion, reply: VqaReply) -> VqaReply:
        """A reply with a confidence that can be believed, or an abstention."""
        known = self._folder.confidence.of(question, reply)
        if self._below is not None and (known.confidence or 0.0) < self._below:
            return VqaReply(ABSTAIN, known.confidence)
        return known

    def _look(self, requests: Sequence[VqaRequest]) -> None:
        """Predict the tables of the images of these requests."""
        for start in range(0, len(requests), _IMAGES_AT_ONCE):
            some = requests[start : start + _IMAGES_AT_ONCE]
            pixels = np.stack([self._picture(request) for request in some])
            margins = self._folder.calibration.margins(self._folder.predictor.scores(pixels))
            self._margins.update((request.image_id, row) for request, row in zip(some, margins, strict=True))

    def _picture(self, request: VqaRequest) -> Pixels:
        path = self._images.path(request)
        try:
            return grey(path, self._folder.size)
        except VqaError as error:
            raise VqaError(f"study {request.study_id}: {error}") from error
