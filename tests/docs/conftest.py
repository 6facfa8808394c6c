"""A reader of the documentation: an empty folder in which the demo has run, smaller."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehrxqa.demonstration.run import demo


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; what pages write there is told apart by their names."""
    folder = tmp_path_factory.mktemp("reader")
    questions = {"train": 20, "valid": 5, "test": 20}
    demo(folder / "demo", subjects=60, gold_subjects=20, questions=questions, images=True, workers=1)
    return folder
