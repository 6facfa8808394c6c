"""Verification against published counts."""

from __future__ import annotations

import pytest

from ehrxqa.building.verify import PUBLISHED_COUNTS, PUBLISHED_IMAGES, verify
from ehrxqa.runs.manifest import Manifest, StageRecord
from ehrxqa.spec.releases import FoundRelease

PUBLISHED = {"images": PUBLISHED_IMAGES, **PUBLISHED_COUNTS}


def folder_with(tmp_path, counts, subjects=(800, 400)):
    cohorts = {split: {"subjects": number} for split, number in zip(("train", "test"), subjects, strict=True)}
    manifest = Manifest(
        synthetic=False,
        settings={"train_subjects": 800, "test_subjects": 400, "seed": 0},
        stages={
            "labels": StageRecord("x", {}, counts),
            "database": StageRecord("y", {}, {"cohorts": cohorts}),
        },
    )
    manifest.write(tmp_path)
    return tmp_path


def test_published_counts(tmp_path):
    report = verify(folder_with(tmp_path, PUBLISHED))
    assert report.problems == []
    assert "8 counts as published" in report.checked


@pytest.mark.parametrize("name", sorted(PUBLISHED_COUNTS))
def test_another_count_than_published(tmp_path, name):
    report = verify(folder_with(tmp_path, {**PUBLISHED, name: 1}))
    assert report.problems == [f"published counts: {name}: 1, published {PUBLISHED_COUNTS[name]}"]


def test_fewer_subjects_than_published(tmp_path):
    report = verify(folder_with(tmp_path, PUBLISHED, subjects=(799, 400)))
    assert report.problems == ["published counts: train subjects: 799, published 800"]


def test_counts_of_other_sources_are_not_compared(tmp_path):
    report = verify(folder_with(tmp_path, {**PUBLISHED, "images": 7777, "gold cohort": 1}))
    assert report.problems == []


@pytest.mark.parametrize(("rows", "problems"), [(94_458, 0), (94_457, 1)])
def test_rows_of_another_release(tmp_path, rows, problems):
    counts = {"patients": {"rows": 364_627}, "admissions": {"rows": 546_028}, "icustays": {"rows": rows}}
    Manifest(
        synthetic=False,
        settings={"train_subjects": 800, "test_subjects": 400, "seed": 0},
        stages={
            "labels": StageRecord("x", {}, {"images": PUBLISHED_IMAGES}),
            "database": StageRecord("y", {}, {"sources": counts}),
        },
        releases={"mimiciv": FoundRelease("3.1", "folder name")},
    ).write(tmp_path)
    report = verify(tmp_path)
    assert len(report.problems) == problems
    assert "MIMIC-IV 3.1: patients has 364,627 rows as published" in report.checked
    assert "EHRXQA on MIMIC-IV 3.1: another data set, nothing is published about its cohorts" in report.checked
    if problems:
        assert report.problems == ["published counts: MIMIC-IV 3.1: icustays has 94,458 rows as published, here 94,457"]
