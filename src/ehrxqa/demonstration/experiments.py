"""The experiments of the demo: two parsers and three vision models over the test questions, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.layout import MODELS_FOLDER, database_path
from ehrxqa.models.board import Board, board
from ehrxqa.models.parsers import Context, Parser
from ehrxqa.models.run import run
from ehrxqa.models.template.parser import TemplateParser
from ehrxqa.progress import SILENT, Progress
from ehrxqa.vqa.trained.train import vqa_train

__all__ = ["experiments"]

#: Name of the vision model that the demo trains.
LINEAR: Final = "linear"


def experiments(
    built: Path, sources: Path, *, images: bool, seed: int, workers: int | None, progress: Progress = SILENT
) -> Board:
    """Run gold queries and the parser `template`, each with perfect vision, a trained model, and the floor.

    What an earlier run has done stays.

    Args:
        built: Output folder with questions.
        sources: With the X-rays.
        images: Whether there are X-rays; without them no model is trained.
        seed: Of the trained model.
        workers: Processes.
        progress: Told what happens.

    Raises:
        EhrxqaError: A step fails; see `train` and `run`.
    """
    visions = ["oracle", "prior"]
    if images:
        visions.insert(1, LINEAR)
        if not (built / MODELS_FOLDER / LINEAR).is_dir():
            vqa_train(built, images=sources, name=LINEAR, seed=seed, progress=progress)
    template = TemplateParser(Context(built, database_path(built, "test"), progress=progress))
    names = []
    for parser in ("gold", template):
        for vision in visions:
            pictures = sources if vision == LINEAR else None
            names.append(_done(built, parser, vision, pictures, workers, progress))
    (found,) = (each for each in board(built) if names[0] in {row.run.id for row in each.rows})
    return Board(found.title, tuple(row for row in found.rows if row.run.id in names))


def _done(
    built: Path, parser: str | Parser, vision: str, pictures: Path | None, workers: int | None, progress: Progress
) -> str:
    """Name of the run of a parser with a model; one of another version of anything is done anew."""
    name = f"{parser if isinstance(parser, str) else parser.name}-{vision}"

    def go(*, restart: bool) -> None:
        run(
            built,
            parser=parser,
            vision=vision,
            images=pictures,
            name=name,
            restart=restart,
            workers=workers,
            progress=progress,
        )

    try:
        go(restart=False)
    except SettingsError:  # left by another version of the questions, the model or the program
        go(restart=True)
    return name
