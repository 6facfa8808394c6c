"""How hard the synthetic X-rays are: what tells a finding, from a byte count to a convolutional network.

Reads a synthetic hospital, learns from the first frontal images of the subjects that are not gold, and prints the area
under the ROC curve (AUROC) of every finding on those of the gold subjects, whose chests it has not seen:

    ehrxqa synth hospital --subjects 500 --gold-subjects 150
    OMP_NUM_THREADS=1 python benchmarks/xrays.py hospital [--cnn] [--epochs 16] [--size 128]

Shortcuts (bytes of the file, mean brightness, the corners, the digits of the study id) and 8 × 8 blurred pixels are
compared within AP and within PA images: that bedside images show other findings is as in life and no shortcut of the
pictures. `--cnn` needs the extra vqa.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ehrxqa.hospital import MARKER
from ehrxqa.hospital.life import live
from ehrxqa.hospital.ontology import ATTRIBUTES, CATEGORY_OF, PLACES
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.studies import studies_of
from ehrxqa.json_files import read_json
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.spec.releases import MIMIC_CXR_JPG
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.trained.cnn import train_cnn
from ehrxqa.vqa.trained.fitting import auroc
from ehrxqa.vqa.trained.linear import train_linear
from ehrxqa.vqa.trained.pixels import read_pictures
from ehrxqa.vqa.trained.table import Columns, Targets

LEAST = 12  # test images with a finding, and as many training images


def main() -> None:
    """Read, learn, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hospital", type=Path)
    parser.add_argument("--cnn", action="store_true")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    about = read_json(options.hospital / MARKER)["parameters"]
    plan = Plan.checked(about["subjects"], about["gold_subjects"], about["seed"], image_size=about["image_size"])
    paths, subjects, gold, ap, truths, ids = images_of(plan, options.hospital)
    keep = [n for n in range(truths.shape[1]) if min(truths[gold, n].sum(), truths[~gold, n].sum()) >= LEAST]
    names = [ATTRIBUTES[n] for n in keep]
    truths = truths[:, keep]
    print(f"{(~gold).sum()} images to learn from, {gold.sum()} to test on, {len(names)} findings with {LEAST} of each")
    columns = Columns(tuple(Finding(place_of(name), name, CATEGORY_OF[name]) for name in names))
    values = np.full((len(truths), len(columns)), np.nan, dtype=np.float32)
    values[:, : len(names)] = truths
    values[:, columns.view] = ap
    targets = Targets(values, values)

    def linear(pictures: np.ndarray) -> np.ndarray:
        model = train_linear(pictures[~gold], targets.take(np.flatnonzero(~gold)), subjects[~gold], seed=0)[0]
        return model.scores(pictures[gold])[:, : len(names)]

    small = read_pictures(paths, 28)
    tiny = read_pictures(paths, 8)
    corner = np.concatenate([block(small, rows, cols) for rows in (0, 23) for cols in (0, 23)], axis=1)
    scores = {
        "file bytes": column([path.stat().st_size for path in paths]),
        "brightness": column(small.reshape(len(small), -1).mean(axis=1)),
        "study id mod 1000": column(np.array(ids) % 1000),
    }
    shown = {name: areas(np.repeat(s[gold], len(names), 1), truths[gold], ap[gold]) for name, s in scores.items()}
    shown["corners"] = areas(linear(corner), truths[gold], ap[gold])
    shown["8 × 8 pixels"] = areas(linear(tiny), truths[gold], ap[gold])
    shown["view alone"] = areas(np.repeat(column(ap)[gold], len(names), 1), truths[gold])
    shown["linear, 28 × 28"] = areas(linear(small), truths[gold])
    if options.cnn:
        pictures = read_pictures(paths, options.size)
        model = train_cnn(pictures, targets, columns, rows=np.flatnonzero(~gold), epochs=options.epochs, seed=0)
        shown[f"cnn, {options.size} × {options.size}"] = areas(
            model.scores(pictures[gold])[:, : len(names)], truths[gold]
        )
    for name in ("file bytes", "brightness", "study id mod 1000"):  # either direction may tell
        shown[name] = np.maximum(shown[name], 1 - shown[name])
    print("\n| what tells | median | quartiles |\n|---|---|---|")
    for name, found in shown.items():
        low, middle, high = np.nanquantile(found, (0.25, 0.5, 0.75))
        print(f"| {name} | {middle:.2f} | {low:.2f} to {high:.2f} |")
    last = list(shown)[-2:] if options.cnn else list(shown)[-1:]
    print(f"\n| finding | test images | {' | '.join(last)} |\n|---|---|{'---|' * len(last)}")
    for number, name in enumerate(names):
        print(f"| {name} | {truths[gold, number].sum():.0f} | {' | '.join(f'{shown[k][number]:.2f}' for k in last)} |")


def images_of(plan: Plan, root: Path) -> tuple[list[Path], np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """First frontal image of every study: path, subject, whether gold, whether AP, findings, study id."""
    paths, subjects, gold, ap, truths, ids = [], [], [], [], [], []
    for number in range(plan.subjects):
        subject = live(plan, number)
        for study in studies_of(plan, subject):
            image = study.first_frontal
            if image is None:
                continue
            where = image_path(subject.subject_id, study.study_id, image.image_id)
            paths.append(root / plan.folder(MIMIC_CXR_JPG) / IMAGES_FOLDER / where)
            subjects.append(number)
            gold.append(subject.gold)
            ap.append(image.view == "AP")
            there = {attribute for finding in study.findings for attribute in finding.attributes}
            truths.append([attribute in there for attribute in ATTRIBUTES])
            ids.append(study.study_id)
    return paths, np.array(subjects), np.array(gold), np.array(ap, float), np.array(truths, dtype=np.float32), ids


def place_of(attribute: str) -> str:
    """An object where the network looks first."""
    return PLACES[attribute][0]


def column(values: object) -> np.ndarray:
    """Numbers of images as one column."""
    return np.asarray(values, dtype=np.float32)[:, None]


def block(pictures: np.ndarray, top: int, left: int) -> np.ndarray:
    """A corner of five by five pixels, as pictures of one row of five such corners need it."""
    return np.pad(pictures[:, top : top + 5, left : left + 5], ((0, 0), (0, 0), (0, 15)), mode="reflect")


def areas(scores: np.ndarray, truths: np.ndarray, strata: np.ndarray | None = None) -> np.ndarray:
    """AUROC of each column, the mean over strata weighted by their images with the finding."""
    found = np.full(truths.shape[1], np.nan)
    groups = [np.ones(len(truths), bool)] if strata is None else [strata == value for value in np.unique(strata)]
    for number in range(truths.shape[1]):
        parts = [
            (float(truths[group, number].sum()), area)
            for group in groups
            if (area := auroc(scores[group, number : number + 1], truths[group, number : number + 1], least=4))
            is not None
        ]
        if parts:
            found[number] = sum(weight * area for weight, area in parts) / sum(weight for weight, _ in parts)
    return found


if __name__ == "__main__":
    main()
