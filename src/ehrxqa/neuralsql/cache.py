"""Answers of vision models that outlive a run, in a SQLite file.

An answer is known by what determines it: the image, the question as a value (in its canonical wording), the
model and its version. How it was asked (batch, device, query) is not part of the key. Several processes may
use one file. Files of versions that kept no confidence are read and extended.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.files import require_writable
from ehrxqa.json_files import json_text, json_value
from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaReply, as_reply

__all__ = ["AnswerCache"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    model TEXT NOT NULL, version TEXT NOT NULL, question TEXT NOT NULL, image_id TEXT NOT NULL,
    answer TEXT NOT NULL, confidence REAL, PRIMARY KEY (model, version, question, image_id)
) WITHOUT ROWID
"""

#: Images looked up in one statement.
_AT_ONCE = 500
#: Seconds to wait for other processes that use the file.
_PATIENCE = 60.0


class AnswerCache:
    """A file of answers.

    Raises:
        NeuralSqlError: The file is not a cache, or cannot be written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        require_writable(self.path)
        until = time.monotonic() + _PATIENCE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                try:
                    self._db = self._opened()
                    break
                except apsw.BusyError:
                    # Whoever opens first, or closes last, has the file alone for a moment, and SQLite does not wait
                    # in every such place (a change to WAL, for one).
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.02)
        except (apsw.Error, OSError) as error:
            raise self._broken(error) from error

    def _opened(self) -> apsw.Connection:
        self._require_ours()
        with ExitStack() as stack:
            db = stack.enter_context(closing(apsw.Connection(str(self.path))))
            db.set_busy_timeout(round(_PATIENCE * 1000))
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(_SCHEMA)
            self._add_confidence(db)
            stack.pop_all()
        return db

    def _require_ours(self) -> None:
        """Look at a file before anything in it is changed: it may be someone else's database."""
        if not self.path.exists() or not self.path.stat().st_size:
            return
        with closing(apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)) as found:
            found.set_busy_timeout(round(_PATIENCE * 1000))
            tables = {str(row[0]) for row in found.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if tables - {"answers"}:
            raise NeuralSqlError(f"{self.path}: is a database, not an answer cache; name another file")

    @staticmethod
    def _add_confidence(db: apsw.Connection) -> None:
        """Give a file of an earlier version its column."""
        columns = "SELECT name FROM pragma_table_info('answers')"
        if "confidence" in {str(row[0]) for row in db.execute(columns)}:
            return
        try:
            db.execute("ALTER TABLE answers ADD COLUMN confidence REAL")
        except apsw.SQLError as error:
            if "duplicate column" not in str(error):  # another process was faster
                raise

    def _broken(self, error: Exception) -> NeuralSqlError:
        if isinstance(error, apsw.BusyError):
            return NeuralSqlError(f"{self.path}: another process has kept this answer cache to itself for too long")
        return NeuralSqlError(f"{self.path}: not an answer cache that can be used ({error}); delete it or name another")

    def get(self, model: str, version: str, question: str, images: Sequence[str]) -> dict[str, VqaReply]:
        """The known answers to a question: image → reply."""
        found: dict[str, VqaReply] = {}
        try:
            for start in range(0, len(images), _AT_ONCE):
                some = images[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._db.execute(
                    "SELECT image_id, answer, confidence FROM answers WHERE model = ? AND version = ? AND question = ? "
                    f"AND image_id IN ({marks})",
                    (model, version, question, *some),
                )
                found.update(
                    (str(image), VqaReply(_read(str(answer)), None if sure is None else float(str(sure))))
                    for image, answer, sure in rows
                )
        except (apsw.Error, ValueError) as error:
            raise self._broken(error) from error
        return found

    def put(self, model: str, version: str, answers: Iterable[tuple[str, str, VqaAnswer | VqaReply]]) -> None:
        """Keep (question, image, answer or reply) triples; what is there already stays."""
        replies = [(question, image, as_reply(given)) for question, image, given in answers]
        rows = [
            (model, version, question, image, _written(reply.answer), reply.confidence)
            for question, image, reply in replies
        ]
        try:
            with self._db:
                self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows)
        except apsw.Error as error:
            raise self._broken(error) from error

    def __len__(self) -> int:
        return len(self._db.execute("SELECT 1 FROM answers").fetchall())

    def close(self) -> None:
        """Close the file."""
        self._db.close(True)

    def __enter__(self) -> AnswerCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _written(answer: VqaAnswer) -> str:
    if answer is ABSTAIN:
        return "abstain"
    return json_text(list(answer) if isinstance(answer, tuple) else answer)


def _read(text: str) -> VqaAnswer:
    if text == "abstain":
        return ABSTAIN
    value = json_value(text)
    if isinstance(value, list):
        return tuple(str(element) for element in value)
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{text[:40]} is not an answer")
