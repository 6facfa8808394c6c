from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image as Pillow

from ehrxqa.hospital.anatomy import FRAME, body_of, pose
from ehrxqa.hospital.boxes import boxes_of
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.graphs import original_box
from ehrxqa.hospital.life import live
from ehrxqa.hospital.ontology import ATTRIBUTES
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.production import make_batch
from ehrxqa.hospital.studies import Image, studies_of
from ehrxqa.hospital.vocabulary import FindingKind, finding_kinds
from ehrxqa.hospital.xray import PAINTERS, draw
from ehrxqa.hospital.xray.organs import heart_interval
from ehrxqa.hospital.xray.rays import Rays, inside
from ehrxqa.hospital.xray.spine import spine_points
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG

KINDS = {kind.name: kind for kind in finding_kinds()}
ROWS, COLUMNS = 256, 224


def finding(kind: FindingKind, side: str = "left", zone: str = "mid lung zone", severity: float = 0.5) -> Finding:
    sides = ("left", "right") if kind.sides == "both" else (side,)
    places = []
    for place in kind.places:
        place = place.replace("{z}", zone).replace("{u}", "upper lung zone").replace("{r}", side)
        places += [place.replace("{s}", s) for s in sides] if "{s}" in place else [place]
    return Finding(kind.name, kind.attributes, tuple(places), severity, "new")


def chest_of(number: int, findings: tuple[Finding, ...], view: str):
    body = body_of(np.random.default_rng(number + 10_000), 1.0)
    return pose(
        np.random.default_rng(number),
        body,
        view,
        findings,
        bedside=view == "AP",
        woman=bool(number % 2),
        age=45 + number % 40,
        seed=number,
    )


@cache
def picture(number: int, *names: str, side: str = "left", view: str = "PA", severity: float = 0.5) -> np.ndarray:
    findings = tuple(finding(KINDS[name], side, severity=severity) for name in names)
    image = Image("", view, ROWS, COLUMNS, 0, 0, "full")
    rng = np.random.default_rng(number + 20_000)
    return draw(rng, chest_of(number, findings, view), image, findings, bedside=view == "AP").astype(float)


def in_box(number: int, place: str, *names: str, severity: float = 0.7, view: str = "PA") -> float:
    """Mean brightness of a box, as a share of the scale between the dark and the bright parts of the picture."""
    findings = tuple(finding(KINDS[n], severity=severity) for n in names)
    box = boxes_of(chest_of(number, findings, view))[place]
    x1, y1, x2, y2 = original_box(box, ROWS, COLUMNS)
    return float(picture(number, *names, severity=severity, view=view)[y1:y2, x1:x2].mean())


def test_every_attribute_has_a_painter():
    assert set(PAINTERS) == set(ATTRIBUTES)


@pytest.mark.parametrize("name", KINDS)
def test_every_finding_shows(name):
    # the pictures begin with the same chance, so that grain, markers and clutter are mostly the same
    def changed(number: int) -> float:
        change = np.abs(picture(number, name, severity=0.85, view="AP") - picture(number, view="AP"))
        return float(np.mean(change > 8))

    assert any(changed(number) > 0.00015 for number in range(1, 6))  # one may lie behind the heart


def test_a_sphere_is_as_thick_as_it_should_be_in_every_view():
    for view in ("PA", "AP", "LATERAL"):
        rays = Rays(chest_of(0, (), view).view, 256)
        here, chord = rays.chord(30.0, -20.0, 10.0, 25.0, 25.0, 25.0)
        large = rays.place(30.0, -20.0, 10.0)[3]
        assert chord.max() == pytest.approx(50, abs=0.5)
        assert chord.sum() * (rays.mm / large) ** 2 == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.01)
        assert chord.shape == (here[0].stop - here[0].start, here[1].stop - here[1].start)
    _, (start, end) = rays.column(*(np.full_like(rays.v, length) for length in (0.0, 40.0, 60.0)), 0.0)
    assert inside((start, end)).max() == pytest.approx(80, abs=0.5)  # seen from the side: twice the half width


