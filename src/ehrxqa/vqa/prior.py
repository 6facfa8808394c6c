"""The model that does not look: the most frequent answer to each question among the labelled images of train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ehrxqa.errors import SettingsError
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaReply, VqaRequest
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.rules import rule_for

__all__ = ["PriorModel", "labels_for_prior"]


class PriorModel:
    """Answers every image alike; the confidence is the share of images that have the answer.

    Of equally frequent answers the one that the labels give first is taken. Images without a value (a width without
    boxes) do not count.

    Args:
        labels: Of the images to count.

    Raises:
        SettingsError: There is no image.
    """

    name = "prior"
    batch_size = 65536
    answers_from_labels = True

    def __init__(self, labels: ImageLabels) -> None:
        if not len(labels):
            raise SettingsError('model "prior" counts the answers of train, and no image there has labels')
        self._labels = labels
        self._replies: dict[VqaQuestion, VqaReply] = {}

    @property
    def version(self) -> str:
        """Digest of the labels."""
        return self._labels.fingerprint

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """The most frequent answers."""
        return [self._reply(request.value()) for request in requests]

    def _reply(self, question: VqaQuestion) -> VqaReply:
        known = self._replies.get(question)
        if known is None:
            counts = Counter(map(rule_for(question, self._labels), range(len(self._labels))))
            counts.pop(None, None)
            total = counts.total()
            (answer, most), *_ = counts.most_common(1) or [(None, 0)]
            known = self._replies[question] = VqaReply(answer, most / total if total else None)
        return known


def labels_for_prior(path: Path) -> ImageLabels:
    """The labels of the train split of an output folder, or of a database.

    Raises:
        SettingsError: It is neither.
        BuildError: It cannot be read.
    """
    if path.is_file():
        from ehrxqa.vqa.database_labels import labels_of_database

        return labels_of_database(path)
    if (path / "labels").is_dir():
        from ehrxqa.vqa.split_labels import read_split_labels

        return read_split_labels(path / "labels", "train")
    if (path / DATABASE_PATHS["train"]).is_file():
        return labels_for_prior(path / DATABASE_PATHS["train"])
    raise SettingsError(f"{path}: neither an output folder nor a database; prior counts the answers of train")
