"""Verification against published counts."""

from __future__ import annotations

import pytest

from ehrxqa.building.verify import PUBLISHED_COUNTS, PUBLISHED_IMAGES, verify
from ehrxqa.runs.manifest import Manifest, StageRecord

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
