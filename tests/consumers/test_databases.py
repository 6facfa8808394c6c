"""Databases of a build, shown by Datasette and read as MEDS."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import pytest

import ehrxqa
from conftest import needs
from ehrxqa.layout import DATABASE_PATHS

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def database(hospital):
    return hospital / "out" / DATABASE_PATHS["test"]


@pytest.fixture(scope="module")
def meds_folder(hospital, tmp_path_factory):
    folder = tmp_path_factory.mktemp("meds")
    ehrxqa.export(hospital / "out", meds=folder)
    return folder


@needs("meds")
def test_events_are_valid_meds(meds_folder):
    import meds
    import pyarrow.parquet as pq

    for split in (meds.train_split, meds.held_out_split):
        table = pq.read_table(meds_folder / "data" / split / "0.parquet")
        meds.DataSchema.validate(table)
        assert table.num_rows > 100
    meds.CodeMetadataSchema.validate(pq.read_table(meds_folder / meds.code_metadata_filepath))
    meds.SubjectSplitSchema.validate(pq.read_table(meds_folder / meds.subject_splits_filepath))
    meds.DatasetMetadataSchema.validate(json.loads((meds_folder / meds.dataset_metadata_filepath).read_text()))


@needs("meds")
def test_events_are_those_of_the_databases(meds_folder, hospital):
    import pyarrow.parquet as pq

    codes = {
        row["code"]: row["description"] for row in pq.read_table(meds_folder / "metadata/codes.parquet").to_pylist()
    }
    seen = set()
    for base, split in (("train", "train"), ("test", "held_out")):
        rows = pq.read_table(meds_folder / f"data/{split}/0.parquet").to_pylist()
        connection = sqlite3.connect(hospital / "out" / DATABASE_PATHS[base])
        subjects = {row[0] for row in connection.execute("select subject_id from patients")}
        assert {row["subject_id"] for row in rows} == subjects and not subjects & seen
        seen |= subjects
        order = [(row["subject_id"], row["time"] is not None, row["time"] or 0) for row in rows]
        assert order == sorted(order)
        assert {row["code"] for row in rows} <= codes.keys()
        for table in ("labevents", "diagnoses_icd", "tb_cxr", "chartevents"):
            (count,) = connection.execute(f"select count(*) from {table}").fetchone()
            assert sum(row["table"] == table for row in rows) == count
        labs = dict(connection.execute("select row_id, valuenum from labevents"))
        for row in rows:
            if row["table"] == "labevents":
                assert row["numeric_value"] == pytest.approx(labs[row["row_id"]], rel=1e-6)
        images = [row["image_path"] for row in rows if row["table"] == "tb_cxr"]
        assert images and all(next((hospital / "hospital").rglob(path), None) for path in images[:5])
        connection.close()
    assert "MEDS_BIRTH" in codes and any(code.startswith("LAB//") and text for code, text in codes.items())
    assert not any("relation" in code for code in codes)


@needs("meds")
def test_the_same_build_gives_the_same_bytes(meds_folder, hospital, tmp_path):
    ehrxqa.export(hospital / "out", meds=tmp_path)
    for path in meds_folder.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(meds_folder)).read_bytes()


@pytest.fixture
def get(hospital, database, tmp_path):
    """What Datasette answers with our metadata and plugin."""
    from datasette.app import Datasette

    ehrxqa.export(hospital / "out", datasette=tmp_path)
    shown = Datasette(
        [], immutables=[str(database)], plugins_dir=str(tmp_path / "plugins"),
        metadata=json.loads((tmp_path / "metadata.json").read_text()),
    )  # fmt: skip

    def ask(path):
        return asyncio.run(shown.client.get(path))

    return ask


@needs("datasette")
def test_datasette_shows_help_facets_and_links(get):
    page = get("/mimic_iv_cxr/ADMISSIONS").text
    assert "Time of admission" in page or "admission" in page
    assert "?subject_id=" in page  # a reference leads to what it refers to
    value = get("/mimic_iv_cxr/ADMISSIONS.json?_facet=admission_type&_size=1").json()
    assert value["facet_results"]["admission_type"]["results"]
    assert get("/mimic_iv_cxr/TB_CXR_PLUS").status_code == 403


@needs("datasette")
def test_datasette_asks_x_rays(get, database):
    sql = "select count(*) as n from tb_cxr where func_vqa('is there any abnormality?', study_id)"
    answer = get(f"/mimic_iv_cxr.json?sql={sql}&_shape=array").json()
    mine = "select count(*) from tb_cxr where func_vqa('are there any abnormalities?', study_id)"
    assert answer[0]["n"] == ehrxqa.query(database, mine).answer[0] > 0
    listed = get("/mimic_iv_cxr.json?sql=select func_vqa('list all device.', study_id) as f from tb_cxr&_shape=array")
    assert all(isinstance(json.loads(row["f"]), list) for row in listed.json())


@needs("datasette")
@pytest.mark.parametrize(
    "sql",
    [
        "select * from TB_CXR_PLUS",
        "select count(*) from tb_cxr_plus",
        'with x as (select object from "Tb_Cxr_Plus") select * from x',
    ],
)  # fmt: skip
def test_no_query_reads_the_answer_key(get, sql):
    response = get(f"/mimic_iv_cxr.json?sql={sql}&_shape=array")
    assert response.status_code == 400 and any(word in response.text for word in ("prohibited", "not authorized"))
