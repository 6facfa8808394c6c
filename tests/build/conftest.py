"""A small synthetic hospital and its build, made once and read only."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehrxqa.building.build import build
from ehrxqa.hospital import synth


@pytest.fixture(scope="session")
def hospital(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("hospital") / "sources"
    synth(root, subjects=150, gold_subjects=40, seed=5, images=False, workers=1)
    return root


@pytest.fixture(scope="session")
def built(hospital, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    build(hospital, out, train_subjects=20, test_subjects=30, workers=1)
    return out
