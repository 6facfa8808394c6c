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
def trained(tmp_path_factory) -> Path:
    """A folder with a synthetic hospital with X-rays (`hospital`), its build (`out`), and a linear model (`first`)."""
    import ehrxqa
    from ehrxqa.vqa.trained.train import vqa_train

    root = tmp_path_factory.mktemp("trained")
    ehrxqa.synth(root / "hospital", subjects=60, gold_subjects=15, events_factor=0.05, workers=1)
    ehrxqa.build(root / "hospital", root / "out", workers=1)
    vqa_train(root / "out", images=root / "hospital", name="first")
    return root
