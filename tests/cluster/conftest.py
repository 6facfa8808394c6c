"""A small build with a vision model, for the commands that share their work over a cluster."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small(x_rayed) -> Path:
    """A folder with a synthetic hospital with X-rays (`hospital`), its build (`out`), a linear model (`first`)."""
    return x_rayed


@pytest.fixture(scope="module", autouse=True)
def sockets_of_dask() -> Iterator[None]:
    """A client that ends before its scheduler has answered, as on a busy machine, leaves a socket to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
