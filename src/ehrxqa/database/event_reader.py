"""One pass over an event table for all databases at once.

Of the rows that count, those of wanted admissions are kept whole; of all others only the columns that the
shuffle moves are kept, in long columns. When the file is read and the number of rows is known, each kept row gets
the moved values of the row that the shuffle assigns to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ehrxqa.database.dictionaries import icd_codes, typed_codes
from ehrxqa.database.event_times import AdmissionTimes, derived_time
from ehrxqa.database.events import EventTable
from ehrxqa.database.frame import NAT, ColumnKind, Frame, FrameColumn
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.inferred import as_read
from ehrxqa.database.long_column import LongColumn
from ehrxqa.database.parser_blocks import BlockTyper, TextColumn, block_rows, blocks
from ehrxqa.database.prescriptions import dose_values, usual_unit
from ehrxqa.database.shuffle import shuffled_rows
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sources.catalogue import SourceKind
from ehrxqa.sources.table_stream import read_header, stream_table
from ehrxqa.sources.text import is_integer_text, lowered
from ehrxqa.sources.tree import SourceTree

__all__ = ["EventContext", "EventRows", "read_events"]

_KINDS = {
    SourceKind.INT: ColumnKind.INT,
    SourceKind.NUM: ColumnKind.REAL,
    SourceKind.TEXT: ColumnKind.TEXT,
    SourceKind.TIME: ColumnKind.TIME,
    SourceKind.DATE: ColumnKind.TIME,
}


@dataclass(frozen=True)
class EventContext:
    """What decides which event rows are kept.

    Attributes:
        admissions: hadm_id of all databases.
        subjects: Subjects of all databases.
        times: Admission and discharge times of all usable admissions of MIMIC-IV.
        known: For each dictionary table, its keys: item ids, or ICD codes.
        scratch: Folder for temporary data.
        seed: Seed of the shuffles.
        exchange: Whether the shuffle takes place; without it each row keeps its own values.
    """

    admissions: IdSet
    subjects: IdSet
    times: AdmissionTimes
    known: dict[str, IdSet | frozenset[str]]
    scratch: Path | None
    seed: int
    exchange: bool = True


@dataclass
class EventRows:
    """Kept rows of one event table, before the time shift.

    Attributes:
        frame: The columns of the result, in order; shuffled, except for tables that are shuffled per database.
        counts: Rows in the file, and how many passed each kind of filter.
    """

    frame: Frame
    counts: dict[str, int]


def read_events(tree: SourceTree, table: EventTable, context: EventContext, progress: Progress = SILENT) -> EventRows:
    """Read one event table.

    Raises:
        SourceError: The file is missing, damaged or not as declared.
    """
    with progress.task(f"reading {table.name}", unit="rows") as task:
        reader = _Reader(tree, table, context)
        for block in reader.blocks():
            reader.add(block)
            task.advance(block.num_rows)
        if reader.typer.needs_floats:
            reader.close()
            reader = _Reader(tree, table, context, all_floats=True)
            for block in reader.blocks():
                reader.add(block)
        try:
            return reader.finish()
        finally:
            reader.close()


class _Reader:
    def __init__(self, tree: SourceTree, table: EventTable, context: EventContext, *, all_floats: bool = False) -> None:
        self._tree = tree
        self._table = table
        self._context = context
        self._file = table.source
        declared = {column.name: column for column in self._file.columns}
        header = read_header(tree.locate(table.source), self._file)
        self._block_rows = block_rows(len(header))
        self._source = tuple(name for name in header if name in table.source_columns)
        self._nullable = {name for name in self._source if declared[name].nullable}
        self._kinds = {name: _KINDS[declared[name].kind] for name in self._source}
        # columns come in the order of the file, made-up times last; charted items in the order declared
        in_file = [name for name in header if name in table.columns]
        made_up = [name for name in table.columns if name not in in_file]
        self._columns = table.columns if table.rules.items else (*in_file, *made_up)
        self._texts = {name: TextColumn(lowered) for name in self._source if self._kinds[name] is ColumnKind.TEXT}
        self.typer = BlockTyper(all_floats=all_floats)
        self._known_codes = np.zeros(0, dtype=bool)
        # what the official reader would type as integer: no null and no decimals anywhere in the file
        self._had_null = dict.fromkeys(self._source, False)
        self._had_fraction = dict.fromkeys(self._source, False)
        self._moved = () if table.rules.items else table.rules.shuffled
        self._kept: dict[str, list[npt.NDArray[Any]]] = {}
        self._positions: list[npt.NDArray[np.int64]] = []
        self._long_columns = {name: LongColumn(self._dtype(name), context.scratch) for name in self._moved}
        self._saw_odd_dose = False
        self._rows = 0
        self._passed = 0
        self._dropped: dict[str, int] = {}

    def _dtype(self, name: str) -> Any:
        kind = ColumnKind.REAL if name == "dose_val_rx" else self._kinds[name]
        if kind is ColumnKind.TEXT:
            return np.int32
        if kind is ColumnKind.INT and name not in self._nullable:
            return np.int64
        return np.float64

    def close(self) -> None:
        for column in self._long_columns.values():
            column.close()

    def blocks(self) -> Iterator[Any]:
        batches = stream_table(self._tree, self._table.source, self._source)
        return blocks(batches, self._block_rows)

    def add(self, block: Any) -> None:
        """Filter and keep the rows of one batch or parser block."""
        table, context = self._table, self._context
        arrays = {name: self._array(block, name) for name in self._source}
        good = np.ones(block.num_rows, dtype=bool)
        for name in table.rules.required:
            self._drop(good, self._not_null(arrays[name], self._kinds[name]), f"without {name}")
        if table.rules.unit:
            name, text = table.rules.unit
            self._drop(good, arrays[name] == self._texts[name].vocabulary.find(text), f"{name} not {text}")
        if table.rules.items:
            self._drop(good, np.isin(arrays["itemid"], table.rules.items), "other items")
            self._drop(good, context.subjects.has(arrays["subject_id"]), "other subjects")
        if table.dictionary:
            self._drop(good, self._in_dictionary(arrays, *table.dictionary), f"not in {table.dictionary[1]}")
        if table.rules.doses:
            codes = arrays["dose_val_rx"]
            arrays["dose_val_rx"] = dose_values(self._texts["dose_val_rx"].vocabulary.texts, codes)
            whole = ~np.isnan(arrays["dose_val_rx"])
            self._saw_odd_dose |= bool((good & (codes >= 0) & ~whole).any())
            self._drop(good, whole, "dose not a whole number")
        if table.rules.time_from:
            arrays[table.rules.time] = derived_time(table.rules.time_from, arrays, context.times)
        passed = np.flatnonzero(good)
        for name, column in self._long_columns.items():
            column.append(arrays[name][passed])
        kept = passed if table.rules.items else passed[context.admissions.has(arrays["hadm_id"][passed])]
        self._positions.append(self._passed + np.searchsorted(passed, kept))
        for name in table.columns:
            if name not in self._moved:
                self._kept.setdefault(name, []).append(arrays[name][kept])
        self._rows += block.num_rows
        self._passed += len(passed)

    def _drop(self, good: npt.NDArray[np.bool_], keep: npt.NDArray[np.bool_], reason: str) -> None:
        """Keep, in place, of the good rows those that pass, and count the others."""
        before = int(good.sum())
        good &= keep
        self._dropped[reason] = self._dropped.get(reason, 0) + before - int(good.sum())

    def _array(self, block: Any, name: str) -> npt.NDArray[Any]:
        kind, values = self._kinds[name], block[name]
        if values.null_count:
            self._had_null[name] = True
        if kind is ColumnKind.TEXT:
            if name in ("icd_code", "dose_val_rx"):
                codes = typed_codes(block, name, self.typer, self._texts[name].vocabulary)
                return icd_codes(self._texts[name].vocabulary, codes) if name == "icd_code" else codes
            return self._texts[name].encode(values)
        if kind is ColumnKind.TIME:
            seconds = values.cast(pa.int64())
            return np.asarray((seconds.fill_null(NAT) if values.null_count else seconds).to_numpy())
        array = values.to_numpy()
        if kind is ColumnKind.REAL and not self._had_fraction[name]:
            known = array[~np.isnan(array)]
            self._had_fraction[name] = bool((known != np.floor(known)).any())
        return np.asarray(array)

    @staticmethod
    def _not_null(values: npt.NDArray[Any], kind: ColumnKind) -> npt.NDArray[np.bool_]:
        if kind is ColumnKind.TEXT:
            return np.asarray(values >= 0)
        if kind is ColumnKind.TIME:
            return np.asarray(values != NAT)
        return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)

    def _in_dictionary(
        self, arrays: dict[str, npt.NDArray[Any]], column: str, dictionary: str
    ) -> npt.NDArray[np.bool_]:
        known = self._context.known[dictionary]
        if isinstance(known, IdSet):
            return known.has(arrays[column])
        texts = self._texts[column].vocabulary.texts
        if len(texts) > len(self._known_codes):
            fresh = texts[len(self._known_codes) :]
            self._known_codes = np.append(self._known_codes, [text in known for text in fresh]).astype(bool)
        return self._known_codes[arrays[column]] if len(texts) else np.zeros(len(arrays[column]), dtype=bool)

    def finish(self) -> EventRows:
        """Shuffle, when all rows are read."""
        table = self._table
        dropped = {f"dropped, {reason}": count for reason, count in self._dropped.items()}
        counts = {"rows": self._rows, **dropped, "usable": self._passed}
        positions = np.concatenate(self._positions) if self._positions else np.empty(0, dtype=np.int64)
        kept = {name: np.concatenate(parts) for name, parts in self._kept.items()}
        usable = self._passed
        at: npt.NDArray[np.int64] | None = None  # place in the long columns of each row that takes part
        if table.rules.doses:
            drugs, units = self._long_columns["drug"], self._long_columns["dose_unit_rx"]
            usual = usual_unit(lambda: zip(drugs.parts(), units.parts(), strict=True))
            at = np.flatnonzero(usual)
            usable = len(at)
            counts["dropped, unusual unit"] = self._passed - usable
            counts["usable"] = usable
            mine = usual[positions]
            kept = {name: values[mine] for name, values in kept.items()}
            positions = np.searchsorted(at, positions[mine])
        counts["of the databases' admissions" if self._moved else "of the databases' subjects"] = len(positions)
        source = positions
        if self._moved and self._context.exchange:
            source = shuffled_rows(usable, positions, seed=self._context.seed, scratch=self._context.scratch)
        if at is not None:
            source = at[source]
        columns = {}
        for name in self._columns:
            values = self._long_columns[name].take(source) if name in self._long_columns else kept[name]
            columns[name] = self._column(name, values)
        kinds = {columns[name].kind for name in self._moved}
        if kinds == {ColumnKind.INT, ColumnKind.REAL}:  # numbers that move together pass through one array of floats
            for name in self._moved:
                columns[name] = FrameColumn(ColumnKind.REAL, columns[name].data.astype(np.float64))
        return EventRows(Frame(columns), counts)

    def _column(self, name: str, values: npt.NDArray[Any]) -> FrameColumn:
        if name == "dose_val_rx":
            # doses that are not whole numbers were nulls for a moment; without any such, they are integers
            return (
                FrameColumn(ColumnKind.REAL, values)
                if self._saw_odd_dose
                else FrameColumn(ColumnKind.INT, values.astype(np.int64))
            )
        kind = self._kinds.get(name, ColumnKind.TIME)
        if kind is ColumnKind.TEXT:
            texts = tuple(self._texts[name].vocabulary.texts)
            column = FrameColumn(kind, values.astype(np.int64), texts)
            if name == "icd_code":
                return column
            return as_read(column, file_texts=texts, file_had_null=self._had_null[name])
        if kind is ColumnKind.INT:
            if self._had_null[name]:
                return FrameColumn(ColumnKind.REAL, values.astype(np.float64))
            return FrameColumn(ColumnKind.INT, values.astype(np.int64))
        if kind is ColumnKind.REAL and not self._table.rules.items and self._is_integer_column(name):
            return FrameColumn(ColumnKind.INT, values.astype(np.int64))
        return FrameColumn(kind, values)

    def _is_integer_column(self, name: str) -> bool:
        """Whether no value of the column is missing or written with decimals, in the whole file."""
        if self._had_null[name] or self._had_fraction[name]:
            return False
        for batch in stream_table(self._tree, self._table.source, [name], as_text=[name]):
            if not all(is_integer_text(text) for text in set(batch[name].to_pylist())):
                return False
        return True
