"""A vision model that knows one thing about X-rays: how bright they are. It shows what a model needs, and no more."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import ABSTAIN, VqaReply, VqaRequest
from ehrxqa.vqa.registry import ModelContext

_DARK, _BRIGHT = 60.0, 130.0


class Brightness:
    """Says yes to a yes/no question about a bright picture, and abstains from lists."""

    name, version, batch_size = "brightness", "1", 64

    def __init__(self, files: ImageFiles) -> None:
        self._files = files

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """One answer per request."""
        return [self._reply(request) for request in requests]

    def _reply(self, request: VqaRequest) -> VqaReply:
        if request.answer_type != "truth":
            return VqaReply(ABSTAIN)
        with Image.open(self._files.path(request)) as picture:
            mean = float(np.asarray(picture.convert("L")).mean())
        share = min(1.0, max(0.0, (mean - _DARK) / (_BRIGHT - _DARK)))
        return VqaReply(share > 0.5, confidence=max(share, 1 - share))


def brightness(context: ModelContext) -> Brightness:
    """The model for a database and its folder of images."""
    return Brightness(context.image_files())
