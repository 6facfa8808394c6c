"""A build that is opened for agents: database, pictures and vision model, behind the walls of the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ehrxqa.agents.answer_key import hidden_tables
from ehrxqa.agents.results import TableDescription
from ehrxqa.agents.schema_words import read_tables
from ehrxqa.agents.slices import time_of_slice
from ehrxqa.errors import MissingError, SettingsError
from ehrxqa.layout import DATABASE_OF_SPLIT, database_path
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.setup import Setup, open_engine
from ehrxqa.runs.manifest import read_manifest, recorded_time
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import Sandbox, open_database
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import VqaModel
from ehrxqa.vqa.registry import ANSWERS_FROM_LABELS

__all__ = ["LIMITS", "Build", "open_build"]

#: What one query of an agent may use up.
LIMITS: Final = Limits(seconds=20.0, rows=20_000, result_bytes=4_000_000, memory=256 * 1024 * 1024)
# Models that need to know what is asked; the others read the text.
_OF_KNOWN_KINDS: Final = ANSWERS_FROM_LABELS | {"constant", "recorded"}
# The tools' own queries are few and known; they read whole columns.
_OWN: Final = Limits(seconds=600.0, rows=50_000_000, result_bytes=1 << 33, memory=1 << 33)


@dataclass(frozen=True)
class Build:
    """What the tools work on; several episodes may share one, one call at a time.

    Attributes:
        split: Whose questions are asked.
        database: The database that answers them.
        engine: Runs NeuralSQL.
        sandbox: Runs the tools' own SQL; the answer key is out of reach there, too.
        model: Answers image questions; None if there is none.
        free_text: Whether the model reads any question, not only those of the known kinds.
        images: Folder of MIMIC-CXR-JPG; None if there are no pictures.
        limits: What one query may use up.
        now: The current time of the database.
        lock: Held by a call while it runs, and by whoever reads one of the properties below beside calls.
    """

    split: str
    database: Path
    engine: Engine
    sandbox: Sandbox
    model: VqaModel | None
    free_text: bool
    images: Path | None
    limits: Limits
    now: str
    lock: threading.RLock

    @cached_property
    def tables(self) -> dict[str, TableDescription]:
        """Descriptions of the tables, by name; read once."""
        return read_tables(self.sandbox)

    @cached_property
    def values(self) -> ValueIndex:
        """The values that texts are looked up in; read once."""
        return ValueIndex.of(self.sandbox)

    @cached_property
    def studies(self) -> dict[int, tuple[int, str]]:
        """Study → (subject, image)."""
        rows = self.sandbox.run("SELECT study_id, subject_id, image_id FROM tb_cxr").rows
        return {int(str(study)): (int(str(subject)), str(image)) for study, subject, image in rows}

    @cached_property
    def pictures(self) -> ImageFiles | None:
        """Where the pictures lie."""
        if self.images is None:
            return None
        return ImageFiles(self.images, {study: subject for study, (subject, _) in self.studies.items()})


@contextmanager
def open_build(
    out: Path | str,
    split: str = "test",
    *,
    vision: str | None = "oracle",
    images: Path | str | None = None,
    database: Path | str | None = None,
    limits: Limits = LIMITS,
    cache: Path | None = None,
) -> Iterator[Build]:
    """Open a build.

    Args:
        out: Its folder.
        split: Whose questions are asked; decides which database it is.
        vision: Who answers image questions, as a text (see `ehrxqa.vqa.registry`); None for nobody.
        images: Folder of MIMIC-CXR-JPG.
        database: Another database than that of the split, such as a slice; models that answer from labels take those of
            the split's.
        limits: What one query may use up.
        cache: File of answers of the model to use and extend in queries.

    Raises:
        SettingsError: There is no such split, database or folder, or the model is not known.
        BuildError: The labels of the database cannot be read.
    """
    if split not in DATABASE_OF_SPLIT:
        raise SettingsError(f'split "{split}" is not one of {", ".join(DATABASE_OF_SPLIT)}')
    path = Path(database) if database is not None else database_path(out, split)
    if not path.is_file():
        raise MissingError(f"{path}: no such database; build it first: ehrxqa build SOURCES {out}")
    folder = None if images is None else Path(images)
    if folder is not None and not folder.is_dir():
        raise MissingError(f"{folder}: no such folder of images")
    hidden = hidden_tables("model")
    now = time_of_slice(path) or recorded_time(read_manifest(Path(out)))
    whole = database_path(out, split)
    labels = whole if database is not None and whole.is_file() else None
    with ExitStack() as stack:
        sandbox = stack.enter_context(open_database(path, limits=_OWN, deny_tables=hidden, now=now))
        if vision is None:
            engine, model = stack.enter_context(Engine(path, limits=limits, deny_tables=hidden, now=now)), None
        else:
            engine, model = stack.enter_context(
                open_engine(Setup(path, vision, folder, cache, limits=limits, labels=labels, now=now))
            )
        free = vision is not None and vision.partition(":")[0] not in _OF_KNOWN_KINDS
        yield Build(split, path, engine, sandbox, model, free, folder, limits, now, threading.RLock())
