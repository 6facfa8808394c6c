"""How one question is shown: with its NeuralSQL, its answer and its X-rays, as text and in a notebook."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.html_repr import code, facts, picture, put, screen
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.terminal import in_notebook, visible
from ehrxqa.vqa.image_paths import grey_picture

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["as_html", "as_text", "show"]

#: Pictures shown of one question, their longest side in a notebook in pixels, and in a terminal in columns.
_MOST_PICTURES: Final = 3
_SIDE: Final = 320
_COLUMNS: Final = 56
#: Longest answer that is shown whole.
_ANSWER: Final = 600


def show(question: QuestionRecord, *, pictures: bool | None = None) -> None:
    """Show a question on standard output, or in the notebook that runs; see `QuestionRecord.show`."""
    if in_notebook():
        put(as_html(question, pictures=pictures))
        return
    from rich.console import Console

    console = Console()
    console.print(as_text(question, width=min(console.width, 100)), markup=False, highlight=False, soft_wrap=True)
    # a picture of characters needs many shades: without them, the paths have to do
    if console.is_terminal and console.color_system in ("256", "truecolor"):
        for path in _pictures(question, pictures):
            console.print(_blocks(path, console))


def as_text(question: QuestionRecord, *, width: int = 100) -> str:
    """A question as text, without pictures."""
    lines = [_title(question), "", *_wrapped(question.question, width), "", *_wrapped(question.query, width, "  ")]
    lines += ["", *_wrapped(f"answer: {_answer(question)}", width)]
    lines += [f"X-ray {line}" for line in _paths(question)]
    return visible("\n".join(lines))


def as_html(question: QuestionRecord, *, pictures: bool | None = None) -> str:
    """A question as HTML for a notebook."""
    found = _pictures(question, pictures)
    shown = "".join(picture(_png(path), path.stem) for path in found)
    about: list[tuple[str, Any]] = [("question", question.question), ("answer", _answer(question))]
    if len(found) < len(question.image_paths):
        about.append(("X-rays", "\n".join(_paths(question))))
    return screen(_title(question), facts(about), code(question.query), shown)


def _title(question: QuestionRecord) -> str:
    needs = f" · needs {question.needs}" if question.needs else ""
    return f"{question.split} {question.id} · {question.scope} · {question.family}{needs}"


def _answer(question: QuestionRecord) -> str:
    text = question.answer_text
    if text is None:
        return "not answered yet"
    return text if len(text) <= _ANSWER else f"{text[: _ANSWER - 1]}…"


def _paths(question: QuestionRecord) -> list[str]:
    """Where the X-rays lie: files where they are at hand, else their paths below `files`."""
    shown = [str(question.origin.picture(path) or path) for path in question.image_paths[:_MOST_PICTURES]]
    left = max(len(question.image_paths), len(question.study_ids)) - len(shown)
    return [*shown, *([f"… and {left:,} more"] if left > 0 and shown else [])]


def _pictures(question: QuestionRecord, wanted: bool | None) -> list[Path]:
    """Files of pictures to show: none of credentialed data unless they are asked for."""
    if wanted is False or (wanted is None and question.origin.kind == "credentialed"):
        return []
    found = (question.origin.picture(path) for path in question.image_paths[:_MOST_PICTURES])
    return [path for path in found if path is not None]


def _png(path: Path) -> bytes:
    import io

    data = io.BytesIO()
    grey_picture(path, _SIDE).save(data, format="PNG")
    return data.getvalue()


def _blocks(path: Path, console: Console) -> Text:
    """A picture made of half blocks, each of which stands for one pixel above another."""
    from rich.text import Text

    grey = grey_picture(path, _SIDE)
    columns = min(_COLUMNS, console.width - 1)
    rows = max(2, round(grey.height * columns / grey.width) // 2 * 2)
    small = grey.resize((columns, rows))
    shades = small.tobytes()
    text = Text()
    for row in range(0, rows, 2):
        for column in range(columns):
            above, below = shades[row * columns + column], shades[(row + 1) * columns + column]
            text.append("▀", style=f"rgb({above},{above},{above}) on rgb({below},{below},{below})")
        text.append("\n")
    return text


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return [
        line
        for part in text.split("\n")
        for line in wrap(part, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False) or [""]
    ]