def test_the_heart_is_larger_from_the_front_and_flat_lungs_are_longer():
    def wide(view: str) -> float:
        boxes = [boxes_of(chest_of(number, (), view))["cardiac silhouette"] for number in range(20)]
        lungs = [boxes_of(chest_of(number, (), view))["right lung"] for number in range(20)]
        return np.mean([(b[2] - b[0]) / (lung[2] - lung[0]) for b, lung in zip(boxes, lungs, strict=True)])

    assert wide("AP") > 1.02 * wide("PA")
    emphysema = (finding(KINDS["emphysema"], severity=0.9),)
    plain, long = (np.mean([chest_of(n, f, "PA").right.dome for n in range(20)]) for f in ((), emphysema))
    assert long > plain + 10


def test_pictures_are_grey_and_of_the_stated_size(tmp_path):
    plan = Plan.checked(80, image_size=256)
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
                    assert 224 <= max(opened.size) <= 256
                assert (tmp_path / path).read_bytes() == (again / path).read_bytes()
                count += 1
    assert count > 3
    assert not list(tmp_path.rglob("*.part"))
    kept = next(again.rglob("*.jpg"))
    kept.write_bytes(b"already there")
    make_batch(plan, range(2), again)
    assert kept.read_bytes() == b"already there"  # a repeated run keeps what an interrupted one has drawn


def test_large_pictures_hold_the_same_chest():
    chest = chest_of(4, (), "PA")
    small, large = (
        draw(np.random.default_rng(1), chest, Image("", "PA", size, size, 0, 0, "full"), (), bedside=False)
        for size in (256, 1024)
    )
    means = large.reshape(256, 4, 256, 4).mean(axis=(1, 3))
    assert np.corrcoef(means.ravel(), small.ravel().astype(float))[0, 1] > 0.97


def test_tables_do_not_depend_on_whether_pictures_are_drawn(tmp_path):
    drawn, bare = (make_batch(Plan.checked(80, images=images), range(1), tmp_path) for images in (True, False))
    assert drawn.pieces == bare.pieces
    assert drawn.graphs == bare.graphs


def test_boxes_are_where_the_organs_are():
    for number in range(6):
        for side in ("left", "right"):
            assert in_box(number, f"{side} mid lung zone") < in_box(number, "cardiac silhouette") - 30
            assert in_box(number, f"{side} mid lung zone") < in_box(number, f"{side} upper abdomen") - 30


@pytest.mark.parametrize(
    ("name", "place", "brighter"),
    [
        ("opacity", "left mid lung zone", True),
        ("pneumonia", "left mid lung zone", True),
        ("effusion", "left costophrenic angle", True),
        ("edema", "left hilar structures", True),
        ("pneumothorax", "left apical zone", False),
    ],
)
def test_brightness_in_the_box_tells_the_finding(name, place, brighter):
    gaps = [(in_box(n, place, name) - in_box(n, place)) * (1 if brighter else -1) for n in range(8)]
    assert np.mean(gaps) > 3
    assert sum(gap > 0 for gap in gaps) >= 6


def test_the_same_finding_stands_at_the_same_place_of_the_volume_in_all_views():
    """The mass of a subject is at one height in the frontal and the lateral view, up to the cone of the beam."""
    for number in (2, 5):
        rows = []
        for view in ("PA", "LATERAL"):
            change = picture(number, "nodule", severity=0.9, view=view) - picture(number, view=view)
            change = np.where(change > 12, change, 0)
            rows.append((change.sum(axis=1) * np.arange(ROWS)).sum() / change.sum())
        assert abs(rows[0] - rows[1]) < 0.09 * ROWS, rows


