"""The plugin of `ehrxqa export --datasette`, run by Datasette: `func_vqa` in SQL, and links between tables.

What the sandbox denies is denied here: no query reads the answer key. Yes/no questions give 1, 0 or NULL, list
questions a JSON list, as text. Images are answered from the labels of the database.
"""

from __future__ import annotations

import json
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

from ehrxqa.spec.tables import TABLES
from ehrxqa.sql.allowed import ANSWER_KEY
from ehrxqa.vqa.database_labels import labels_of_database
from ehrxqa.vqa.models import ABSTAIN, VqaRequest, as_reply
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.registry import make_model

__all__ = ["StudyAnswers", "prepare_connection", "render_cell"]


class StudyAnswers:
    """Answers image questions of a database, from its labels."""

    def __init__(self, database: Path) -> None:
        labels = labels_of_database(database)
        self._vocabulary = labels.vocabulary
        self._model = make_model("oracle", database=database, labels=labels)
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            self._images = dict(connection.execute("select study_id, image_id from tb_cxr"))
        finally:
            connection.close()

    def answer(self, text: str, study: int | None) -> int | str | None:
        """What `func_vqa` gives.

        Raises:
            VqaError: The question is not understood.
        """
        question = parse(str(text), self._vocabulary)
        if study is None or int(study) not in self._images:
            return None
        request = VqaRequest(int(study), self._images[int(study)], question, str(text))
        said = as_reply(self._model.answer([request])[0]).answer
        if said is None or said is ABSTAIN:
            return None
        return int(said) if isinstance(said, bool) else json.dumps(said)


@cache
def _answers(database: Path) -> StudyAnswers:
    return StudyAnswers(database)


def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Any) -> None:
    """Add `func_vqa` to a connection to a database of X-ray studies, and keep it from the answer key."""
    path = datasette.databases[database].path
    names = {str(name).lower() for (name,) in conn.execute("select name from sqlite_schema where type = 'table'")}
    if path is None or "tb_cxr" not in names:
        return
    place = Path(path)
    denied = {name.lower() for name in ANSWER_KEY}

    def allowed(action: int, first: str | None, *_others: str | None) -> int:
        read = action == sqlite3.SQLITE_READ and str(first).lower() in denied
        return sqlite3.SQLITE_DENY if read else sqlite3.SQLITE_OK

    conn.create_function("func_vqa", 2, lambda text, study: _answers(place).answer(text, study))
    conn.set_authorizer(allowed)


def render_cell(value: Any, column: str, table: str | None, database: str, datasette: Any) -> Any:
    """A reference as a link to the row that it refers to."""
    spec = TABLES.get(str(table).lower())
    reference = None if spec is None else next((one.references for one in spec.columns if one.name == column), None)
    if value is None or reference is None or reference.table == str(table).lower():
        return None
    from markupsafe import Markup

    number = int(value) if isinstance(value, float) and value == int(value) else value
    target = datasette.urls.table(database, reference.table.upper())
    return Markup('<a href="{}?{}={}">{}</a>').format(target, reference.column, number, number)
