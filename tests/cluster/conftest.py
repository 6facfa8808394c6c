"""A small build with a vision model, for the commands that share their work over a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small(x_rayed) -> Path:
    """A folder with a synthetic hospital with X-rays (`hospital`), its build (`out`), a linear model (`first`)."""
    return x_rayed
