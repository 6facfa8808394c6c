"""Types and values of columns, as the official builder's reader and writer make them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.inferred import as_read
from ehrxqa.database.long_column import LongColumn
from ehrxqa.database.parser_blocks import BlockTyper, block_rows
from ehrxqa.database.prescriptions import dose_values, usual_unit
from ehrxqa.database.stored import read_back, store
from ehrxqa.sources.dictionary_codes import Vocabulary


def stored(name, column):
    back = read_back(Frame({name: column}))[name]
    result = store(name, back)
    return result.sql_type, result.values


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["a", None], ("TEXT", ["a", None])),
        (["a", "n/a", "null", "nan", ""], ("TEXT", ["a", None, None, None, None])),
        (["none", "b"], ("TEXT", ["none", "b"])),
        ([None, "n/a"], ("REAL", [None, None])),
        (["007", "12"], ("INTEGER", [7, 12])),
        (["007", None], ("REAL", [7.0, None])),
        (["1.50", "2"], ("REAL", [1.5, 2.0])),
        (["1,000", "2"], ("TEXT", ["1,000", "2"])),
    ],
)
def test_text_columns_become_what_is_read_back(texts, wanted):
    assert stored("drug", FrameColumn.of_texts(texts)) == wanted


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [
        (["0090", "v58"], ["0090", "v58"]),
        (["0090", "4019"], ["90", "4019"]),
        (["0090", "nan"], ["90.0", "nan"]),
        (["v58", "nan"], ["v58", "nan"]),
    ],
)
def test_icd_codes_are_text_but_digits_alone_lose_leading_zeros(codes, wanted):
    assert stored("icd_code", FrameColumn.of_texts(codes)) == ("TEXT", wanted)


def test_numbers_and_empty_tables():
    assert stored("x", FrameColumn(ColumnKind.REAL, np.array([1.0, np.nan]))) == ("REAL", [1.0, None])
    assert stored("x", FrameColumn(ColumnKind.INT, np.array([1]))) == ("INTEGER", [1])
    assert stored("x", FrameColumn(ColumnKind.INT, np.empty(0, dtype=np.int64))) == ("TEXT", [])


def test_text_column_of_truth_values():
    column = FrameColumn.of_texts(["true", "false"])
    assert as_read(column, file_texts=column.texts, file_had_null=False).data.tolist() == [1, 0]
    assert as_read(column, file_texts=column.texts, file_had_null=True) is column


def test_block_sizes():
    assert [block_rows(columns) for columns in (21, 5, 6, 3)] == [32768, 131072, 131072, 262144]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["007", "12"], ["7", "12"]),
        (["007", None], ["7.0", None]),
        (["5", "2.5"], ["5.0", "2.5"]),
        (["5", "1-2"], ["5", "1-2"]),
        (["٣٠", "5"], ["٣٠", "5"]),
        ([None, None], [None, None]),
    ],
)
def test_a_block_is_typed_as_a_whole(cells, wanted):
    vocabulary = Vocabulary()
    texts = [cell for cell in dict.fromkeys(cells) if cell is not None]
    codes = np.array([-1 if cell is None else texts.index(cell) for cell in cells])
    typed = BlockTyper().encode(texts, codes, vocabulary)
    assert vocabulary.decode(typed.astype(np.int32)) == wanted


def test_blocks_of_numbers_alone_are_brought_to_one_type():
    typer = BlockTyper()
    typer.form(["1"], has_null=False)
    typer.form(["2.5"], has_null=False)
    assert typer.needs_floats
    typer.form(["x"], has_null=False)
    assert not typer.needs_floats


def test_doses():
    texts = ["1,000", "5.0", "1-2", "٣٠", "", "12345678901234567890"]
    values = dose_values(texts, np.arange(-1, len(texts)))
    assert np.isnan(values).tolist() == [True, False, True, True, False, True, False]
    assert values[[1, 4]].tolist() == [1000.0, 30.0]


def usual(drug, unit, parts=3):
    return usual_unit(lambda: zip(np.array_split(drug, parts), np.array_split(unit, parts), strict=True))


def test_usual_unit_takes_the_first_seen_on_a_tie_and_a_missing_drug_as_one():
    drug = np.array([0, 0, 1, 1, 1, -1, -1, -1])
    unit = np.array([5, 3, 2, 4, 4, 1, 0, 0])
    assert usual(drug, unit).tolist() == [True, False, False, True, True, False, True, True]


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), max_size=60))
def test_usual_unit_against_a_loop(rows):
    units: dict[int, dict[int, int]] = {}
    for drug, unit in rows:
        counts = units.setdefault(drug, {})
        counts[unit] = counts.get(unit, 0) + 1
    best = {drug: max(counts, key=lambda unit: counts[unit]) for drug, counts in units.items()}
    drug, unit = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    assert usual(drug, unit).tolist() == [best[d] == u for d, u in rows]


@given(ids=st.lists(st.integers(0, 2**40)), values=st.lists(st.integers(0, 2**40)), spread=st.booleans())
def test_id_set(ids, values, spread):
    if not spread:
        ids, values = [i % 1000 for i in ids], [v % 1000 for v in values]
    if not ids:
        return
    found = IdSet(np.array(ids)).has(np.array([*values, *ids], dtype=np.float64))
    assert found.tolist() == [value in set(ids) for value in [*values, *ids]]


@pytest.mark.parametrize("limit", [0, 10**6])
def test_spool_gives_back_what_it_got(tmp_path, limit):
    spool = LongColumn(np.int64, tmp_path, in_memory_bytes=limit)
    parts = [np.arange(start, start + 1000) for start in range(0, 5000, 1000)]
    for part in parts:
        spool.append(part)
    assert (np.concatenate(list(spool.parts())) == np.concatenate(parts)).all()
    spool.append(np.array([77]))
    rows = np.array([4999, 0, 5000, 17, 17])
    assert spool.take(rows).tolist() == [4999, 0, 77, 17, 17]
    spool.close()
    assert not any(tmp_path.iterdir())
