"""What is in every other picture and has no label: electrodes and wires, folds, nipples, fat, gas, side markers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.xray.rays import soft
from ehrxqa.hospital.xray.scan import Scan
from ehrxqa.hospital.xray.wall import nipples, skin_fold, skin_thing

__all__ = ["clutter", "marked"]


def clutter(scan: Scan, rng: np.random.Generator, *, bedside: bool) -> None:
    """Add what has nothing to do with any finding; some of it looks like one."""
    chest = scan.chest
    _abdomen(scan, rng)
    if bedside:
        for _ in range(int(rng.choice((0, 2, 3, 5), p=(0.3, 0.2, 0.3, 0.2)))):
            sign = 1 if rng.random() < 0.5 else -1
            skin_thing(scan, rng, sign * float(rng.uniform(45, 130)), float(rng.uniform(-110, 100)), "electrode")
        if rng.random() < 0.3:
            skin_thing(scan, rng, float(rng.uniform(-60, 60)), -120.0, "tubing")
        if rng.random() < 0.15:
            skin_fold(scan, rng, "left" if rng.random() < 0.5 else "right", float(rng.uniform(3, 9)))
    elif rng.random() < 0.05:
        skin_thing(scan, rng, 0.0, chest.apex + 10, "necklace")
    if rng.random() < 0.18:
        nipples(scan, rng, ["left", "right"][: 1 + int(rng.random() < 0.6)], float(rng.uniform(0.3, 0.7)))
    if rng.random() < 0.3:  # fat beside the heart, like an opacity or a wide heart
        x1, x2, _, bottom = chest.heart_edges()
        x = x2 - 4 if rng.random() < 0.6 else x1 + 4
        side = "left" if x > 0 else "right"
        a = float(rng.uniform(10, 22))
        scan.fill(side, (x, -50.0, bottom - 2, a, 26, a * 0.8), float(rng.uniform(0.5, 1.2)))
    if rng.random() < 0.4:  # a shallow breath, fat and a soft beam: haze about the hila, as of slight edema
        haze = float(rng.gamma(1.6, 0.05))
        for sign, side in ((-1, "right"), (1, "left")):
            place = (sign * 54, 14.0, chest.hilum + float(rng.uniform(0, 50)), 54.0, 70.0, 74.0)
            scan.fill(side, place, haze * float(rng.uniform(0.5, 1.5)), 0.3, 32)
        scan.vessels *= float(rng.uniform(0.95, 1.2))
    if rng.random() < 0.3:  # veils of old age and muscle
        side = "left" if rng.random() < 0.5 else "right"
        x = (1 if side == "left" else -1) * float(rng.uniform(40, 100))
        scan.fill(side, (x, 0, float(rng.uniform(-80, 60)), 50, 80, 50), float(rng.uniform(0.04, 0.13)), 0.4)


def _abdomen(scan: Scan, rng: np.random.Generator) -> None:
    """Gas in stomach and bowel, below the left dome and anywhere."""
    dome = scan.chest.left.dome
    size = float(rng.lognormal(0, 0.4))
    x, z = 52 + float(rng.normal(0, 12)), dome + 24 + 8 * size
    here, chord = scan.rays.chord(x, -10.0, z, 24 * size, 24 * size, 14 * size)
    dry = (
        soft(z + float(rng.uniform(-4, 10)) - scan.rays.v[here[0]], 0.6) if scan.rays.view.upright else np.float32(0.9)
    )
    scan.water[here] -= 0.9 * chord * dry
    for _ in range(int(rng.integers(0, 5))):
        x, z = float(rng.uniform(-60, 110)), dome + float(rng.uniform(50, 120))
        here, chord = scan.rays.chord(x, -40.0, z, *rng.uniform(9, 24, 3).tolist())
        scan.water[here] -= 0.8 * chord


#: Letters of side markers, five by seven dots.
_LETTERS = {
    "L": ("10000",) * 6 + ("11111",),
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
}


def marked(picture: NDArray[np.uint8], rng: np.random.Generator, view: str, *, bedside: bool) -> NDArray[np.uint8]:
    """The picture with a marker of its side, at a place of the technician's liking, and the dark edge of a shutter."""
    rows, columns = picture.shape
    if rng.random() < 0.8:
        side = "L" if view == "LATERAL" or rng.random() < 0.55 else "R"
        text = side if rng.random() < 0.8 or not bedside else "AP"
        size = max(1, round(rows / 512 * float(rng.choice((2, 3, 4)))))
        glyph = np.concatenate(
            [np.pad(np.array([[int(dot) for dot in row] for row in _LETTERS[c]], dtype=np.uint8), 1) for c in text],
            axis=1,
        )
        glyph = np.kron(glyph, np.ones((size, size), dtype=np.uint8))
        top = int(rng.uniform(0.01, 0.14) * rows)
        out = int(rng.uniform(0.01, 0.10) * columns)
        left = columns - glyph.shape[1] - out if side == "L" else out
        place = picture[top : top + glyph.shape[0], left : left + glyph.shape[1]]
        place[glyph[: place.shape[0], : place.shape[1]] > 0] = int(rng.uniform(215, 255))
    if rng.random() < (0.35 if bedside else 0.25):
        for axis in range(2):
            for end in (0, 1):
                cut = int(rng.uniform(0, 0.045) * picture.shape[axis]) * (rng.random() < 0.5)
                if cut:
                    edge = slice(0, cut) if end == 0 else slice(picture.shape[axis] - cut, None)
                    picture[(edge, slice(None)) if axis == 0 else (slice(None), edge)] = int(rng.uniform(0, 14))
    return picture