def test_fluid_hides_the_diaphragm_and_finds_its_level():
    """Upright: the edge of the dome is gone on the side of the fluid; lying: a veil over the whole lung."""
    number = 2
    findings = (finding(KINDS["hydropneumothorax"], severity=0.7),)
    boxes = boxes_of(chest_of(number, findings, "PA"))
    x1, y1, x2, y2 = original_box(boxes["left lung"], ROWS, COLUMNS)
    wet = picture(number, "hydropneumothorax", severity=0.7)[y1:y2, x1 + 20 : x2 - 12].mean(axis=1)
    steps = np.diff(wet)
    assert steps.max() > 25  # a level: one row from air to fluid
    assert steps.max() > 2 * np.sort(steps)[-4]


def test_a_linear_model_learns_from_small_pictures():
    """Ridge regression on 28 × 32 pixels tells large effusions and wide hearts in chests it has not seen."""
    names = [(), ("effusion",), ("cardiomegaly",), ("effusion", "cardiomegaly"), ("opacity",), ("atelectasis",)]
    pixels, truth = [], []
    for number in range(144):
        shown = names[number % len(names)]
        severity = 0.35 + 0.6 * (number % 7) / 6
        image = picture(number, *shown, view="PA", severity=severity)
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
    assert accuracy.min() > 0.7, accuracy


def test_side_views_show_fluid_and_devices():
    plain = picture(3, view="LATERAL")
    assert plain.shape == (ROWS, COLUMNS)
    for name in ("effusion", "pacer", "sternotomy"):
        assert np.mean(np.abs(picture(3, name, view="LATERAL", severity=0.8) - plain) > 25) > 0.001


def test_the_heart_lies_in_its_box_and_has_its_borders():
    """The shadow ends where the box does; on the left it goes out to the apex, below the pulmonary trunk."""
    for number in range(8):
        chest = chest_of(number, (finding(KINDS["cardiomegaly"], severity=0.5),) if number % 2 else (), "PA")
        rays = Rays(chest.view, 256)
        x1, y1, x2, y2 = (edge * 256 / FRAME for edge in boxes_of(chest)["cardiac silhouette"])
        there = inside(heart_interval(chest, rays, slice(0, 256))) > 0
        edges = {share: np.flatnonzero(there[int(y1 + share * (y2 - y1))])[[0, -1]] for share in (0.2, 0.6, 0.85)}
        assert min(edge[0] for edge in edges.values()) == pytest.approx(x1, abs=5)
        assert max(edge[1] for edge in edges.values()) == pytest.approx(x2, abs=5)
        assert edges[0.2][1] < edges[0.6][1] - 10 < edges[0.85][1]


def test_a_scoliosis_has_the_angle_of_one():
    """Cobb's angle, between the steepest parts of the curve: 10 degrees and more make a scoliosis, less does not."""
    z = np.linspace(-140, 140, 281)
    for number in range(12):
        for severity in (0.0, 0.5, 1.0, None):
            bent = () if severity is None else (finding(KINDS["scoliosis"], severity=severity),)
            slope = np.degrees(np.arctan(np.gradient(chest_of(number, bent, "PA").spine(z), z)))
            assert np.ptp(slope) < 10 if severity is None else 10 < np.ptp(slope) < 50


def test_a_crushed_vertebra_is_low_in_front_and_what_lies_above_it_sinks():
    chest = chest_of(1, (), "LATERAL")
    whole, crushed = (spine_points(chest, lost, 0.0) for lost in ({}, {8: 1.0}))
    assert crushed.z.min() > whole.z.min() + 2
    assert crushed.z.max() == pytest.approx(whole.z.max(), abs=0.01)


def test_the_body_has_no_bright_band_along_its_edge():
    for view in ("PA", "LATERAL"):
        row = picture(1, view=view)[-14:-8].mean(axis=0)
        columns = np.flatnonzero(row > 40)
        outer = (columns[-1] - columns[0]) // 8
        middle = row[columns[0] + 2 * outer : columns[-1] - 2 * outer].mean()
        for edge in (row[columns[0] :][:outer], row[: columns[-1]][-outer:]):
            assert edge.max() < middle - 30
