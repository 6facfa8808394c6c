"""Copies of a database: gold programs and lookups of thousands of questions need indexes.

An index may change the order of rows, and the order of an unordered list belongs to the database as it is. So there
are two copies: in one every table has indexes, for all that has no order; the other is that of `answering`, on which a
program runs only where its rows are proved to come in the order of the database itself.

Gold programs select studies from TB_CXR_PLUS, which has some 600 rows of each. The indexed copy therefore also holds
the distinct studies of that table, and `programs.INDEXED` renders programs that read them: a select of distinct
studies, or one behind IN, gives the same from the distinct rows of the columns it uses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from ehrxqa.errors import BuildError
from ehrxqa.files import disk_errors
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.neuralsql.setup import has_studies
from ehrxqa.spec.image_tables import TB_CXR, TB_CXR_PLUS
from ehrxqa.spec.indexes import EVENT_INDEXES, INDEXES, STUDY_INDEXES
from ehrxqa.sql.gold.indexed import make_indexed, schema_of
from ehrxqa.sql.gold.kept import ORDERED, UNORDERED, copy_folder, kept_copy, make_kept_copy

__all__ = ["Copies", "make_copies"]

_STUDIES: Final = (
    "create table cxr_studies as select distinct study_id, subject_id, hadm_id, studydatetime from tb_cxr_plus"
)


@dataclass(frozen=True, slots=True)
class Copies:
    """A database and its copies.

    Attributes:
        base: Its name, train or test.
        database: The database itself; only read.
        indexed: With indexes on its tables, for what has no order.
        twins: That of `answering`, for gold programs.
        now: The current time of the database.
    """

    base: str
    database: Path
    indexed: Path
    twins: Path
    now: str = CURRENT_TIME

    @property
    def facts(self) -> Path:
        """Where facts are read: the database, or in place of one without X-rays the copy with empty tables for them."""
        return self.database if has_studies(self.database) else self.indexed


def make_copies(base: str, database: Path, folder: Path, now: str = CURRENT_TIME) -> Copies:
    """Make the copies of a database, unless they are there: in `.work` of its output folder, else in `folder`.

    Raises:
        BuildError: There is no such database, or the copies cannot be written.
    """
    kept = copy_folder(database) or folder
    with ThreadPoolExecutor(2) as pool:  # SQLite works outside of Python's lock
        indexed = pool.submit(_kept, database, kept, _with_indexes, UNORDERED)
        twins = pool.submit(_kept, database, kept, _with_twins, ORDERED)
        return Copies(base, database, indexed.result(), twins.result(), now)


def _kept(database: Path, folder: Path, make: Callable[[Path, Path], None], kind: str) -> Path:
    with _errors_of(database, folder), disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return kept_copy(database, folder, kind) or make_kept_copy(database, folder, make, kind)


def _with_twins(database: Path, copy: Path) -> None:
    """That of `ehrxqa answer`, which it shares."""
    make_indexed(database, copy, schema_of(database))


@contextmanager
def _errors_of(database: Path, copy: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise BuildError(f"{copy}: the copy of {database} cannot be written ({error})") from error


def _with_indexes(database: Path, copy: Path) -> None:
    copy.touch(mode=0o600)  # rows of patients, for nobody else's eyes
    shutil.copyfile(database, copy)
    db = apsw.Connection(str(copy))
    try:
        db.execute("pragma journal_mode = off; pragma synchronous = off")
        for absent in (TB_CXR, TB_CXR_PLUS):  # in a database without X-rays: then no question is about them
            names = ", ".join(column.name for column in absent.columns)
            db.execute(f"create table if not exists {absent.name}({names})")
        db.execute(_STUDIES)
        there = {name for (name,) in db.execute("select lower(name) from sqlite_schema where type = 'table'")}
        for table, indexes in {**INDEXES, **EVENT_INDEXES, **STUDY_INDEXES}.items():
            for number, columns in enumerate(indexes if table in there else ()):
                db.execute(f"create index fast_{table}_{number} on {table}({columns})")
        db.execute("analyze")
    finally:
        db.close()
