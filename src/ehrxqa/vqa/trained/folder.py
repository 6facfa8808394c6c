"""The folder of a trained model: `weights.safetensors` and `model.json`.

Weights are plain numbers, nothing that runs. `model.json` is written last and holds their digest, so a folder is whole
or no model. Both say whether the X-rays were synthetic: weights trained on real ones fall under the data use agreement
of those and are never published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy.typing as npt

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.files import atomic_path, sha256_of, write_json
from ehrxqa.json_files import json_value
from ehrxqa.layout import TRAINED_ON_SYNTHETIC
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.trained.calibration import Calibration
from ehrxqa.vqa.trained.fitting import Confidence, Fitted
from ehrxqa.vqa.trained.linear import Linear
from ehrxqa.vqa.trained.pixels import Pixels
from ehrxqa.vqa.trained.table import Columns, Floats

__all__ = ["MODEL_FILE", "WEIGHTS_FILE", "Predictor", "TrainedFolder", "read_folder", "write_folder"]

MODEL_FILE: Final = "model.json"
WEIGHTS_FILE: Final = "weights.safetensors"
FORMAT: Final = 2


class Predictor(Protocol):
    """Pixels to scores."""

    @property
    def kind(self) -> str:
        """`linear` or `cnn`."""
        ...

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The weights by name."""
        ...

    def settings(self) -> dict[str, Any]:
        """What else is needed to read them."""
        ...

    def scores(self, pixels: Pixels) -> Floats:
        """(images, columns)."""
        ...


@dataclass(frozen=True)
class TrainedFolder:
    """A model as it was read.

    Attributes:
        predictor: Pixels to scores.
        size: Pixels of a side.
        columns: What the scores stand for.
        calibration, confidence: What was fitted after the weights.
        about: All of `model.json`.
        digest: Of it; it holds the digest of the weights.
    """

    predictor: Predictor
    size: int
    columns: Columns
    calibration: Calibration
    confidence: Confidence
    about: Mapping[str, Any]
    digest: str


def write_folder(
    folder: Path, predictor: Predictor, size: int, columns: Columns, fitted: Fitted, about: Mapping[str, Any]
) -> None:
    """Write a model.

    `about` is what else `model.json` says: name, seed, data, whether the data are synthetic, …

    Raises:
        BuildError: It cannot be written.
    """
    from safetensors.numpy import save_file

    (folder / MODEL_FILE).unlink(missing_ok=True)
    weights = folder / WEIGHTS_FILE
    tensors = {**predictor.tensors(), **fitted.calibration.tensors()}
    with atomic_path(weights) as part:
        save_file(tensors, part, metadata={TRAINED_ON_SYNTHETIC: "true" if about["synthetic"] else "false"})
    value = {
        "format": FORMAT,
        "kind": predictor.kind,
        **about,
        "size": size,
        "settings": predictor.settings(),
        "lean": fitted.calibration.lean,
        "confidence": fitted.confidence.curves,
        "abstain_below": {str(penalty): below for penalty, below in fitted.confidence.abstain_below.items()},
        "measured": fitted.measured,
        "weights": {"file": WEIGHTS_FILE, "sha256": sha256_of(weights), "bytes": weights.stat().st_size},
        "findings": [list(finding) for finding in columns.findings],
    }
    write_json(folder / MODEL_FILE, value)


def read_folder(folder: Path, *, device: str = "auto") -> TrainedFolder:
    """Read a model.

    `device` is for a `cnn`: `auto`, `cpu`, `cuda`, …

    Raises:
        SettingsError: There is no model, or its extra is not installed.
        VqaError: It is damaged, or of another version of this package.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / MODEL_FILE
    if not path.is_file():
        raise SettingsError(f"{folder}: no trained model; train one: ehrxqa vqa train OUT --images SOURCES --to NAME")
    try:
        content = path.read_bytes()
        about = json_value(content)
        if about["format"] != FORMAT:
            raise VqaError(f"{path}: format {about['format']}, this version reads {FORMAT}; train it again")
        weights = folder / str(about["weights"]["file"])
        if sha256_of(weights) != about["weights"]["sha256"]:
            raise VqaError(f"{weights}: not the weights that {MODEL_FILE} speaks of; train the model again")
        tensors = load_file(weights)
        columns = Columns(tuple(Finding(*finding) for finding in about["findings"]))
        confidence = Confidence(
            {form: (float(slope), float(offset)) for form, (slope, offset) in about["confidence"].items()},
            {int(penalty): float(below) for penalty, below in about["abstain_below"].items()},
        )
        return TrainedFolder(
            predictor=_predictor(str(about["kind"]), tensors, about["settings"], device),
            size=int(about["size"]),
            columns=columns,
            calibration=Calibration.from_tensors(tensors, float(about["lean"])),
            confidence=confidence,
            about=about,
            digest=hashlib.sha256(content).hexdigest()[:16],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        if isinstance(error, VqaError | SettingsError):
            raise
        raise VqaError(f"{folder}: the model is damaged ({type(error).__name__}); train it again") from error


def _predictor(
    kind: str, tensors: Mapping[str, npt.NDArray[Any]], settings: Mapping[str, Any], device: str
) -> Predictor:
    match kind:
        case "linear":
            return Linear.from_tensors(tensors, settings)
        case "cnn":
            from ehrxqa.vqa.trained.cnn import Cnn

            return Cnn.from_tensors(tensors, settings, device)
    raise VqaError(f'a model of kind "{kind}" is not known to this version')
