from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehrxqa.cli.synth import command
from ehrxqa.errors import SettingsError
from ehrxqa.hospital import MARKER, synth, tree
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.production import TABLES, make_batch
from ehrxqa.sources.catalogue import FILES, Form

ROOM = {"subjects": 80, "images": False}


def test_two_workers_write_the_same_bytes(hospital, hashed, tmp_path):
    synth(tmp_path / "again", **ROOM, workers=2)
    assert hashed(tmp_path / "again") == hashed(hospital.root)


def test_the_hash_seed_of_python_changes_nothing(hospital, hashed, tmp_path):
    code = (
        f"from ehrxqa.hospital import synth\nsynth({str(tmp_path / 'other')!r}, subjects=80, images=False, workers=1)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert hashed(tmp_path / "other") == hashed(hospital.root)


def test_another_seed_is_another_hospital(tmp_path):
    first, second = (make_batch(Plan.checked(80, seed=seed, images=False), range(2), tmp_path) for seed in (0, 1))
    for key in TABLES:
        if first.counts[key] and second.counts[key]:
            assert first.pieces[key].data != second.pieces[key].data, key


def test_a_subject_can_be_made_alone(tmp_path):
    plan = Plan.checked(80, images=False)
    together = make_batch(plan, range(10, 14), tmp_path)
    alone = [make_batch(plan, range(number, number + 1), tmp_path) for number in range(10, 14)]
    assert [g for batch in alone for g in batch.graphs] == together.graphs
    assert sum((batch.counts for batch in alone), start=type(together.counts)()) == together.counts


def test_every_file_of_the_catalogue_is_there_with_its_columns(hospital):
    for file in FILES:
        path = hospital.path(file.key)
        if "scene_tabular" in file.path:
            assert not path.exists()  # so that a build reads the scene graphs
            continue
        assert path.is_file(), file.key
        if file.columns:
            mark = "\t" if file.form is Form.TSV else ","
            header = hospital.text(file.key).split("\n", 1)[0]
            assert header.split(mark) == [column.name for column in file.columns], file.key


def test_lines_end_alike_and_have_as_many_fields_as_the_header(hospital):
    for file in FILES:
        if file.columns and "scene_tabular" not in file.path:
            assert "\r" not in hospital.text(file.key)
            for row in hospital.rows(file.key):
                assert None not in row
                assert None not in row.values(), file.key


def test_compressed_files_are_plain_single_members_without_name_or_time(hospital):
    for key in TABLES:
        content = hospital.path(key).read_bytes()
        assert content[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        assert gzip.decompress(content).decode("utf-8").count("\n") > 1
    with zipfile.ZipFile(hospital.path("scene_graphs")) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(entry.filename.startswith("scene_graph/") for entry in archive.infolist())


def test_the_marker_says_what_the_tree_is(hospital):
    marker = json.loads((hospital.root / MARKER).read_text())
    assert marker["synthetic"] is True
    assert marker["complete"] is True
    assert marker["parameters"] == Plan.checked(80, images=False).as_dict()
    assert marker["counts"]["labevents"] == len(hospital.rows("labevents"))


def test_a_second_run_finds_everything_done(hospital, hashed):
    before = hashed(hospital.root)
    report = synth(hospital.root, **ROOM)
    assert not report.fresh
    assert report.labevents == hospital.report.labevents
    assert hashed(hospital.root) == before


def test_a_failed_run_leaves_no_table_and_can_be_repeated(hospital, hashed, tmp_path, monkeypatch):
    out = tmp_path / "broken"
    good = tree.make_batch

    def failing(plan, numbers, out):
        if numbers.start:
            raise RuntimeError("power cut")
        return good(plan, numbers, out)

    monkeypatch.setattr(tree, "make_batch", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        synth(out, **ROOM, workers=1)
    assert not list(out.rglob("labevents*"))
    assert not list(out.rglob("*.part"))
    monkeypatch.setattr(tree, "make_batch", good)
    assert synth(out, **ROOM, workers=1).fresh
    assert hashed(out) == hashed(hospital.root)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_run_leaves_nothing_half_written(hospital, hashed, tmp_path):
    out = tmp_path / "killed"
    code = f"from ehrxqa.hospital import synth\nsynth({str(out)!r}, subjects=80, images=False, workers=1)\n"
    process = subprocess.Popen([sys.executable, "-c", code])
    part = out / "mimiciv/2.2/hosp/patients.csv.gz.part"
    while not part.exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    marker = json.loads((out / MARKER).read_text())
    assert marker["complete"] is False
    assert not list(out.rglob("patients.csv.gz"))
    synth(out, **ROOM, workers=1)
    assert hashed(out) == hashed(hospital.root)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--subjects", "59"], "choose 60 to 100,000"),
        (["--subjects", "100001"], "choose 60 to 100,000"),
        (["--subjects", "80", "--gold-subjects", "41"], "choose 40 or fewer"),
        (["--gold-subjects", "0"], "choose at least 1"),
        (["--events-factor", "0"], "choose more than 0"),
        (["--charted-factor", "nan"], "must be a number"),
    ],
)
def test_impossible_options_get_one_clear_line(tmp_path, options, words):
    result = CliRunner().invoke(command, [str(tmp_path / "out"), *options, "--quiet"])
    assert isinstance(result.exception, SettingsError)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_content_is_refused(hospital, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="is not empty"):
        synth(tmp_path, **ROOM)
    with pytest.raises(SettingsError, match="is a file"):
        synth(tmp_path / "notes.txt", **ROOM)
    with pytest.raises(SettingsError, match="other parameters"):
        synth(hospital.root, subjects=81, images=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_marker_is_named(tmp_path):
    (tmp_path / MARKER).write_text("{")
    with pytest.raises(SettingsError, match="is not JSON at line 1"):
        synth(tmp_path, **ROOM)


def test_the_command_prints_json(hospital):
    result = CliRunner().invoke(
        command, [str(hospital.root), "--subjects", "80", "--no-images", "--quiet", "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["subjects"] == 80
    assert values["gold_subjects"] == 20
    assert Path(values["out"]) == hospital.root


def test_events_factors_multiply_events(tmp_path):
    few, many, charted = (
        make_batch(Plan.checked(80, images=False, **factors), range(12), tmp_path).counts
        for factors in ({}, {"events_factor": 8.0}, {"charted_factor": 8.0})
    )
    assert 5 < many["labevents"] / few["labevents"] < 9
    assert charted["labevents"] == few["labevents"]
    assert 6 < charted["chartevents"] / few["chartevents"] < 9
    assert 0.85 < many["diagnoses_icd"] / few["diagnoses_icd"] < 1.15  # some codes follow from values
    assert charted["diagnoses_icd"] == few["diagnoses_icd"]
