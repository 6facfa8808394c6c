"""Running one query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError
from ehrxqa.files import reading
from ehrxqa.layout import CURRENT_TIME, SPLITS, database_file
from ehrxqa.neuralsql.calls import FUNCTION
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.result import Result
from ehrxqa.neuralsql.setup import Setup, open_engine
from ehrxqa.sql.limits import Limits
from ehrxqa.vqa.function_model import FunctionModel
from ehrxqa.vqa.models import VqaModel, VqaRequest

__all__ = ["query"]


@checked
def query(
    database: Path | str,
    sql: str,
    *,
    split: str = "test",
    model: str | VqaModel | Callable[[VqaRequest], Any] = "oracle",
    images: Path | str | None = None,
    cache: Path | str | None = None,
    limits: Limits | None = None,
    now: str = CURRENT_TIME,
) -> Result:
    """Run one NeuralSQL query on a database.

    Args:
        database: The integrated database, or the output folder of a build; it is only read, and its TB_CXR_PLUS is out
            of reach of the query.
        sql: Any SQLite SELECT, with func_vqa("question", study_id) wherever a value or a select item may stand.
        split: Whose database, if an output folder is given.
        model: Who answers image questions, as a text: `oracle`, `constant:no`, … (see `ehrxqa.vqa.registry`),
            or a model of your own: a `VqaModel`, or a function of one request.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.
        cache: File of model answers to use and extend.
        limits: What the query may use up.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`.

    Returns:
        The rows, and what asking the images cost; its `answer` is the official answer list.

    Raises:
        NeuralSqlError: The query is refused, fails, or uses up its limits; the subclass tells which.
        SettingsError: The database is missing, the model is not known, or it has no version and answers are to be kept.
    """
    if not isinstance(model, str | VqaModel):
        model = FunctionModel(model)
        if cache is not None:
            raise SettingsError("answers of a function are kept in no cache: give a model with a name and a version")
    if split not in SPLITS:
        raise SettingsError(f"split must be {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, not {split!r}")
    setup = Setup(
        database_file(database, split),
        model,
        None if images is None else Path(images),
        None if cache is None else Path(cache),
        limits or Limits(),
        now=now,
    )
    if setup.cache is not None:
        with reading(setup.database, writing=[setup.cache]):
            pass
    if FUNCTION not in sql.lower():  # no need to open a model, or read the labels it answers from
        with Engine(setup.database, limits=setup.limits, now=now) as engine:
            return engine.run(sql)
    with open_engine(setup) as (engine, _):
        return engine.run(sql)
