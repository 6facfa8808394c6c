"""A small synthetic build with X-rays and questions, and the explorer serving it on a free port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Client, served

from ehrxqa.building.build import build
from ehrxqa.explorer.library import Library, open_library
from ehrxqa.explorer.state import Explorer, open_explorer
from ehrxqa.hospital import synth
from ehrxqa.questions.generate import generate


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `ehrxqa demo` leaves it: `hospital` and `ehrxqa`."""
    folder = tmp_path_factory.mktemp("explorer")
    synth(folder / "hospital", subjects=60, gold_subjects=20, images=True, workers=1)
    build(folder / "hospital", folder / "ehrxqa", workers=1)
    generate(folder / "ehrxqa", train=30, valid=6, test=40, workers=1, force=True)
    return folder


@pytest.fixture(scope="session")
def library(folder: Path) -> Library:
    return open_library(folder)


@pytest.fixture(scope="session")
def explorer(library: Library) -> Explorer:
    return open_explorer(library)


@pytest.fixture(scope="session")
def site(explorer: Explorer) -> Iterator[Client]:
    with served(explorer) as client:
        yield client
