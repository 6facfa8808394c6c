"""Values of the database and of vision models, as JSON and models take them: ids, cells, answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ehrxqa.agents.results import Cell, ImageAnswer
from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.sql.sandbox import Value
from ehrxqa.vqa.models import ABSTAIN, VqaReply

__all__ = ["MOST_CELL", "cells_of", "id_text", "image_answer", "number_of"]

#: Characters of a cell that are given out.
MOST_CELL: Final = 1_000
#: Characters of all cells of a result.
_MOST_TEXT: Final = 100_000


def image_answer(study: int, reply: VqaReply | VqaError) -> ImageAnswer:
    """What the model said of a study; its own errors may name folders, so their text stays here."""
    if isinstance(reply, VqaError):
        return ImageAnswer(str(study), None, None, f"the model could not read the image of study {study}")
    answer, sure = reply.answer, reply.confidence
    if answer is ABSTAIN:
        return ImageAnswer(str(study), None, sure, "the model abstains")
    if answer is None:
        return ImageAnswer(str(study), None, sure, "the image has no such value")
    if isinstance(answer, bool):
        return ImageAnswer(str(study), ["yes" if answer else "no"], sure, "")
    return ImageAnswer(str(study), list(answer), sure, "")


def number_of(value: str | int, name: str) -> int:
    """An id as a number.

    Raises:
        SettingsError: It is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value.strip()) <= 12:
        return int(value)
    raise SettingsError(f"{name} must be a number of at most 12 digits")


def id_text(value: Value) -> str:
    """An id as text: the database keeps some as REAL, because its source had gaps."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def cells_of(rows: Sequence[Sequence[Value]]) -> tuple[list[list[Cell]], bool]:
    """Rows as JSON can write them, and whether something was cut off."""
    kept: list[list[Cell]] = []
    cut, size = False, 0
    for row in rows:
        cells: list[Cell] = []
        for value in row:
            cell: Cell = f"x'{value.hex()}'" if isinstance(value, bytes) else value
            if isinstance(cell, float) and not abs(cell) < float("inf"):
                cell = str(cell)
            if isinstance(cell, str) and len(cell) > MOST_CELL:
                cell, cut = f"{cell[:MOST_CELL]}…", True
            size += len(cell) if isinstance(cell, str) else 8
            cells.append(cell)
        if size > _MOST_TEXT:
            return kept, True
        kept.append(cells)
    return kept, cut
