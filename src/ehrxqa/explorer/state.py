"""What all pages of a running explorer share."""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.explorer.data_question import Explanations
from ehrxqa.explorer.data_questions import QuestionIndex
from ehrxqa.explorer.library import Library
from ehrxqa.explorer.pictures import Thumbnails
from ehrxqa.explorer.rendering import Renderer

__all__ = ["Explorer", "open_explorer"]


@dataclass(frozen=True)
class Explorer:
    """What pages are made from.

    Attributes:
        library: The output folder.
        index: Its questions.
        explanations: Of questions.
        thumbnails: Of pictures.
        renderer: Makes the pages.
    """

    library: Library
    index: QuestionIndex
    explanations: Explanations
    thumbnails: Thumbnails
    renderer: Renderer


def open_explorer(library: Library, *, quiz_only: bool = False) -> Explorer:
    """Everything that pages of an output folder need."""
    return Explorer(
        library,
        QuestionIndex(library.dataset),
        Explanations(library),
        Thumbnails(),
        Renderer(synthetic=library.synthetic, quiz_only=quiz_only),
    )
