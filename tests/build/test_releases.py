"""Releases: found, checked, recorded; another release is another data set."""

import json
import shutil
from pathlib import Path

import pytest

from ehrxqa.building.build import build
from ehrxqa.building.info import info
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.publish.export import export
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.sources.download.checksums import SUMS
from ehrxqa.sources.found_releases import found_releases
from ehrxqa.sources.tree import find_sources
from ehrxqa.spec.releases import PROJECTS, chosen, data_set_name, release_names

SIZES = {"train_subjects": 20, "test_subjects": 30, "workers": 1}


@pytest.fixture
def sources(hospital, tmp_path) -> Path:
    """A tree of links, whose folders can be renamed."""
    root = tmp_path / "sources"
    for path in hospital.rglob("*"):
        if path.is_file():
            target = root / path.relative_to(hospital)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    return root


def renamed(root: Path, project: str, version: str) -> Path:
    folder = next((root / project).iterdir())
    return folder.rename(folder.with_name(version))


def test_one_release_of_each_project_is_official():
    for project in PROJECTS:
        assert [release.official for release in project.releases].count(True) == 1
        assert project.release(project.version).refused == ""
    assert "mimic-iv-3.1" in release_names() and "mimic-iv-3.0" not in release_names()
    assert release_names(official=False) == ("mimic-iv-3.1", "mimic-cxr-jpg-2.1.0")


def test_names_of_data_sets():
    assert data_set_name(chosen([])) == data_set_name(chosen(["mimic-iv-2.2"])) == data_set_name({}) == "EHRXQA"
    both = data_set_name(chosen(["mimic-cxr-jpg-2.1.0", "MIMIC-IV-3.1"]))
    assert both == "EHRXQA on MIMIC-IV 3.1 and MIMIC-CXR-JPG 2.1.0"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["mimic-iv-3.0"], "MIMIC-IV 3.0 cannot be built from: its laboratory item ids differ"),
        (["mimic-iv-4"], "no release is called 'mimic-iv-4'; there are mimic-iv-2.2, mimic-iv-3.1"),
        (["mimic-iv-3.1", "mimic-iv-2.2"], "two releases of MIMIC-IV are named"),
    ],
)
def test_releases_that_cannot_be_asked_for(names, message):
    with pytest.raises(SettingsError, match=message):
        chosen(names)


def test_the_official_releases_are_recorded(hospital, built):
    manifest = read_manifest(built)
    assert manifest.data_set == "EHRXQA"
    assert manifest.release_numbers == {"MIMIC-IV": "2.2", "MIMIC-CXR-JPG": "2.0.0", "Chest ImaGenome": "1.0.0"}
    assert {found.found_by for found in manifest.releases.values()} == {"folder name"}


def test_a_renamed_release_is_refused_until_it_is_asked_for(sources, tmp_path):
    folder = renamed(sources, "mimiciv", "3.1")
    with pytest.raises(SourceError, match=r"found release 3.1 of MIMIC-IV, need 2.2 \(.*--release mimic-iv-3.1\)"):
        build(sources, tmp_path / "out", **SIZES)
    with pytest.raises(
        SourceError, match=r"is MIMIC-IV 3.1 \(told by its folder name\), need 2.2; .*--release mimic-iv-3.1"
    ):
        build(sources, tmp_path / "out", folders={"mimiciv": folder}, **SIZES)
    manifest = build(sources, tmp_path / "out", releases=["mimic-iv-3.1"], **SIZES)
    assert manifest.data_set == "EHRXQA on MIMIC-IV 3.1"
    assert info(tmp_path / "out").releases["MIMIC-IV"] == "3.1"
    written = json.loads((tmp_path / "out/manifest.json").read_text())
    assert written["releases"]["mimiciv"] == {"version": "3.1", "found_by": "folder name"}


