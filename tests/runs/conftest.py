"""One small build with questions, read-only; tests that may write copy what they need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ehrxqa.building.build import build
from ehrxqa.hospital import synth

GOLD = "select count(*) from patients where gender = 'f'"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    synth(folder / "hospital", subjects=60, images=False, workers=1)
    out = folder / "out"
    build(folder / "hospital", out, train_subjects=30, test_subjects=20, workers=1)
    dataset = out / "dataset"
    dataset.mkdir()
    record = {
        "db_id": "mimic_iv_cxr", "split": "test", "id": 0, "question": "how many?", "template": "how many?",
        "query": GOLD, "value": {}, "q_tag": "how many?", "t_tag": ["", "", "", "", ""], "o_tag": {}, "v_tag": {},
        "tag": "how many?", "para_type": "machine", "is_impossible": False,
    }  # fmt: skip
    (dataset / "_test.json").write_text(json.dumps([{**record, "_gold_program": GOLD}]))
    (dataset / "test.json").write_text(json.dumps([{**record, "answer": [9]}]))
    (folder / "predictions.json").write_text(json.dumps({"0": GOLD}))
    (folder / "answers.json").write_text(json.dumps({"0": [9]}))
    return folder
