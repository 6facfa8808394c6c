"""The pages that a server and a folder of files share: template and values of a question, a subject, an image."""

from __future__ import annotations

from typing import Any, Final

from ehrxqa.explorer.addresses import Addresses
from ehrxqa.explorer.data_audit import FLAG_WORDS
from ehrxqa.explorer.data_images import ImageView
from ehrxqa.explorer.data_question import QuestionView, tables_of
from ehrxqa.explorer.data_questions import Item
from ehrxqa.explorer.data_subject import SubjectView
from ehrxqa.explorer.plots import line_of, time_line
from ehrxqa.explorer.state import Explorer

__all__ = ["Values", "image_page", "question_page", "subject_page"]

#: Template, and the values that it needs besides the addresses.
Values = tuple[str, dict[str, Any]]

#: Plots of a subject that are open; the others are a click away.
_OPEN_PLOTS: Final = 12


def question_page(explorer: Explorer, item: Item, view: QuestionView, to: Addresses, *, check: bool = False) -> Values:
    """A question, with its neighbours in the list the reader comes from; `check` looks at its gold, too."""
    before, after = explorer.index.neighbours(to.selection, item)
    return "question.html", {
        "item": item,
        "view": view,
        "before": before,
        "after": after,
        "runs": explorer.runs.answers(item, tables_of(explorer.library, item.split)),
        "findings": explorer.audit.findings(item) if check else explorer.audit.known(item),
        "checked": explorer.audit.is_checked(item),
        "flag_words": FLAG_WORDS,
        "erratum": explorer.audit.erratum(item),
    }


def subject_page(view: SubjectView) -> Values:
    """A subject, with its time line and plots."""
    return "subject.html", {
        "view": view,
        "line": time_line(view),
        "labs": [(series, line_of(series)) for series in view.labs],
        "vitals": [(series, line_of(series)) for series in view.vitals],
        "open_plots": _OPEN_PLOTS,
    }


def image_page(view: ImageView, beside: ImageView | None = None) -> Values:
    """An image, with another one of the subject beside it if that is wanted."""
    return "image.html", {"view": view, "beside": beside}
