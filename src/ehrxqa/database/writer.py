"""Writes finished tables into SQLite files: no index, no key, rows in order.

The dictionaries are the same in every database, so they are written once to a side file and copied. The label
table is expanded inside SQLite from images × possible pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from ehrxqa.database.cohort import PlacedStudies
from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn
from ehrxqa.database.stored import StoredColumn, read_back, store
from ehrxqa.database.studies import LABEL_SET_OF, ratios
from ehrxqa.errors import BuildError
from ehrxqa.labels.store import Labels
from ehrxqa.sources.text import lowered
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import TABLES

__all__ = ["DatabaseWriter", "connection", "write_frames"]


@contextmanager
def connection(path: Path) -> Iterator[apsw.Connection]:
    """A connection for writing a file that nobody else sees yet: no journal, no sync (the caller flushes).

    Raises:
        BuildError: The disk is full or the file cannot be written.
    """
    try:
        database = apsw.Connection(str(path))
        try:
            database.execute(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536"
            )
            yield database
        finally:
            database.close(True)
    except apsw.FullError as error:
        raise BuildError(
            f"{path}: the disk is full; free some space and run the same command again (nothing is lost)"
        ) from error
    except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
        raise BuildError(f"{path}: cannot be written ({error})") from error


def _create(database: apsw.Connection, name: str, types: Iterable[tuple[str, str]]) -> None:
    columns = ",\n  ".join(f'"{column}" {sql_type}' for column, sql_type in types)
    database.execute(f'CREATE TABLE main."{name.upper()}" (\n{columns}\n)')


def _insert(database: apsw.Connection, name: str, columns: Sequence[StoredColumn], rows: int) -> None:
    marks = ",".join("?" * (len(columns) + 1))
    database.executemany(
        f'INSERT INTO "{name.upper()}" VALUES ({marks})',
        zip(range(rows), *(column.values for column in columns), strict=True),
    )


def write_frames(database: apsw.Connection, frames: dict[str, Frame]) -> None:
    """Create and fill tables; each gets its row_id."""
    for name, frame in frames.items():
        stored = {column: store(column, frame[column]) for column in frame.columns}
        row_id = ("row_id", "INTEGER" if len(frame) else "TEXT")
        _create(database, name, [row_id, *((column, values.sql_type) for column, values in stored.items())])
        _insert(database, name, list(stored.values()), len(frame))


def _require_columns(table: Table, frame: Frame) -> None:
    """Rows must have the columns that are declared; their order is that of the source file."""
    made, declared = {"row_id", *frame.columns}, set(table.names)
    if made != declared:
        missing, extra = sorted(declared - made), sorted(made - declared)
        said = [f"nothing makes {', '.join(missing)}"] * bool(missing)
        said += [f"{', '.join(extra)} not declared in ehrxqa.spec"] * bool(extra)
        raise BuildError(f"table {table.name}: {'; '.join(said)}")


def _value(database: apsw.Connection, statement: str, *parameters: str) -> Any:
    """The single value of a query."""
    return database.execute(statement, parameters).fetchall()[0][0]


class DatabaseWriter:
    """Writes one database.

    Args:
        labels: The labels.
        dictionaries: Side file that holds the dictionary tables.
        extra: Tables beyond those of the package.
    """

    def __init__(self, labels: Labels, dictionaries: Path, extra: Sequence[Table] = ()) -> None:
        self._labels = labels
        self._dictionaries = dictionaries
        self._tables = (*TABLES.values(), *extra)

    def write(
        self,
        path: Path,
        split: str,
        studies: PlacedStudies,
        labelled: PlacedStudies,
        hadm_kind: ColumnKind,
        frames: dict[str, Frame],
    ) -> dict[str, int]:
        """Write all tables to a new file, and return the number of rows of each."""
        with connection(path) as database:
            database.execute("ATTACH ? AS side", (str(self._dictionaries),))
            database.execute("BEGIN")
            for table in self._tables:
                match table.name:
                    case "tb_cxr_plus":
                        self._write_plus(database, split, labelled, hadm_kind)
                    case "tb_cxr":
                        write_frames(database, {"tb_cxr": self._studies_frame(studies, hadm_kind)})
                    case name if name in frames:
                        _require_columns(table, frames[name])
                        write_frames(database, {name: frames[name]})
                    case name:
                        self._copy(database, name)
            database.execute("COMMIT")
            counts = {
                table.name: int(_value(database, f'SELECT count(*) FROM main."{table.name.upper()}"'))
                for table in self._tables
            }
            database.execute("DETACH side")
        return counts

    @staticmethod
    def _copy(database: apsw.Connection, name: str) -> None:
        found = database.execute("SELECT sql FROM side.sqlite_schema WHERE name = ?", (name.upper(),)).fetchall()
        if not found:
            raise BuildError(
                f"table {name} is declared, but nothing makes its rows: its declaration needs `source`, and `events` "
                "or `is_dictionary`"
            )
        database.execute(str(found[0][0]))
        # same columns, no index: SQLite copies whole rows without decoding them
        database.execute(f'INSERT INTO main."{name.upper()}" SELECT * FROM side."{name.upper()}"')

    def _columns_of_images(self, placed: PlacedStudies, hadm_kind: ColumnKind) -> dict[str, FrameColumn]:
        images = self._labels.images
        rows = placed.image.tolist()
        whole = hadm_kind is ColumnKind.INT and not np.isnan(placed.hadm_id).any()
        return {
            "subject_id": FrameColumn(ColumnKind.INT, images.subject_id[placed.image]),
            "hadm_id": FrameColumn(ColumnKind.INT, placed.hadm_id.astype(np.int64))
            if whole
            else FrameColumn(ColumnKind.REAL, placed.hadm_id),
            "study_id": FrameColumn(ColumnKind.INT, images.study_id[placed.image]),
            "image_id": FrameColumn.of_texts(lowered(images.image_id[row]) for row in rows),
            "viewposition": FrameColumn.of_texts(
                None if (view := images.view_position[row]) is None else lowered(view) for row in rows
            ),
            "studydatetime": FrameColumn(ColumnKind.TIME, placed.seconds),
        }

    def _studies_frame(self, studies: PlacedStudies, hadm_kind: ColumnKind) -> Frame:
        return read_back(Frame(self._columns_of_images(studies, hadm_kind)))

    def _write_plus(
        self, database: apsw.Connection, split: str, labelled: PlacedStudies, hadm_kind: ColumnKind
    ) -> None:
        labels = self._labels
        ct_ratio, mt_ratio = ratios(labels, split, labelled.image)
        frame = read_back(
            Frame(
                {
                    **self._columns_of_images(labelled, hadm_kind),
                    "studyorder": FrameColumn(
                        ColumnKind.REAL, labels.images.study_order[labelled.image].astype(np.float64)
                    ),
                    "ct_ratio": FrameColumn(ColumnKind.REAL, ct_ratio),
                    "mt_ratio": FrameColumn(ColumnKind.REAL, mt_ratio),
                }
            )
        )
        stored = {name: store(name, column) for name, column in frame.columns.items()}
        text_type = "TEXT"
        number_type = "INTEGER" if len(frame) else "TEXT"
        before = list(stored)[:7]
        _create(
            database,
            "tb_cxr_plus",
            [
                ("row_id", number_type),
                *((name, stored[name].sql_type) for name in before),
                ("object", text_type),
                ("relation", number_type),
                ("attribute", text_type),
                ("category", text_type),
                ("ct_ratio", stored["ct_ratio"].sql_type),
                ("mt_ratio", stored["mt_ratio"].sql_type),
            ],
        )
        if len(frame):
            self._expand(database, split, labelled, [column.values for column in stored.values()])

    def _expand(
        self, database: apsw.Connection, split: str, labelled: PlacedStudies, image_values: list[list[Any]]
    ) -> None:
        """Insert images × pairs, with what is listed for an image in its place."""
        labels = self._labels
        found = labels.sets[LABEL_SET_OF[split]]
        found = found.take(np.isin(found.image, labelled.image))
        width = len(labels.attributes)
        possible = labels.pair_object * width + labels.pair_attribute
        listed = found.object * width + found.attribute
        pairs = np.union1d(possible, listed)
        place_of_pair = {pair: place for place, pair in enumerate(pairs.tolist())}
        category = np.full(len(pairs), -1, dtype=np.int64)
        category[np.searchsorted(pairs, possible)] = labels.pair_category
        place_of_image = {image: place for place, image in enumerate(labelled.image.tolist())}
        texts = [[lowered(text) for text in names] for names in (labels.objects, labels.attributes, labels.categories)]

        database.execute(
            """
            CREATE TEMP TABLE image (place INTEGER PRIMARY KEY, subject_id, hadm_id, study_id, image_id, viewposition,
                                     studydatetime, studyorder, ct_ratio, mt_ratio);
            CREATE TEMP TABLE pair (place INTEGER PRIMARY KEY, object, attribute, category);
            CREATE TEMP TABLE listed (image INTEGER, pair INTEGER, relation INTEGER, category TEXT,
                                      PRIMARY KEY (image, pair)) WITHOUT ROWID;
            """
        )
        database.executemany(
            f"INSERT INTO image VALUES ({','.join('?' * 10)})",
            zip(range(len(labelled.image)), *image_values, strict=True),
        )
        database.executemany(
            "INSERT INTO pair VALUES (?, ?, ?, ?)",
            (
                (place, texts[0][pair // width], texts[1][pair % width], texts[2][code] if code >= 0 else None)
                for place, (pair, code) in enumerate(zip(pairs.tolist(), category.tolist(), strict=True))
            ),
        )
        database.executemany(
            "INSERT INTO listed VALUES (?, ?, ?, ?)",
            (
                (place_of_image[image], place_of_pair[pair], relation, texts[2][code])
                for image, pair, relation, code in zip(
                    found.image.tolist(), listed.tolist(), found.relation.tolist(), found.category.tolist(), strict=True
                )
            ),
        )
        # every image has every possible pair, so rows can be numbered without counting; unless some image has more
        number = (
            f"image.place * {len(pairs)} + pair.place" if len(pairs) == len(possible) else "row_number() OVER () - 1"
        )
        # CROSS JOIN keeps the loops in this order, so rows come by image, then by pair
        database.execute(
            f"""
            INSERT INTO main.TB_CXR_PLUS
            SELECT {number}, subject_id, hadm_id, study_id, image_id, viewposition, studydatetime, studyorder, object,
                   coalesce(listed.relation, 0), attribute, coalesce(listed.category, pair.category), ct_ratio, mt_ratio
            FROM image CROSS JOIN pair
            LEFT JOIN listed ON listed.image = image.place AND listed.pair = pair.place
            WHERE pair.category IS NOT NULL OR listed.pair IS NOT NULL
            """
        )
        database.execute("DROP TABLE temp.image; DROP TABLE temp.pair; DROP TABLE temp.listed")
