"""Whatever reads sources, on a tree with all clutter that must not matter: the same as on the clean one."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.building.build_each import build_each
from ehrxqa.cli.main import main
from ehrxqa.explain.report_sentences import image_reports
from ehrxqa.explorer.library import open_library
from ehrxqa.hospital import synth
from ehrxqa.hospital.as_downloaded import HARMLESS
from ehrxqa.labels.agreement import find_human_labels
from ehrxqa.layout import BASES, database_path, image_path
from ehrxqa.sources.tree import find_sources
from ehrxqa.vqa.image_paths import find_picture


@pytest.fixture(scope="module")
def messy(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shutil.copytree(clean, tmp_path_factory.mktemp("messy") / "sources")
    synth(root, subjects=60, seed=3, images=False, events_factor=0.05, as_downloaded=[HARMLESS], workers=1)
    return root


@pytest.fixture(scope="module")
def builds(clean: Path, messy: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """(sources, what was built from them), of the clean and of the messy tree."""
    found = []
    for sources in (clean, messy):
        out = tmp_path_factory.mktemp("built") / "out"
        build(sources, out, train_subjects=30, test_subjects=12, workers=1)
        found.append((sources, out))
    return found


def test_the_same_bytes_are_built(builds):
    (_, right), (_, out) = builds
    assert [sha256(database_path(out, name)) for name in BASES] == [
        sha256(database_path(right, name)) for name in BASES
    ]
    names = sorted(path.name for path in (right / "labels").iterdir())
    assert [sha256(out / "labels" / name) for name in names] == [sha256(right / "labels" / name) for name in names]
    manifest, clean_manifest = (json.loads((each / "manifest.json").read_text()) for each in (out, right))
    assert (manifest["synthetic"], manifest["settings"]) == (True, clean_manifest["settings"])
    assert {slug: one["version"] for slug, one in manifest["releases"].items()} == {
        "mimiciv": "2.2", "mimic-cxr-jpg": "2.0.0", "chest-imagenome": "1.0.0",
    }  # fmt: skip
    assert manifest["published"]["different"] == []
    assert manifest["published"]["equal"] > 10


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def images_of(out: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(out / "labels" / "images.parquet").to_pylist()
    return {row["image_id"]: row for row in rows if row["has_gold_plus"] or row["silver_split"]}


@pytest.mark.parametrize("label_set", ["silver", "gold+"])
def test_the_same_sentences_are_found(builds, label_set):
    found = []
    for sources, out in builds:
        studies = {image: row["study_id"] for image, row in images_of(out).items()}
        reports = image_reports(
            out, find_sources(sources), label_set, studies, {image: {} for image in studies}, lambda _: False,
            name_unstated=False,
        )  # fmt: skip
        found.append(reports)
    assert found[0]
    assert {report.origin for report in found[0].values()} >= {"scene graph" if label_set == "silver" else "gold file"}
    assert found[1] == found[0]


def test_the_explorer_shows_the_same_boxes(builds):
    of_clean, of_messy = (open_library(out, sources) for sources, out in builds)
    boxes = {image: of_clean.boxes(image) for image in list(images_of(builds[0][1]))[:60]}
    assert sum(map(bool, boxes.values())) > 20
    assert {image: of_messy.boxes(image) for image in boxes} == boxes


def test_the_scan_for_leaks_takes_every_file_for_made_up(messy):
    done = CliRunner().invoke(main, ["leak-scan", str(messy), "--format", "json"])
    assert done.exit_code == 0, done.output


def test_pictures_are_found_whatever_the_folder_is_called(tmp_path):
    relative = image_path(10000032, 50414267, "11111111-22222222-33333333-44444444-55555555")
    archive = "mimic-cxr-jpg-chest-radiographs-with-structured-labels-2.0.0"
    for place in ("mimic-cxr-jpg/2.0.0", archive, f"physionet.org/files/{archive} (1)", f"mimic-cxr-jpg/{archive}"):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        picture = root / place / "files" / relative
        picture.parent.mkdir(parents=True)
        (picture.parent / f"._{picture.name}").write_bytes(b"\0")
        assert find_picture(root, relative) is None
        picture.write_bytes(b"\xff\xd8")
        assert find_picture(root, relative) == picture


def test_a_radiologists_labels_are_found_in_such_folders(tmp_path):
    name = "mimic-cxr-2.1.0-test-set-labeled.csv"
    archive = "mimic-cxr-jpg-chest-radiographs-with-structured-labels-2.1.0"
    for place in ("mimic-cxr-jpg/2.1.0", archive, f"physionet.org/files/mimic-cxr-jpg/2.1.0/{archive}"):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        (root / place).mkdir(parents=True)
        (root / place / "mimic-cxr-2.0.0-metadata.csv.gz").touch()
        (root / place / f"{name}.gz").touch()
        assert find_human_labels(root) == root / place / f"{name}.gz"


def test_each_of_several_trees_is_built_but_no_clutter(clean, tmp_path):
    for name in ("__MACOSX", ".Trashes", "one"):
        (tmp_path / "trees" / name).mkdir(parents=True)
    assert [tree.name for tree in build_each(tmp_path / "trees", tmp_path / "out", workers=1)] == ["one"]
