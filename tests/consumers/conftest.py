"""A small synthetic build with X-rays and questions, exported in every shape of splits.

These tests run where the libraries are that load what we export: `make consumers`, in two environments of their own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from pathlib import Path

import pytest

import ehrxqa

# nothing is asked of the network, and nothing of these tests is kept in the cache of who runs them
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

#: What becomes of the questions of each split: kept, emptied, without answers, or no file at all.
SHAPES = {
    "all": {"train": "kept", "valid": "kept", "test": "kept"},
    "test alone": {"test": "kept"},
    "train alone": {"train": "kept"},
    "an empty valid": {"train": "kept", "valid": "empty", "test": "kept"},
    "empty but for test": {"train": "empty", "valid": "empty", "test": "kept"},
    "no answers": {"train": "asked", "valid": "asked"},
    "answers in test only": {"train": "asked", "test": "kept"},
    "no questions": {"train": "empty", "test": "empty"},
}


def needs(library: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(library) is None, reason=f"{library} is not here; run: make consumers"
    )


@pytest.fixture(scope="session")
def hospital(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("consumers")
    ehrxqa.synth(folder / "hospital", subjects=60, workers=1)
    ehrxqa.build(folder / "hospital", folder / "out", train_subjects=30, test_subjects=20, workers=1)
    ehrxqa.generate(folder / "out", train=12, valid=6, test=18, workers=1)
    return folder


def shaped(hospital: Path, out: Path, shape: dict[str, str], **settings) -> Path:
    """A copy of the build with other splits, exported; gives the folder of questions."""
    out.mkdir()
    for name in ("database", "labels"):
        (out / name).symlink_to(hospital / "out" / name)
    manifest = json.loads((hospital / "out/manifest.json").read_text())
    del manifest["stages"]["questions"]  # the splits are not those that were generated
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "dataset").mkdir()
    lines = (hospital / "out/dataset/links.jsonl").read_text().splitlines(keepends=True)
    linked = [line for line in lines if shape.get(json.loads(line)["split"]) != "empty"]
    (out / "dataset/links.jsonl").write_text("".join(linked))
    for split, how in shape.items():
        for name in (f"_{split}.json", f"{split}.json")[: 1 if how == "asked" else 2]:
            if how == "empty":
                (out / "dataset" / name).write_text("[]")
            else:
                shutil.copy(hospital / "out/dataset" / name, out / "dataset")
    ehrxqa.export(out, **settings)
    return out / "dataset"


@pytest.fixture(scope="session", params=SHAPES)
def exported(request, hospital, tmp_path_factory) -> tuple[Path, dict[str, list[dict]]]:
    """The folder of an exported set, and its records by split."""
    shape = SHAPES[request.param]
    folder = shaped(hospital, tmp_path_factory.mktemp("set") / "out", shape)
    names = {split: f"{'_' * (how == 'asked')}{split}.json" for split, how in shape.items()}
    return folder, {split: json.loads((folder / name).read_text()) for split, name in names.items()}


@pytest.fixture(scope="session")
def with_images(hospital, tmp_path_factory) -> Path:
    return shaped(hospital, tmp_path_factory.mktemp("set") / "out", SHAPES["all"], images=hospital / "hospital")
