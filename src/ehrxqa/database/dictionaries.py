"""The dictionary tables, which are the same in every database: the four, and those that other packages declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.parser_blocks import BlockTyper, block_rows, blocks
from ehrxqa.sources.catalogue import source_file
from ehrxqa.sources.dictionary_codes import NULL_CODE, Vocabulary
from ehrxqa.sources.table_stream import read_header, read_table, stream_table
from ehrxqa.sources.text import lowered
from ehrxqa.sources.tree import SourceTree
from ehrxqa.spec.files import SourceFile, SourceKind
from ehrxqa.spec.table import Reference, Table
from ehrxqa.spec.tables import TABLES

__all__ = ["icd_codes", "keys_of", "read_dictionaries"]


#: Only items of these tables are kept: those whose items are looked up in d_items.
LINKED_TABLES: Final = tuple(
    table.name
    for table in TABLES.values()
    for column in table.columns
    if column.references == Reference("d_items", "itemid")
)


def read_dictionaries(tree: SourceTree, extra: Sequence[Table] = ()) -> dict[str, Frame]:
    """The dictionary tables without row_id, in file order; `extra` are those beyond the four."""
    frames = {
        "d_icd_diagnoses": _icd(tree, "d_icd_diagnoses"),
        "d_icd_procedures": _icd(tree, "d_icd_procedures"),
        "d_items": _items(tree),
        "d_labitems": _labitems(tree),
    }
    for name, frame in frames.items():  # columns come in the order of the file
        header = read_header(tree.locate(name), source_file(name))
        frames[name] = frame.select([column for column in header if column in frame.columns])
    for table in extra:
        assert table.source is not None, table.name  # held by the check of declarations
        frames[table.name] = _declared(read_table(tree, table.source), table.source)
    return frames


def keys_of(frame: Frame, table: Table) -> IdSet | frozenset[str]:
    """What the rows of a dictionary are looked up by: its first column."""
    column = frame[table.names[1]]
    return frozenset(column.texts) if column.kind is ColumnKind.TEXT else IdSet(column.data)


def _declared(table: pa.Table, source: SourceFile) -> Frame:
    """All used columns of a file, as its declaration says; texts in lower case."""
    columns = {}
    for column in source.used:
        if column.kind is SourceKind.TEXT:
            columns[column.name] = FrameColumn.of_texts(_texts(table, column.name))
        else:
            whole = column.kind is SourceKind.INT and not column.nullable
            columns[column.name] = FrameColumn(
                ColumnKind.INT if whole else ColumnKind.REAL, table[column.name].to_numpy()
            )
    return Frame(columns)


def icd_codes(
    vocabulary: Vocabulary, codes: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Codes of an ICD column with null as the text `nan`: the official builder makes all codes text first."""
    return np.where(codes == NULL_CODE, vocabulary.code("nan"), codes) if (codes == NULL_CODE).any() else codes


def icd_blocks(tree: SourceTree, key: str, read: Callable[[pa.Table, BlockTyper], None]) -> None:
    """Give the parser blocks of a table with ICD codes to `read`, again with floats if the file demands it.

    `read` must start anew when it gets a typer that it has not seen.
    """
    typer = BlockTyper()
    rows = block_rows(len(read_header(tree.locate(key), source_file(key))))
    for block in blocks(stream_table(tree, key, as_text=("icd_code", "long_title")), rows):
        read(block, typer)
    if typer.needs_floats:
        typer = BlockTyper(all_floats=True)
        for block in blocks(stream_table(tree, key, as_text=("icd_code", "long_title")), rows):
            read(block, typer)


def typed_codes(
    block: pa.Table, column: str, typer: BlockTyper, vocabulary: Vocabulary
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Codes of one column of a parser block, typed as a block."""
    values = block[column].unify_dictionaries().combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0)
    texts = values.dictionary.to_pylist()
    codes = values.indices.fill_null(NULL_CODE).to_numpy(zero_copy_only=False).astype(np.int64)
    return typer.encode(texts, codes, vocabulary)


def _icd(tree: SourceTree, key: str) -> Frame:
    """Code and title: the first row of each code, then the first of each title.

    ICD-9 and ICD-10 share one list; a code in both keeps its first title.
    """
    codes: list[str] = []
    titles: list[str | None] = []
    seen: BlockTyper | None = None

    def read(block: pa.Table, typer: BlockTyper) -> None:
        nonlocal seen
        if typer is not seen:
            codes.clear()
            titles.clear()
            seen = typer
        cells = block["icd_code"].cast(pa.utf8()).to_pylist()
        known = [cell for cell in cells if cell is not None]
        form = typer.form(known, has_null=len(known) < len(cells))
        if form is str and len(known) == len(cells):
            codes.extend(cast(list[str], _texts(block, "icd_code")))
        else:
            codes.extend("nan" if cell is None else lowered(form(cell)) for cell in cells)
        titles.extend(_texts(block, "long_title"))

    icd_blocks(tree, key, read)
    by_code: dict[str, str] = {}
    for code, title in zip(codes, titles, strict=True):
        if title is not None:
            by_code.setdefault(code, title)
    by_title: dict[str, str] = {}
    for code, title in by_code.items():
        by_title.setdefault(title, code)
    distinct = np.arange(len(by_title))
    return Frame(
        {
            "icd_code": FrameColumn(ColumnKind.TEXT, distinct, tuple(by_title.values())),
            "long_title": FrameColumn(ColumnKind.TEXT, distinct, tuple(by_title)),
        }
    )


#: Characters that Python strips as blanks, and Arrow does not.
_CONTROL = "[\\x1c-\\x1f]"


def _texts(table: pa.Table, name: str) -> list[str | None]:
    values = table[name].cast(pa.utf8())
    plain = pc.and_(pc.string_is_ascii(values), pc.invert(pc.match_substring_regex(values, _CONTROL)))
    texts: list[str | None] = pc.ascii_trim_whitespace(pc.ascii_lower(pc.if_else(plain, values, ""))).to_pylist()
    for row in pc.indices_nonzero(pc.invert(pc.fill_null(plain, True))).to_pylist():
        texts[row] = lowered(values[row].as_py())
    return texts


def _labitems(tree: SourceTree) -> Frame:
    table = read_table(tree, "d_labitems")
    label = FrameColumn.of_texts(_texts(table, "label"))
    return Frame({"itemid": FrameColumn(ColumnKind.INT, table["itemid"].to_numpy()), "label": label}).take(~label.null)


def _items(tree: SourceTree) -> Frame:
    table = read_table(tree, "d_items")
    columns = {name: FrameColumn.of_texts(_texts(table, name)) for name in ("label", "abbreviation", "linksto")}
    frame = Frame({"itemid": FrameColumn(ColumnKind.INT, table["itemid"].to_numpy()), **columns})
    links = frame["linksto"]
    linked = np.isin(links.data, [code for code, text in enumerate(links.texts) if text in LINKED_TABLES])
    return frame.take(~frame["label"].null & linked)
