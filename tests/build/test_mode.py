"""The two modes of a build: values exchanged as the official builder does, or everything left where it belongs."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.building.facts import build_facts
from ehrxqa.building.verify import verify
from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError
from ehrxqa.hospital import synth
from ehrxqa.labels.store import read_labels
from ehrxqa.layout import DATABASE_PATHS, MANIFEST
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.sources.tree import SYNTHETIC_MARKER

SIZES = {"train_subjects": 20, "test_subjects": 30}


@pytest.fixture(scope="module")
def official(hospital, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("official") / "out"
    build(hospital, out, **SIZES, workers=1, mode="official")
    return out


def source_rows(hospital: Path, path: str) -> list[dict[str, str]]:
    with gzip.open(hospital / "mimiciv" / "2.2" / path, "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def query(out: Path, base: str, sql: str) -> list[tuple]:
    database = apsw.Connection(str(out / DATABASE_PATHS[base]), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(database.execute(sql))
    finally:
        database.close()


def lab_values(out: Path) -> Counter[tuple]:
    sql = "SELECT hadm_id, itemid, valuenum FROM labevents WHERE valuenum IS NOT NULL"
    return Counter(row for base in DATABASE_PATHS for row in query(out, base, sql))


def test_coherent_rows_are_the_subjects_own_and_official_ones_are_not(hospital, built, official):
    source = Counter(
        (int(row["hadm_id"]), int(row["itemid"]), float(row["valuenum"]))
        for row in source_rows(hospital, "hosp/labevents.csv.gz")
        if row["hadm_id"] and row["valuenum"]
    )
    assert not lab_values(built) - source
    exchanged = lab_values(official)
    assert (exchanged - source).total() > exchanged.total() / 2
    coded = Counter((row["hadm_id"], row["icd_code"]) for row in source_rows(hospital, "hosp/diagnoses_icd.csv.gz"))
    for base in DATABASE_PATHS:
        found = Counter((str(hadm), code) for hadm, code in query(built, base, DIAGNOSES))
        assert found
        assert not found - Counter({(hadm, code.lower()): count for (hadm, code), count in coded.items()})


DIAGNOSES = "SELECT hadm_id, icd_code FROM diagnoses_icd"
WEIGHTS = """SELECT hadm_id, max(valuenum) - min(valuenum) FROM chartevents
    JOIN d_items USING (itemid) WHERE label LIKE '%weight%' GROUP BY hadm_id HAVING count(*) > 1"""
UNITS = "SELECT stay_id, first_careunit FROM icustays"
#: Studies of an admission, and whether they lie in a stay of it.
INSIDE = """SELECT study_id, max(studydatetime BETWEEN intime AND coalesce(outtime, '2106')) FROM tb_cxr
    JOIN transfers USING (hadm_id) GROUP BY study_id"""


def test_care_units_and_study_times_stay(hospital, built, official):
    units = {row["stay_id"]: row["first_careunit"] for row in source_rows(hospital, "icu/icustays.csv.gz")}

    def share(out: Path, what) -> float:
        found = [what(row) for base in DATABASE_PATHS for row in query(out, base, INSIDE if what is inside else UNITS)]
        assert len(found) > 10
        return sum(found) / len(found)

    def inside(row: tuple) -> bool:
        return row[1] == 1

    def own_unit(row: tuple) -> bool:
        return units[str(row[0])].lower() == row[1]

    assert share(built, inside) == share(built, own_unit) == 1
    assert share(official, inside) < 0.9
    assert share(official, own_unit) < 0.9


def test_synthetic_sources_are_coherent_and_others_official(hospital, built, tmp_path):
    manifest = read_manifest(built)
    assert manifest is not None
    assert manifest.mode == manifest.settings["mode"] == "coherent"
    shutil.copytree(hospital, tmp_path / "sources")
    (tmp_path / "sources" / SYNTHETIC_MARKER).unlink()  # now it could be anyone's
    real = build(tmp_path / "sources", tmp_path / "out", **SIZES, workers=1)
    assert real.mode == real.settings["mode"] == "official"
    assert real.data_set == "EHRXQA"
    done = CliRunner().invoke(
        main,
        ["build", str(tmp_path / "sources"), str(tmp_path / "own"), "--coherent", "--format", "json", "-q"],
    )
    assert json.loads(done.stdout)["data_set"] == "EHRXQA (coherent)"


def test_everything_that_describes_a_build_says_its_mode(built, official):
    for out, mode in ((built, "coherent"), (official, "official")):
        assert f"mode: {mode}" in verify(out).checked
        [fact] = [fact for fact in build_facts(out) if fact.name == "mode"]
        assert fact.text.startswith(mode)
        shown = CliRunner().invoke(main, ["info", str(out)]).stdout
        assert f"mode {mode}" in shown


def test_a_build_of_one_mode_is_not_continued_in_the_other(hospital, official, tmp_path):
    shutil.copytree(official, tmp_path / "out")
    with pytest.raises(BuildError, match="other settings"):
        build(hospital, tmp_path / "out", **SIZES, workers=1)


def test_a_manifest_from_before_there_were_modes_is_official(hospital, official, tmp_path):
    shutil.copytree(official, tmp_path / "out")
    path = tmp_path / "out" / MANIFEST
    value = json.loads(path.read_text())
    del value["settings"]["mode"]
    path.write_text(json.dumps(value))
    before = (tmp_path / "out" / DATABASE_PATHS["test"]).stat().st_mtime_ns
    build(hospital, tmp_path / "out", **SIZES, workers=1, mode="official")
    assert (tmp_path / "out" / DATABASE_PATHS["test"]).stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def middling(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("middling") / "sources"
    synth(root, subjects=320, gold_subjects=80, seed=11, images=False, events_factor=0.1, workers=1)
    return root


def test_the_train_database_of_a_small_hospital_has_sixty_subjects(middling, tmp_path):
    coherent = build(middling, tmp_path / "coherent", workers=1)
    official = build(middling, tmp_path / "official", workers=1, mode="official")
    subjects = [run.stages["database"].counts["tables"]["train"]["patients"] for run in (coherent, official)]
    assert subjects[0] >= 60
    assert subjects[1] <= 20
    assert coherent.stages["labels"].counts["valid subjects"] == 80
    images = read_labels(tmp_path / "coherent" / "labels").images
    splits = {(subject, split) for subject, split in zip(images.subject_id, images.silver_split, strict=True) if split}
    assert len(splits) == len({subject for subject, _ in splits})  # nobody is in two splits
    # what an image shows does not decide whether it is kept: boxes of unusual width are kept, too
    kept, everything = (silver(tmp_path / mode) for mode in ("official", "coherent"))
    assert kept < everything


def silver(out: Path) -> set[str]:
    """Images of the silver cohort."""
    images = read_labels(out / "labels").images
    return {name for name, kept in zip(images.image_id, images.in_silver_cohort, strict=True) if kept}
