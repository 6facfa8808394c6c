"""A small build with a vision model, for the commands that share their work over a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A folder with a synthetic hospital with X-rays (`hospital`), its build (`out`), a linear model (`first`)."""
    import ehrxqa
    from ehrxqa.vqa.trained.train import vqa_train

    root = tmp_path_factory.mktemp("small")
    ehrxqa.synth(root / "hospital", subjects=60, gold_subjects=15, events_factor=0.05, image_size=256, workers=1)
    ehrxqa.build(root / "hospital", root / "out", workers=1)
    vqa_train(root / "out", images=root / "hospital", name="first")
    return root
