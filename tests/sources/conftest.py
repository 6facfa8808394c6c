"""One tiny hospital as it is published, read only, and what its sources say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ehrxqa.hospital import synth


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clean") / "sources"
    synth(root, subjects=60, seed=3, images=False, events_factor=0.05, workers=1)
    return root


@pytest.fixture
def twin(clean: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the hospital with clutter of some kinds, by the same call as a user's."""

    def make(*kinds: str) -> Path:
        root = tmp_path / "sources"
        shutil.copytree(clean, root)
        synth(root, subjects=60, seed=3, images=False, events_factor=0.05, as_downloaded=kinds, workers=1)
        return root

    return make
