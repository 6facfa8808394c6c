"""Databases of the reference data."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehrxqa.building.build import build


@pytest.fixture(scope="session")
def reference_out(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder built from the reference sources."""
    out = tmp_path_factory.mktemp("reference")
    build(shared / "parity" / "source", out, train_subjects=80, test_subjects=100)
    return out
