"""The slow obvious evaluator: SQLite calls the model for every row that mentions func_vqa."""

from __future__ import annotations

from pathlib import Path

import apsw

from ehrxqa.vqa.models import VqaModel, VqaRequest
from ehrxqa.vqa.parse import parse


class SlowEvaluator:
    """Runs a query as written, with func_vqa as an ordinary SQL function; yes/no questions only."""

    def __init__(self, database: Path, model: VqaModel) -> None:
        self._db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        self._model = model
        self._db.create_scalar_function("func_vqa", self._answer, 2, deterministic=True)
        self.asked: list[tuple[str, int]] = []

    def _answer(self, text, study):
        if study is None:
            return None
        self.asked.append((text, int(study)))
        (answer,) = self._model.answer([VqaRequest(int(study), f"image{study}", parse(text), text)])
        assert not isinstance(answer, tuple)
        return int(bool(answer))

    def run(self, sql: str) -> list[tuple]:
        self.asked.clear()
        return self._db.execute(sql).fetchall()

    def list_answer(self, text: str, study: int) -> tuple[str, ...]:
        text = text.strip('"')
        (answer,) = self._model.answer([VqaRequest(study, f"image{study}", parse(text), text)])
        assert isinstance(answer, tuple)
        return answer

    def close(self) -> None:
        self._db.close()
