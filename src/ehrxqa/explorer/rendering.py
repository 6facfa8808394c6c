"""Templates to pages: what every template can use, and nothing that computes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ehrxqa.explain.report_sentences import DecidedLabel
from ehrxqa.explorer.addresses import Addresses
from ehrxqa.explorer.data_images import LABEL_HEIGHT
from ehrxqa.explorer.data_questions import Item
from ehrxqa.explorer.marking import marked_sql
from ehrxqa.explorer.plots import PLOT_HEIGHT, PLOT_WIDTH, number

__all__ = ["Renderer", "answer_text", "cell_text", "gold_text", "sentences_of"]

_LONGEST_CELL: Final = 120
#: Characters that are not broken over lines: those of a time.
_SHORT_CELL: Final = len("2105-12-31 23:59:00")
#: Path → title of the pages in the bar.
NAVIGATION: Final = (
    ("questions", "Questions"),
    ("ask", "Ask"),
    ("runs", "Runs"),
    ("audit", "Audit"),
    ("quiz", "Quiz"),
)


class Renderer:
    """Renders pages.

    Args:
        synthetic: Whether the data say that no real patient is in them; else every page carries a banner.
        quiz_only: Whether the quiz is all there is.
    """

    def __init__(self, *, synthetic: bool, quiz_only: bool = False) -> None:
        self._environment = Environment(
            loader=PackageLoader("ehrxqa.explorer"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "answer": answer_text,
            "gold": gold_text,
            "groupby_sentence": sentences_of,
            "cell": cell_text,
            "count": lambda value: f"{value:,}",
            "number": number,
            "percent": lambda value: f"{100 * value:.1f} %",
            "moment": lambda value: "now" if value is None else str(value)[:16],
        }
        self._environment.tests["short"] = is_short
        self._environment.globals |= {
            "marked": marked_sql,
            "navigation": NAVIGATION,
            "runs": (),
            "label_height": LABEL_HEIGHT,
            "synthetic": synthetic,
            "quiz_only": quiz_only,
            "plot_width": PLOT_WIDTH,
            "plot_height": PLOT_HEIGHT,
        }

    def page(self, template: str, addresses: Addresses, **values: Any) -> str:
        """The text of a page."""
        return self._environment.get_template(template).render(to=addresses, **values)


def answer_text(answer: Any) -> str:
    """An answer for readers.

    >>> answer_text([1, None]), answer_text([]), answer_text("null")
    ('1, null', 'nothing', 'not answerable')
    """
    if answer == "null":
        return "not answerable"
    if answer is None:
        return "no answer yet"
    if isinstance(answer, list):
        return ", ".join(map(cell_text, answer)) if answer else "nothing"
    return cell_text(answer)


def gold_text(item: Item) -> str:
    """The gold answer of a question for readers: yes or no where that is asked."""
    answer = item.record.get("answer")
    if item.kind == "yes/no" and isinstance(answer, list):
        return "yes" if answer[0] == 1 else "no"
    return answer_text(answer)


def cell_text(value: Any) -> str:
    """A value of a row for readers; long ones are cut."""
    if value is None:
        return "null"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def is_short(value: Any) -> bool:
    """Whether a value stays on one line: a time, a code, a word or two."""
    return len(cell_text(value)) <= _SHORT_CELL


@dataclass(frozen=True)
class Said:
    """A sentence of a report with the labels that it decided.

    Attributes:
        text: The sentence; None if none decided.
        without: Why there is no sentence.
        labels: The labels.
    """

    text: str | None
    without: str
    labels: tuple[DecidedLabel, ...]

    @property
    def present(self) -> bool:
        """Whether it decided that something is present."""
        return any(label.relation for label in self.labels)


def sentences_of(labels: Sequence[DecidedLabel]) -> list[Said]:
    """Labels by the sentence that decided them, in the order of the labels; those without a sentence last."""
    found: dict[tuple[str | None, str], list[DecidedLabel]] = {}
    for label in labels:
        without = "" if label.text else "the report does not mention" if label.ground == "unstated" else "no sentence"
        found.setdefault((label.text, without), []).append(label)
    return sorted(
        (Said(text, without, tuple(of)) for (text, without), of in found.items()), key=lambda said: said.text is None
    )
