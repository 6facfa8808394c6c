"""Labels of the reference sources, made once per run."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference_out(tmp_path_factory, shared) -> Path:
    """An output folder that holds the label files of the reference sources."""
    from ehrxqa.labels.build import make_labels
    from ehrxqa.labels.store import write_labels
    from ehrxqa.sources.tree import find_sources

    out = tmp_path_factory.mktemp("vqa") / "out"
    (out / "labels").mkdir(parents=True)
    labels, _ = make_labels(find_sources(shared / "parity" / "source"), workers=1)
    write_labels(out / "labels", labels)
    return out


@pytest.fixture(scope="session")
def trained(x_rayed) -> Path:
    """A folder with a synthetic hospital with X-rays (`hospital`), its build (`out`), and a linear model (`first`)."""
    return x_rayed
