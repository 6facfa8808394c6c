"""X-rays around tables that others have made: here those of a synthetic hospital, and of the open demo where it is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.building.info import info
from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.hospital import synth, synth_around
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.recorded import read_subjects
from ehrxqa.hospital.studies import studies_of
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.sources.catalogue import MIMIC_IV
from ehrxqa.sources.tree import HYBRID_MARKER, find_sources


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of 60 subjects, laid out as the open demo."""
    root = tmp_path_factory.mktemp("demo")
    synth(root / "made", subjects=60, seed=11, images=False)
    shutil.copytree(root / "made" / MIMIC_IV.folder, root / "physionet" / "mimic-iv-demo" / "2.2")
    return root / "physionet"


@pytest.fixture(scope="module")
def hybrid(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hybrid") / "tree"
    synth_around(out, demo, seed=3, workers=2)
    return out


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tables_are_the_demos_own(demo: Path, hybrid: Path) -> None:
    assert _digests(hybrid / MIMIC_IV.folder) == _digests(demo / "mimic-iv-demo" / "2.2")


def test_any_number_of_workers_gives_the_same_bytes(demo: Path, hybrid: Path, tmp_path: Path) -> None:
    synth_around(tmp_path / "again", demo, seed=3, workers=1)
    assert _digests(tmp_path / "again") == _digests(hybrid)
    synth_around(tmp_path / "other", demo, seed=4, workers=1, images=False)
    assert _digests(tmp_path / "other") != _digests(hybrid)


def test_every_subject_has_studies_and_those_of_admissions_lie_inside(demo: Path, hybrid: Path) -> None:
    metadata = _rows(hybrid / "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz")
    patients = {row["subject_id"] for row in _rows(demo / "mimic-iv-demo/2.2/hosp/patients.csv.gz")}
    shown = {row["subject_id"] for row in metadata}
    assert shown == patients
    assert len({row["study_id"] for row in metadata}) > len(patients)
    pictures = list((hybrid / "mimic-cxr-jpg/2.0.0/files").rglob("*.jpg"))
    assert len(pictures) == len(metadata)
    stays = _rows(demo / "mimic-iv-demo/2.2/hosp/admissions.csv.gz")
    inside = Counter(
        any(
            stay["subject_id"] == row["subject_id"]
            and stay["admittime"][:10].replace("-", "") <= row["StudyDate"] <= stay["dischtime"][:10].replace("-", "")
            for stay in stays
        )
        for row in metadata
    )
    assert inside[True] > len(metadata) / 4


def test_illness_shows_on_the_pictures(demo: Path) -> None:
    """Effusions are more frequent in subjects with heart failure than in those without."""
    plan = Plan(60, 30, 3, False, 1.0, 1.0)
    folder = demo / "mimic-iv-demo/2.2"
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for subject in read_subjects(plan, find_sources(folder, {MIMIC_IV.slug: folder})):
        for study in studies_of(plan, subject):
            found = any(finding.kind == "effusion" for finding in study.findings)
            shown["heart_failure" in subject.conditions].append(found)
    rates = {ill: sum(some) / len(some) for ill, some in shown.items()}
    assert rates[True] > 1.5 * rates[False]


def test_the_build_says_what_it_is_made_of(hybrid: Path, tmp_path: Path) -> None:
    build(hybrid, tmp_path / "out", workers=1)
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert (manifest.synthetic, manifest.hybrid, manifest.kind) == (False, True, "hybrid")
    assert json.loads((tmp_path / "out/manifest.json").read_text())["licence"] == "ODbL-1.0"
    assert info(tmp_path / "out").kind == "hybrid"
    said = CliRunner().invoke(main, ["info", str(tmp_path / "out")], standalone_mode=False)
    assert "open MIMIC-IV demo" in said.output


def test_a_second_run_does_nothing_and_another_is_refused(demo: Path, hybrid: Path) -> None:
    before = _digests(hybrid)
    assert not synth_around(hybrid, demo, seed=3).fresh
    assert _digests(hybrid) == before
    with pytest.raises(SettingsError, match="other parameters"):
        synth_around(hybrid, demo, seed=5)
    assert _digests(hybrid) == before


def test_an_unfinished_tree_is_finished(demo: Path, hybrid: Path, tmp_path: Path) -> None:
    out = tmp_path / "tree"
    shutil.copytree(hybrid, out)
    marker = json.loads((out / HYBRID_MARKER).read_text())
    (out / HYBRID_MARKER).write_text(json.dumps({**marker, "complete": False, "counts": {}}))
    next((out / "mimic-cxr-jpg").rglob("*.jpg")).unlink()
    (out / "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    synth_around(out, demo, seed=3, workers=1)
    assert _digests(out) == _digests(hybrid)


def test_what_is_not_the_demo_is_refused(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ehrxqa download"):
        synth_around(tmp_path / "out", tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(SettingsError, match="not empty"):
        synth_around(tmp_path / "full", demo)
    with pytest.raises(SettingsError, match="gold subjects"):
        synth_around(tmp_path / "out", demo, gold_subjects=55)
    part = tmp_path / "part"
    shutil.copytree(demo, part)
    (part / "mimic-iv-demo/2.2/icu/chartevents.csv.gz").unlink()
    with pytest.raises(SourceError, match="chartevents"):
        synth_around(tmp_path / "out", part)
    shutil.copytree(demo, tmp_path / "torn")
    torn = tmp_path / "torn/mimic-iv-demo/2.2/hosp/admissions.csv.gz"
    torn.write_bytes(torn.read_bytes()[:-20])
    with pytest.raises(SourceError, match="admissions"):
        synth_around(tmp_path / "out", tmp_path / "torn")
    assert not (tmp_path / "out" / "mimiciv").exists()


def test_the_command(demo: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        main, ["synth", str(tmp_path / "out"), "--around", str(demo), "--no-images", "-q"], standalone_mode=False
    )
    assert "subjects, 29 gold subjects" in run.output
    with pytest.raises(Exception, match="leave out --subjects"):
        CliRunner().invoke(
            main,
            ["synth", str(tmp_path / "out"), "--around", str(demo), "--subjects", "80"],
            standalone_mode=False,
            catch_exceptions=False,
        )


@pytest.mark.shared
def test_around_the_open_demo(shared: Path, tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    shutil.copytree(shared / "data/mimic-iv-demo-2.2", demo)
    demo.chmod(0o755)
    (demo / "icu").chmod(0o755)
    lines = ["subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,valuenum,valueuom,warning"]
    for stay in _rows(demo / "icu/icustays.csv.gz"):  # the shared copy has no charted events
        lines.append(f"{stay['subject_id']},{stay['hadm_id']},{stay['stay_id']},,{stay['intime']},,220045,80,80,bpm,0")
    with gzip.open(demo / "icu/chartevents.csv.gz", "wt") as stream:
        stream.write("\n".join(lines) + "\n")
    report = synth_around(tmp_path / "out", demo, images=False)
    assert (report.subjects, report.gold_subjects) == (100, 50)
    assert report.studies > 300
    manifest = build(tmp_path / "out", tmp_path / "built", workers=1)
    assert manifest.stages["database"].counts["cohorts"]["test"]["subjects"] > 40
    assert find_sources(tmp_path / "out").hybrid
