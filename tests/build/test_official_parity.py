"""The official builder's own outputs, from the same sources: every table, row and type; labels byte for byte."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path

import pytest

from ehrxqa.building.build import build
from ehrxqa.building.verify import verify
from ehrxqa.dataset.answer import answer
from ehrxqa.labels.store import LABEL_FILES
from ehrxqa.layout import DATABASE_PATHS

SIZES = {"train_subjects": 80, "test_subjects": 100}


@pytest.fixture(scope="module")
def parity(shared) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def from_tables(parity, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("parity") / "tables"
    manifest = build(parity / "source", out, **SIZES, mode="official")
    assert manifest.stages["labels"].counts["silver from"] == "tabular files"
    return out


@pytest.fixture(scope="module")
def from_graphs(parity, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    shutil.copytree(
        parity / "source",
        folder / "source",
        ignore=shutil.ignore_patterns("scene_tabular"),
        copy_function=lambda source, target: Path(target).symlink_to(source),
    )
    manifest = build(folder / "source", folder / "graphs", **SIZES, mode="official")
    assert manifest.stages["labels"].counts["silver from"] == "scene graphs"
    return folder / "graphs"


@pytest.mark.shared
def test_databases_and_labels_are_the_official_ones(from_tables, parity):
    report = verify(from_tables, parity / "expected")
    assert report.problems == []
    assert report.checked[3:] == [
        "train: 19 of 19 tables equal",
        "test: 19 of 19 tables equal",
        "cohort_silver.csv: equal",
        "cohort_gold.csv: equal",
        "valid_dataset.csv: equal",
        "gold+_dataset.csv: equal",
    ]


@pytest.mark.shared
def test_scene_graphs_give_the_same_bytes_as_the_tabular_files(from_tables, from_graphs):
    for name in [*(f"labels/{name}" for name in LABEL_FILES), *DATABASE_PATHS.values()]:
        mine, wanted = (hashlib.sha256((out / name).read_bytes()).hexdigest() for out in (from_graphs, from_tables))
        assert mine == wanted, name


def same(left, right) -> bool:
    """Equal, or floats that agree to nine digits (only lists that are not rounded can hold others)."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return type(left) is type(right) and left == right


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
def test_answers_are_the_official_ones(from_tables, parity, tmp_path, split):
    folder = parity / "answers" / split
    report = answer(from_tables, folder / "_questions.json", tmp_path / "answers.json")
    assert report.failed == ()
    mine = (tmp_path / "answers.json").read_text().splitlines()
    wanted = (folder / "expected.json").read_text().splitlines()
    assert len(mine) == len(wanted)
    # one unrounded list of ratios differs in the last place, as the official reader rounds decimals wrongly
    different = [place for place, lines in enumerate(zip(mine, wanted, strict=True)) if lines[0] != lines[1]]
    assert all(same(float(mine[place].strip(" ,")), float(wanted[place].strip(" ,"))) for place in different)
    records = json.loads((tmp_path / "answers.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    for record, other in zip(records, expected, strict=True):
        assert list(record) == list(other)
        assert all(map(same, record["answer"], other["answer"])), record["id"]
        assert len(record["answer"]) == len(other["answer"])
