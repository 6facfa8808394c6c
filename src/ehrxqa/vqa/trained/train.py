"""`ehrxqa vqa train`: weights from the labelled images of the train split, thresholds from those of valid.

No image of a subject of the test split is ever looked at. Where valid is small, images of the train split that the
weights were not fitted on help to fit the thresholds.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ehrxqa import __version__
from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import BuildError, MissingError, SettingsError, VqaError
from ehrxqa.files import sha256_of
from ehrxqa.html_repr import html_repr
from ehrxqa.labels.store import read_labels
from ehrxqa.layout import LABELS_FOLDER, MANIFEST, MODELS_FOLDER, WORK_FOLDER
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.registry import BUILT_IN
from ehrxqa.vqa.split_labels import labels_of_split
from ehrxqa.vqa.trained import cnn, linear
from ehrxqa.vqa.trained.fitting import fit
from ehrxqa.vqa.trained.folder import MODEL_FILE, Predictor, write_folder
from ehrxqa.vqa.trained.pixels import read_pictures
from ehrxqa.vqa.trained.table import Columns, targets_of

__all__ = ["KINDS", "Kind", "TrainReport", "vqa_train"]

Kind = Literal["linear", "cnn"]
KINDS: Final[tuple[Kind, ...]] = ("linear", "cnn")
#: Fewer labelled pictures teach nothing.
LEAST_IMAGES: Final = 20
#: Images on which the thresholds of a cnn are fitted, if there are so many.
HELD_OUT_IMAGES: Final = 400
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class TrainReport:
    """What was trained.

    Attributes:
        folder: Where it is.
        kind: `linear` or `cnn`.
        train_images, valid_images: Images that were looked at.
        missing_images: Labelled images whose picture is not there.
        synthetic: Whether the X-rays are.
        measured: On held-out images: `exact` share of questions answered exactly, `auroc` mean over findings.
    """

    folder: str
    kind: str
    train_images: int
    valid_images: int
    missing_images: int
    synthetic: bool
    measured: dict[str, Any]

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def vqa_train(
    out: Path | str,
    *,
    images: Path | str,
    name: str,
    kind: Kind = "linear",
    size: int | None = None,
    epochs: int | None = None,
    device: str = "auto",
    seed: int = 0,
    force: bool = False,
    progress: Progress = FITTING,
) -> TrainReport:
    """Train a vision model and write it to `OUT/models/NAME`.

    Args:
        out: Output folder of a build.
        images: The sources, or the folder of MIMIC-CXR-JPG.
        name: Of the model; also the text by which it is asked.
        kind: `linear` (numpy alone) or `cnn` (extra `vqa`).
        size: Pixels of a side (default: 28 for linear, 160 for cnn).
        epochs: Passes over the images, for cnn (default 16).
        device: Where a cnn is trained: `auto`, `cpu`, `cuda`, …
        seed: The same seed and images give the same linear model.
        force: Replace a model of that name.
        progress: Told what happens.

    Raises:
        SettingsError: An option makes no sense, or the name is taken.
        BuildError: There is no build, no labels or no picture, or the model cannot be written.
        VqaError: A picture is damaged.
    """
    out, folder = Path(out), Path(out) / MODELS_FOLDER / name
    _check(out, Path(images), name, kind, size, epochs)
    if (folder / MODEL_FILE).exists() and not force:
        raise SettingsError(f"{folder} is there already; name another with --to, or replace it with --force")
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build; make one first: ehrxqa build SOURCES {out}")
    if kind == "cnn":
        cnn.torch_device(cnn.require_torch(), device)  # before the pictures are read
    size = size or {"linear": linear.DEFAULT_SIZE, "cnn": cnn.DEFAULT_SIZE}[kind]
    found = _labels(out)
    columns = Columns(tuple(sorted({*found["train"].possible, *found["train"].findings})))
    learnt, checked = (_Part.there(found[split], Path(images)) for split in ("train", "valid"))
    missing = sum(len(labels) for labels in found.values()) - len(learnt.labels) - len(checked.labels)
    if len(learnt.labels) < LEAST_IMAGES:
        raise BuildError(
            f"{images}: holds the pictures of {len(learnt.labels)} of the "
            f"{counted(len(found['train']), 'labelled image')} of the "
            f"train split, and at least {LEAST_IMAGES} are needed; give the sources, or the folder of MIMIC-CXR-JPG"
        )
    if missing:
        progress.note(
            f"{counted(missing, 'labelled image has', 'labelled images have')} no picture in {images}; left out"
        )
    pixels, valid_pixels = (
        read_pictures(part.paths, size, work=out / WORK_FOLDER, progress=progress) for part in (learnt, checked)
    )
    targets, valid_targets = (targets_of(part.labels, columns) for part in (learnt, checked))
    predictor: Predictor
    subjects = np.array(learnt.labels.subject_ids)
    if kind == "linear":
        with progress.task("training"):
            predictor, scores, chosen = linear.train_linear(pixels, targets, subjects, seed=seed)
        truths = targets.truths
    else:
        apart = _held_out(subjects, len(valid_pixels), seed)
        epochs = epochs or cnn.DEFAULT_EPOCHS
        learning = np.flatnonzero(~apart)
        predictor = cnn.train_cnn(
            pixels, targets, columns, rows=learning, epochs=epochs, seed=seed, device=device, progress=progress
        )
        scores, truths = predictor.scores(pixels[apart]), targets.truths[apart]
        chosen = {"epochs": epochs, "held_out_of_train": int(apart.sum())}
    with progress.task("thresholds"):
        if len(valid_pixels):
            scores = np.concatenate([scores, predictor.scores(valid_pixels)])
            truths = np.concatenate([truths, valid_targets.truths])
        fitted = fit(scores, truths, columns, seed=seed)
    about = {
        "name": name,
        "seed": seed,
        "synthetic": manifest.synthetic,
        "version": __version__,
        "chosen": chosen,
        "data": {
            "manifest": sha256_of(out / MANIFEST),
            "train": {"images": len(learnt.labels), "labels": learnt.labels.fingerprint},
            "valid": {"images": len(checked.labels), "labels": checked.labels.fingerprint},
            "missing": missing,
        },
    }
    write_folder(folder, predictor, size, columns, fitted, about)
    return TrainReport(
        str(folder), kind, len(learnt.labels), len(checked.labels), missing, manifest.synthetic, fitted.measured
    )


def _held_out(subjects: npt.NDArray[np.int64], valid: int, seed: int) -> npt.NDArray[np.bool_]:
    """Images of train, by whole subjects, on which thresholds are fitted beside those of valid where these are few."""
    apart = np.zeros(len(subjects), dtype=bool)
    wanted = min(HELD_OUT_IMAGES - valid, len(subjects) // 6)
    for subject in np.random.default_rng(seed).permutation(np.unique(subjects)):
        if apart.sum() >= wanted:
            break
        apart |= subjects == subject
    return apart


def _check(out: Path, images: Path, name: str, kind: str, size: int | None, epochs: int | None) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(f'"{name}" is no name of a model: letters, digits, "_", "-" and "."')
    if name in BUILT_IN:
        raise SettingsError(f'"{name}" is the name of a built-in model; choose another')
    if kind not in KINDS:
        raise SettingsError(f'"{kind}" is no kind of model ({", ".join(KINDS)})')
    if kind == "linear" and epochs is not None:
        raise SettingsError("a linear model has no epochs")
    if (size is not None and not 8 <= size <= 1024) or (epochs is not None and epochs < 1):
        raise SettingsError("a side has 8 to 1024 pixels, and there is at least one epoch")
    if not out.is_dir():
        raise MissingError(f"{out}: no such output folder; build it first: ehrxqa build SOURCES {out}")
    if not images.is_dir():
        raise MissingError(f"{images}: no such folder of images")


def _labels(out: Path) -> dict[str, ImageLabels]:
    """The labels of train and valid; train without the subjects of valid, neither with those of test."""
    labels = read_labels(out / LABELS_FOLDER)
    found = {split: labels_of_split(labels, split) for split in ("train", "valid", "test")}
    apart = set(found.pop("test").subject_ids)
    for split in ("valid", "train"):
        kept = [row for row, subject in enumerate(found[split].subject_ids) if subject not in apart]
        apart |= set(found[split].subject_ids)
        found[split] = found[split].take(kept)
    return found


@dataclass(frozen=True)
class _Part:
    """Labelled images whose pictures are there."""

    labels: ImageLabels
    paths: list[Path]

    @classmethod
    def there(cls, labels: ImageLabels, folder: Path) -> _Part:
        files = ImageFiles(folder, dict(zip(labels.study_ids, labels.subject_ids, strict=True)))
        rows: list[int] = []
        paths: list[Path] = []
        for row, (study, image) in enumerate(zip(labels.study_ids, labels.image_ids, strict=True)):
            with suppress(VqaError):
                paths.append(files.find(study, image))
                rows.append(row)
        return cls(labels if len(rows) == len(labels) else labels.take(rows), paths)
