"""Where an environment's questions come from: question files, or `generate` itself, without end.

Both are functions from a number to a question: the same number, seed and database give the same question.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ehrxqa.agents.questions import Question, question_of, read_questions
from ehrxqa.dataset.links import Links, LinkTable
from ehrxqa.dataset.placement import placement_of
from ehrxqa.errors import BuildError
from ehrxqa.layout import DATABASE_OF_SPLIT, WORK_FOLDER, database_path

__all__ = ["TaskSource", "endless_tasks", "file_tasks"]

#: Gives question number n.
TaskSource = Callable[[int], Question]

#: Templates that are tried for one question: of some, a small database has nothing to ask.
_TRIES: Final = 200


def file_tasks(out: Path | str, split: str, seed: int | None = None) -> TaskSource:
    """The answered questions of a split, over and over; in another order each time if a seed is given.

    Raises:
        RecordError: There are none.
    """
    questions = read_questions(out, split)

    def task(number: int) -> Question:
        turn, place = divmod(number, len(questions))
        if seed is None:
            return questions[place]
        order = list(range(len(questions)))
        random.Random(f"{seed}/{turn}").shuffle(order)
        return questions[order[place]]

    return task


def endless_tasks(
    out: Path | str, split: str, *, seed: int = 0, scopes: Sequence[str] = (), families: Sequence[str] = ()
) -> TaskSource:
    """New questions, each proved by its gold program as `ehrxqa generate` does.

    Args:
        out: Output folder of a build; indexed copies of the database are kept in its `.work`.
        split: Whose database, and the name that the questions carry.
        seed: Of all chance.
        scopes: Scopes or modalities to keep to; all by default.
        families: Families or templates to keep to; all by default.

    Raises:
        SettingsError: There is no such scope or family.
        BuildError: There is no database, or its copies cannot be written.
    """
    from ehrxqa.questions.batch import BatchTask, Wanted, run_batch
    from ehrxqa.questions.copies import make_copies
    from ehrxqa.questions.families.catalogue import chosen_templates

    database = database_path(out, split)
    if not database.is_file():
        raise BuildError(f"{database}: no such database; build it first: ehrxqa build SOURCES {out}")
    templates = list(chosen_templates(scopes, families).values())
    state = database.stat()
    folder = Path(out) / WORK_FOLDER / "environment" / f"{state.st_size}-{state.st_mtime_ns}"
    folder.mkdir(parents=True, exist_ok=True)
    copies = make_copies(DATABASE_OF_SPLIT[split], database, folder)

    def task(number: int) -> Question:
        chance = random.Random(f"{seed}/{number}")
        for attempt in range(_TRIES):
            made = run_batch(
                BatchTask(copies, chance.choice(templates), (Wanted(split),), f"{seed}/{number}/{attempt}")
            ).lines
            if made:
                return _question(made[0][1], split, number)
        raise BuildError(f"{database}: nothing to ask, after {_TRIES} templates; choose other scopes or families")

    return task


def _question(line: str, split: str, number: int) -> Question:
    record, answer, links = json.loads(line)
    record |= {"id": number, "answer": answer}
    found = msgspec.convert({**links, "id": number}, Links) if links else None
    table = LinkTable({} if found is None else {(split, number): found})
    return question_of(record, split, placement_of(record, table), found)
