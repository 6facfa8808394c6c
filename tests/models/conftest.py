"""One small synthetic build with generated questions, made once per run; each test writes runs of its own below it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ehrxqa.building.build import build
from ehrxqa.hospital import synth
from ehrxqa.questions.generate import generate


@pytest.fixture(scope="session")
def questioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    synth(folder / "hospital", subjects=60, images=False, workers=1)
    build(folder / "hospital", folder / "out", train_subjects=30, test_subjects=20, workers=1)
    generate(folder / "out", train=240, valid=60, test=80, impossible=0.05, workers=1)
    shutil.rmtree(folder / "hospital")
    return folder / "out"
