"""What an engine is opened from, as plain values that can be sent to another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.models import VqaModel
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.registry import ANSWERS_FROM_LABELS, make_model
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY

__all__ = ["Setup", "open_engine"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine is opened from.

    Attributes:
        database: The integrated database.
        model: The model: a text (see `ehrxqa.vqa.registry`), or an object that can be sent to another process.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.
        cache: File of answers from earlier runs.
        limits: What one query may use up.
        labels: Another database whose labels models answer from, where `database` is a part of it without any.
    """

    database: Path
    model: str | VqaModel = "oracle"
    images: Path | None = None
    cache: Path | None = None
    limits: Limits = Limits()  # noqa: RUF009 - immutable
    labels: Path | None = None


@contextmanager
def open_engine(setup: Setup) -> Iterator[tuple[Engine, VqaModel]]:
    """The engine that a setup describes, and its model.

    For models that answer from labels, questions may use the names of those labels besides the published ones.

    Raises:
        SettingsError: The database is missing, or the model is not known.
        BuildError: The labels of the database cannot be read.
        NeuralSqlError: The cache cannot be used.
    """
    labels, vocabulary = None, DEFAULT_VOCABULARY
    if isinstance(setup.model, str) and setup.model.partition(":")[0] in ANSWERS_FROM_LABELS:
        from ehrxqa.vqa.database_labels import labels_of_database  # numpy: only where labels are read

        labels = labels_of_database(setup.labels or setup.database)
        vocabulary = labels.vocabulary
    model = make_model(setup.model, database=setup.database, labels=labels, images=setup.images)
    with (
        nullcontext() if setup.cache is None else AnswerCache(setup.cache) as cache,
        Engine(
            setup.database, model, limits=setup.limits, cache=cache, parse=lambda text: parse(text, vocabulary)
        ) as engine,
    ):
        yield engine, model
