"""What all pages of a running explorer share."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from ehrxqa.errors import EhrxqaError
from ehrxqa.explorer.data_ask import AskBox
from ehrxqa.explorer.data_audit import Audit
from ehrxqa.explorer.data_home import HomeView, home_view
from ehrxqa.explorer.data_question import Explanations, question_view
from ehrxqa.explorer.data_questions import QuestionIndex
from ehrxqa.explorer.data_quiz import Quiz
from ehrxqa.explorer.data_runs import RunBoard
from ehrxqa.explorer.library import Library
from ehrxqa.explorer.pictures import Thumbnails
from ehrxqa.explorer.rendering import Renderer
from ehrxqa.spec.scopes import MODALITIES

__all__ = ["Explorer", "open_explorer", "warm"]


@dataclass(frozen=True)
class Explorer:
    """What pages are made from.

    Attributes:
        library: The output folder.
        index: Its questions.
        explanations: Of questions.
        thumbnails: Of pictures.
        renderer: Makes the pages.
        asking: Runs queries of readers.
        runs: Experiments.
        audit: Flags and verdicts on golds.
        quiz: Questions to learn from.
    """

    library: Library
    index: QuestionIndex
    explanations: Explanations
    thumbnails: Thumbnails
    renderer: Renderer
    asking: AskBox
    runs: RunBoard
    audit: Audit
    quiz: Quiz

    @cached_property
    def home(self) -> HomeView:
        """What the first page shows."""
        return home_view(self.library, self.index)


def warm(explorer: Explorer) -> None:
    """Read what the first pages need, so that nobody waits for it; what cannot be read is said by the pages."""
    with suppress(EhrxqaError):
        _ = explorer.home
        for modality in MODALITIES:
            item = next((item for item in explorer.index.items if item.facts.modality == modality), None)
            if item is not None:
                question_view(explorer.library, explorer.explanations, item)
        explorer.quiz.item(0)


def open_explorer(library: Library, *, quiz_only: bool = False) -> Explorer:
    """Everything that pages of an output folder need."""
    index = QuestionIndex(library.dataset)
    runs = RunBoard(library.out, index)
    runs.runs()  # the list of questions begins with their facets
    return Explorer(
        library,
        index,
        Explanations(library),
        Thumbnails(),
        Renderer(synthetic=library.synthetic, quiz_only=quiz_only),
        AskBox(library),
        runs,
        Audit(library, index),
        Quiz(library),
    )
