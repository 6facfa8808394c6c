"""The network that predicts label tables; skipped where torch is not installed."""

from __future__ import annotations

import numpy as np
import pytest

from ehrxqa.errors import SettingsError
from ehrxqa.vqa import VqaRequest, parse
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.registry import make_model
from ehrxqa.vqa.trained.cnn import Cnn, train_cnn
from ehrxqa.vqa.trained.fitting import auroc
from ehrxqa.vqa.trained.table import Columns, Targets

COLUMNS = Columns(
    tuple(Finding(place, what, "disease") for place in ("left lung", "spine") for what in ("goiter", "pneumonia"))
)


def pictures(images: int, size: int = 48):
    """Pictures in which each finding is a bright square of its own, and a width a bright bar."""
    rng = np.random.default_rng(0)
    values = (rng.random((images, len(COLUMNS))) < 0.5).astype(np.float32)
    values[:, -2:] = rng.uniform(0.2, 0.8, (images, 2))
    pixels = rng.integers(60, 100, (images, size, size)).astype(np.uint8)
    for row in range(images):
        for column in range(6):
            if values[row, column]:
                y, x = 1 + 14 * (column % 2), 1 + 10 * (column // 2)
                pixels[row, y : y + 9, x : x + 9] += 90
        pixels[row, -3:, : int(size * values[row, -2])] += 90
    truths = values.copy()
    truths[:, -2:] = values[:, -2:] > 0.5
    values[0, 0] = truths[0, 0] = np.nan
    return pixels, Targets(values, truths)


def test_without_torch_it_says_what_to_install(monkeypatch):
    import ehrxqa.vqa.trained.cnn as module

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", missing)
    with pytest.raises(SettingsError, match=r"pip install 'ehrxqa\[vqa\]'"):
        module.require_torch()


class TestWithTorch:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch", reason="needs the extra vqa (torch)")

    def test_it_learns_what_shines_where(self):
        pixels, targets = pictures(160, 32)
        model = train_cnn(pixels[:120], targets.take(np.arange(120)), COLUMNS, epochs=8, seed=0, device="cpu")
        assert auroc(model.scores(pixels[120:]), targets.truths[120:]) > 0.7

    def test_it_is_read_back_and_the_batch_does_not_matter(self):
        pixels, targets = pictures(40)
        model = train_cnn(pixels, targets, COLUMNS, epochs=1, seed=0, device="cpu")
        again = Cnn.from_tensors(model.tensors(), model.settings(), "cpu")
        scores = model.scores(pixels)
        assert np.allclose(again.scores(pixels), scores, atol=1e-5)
        assert np.allclose(
            np.concatenate([model.scores(pixels[row : row + 1]) for row in range(5)]), scores[:5], atol=1e-4
        )
        assert model.scores(pixels[:0]).shape == (0, len(COLUMNS))
        with pytest.raises(SettingsError, match='device "cuda:99"'):
            Cnn.from_tensors(model.tensors(), model.settings(), "cuda:99")

    def test_the_command_trains_one_that_answers(self, trained):
        from ehrxqa.vqa.trained.train import vqa_train

        out, images = trained / "out", trained / "hospital"
        report = vqa_train(out, images=images, name="net", kind="cnn", size=48, epochs=1, device="cpu")
        assert report.measured["held_out"] > 13
        model = make_model("net:device=cpu", database=out / "database/test/mimic_iv_cxr.db", images=images)
        oracle = make_model("oracle", database=out / "database/test/mimic_iv_cxr.db")
        study, image = oracle._labels.study_ids[0], oracle._labels.image_ids[0]
        (reply,) = model.answer([VqaRequest(study, image, parse("is there picc?"), "")])
        assert reply.answer in (True, False) and 0 <= reply.confidence <= 1
