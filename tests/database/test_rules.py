"""Rules of the admission block and the X-ray tables that the reference tree hardly touches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from ehrxqa.database.cohort import _exchange_care_units, _in_order
from ehrxqa.database.frame import Frame, FrameColumn
from ehrxqa.database.parser_blocks import TextColumn
from ehrxqa.database.studies import ratios
from ehrxqa.labels.official_csv import _printed_length
from ehrxqa.labels.store import SizeBoxes
from ehrxqa.sources.text import lowered


def boxes(edges):
    """Boxes of image 0, by object: left lung, right lung, heart, upper mediastinum."""
    x1, x2 = (np.array([edge[i] for edge in edges], dtype=np.float64) for i in (0, 1))
    return SizeBoxes(np.zeros(len(edges), dtype=np.int64), np.arange(len(edges)), x1, x2)


def test_widths_are_cut_after_the_difference_and_only_silver_coordinates_before():
    edges = [(110.0, 199.9), (20.9, 100.0), (80.9, 150.1), (100.0, 130.9)]
    labels = SimpleNamespace(images=[0], boxes={"silver": boxes(edges), "gold": boxes([])})
    heart, mediastinum = ratios(labels, "train", np.array([0]))
    assert (heart[0], mediastinum[0]) == (70 / 179, 30 / 179)
    labels = SimpleNamespace(images=[0], boxes={"silver": boxes(edges[:1]), "gold": boxes(edges)})
    heart, mediastinum = ratios(labels, "test", np.array([0]))
    assert (heart[0], mediastinum[0]) == (69 / 179, 30 / 179)


def test_a_missing_box_gives_no_ratio_and_swapped_edges_do_not_matter():
    edges = [(199.0, 110.0), (100.0, 20.0), (150.0, 80.0), (130.0, 100.0)]
    labels = SimpleNamespace(images=[0], boxes={"silver": boxes(edges), "gold": boxes([])})
    assert ratios(labels, "train", np.array([0]))[0][0] == 70 / 179
    labels.boxes["silver"] = boxes(edges[:3])
    assert np.isnan(ratios(labels, "train", np.array([0]))).all()


def test_care_units_are_exchanged_at_once_and_a_missing_one_too():
    # default_rng(0).choice(6, 6, replace=False) is 2 1 3 4 5 0
    first = FrameColumn.of_texts(["a", "b", "c", None, "d", "e"])
    icustays, transfers = _exchange_care_units(
        Frame({"first_careunit": first, "last_careunit": first}),
        Frame({"careunit": FrameColumn.of_texts(["a", "c", None, "d", "ward"])}),
        0,
    )

    def texts(column):
        return [(*column.texts, None)[code] for code in column.data]

    assert texts(icustays["first_careunit"]) == ["c", "b", None, "d", "e", "a"]
    assert texts(transfers["careunit"]) == ["c", None, "d", "e", "ward"]


def test_study_times_rotate_inside_a_subject():
    subject = np.array([7, 5, 7, 7])
    rows, times = _in_order(subject, np.array([30, 99, 10, 20]), np.arange(4), rotate=True)
    assert rows.tolist() == [1, 0, 2, 3]
    assert times.tolist() == [99, 10, 20, 30]


def test_times_are_printed_alike():
    assert _printed_length(np.array([0, 1])) == 23
    assert _printed_length(np.array([0, 1000])) == 19
    assert _printed_length(np.array([0, 86_400_000])) == 10


def test_a_text_block_of_numbers_alone_becomes_numbers():
    column = TextColumn(lowered)

    def encode(*cells):
        codes = column.encode(pa.chunked_array([pa.array(cells).dictionary_encode()]))
        return column.vocabulary.decode(codes)

    assert encode("01", "X ") == ["01", "x"]
    assert encode("01", "2") == ["1", "2"]
    assert encode("01", None) == ["1.0", None]
    assert encode("01", "n") == ["01", "n"]
