"""Exported questions, loaded by the libraries of those who use them."""

from __future__ import annotations

import io
import json

import pytest

import ehrxqa
from conftest import needs
from ehrxqa.publish.columns import MOST_IMAGES

pytestmark = pytest.mark.filterwarnings("default")
HUB = {"train": "train", "valid": "validation", "test": "test"}


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path / "cache")


@needs("datasets")
def test_datasets_loads_the_folder(exported, cache):
    from datasets import load_dataset

    folder, records = exported
    filled = {split: each for split, each in records.items() if each}
    if not filled:
        assert "There are no questions yet" in (folder / "README.md").read_text()
        return
    data = load_dataset(str(folder), cache_dir=cache)
    assert list(data) == [HUB[split] for split in filled]
    for split, held in filled.items():
        rows = data[HUB[split]]
        assert [row["question"] for row in rows] == [record["question"] for record in held]
        answers = [row.get("answer") and json.loads(row["answer"]) for row in rows]
        assert answers == [record.get("answer") for record in held]
        assert all(row["scope"] and row["modality"] and isinstance(row["study_ids"], list) for row in rows)
    gold = load_dataset(str(folder), "gold", cache_dir=cache)
    assert list(gold) == list(data)
    for split in filled:
        asked = json.loads((folder / f"_{split}.json").read_text())
        programs = {record["id"]: record["_gold_program"] for record in asked}
        assert {row["id"]: row["gold_program"] for row in gold[HUB[split]]} == programs


@needs("datasets")
def test_datasets_loads_single_files_as_the_readme_of_old_said(exported, cache):
    from datasets import load_dataset

    folder, records = exported
    files = {split: str(folder / f"parquet/{split}.parquet") for split, held in records.items() if held}
    if files:
        data = load_dataset("parquet", data_files=files, cache_dir=cache)
        assert {split: len(rows) for split, rows in data.items()} == {split: len(records[split]) for split in files}


@needs("datasets")
def test_datasets_decodes_the_x_rays(with_images, hospital, cache):
    from datasets import load_dataset
    from PIL import Image

    data = load_dataset(str(with_images), cache_dir=cache)
    seen = 0
    for rows in data.values():
        assert type(rows.features["images"].feature).__name__ == "Image"
        for row in rows:
            if len(row["study_ids"]) > MOST_IMAGES:
                assert row["images"] is None and len(row["image_paths"]) == len(row["study_ids"])
                continue
            assert len(row["images"]) == len(row["image_paths"])
            for picture, path in zip(row["images"], row["image_paths"], strict=True):
                file = next((hospital / "hospital").rglob(path))
                with Image.open(file) as there:
                    assert picture.size == there.size and picture.tobytes() == there.tobytes()
                seen += 1
    assert seen > 10


@needs("datasets")
def test_what_the_card_says_loads_it(exported, cache, monkeypatch):
    folder, records = exported
    block = (folder / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    if any(records.values()) and all("answer" in record for held in records.values() for record in held):
        import datasets

        # read from the environment when the library is imported: set later, what an earlier run kept is loaded
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
        names = {}
        exec(block.replace("path/to/this/folder", str(folder)), names)
        first = next(held for held in records.values() if held)
        assert names["answer"] == first[0]["answer"]


@needs("pandas")
def test_pandas_reads_every_file(exported):
    import pandas as pd

    folder, records = exported
    for split, held in records.items():
        frame = pd.read_parquet(folder / f"parquet/{split}.parquet")
        assert list(frame.question) == [record["question"] for record in held]
        assert {"scope", "answer_type", "needs", "study_ids", "image_paths"} <= set(frame.columns)


@needs("polars")
def test_polars_reads_every_file_and_all_at_once(exported):
    import polars as pl

    folder, records = exported
    for split, held in records.items():
        assert pl.read_parquet(folder / f"parquet/{split}.parquet")["id"].to_list() == [each["id"] for each in held]
    whole = pl.scan_parquet(folder / "parquet/*.parquet").collect()
    assert whole.height == sum(map(len, records.values()))


@needs("polars")
def test_polars_reads_the_x_rays(with_images):
    import polars as pl
    from PIL import Image

    frame = pl.read_parquet(with_images / "parquet/test.parquet")
    held = [pictures for pictures in frame["images"].to_list() if pictures]
    assert held
    assert Image.open(io.BytesIO(held[0][0]["bytes"])).format == "JPEG"


@needs("pandas")
def test_loaded_questions_are_a_data_frame(with_images):
    ds = ehrxqa.load(with_images.parent)
    frame = ds.to_pandas()
    assert list(frame.answer) == [question.answer for question in ds]
    assert frame.groupby("scope").size().sum() == len(ds)


@needs("mlcroissant")
def test_croissant_validates_and_loads(exported):
    import mlcroissant

    folder, records = exported
    data = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not data.metadata.ctx.issues.errors
    for split, held in records.items():
        rows = list(data.records(split))
        assert [row[f"{split}/question"].decode() for row in rows] == [record["question"] for record in held]
        if held:
            gold = list(data.records(f"gold-{split}"))
            assert len(gold) == len(held)


@needs("mlcroissant")
def test_croissant_of_a_set_with_x_rays(with_images):
    import mlcroissant

    data = mlcroissant.Dataset(jsonld=str(with_images / "croissant.json"))
    assert len(list(data.records("test"))) == 18
