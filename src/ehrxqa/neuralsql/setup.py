"""What an engine is opened from, as plain values that can be sent to another process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ehrxqa.errors import VqaError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.models import VqaAnswer, VqaModel, VqaRequest

if TYPE_CHECKING:
    from ehrxqa.neuralsql.engine import Engine

__all__ = ["Setup", "has_studies", "open_engine"]


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
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`.
    """

    database: Path
    model: str | VqaModel = "oracle"
    images: Path | None = None
    cache: Path | None = None
    limits: Limits = Limits()  # noqa: RUF009 - immutable
    labels: Path | None = None
    now: str = CURRENT_TIME


class _NoStudies:
    """Stands for the model where there is nothing to look at: a database of somebody else, without X-rays."""

    name, version, batch_size = "none", "no X-ray studies", 1

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """No answer.

        Raises:
            VqaError: Always.
        """
        raise VqaError("the database has no X-ray studies (no table TB_CXR)")


def has_studies(database: Path) -> bool:
    """Whether a database has X-ray studies to ask about: a table TB_CXR."""
    from ehrxqa.sql.sandbox import open_database

    with open_database(database) as sandbox:
        return "tb_cxr" in {name.lower() for name in sandbox.tables}


@contextmanager
def open_engine(setup: Setup) -> Iterator[tuple[Engine, VqaModel]]:
    """The engine that a setup describes, and its model.

    For models that answer from labels, questions may use the names of those labels besides the published ones.

    Raises:
        SettingsError: The database is missing, or the model is not known.
        BuildError: The labels of the database cannot be read.
        NeuralSqlError: The cache cannot be used.
    """
    # who only describes an engine for other processes needs none of this
    from ehrxqa.neuralsql.cache import AnswerCache
    from ehrxqa.neuralsql.engine import Engine
    from ehrxqa.vqa.parse import parse
    from ehrxqa.vqa.registry import ANSWERS_FROM_LABELS, make_model
    from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY

    labels, vocabulary = None, DEFAULT_VOCABULARY
    with_studies = has_studies(setup.database)
    if with_studies and isinstance(setup.model, str) and setup.model.partition(":")[0] in ANSWERS_FROM_LABELS:
        from ehrxqa.vqa.database_labels import labels_of_database

        labels = labels_of_database(setup.labels or setup.database)
        vocabulary = labels.vocabulary
    model: VqaModel = _NoStudies()
    if with_studies:
        model = make_model(setup.model, database=setup.database, labels=labels, images=setup.images)
    with (
        nullcontext() if setup.cache is None else AnswerCache(setup.cache) as cache,
        Engine(
            setup.database,
            model,
            limits=setup.limits,
            cache=cache,
            parse=lambda text: parse(text, vocabulary),
            now=setup.now,
        ) as engine,
    ):
        yield engine, model
