"""A synthetic hospital in the folders and with the values of another release."""

import csv
import gzip
import json

import pytest

from ehrxqa.errors import SettingsError
from ehrxqa.hospital import synth
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.release_values import RELEASE_VALUES
from ehrxqa.spec.human_labels import HUMAN_LABELS
from ehrxqa.spec.releases import MIMIC_IV


def values(path, column):
    with gzip.open(path, "rt") as stream:
        return {row[column] for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def recent(tmp_path_factory):
    root = tmp_path_factory.mktemp("recent")
    synth(root, subjects=100, seed=4, images=False, releases=["mimic-cxr-jpg-2.1.0", "mimic-iv-3.1"])
    return root


def test_folders_and_marker(recent, tmp_path):
    assert sorted(path.name for path in recent.glob("*/*")) == ["1.0.0", "2.1.0", "3.1"]
    parameters = json.loads((recent / "SYNTHETIC.json").read_text())["parameters"]
    assert parameters["releases"] == ["mimic-iv-3.1", "mimic-cxr-jpg-2.1.0"]
    assert "releases" not in Plan.checked(60).as_dict()
    again = synth(recent, subjects=100, seed=4, images=False, releases=["mimic-iv-3.1", "mimic-cxr-jpg-2.1.0"])
    assert not again.fresh
    with pytest.raises(SettingsError, match="other parameters"):
        synth(recent, subjects=100, seed=4, images=False)


def test_values_of_the_release(recent):
    hosp = recent / "mimiciv/3.1/hosp"
    languages, insurances = (
        values(hosp / "admissions.csv.gz", "language"),
        values(hosp / "admissions.csv.gz", "insurance"),
    )
    assert "English" in languages and "Spanish" in languages and not {"?", "ENGLISH"} & languages
    assert (
        insurances <= {"Medicare", "Medicaid", "Private", "Self-pay", "No charge", "Other"} and "Private" in insurances
    )
    assert "2020 - 2022" in values(hosp / "patients.csv.gz", "anchor_year_group")


def test_every_release_that_may_be_built_from_has_values():
    assert set(RELEASE_VALUES) == {release.version for release in MIMIC_IV.releases if not release.refused}
    for of_release in RELEASE_VALUES.values():
        for shares in (of_release.languages, of_release.insurances):
            assert [share for share, _ in shares] == sorted(share for share, _ in shares) and shares[0][0] == 0
        assert of_release.language(0.0) == of_release.languages[0][1]
        assert of_release.language(0.9999) == of_release.languages[-1][1]


def test_studies_that_a_radiologist_read(recent, tmp_path):
    path = recent / "mimic-cxr-jpg/2.1.0" / HUMAN_LABELS.path
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == [column.name for column in HUMAN_LABELS.columns]
    assert 30 < len(rows) == len({row["study_id"] for row in rows})
    said = {value for row in rows for name, value in row.items() if name != "study_id"}
    assert said == {"1.0", "0.0", "-1.0", ""}
    with gzip.open(recent / "mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-metadata.csv.gz", "rt") as stream:
        frontal = {row["study_id"] for row in csv.DictReader(stream) if row["ViewPosition"] in ("AP", "PA")}
    assert {row["study_id"] for row in rows} <= frontal


def test_the_same_bytes_whatever_the_number_of_workers(recent, tmp_path):
    synth(
        tmp_path / "again",
        subjects=100,
        seed=4,
        images=False,
        workers=2,
        releases=["mimic-iv-3.1", "mimic-cxr-jpg-2.1.0"],
    )
    for path in recent.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(recent)).read_bytes(), path.name


def test_only_the_x_rays_of_another_release(tmp_path):
    synth(tmp_path, subjects=60, images=False, releases=["mimic-cxr-jpg-2.1.0"])
    assert (tmp_path / "mimiciv/2.2").is_dir() and (tmp_path / "mimic-cxr-jpg/2.1.0" / HUMAN_LABELS.path).is_file()


def test_a_release_that_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="MIMIC-IV 3.0 cannot be built from"):
        synth(tmp_path / "out", releases=["mimic-iv-3.0"])
