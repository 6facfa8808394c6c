from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image as Pillow

from ehrxqa.hospital.anatomy import body_of, boxes_of, pose
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.graphs import original_box
from ehrxqa.hospital.life import live
from ehrxqa.hospital.ontology import ATTRIBUTES
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.production import make_batch
from ehrxqa.hospital.studies import Image, studies_of
from ehrxqa.hospital.vocabulary import FindingKind, finding_kinds
from ehrxqa.hospital.xray import PAINTERS, draw
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG

KINDS = {kind.name: kind for kind in finding_kinds()}


def finding(kind: FindingKind, side: str = "left", zone: str = "mid lung zone", severity: float = 0.5) -> Finding:
    sides = ("left", "right") if kind.sides == "both" else (side,)
    places = []
    for place in kind.places:
        place = place.replace("{z}", zone).replace("{u}", "upper lung zone").replace("{r}", side)
        places += [place.replace("{s}", s) for s in sides] if "{s}" in place else [place]
    return Finding(kind.name, kind.attributes, tuple(places), severity, "new")


@cache
def picture(number: int, *names: str, side: str = "left", view: str = "PA", severity: float = 0.5) -> np.ndarray:
    findings = tuple(finding(KINDS[name], side, severity=severity) for name in names)
    chest = pose(
        np.random.default_rng(number), body_of(np.random.default_rng(number + 10_000), 1.0), view == "AP", findings
    )
    image = Image("", view, 256, 224, 0, 0, "full")
    rng = np.random.default_rng(number + 20_000)
    return draw(rng, chest, image, findings, portable=view == "AP", female=bool(number % 2)).astype(float)


def test_every_attribute_has_a_painter():
    assert set(PAINTERS) == set(ATTRIBUTES)


@pytest.mark.parametrize("name", KINDS)
def test_every_finding_shows(name):
    change = np.abs(picture(1, name, severity=0.6) - picture(1))
    assert np.mean(change > 12) > 0.001  # grain and jitter move few pixels by this much


def test_pictures_are_grey_and_of_the_stated_size(tmp_path):
    plan = Plan.checked(80)
    again = tmp_path / "again"
    for out in (tmp_path, again):
        make_batch(plan, range(2), out)
    count = 0
    images = f"{MIMIC_CXR_JPG.folder}/{IMAGES_FOLDER}"
    for number in range(2):
        person = live(plan, number)
        for study in studies_of(plan, person):
            for image in study.images:
                path = f"{images}/{image_path(person.subject_id, study.study_id, image.image_id)}"
                with Pillow.open(tmp_path / path) as opened:
                    assert (opened.mode, opened.format, opened.size) == ("L", "JPEG", (image.columns, image.rows))
                assert (tmp_path / path).read_bytes() == (again / path).read_bytes()
                count += 1
    assert count > 3
    assert not list(tmp_path.rglob("*.part"))
    kept = next(again.rglob("*.jpg"))
    kept.write_bytes(b"already there")
    make_batch(plan, range(2), again)
    assert kept.read_bytes() == b"already there"  # a repeated run keeps what an interrupted one has drawn


def test_tables_do_not_depend_on_whether_pictures_are_drawn(tmp_path):
    drawn, bare = (make_batch(Plan.checked(80, images=images), range(1), tmp_path) for images in (True, False))
    assert drawn.pieces == bare.pieces
    assert drawn.graphs == bare.graphs


def test_boxes_are_where_the_organs_are():
    for number in range(6):
        chest = pose(np.random.default_rng(number), body_of(np.random.default_rng(number + 10_000), 1.0), False, ())
        boxes = {name: original_box(box, 256, 224) for name, box in boxes_of(chest).items()}
        image = picture(number)

        def brightness(name: str, boxes: dict = boxes, image: np.ndarray = image) -> float:
            x1, y1, x2, y2 = boxes[name]
            return float(image[y1:y2, x1:x2].mean())

        for side in ("left", "right"):
            assert brightness(f"{side} mid lung zone") < brightness("cardiac silhouette") - 40
            assert brightness(f"{side} mid lung zone") < brightness(f"{side} upper abdomen") - 40


@pytest.mark.parametrize(
    ("name", "place", "brighter"),
    [
        ("opacity", "left mid lung zone", True),
        ("pneumonia", "left mid lung zone", True),
        ("effusion", "left costophrenic angle", True),
        ("edema", "left hilar structures", True),
        ("pneumothorax", "left apical zone", False),
        ("emphysema", "left lung", False),
    ],
)
def test_brightness_in_the_box_tells_the_finding(name, place, brighter):
    def mean(number: int, *names: str) -> float:
        findings = tuple(finding(KINDS[n]) for n in names)
        chest = pose(
            np.random.default_rng(number), body_of(np.random.default_rng(number + 10_000), 1.0), False, findings
        )
        x1, y1, x2, y2 = original_box(boxes_of(chest)[place], 256, 224)
        return float(picture(number, *names)[y1:y2, x1:x2].mean())

    with_it = np.array([mean(n, name) for n in range(12)])
    without = np.array([mean(n) for n in range(12, 24)])
    gap = (with_it.mean() - without.mean()) * (1 if brighter else -1)
    assert gap > 2 * max(with_it.std(), without.std()) * 0.75
    assert gap > 5


def test_a_linear_model_learns_from_small_pictures():
    """Ridge regression on 28 × 32 pixels tells effusions and wide hearts in chests it has not seen."""
    names = [(), ("effusion",), ("cardiomegaly",), ("effusion", "cardiomegaly"), ("opacity",), ("atelectasis",)]
    pixels, truth = [], []
    for number in range(144):
        shown = names[number % len(names)]
        severity = 0.2 + 0.6 * (number % 7) / 6
        image = picture(number, *shown, view="AP" if number % 3 == 0 else "PA", severity=severity)
        pixels.append(image.reshape(32, 8, 28, 8).mean(axis=(1, 3)).ravel() / 255)
        truth.append(("effusion" in shown, "cardiomegaly" in shown))
    x = np.array(pixels)
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    y = np.array(truth) * 2.0 - 1
    train, test = slice(0, 108), slice(108, 144)
    mean = x[train].mean(axis=0)
    kernel = (x[train] - mean) @ (x[train] - mean).T + 20 * np.eye(108)
    weights = (x[train] - mean).T @ np.linalg.solve(kernel, y[train] - y[train].mean(axis=0))
    guess = (x[test] - mean) @ weights + y[train].mean(axis=0) > 0
    accuracy = (guess == (y[test] > 0)).mean(axis=0)
    assert accuracy.min() > 0.85, accuracy


def test_side_views_show_fluid_and_devices():
    plain = picture(3, view="LATERAL")
    assert plain.shape == (256, 224)
    for name in ("effusion", "pacer", "sternotomy"):
        assert np.mean(np.abs(picture(3, name, view="LATERAL") - plain) > 25) > 0.001