def test_the_official_release_is_not_taken_for_another(sources, tmp_path):
    with pytest.raises(SourceError, match=r"is MIMIC-IV 2.2 .*, need 3.1; leave out --release for MIMIC-IV"):
        build(
            sources, tmp_path / "out", folders={"mimiciv": sources / "mimiciv/2.2"}, releases=["mimic-iv-3.1"], **SIZES
        )


def test_a_release_that_is_refused_says_why(sources, tmp_path):
    folder = renamed(sources, "mimiciv", "3.0")
    with pytest.raises(
        SourceError, match=r"is MIMIC-IV 3.0 \(told by its folder name\): its laboratory item ids differ"
    ):
        build(sources, tmp_path / "out", folders={"mimiciv": folder}, **SIZES)
    with pytest.raises(SourceError, match=r"3.0 cannot be built from: its laboratory item ids differ"):
        build(sources, tmp_path / "out", **SIZES)


def test_a_release_that_nobody_knows(sources, tmp_path):
    folder = renamed(sources, "chest-imagenome", "2.0.0")
    with pytest.raises(SourceError, match=r"is Chest ImaGenome 2.0.0 .* need 1.0.0; point --chest-imagenome at that"):
        build(sources, tmp_path / "out", folders={"chest-imagenome": folder}, **SIZES)


def test_a_folder_whose_name_says_nothing_is_told_by_its_values(sources, tmp_path):
    folder = (sources / "mimiciv/2.2").rename(sources / "tables")
    tree = find_sources(sources, {"mimiciv": folder})
    assert found_releases(tree)["mimiciv"].found_by == "assumed"
    patients = tree.locate("patients")
    import gzip

    text = gzip.decompress(patients.read_bytes()).decode()
    group = "2014 - 2016"
    assert group in text
    patients.unlink()
    (folder / "hosp/patients.csv").write_text(text.replace(group, "2020 - 2022"))
    with pytest.raises(SourceError, match=r"is MIMIC-IV 3.1 \(told by its values\), need 2.2"):
        found_releases(tree)


def test_the_list_of_checksums_tells_the_release_and_is_checked(sources):
    folder = sources / "mimic-cxr-jpg/2.0.0"
    (folder / SUMS).write_text(f"{'0' * 64} mimic-cxr-2.1.0-test-set-labeled.csv\n")
    with pytest.raises(
        SourceError, match=r"is MIMIC-CXR-JPG 2.1.0 \(told by SHA256SUMS.txt\), need 2.0.0; .*mimic-cxr-jpg-2.1.0"
    ):
        found_releases(find_sources(sources))
    tree = find_sources(sources, {"mimic-cxr-jpg": folder}, releases=["mimic-cxr-jpg-2.1.0"])
    assert found_releases(tree)["mimic-cxr-jpg"].found_by == SUMS


def test_a_build_from_before_releases_were_recorded_goes_on(built, hospital, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(built, out)
    value = json.loads((out / "manifest.json").read_text())
    del value["releases"], value["data_set"]
    (out / "manifest.json").write_text(json.dumps(value))
    assert info(out).releases == {} and info(out).data_set == "EHRXQA"
    assert build(hospital, out, **SIZES).release_numbers["MIMIC-IV"] == "2.2"


def test_card_and_metadata_name_another_data_set(built, tmp_path):
    from ehrxqa.questions.generate import generate

    out = tmp_path / "out"
    shutil.copytree(built, out)
    value = json.loads((out / "manifest.json").read_text())
    value["releases"]["mimiciv"]["version"] = "3.1"
    (out / "manifest.json").write_text(json.dumps(value))
    generate(out, train=3, valid=0, test=3, scopes=["table"], workers=1)
    export(out)
    card = (out / "dataset/README.md").read_text()
    assert "This is **EHRXQA on MIMIC-IV 3.1**: another data set than EHRXQA" in card and "| MIMIC-IV | `3.1` |" in card
    metadata = json.loads((out / "dataset/croissant.json").read_text())
    assert metadata["name"] == "ehrxqa-mimic-iv-3.1-synthetic"
    assert "EHRXQA on MIMIC-IV 3.1." in metadata["description"]
